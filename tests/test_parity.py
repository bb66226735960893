"""The proof that matters most: the reference's own numbers."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

GOLDEN = Path(__file__).parent / "golden"
CLIPS = ROOT.parent / "shared" / "golden"  # with the pictures that may not be redistributed


def parity(*arguments):
    command = [sys.executable, "-m", "tests.parity", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_every_number_of_the_reference():
    done = parity(GOLDEN)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "1727 of 1727 ok" in done.stdout


def test_other_weights_fail(tmp_path):
    (tmp_path / "modules.npz").symlink_to(GOLDEN / "modules.npz")
    done = parity(tmp_path, "--seed", 1)
    assert done.returncode == 1
    assert "FAIL" in done.stdout


def test_an_empty_folder_is_an_error(tmp_path):
    assert parity(tmp_path).returncode == 2


@pytest.mark.skipif(not CLIPS.is_dir(), reason="the published clips are not here")
def test_inference_pictures_of_the_reference(tmp_path):
    (tmp_path / "golden").mkdir()
    for name in ("inference", "inference_sized"):
        (tmp_path / "golden" / name).symlink_to(CLIPS / name)
    (tmp_path / "data").symlink_to(CLIPS.parent / "data")
    done = parity(tmp_path / "golden")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "96 of 96 ok" in done.stdout
