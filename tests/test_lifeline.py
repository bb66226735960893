"""Scripts that are started end with the process that started them."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from utils import lifeline

PARENT = "import sys; from utils import lifeline; lifeline.start(*sys.argv[1:]).wait()"
STAYS = "import time; print('here', flush=True); time.sleep(60)"


@pytest.fixture
def script(tmp_path):
    """Writes a script; returns its path."""

    def write(source):
        path = tmp_path / "script.py"
        path.write_text(source)
        return str(path)

    return write


def test_a_script_ends_with_a_process_that_is_killed(script):
    command = [sys.executable, "-c", PARENT, script(STAYS)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"here\n"
        parent.kill()
        killed = time.monotonic()
        assert parent.stdout.read() == b""  # closed by both
        assert time.monotonic() - killed < 30


def test_a_script_runs_as_if_it_was_called_by_itself(script, tmp_path):
    source = (
        "import sys\nprint(__name__, sys.argv[1:], sys.path[0], __file__, sep='\\n')\nsys.exit(3)"
    )
    path = script(source)
    with lifeline.start(path, "-x", "a b", stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read().splitlines()
    assert process.returncode == 3
    assert said == ["__main__", "['-x', 'a b']", str(Path(path).parent), path]
