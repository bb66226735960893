"""Scripts that are started end with the process that started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from utils import lifeline

PARENT = "import sys; from utils import lifeline; lifeline.start(*sys.argv[1:]).wait()"
# Says that it is there, and what signal it gets.
WAITS = """
import pathlib, signal, sys, time
note = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda number, _: sys.exit(note.write_text(str(number))))
note.write_text("waits")
time.sleep(60)
"""


def told(note, text):
    """Wait until a file holds a text."""
    end = time.monotonic() + 20
    while not (note.is_file() and note.read_text() == text):
        assert time.monotonic() < end, f"{note} does not tell {text}"
        time.sleep(0.02)


@pytest.fixture
def script(tmp_path):
    """Writes a script; returns its path."""

    def write(source):
        path = tmp_path / "script.py"
        path.write_text(source)
        return str(path)

    return write


def test_a_script_ends_with_a_process_that_is_killed(script, tmp_path):
    note = tmp_path / "note"
    command = [sys.executable, "-c", PARENT, script(WAITS), str(note)]
    with subprocess.Popen(command, cwd=ROOT) as parent:
        told(note, "waits")
        os.kill(parent.pid, signal.SIGKILL)
    told(note, str(int(signal.SIGTERM)))


def test_a_script_that_does_not_listen_ends_all_the_same():
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    code += "from utils import lifeline; lifeline.GRACE = 0; lifeline._watch()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL)
    assert done.returncode == 128 + signal.SIGTERM


def test_a_script_runs_as_if_it_was_called_by_itself(script, tmp_path):
    source = (
        "import sys\nprint(__name__, sys.argv[1:], sys.path[0], __file__, sep='\\n')\nsys.exit(3)"
    )
    path = script(source)
    with lifeline.start(path, "-x", "a b", stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read().splitlines()
    assert process.returncode == 3
    assert said == ["__main__", "['-x', 'a b']", str(Path(path).parent), path]
