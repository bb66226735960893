"""Faults injected into real writing: what has its name is whole, and the next call goes on.

These tests are slow: each call that is let go wrong takes two processes.
"""

import json
import shutil

import pytest

from benchmarks import faults_jobs, faults_writes
from tests.conftest import ROOT, succeed

pytestmark = pytest.mark.slow

WRITES = f"""\
import contextlib, json, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from utils import errors, files

def main():
    path = Path(sys.argv[-1]) / "x.json"
    path.parent.mkdir(exist_ok=True)
    with files.replacing(path, "make room") as part:
        part.write_text(json.dumps({{"whole": "x" * 20_000}}))

errors.run(main)
"""
PLAINLY = WRITES.replace('files.replacing(path, "make room")', "contextlib.nullcontext(path)")


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("script", [WRITES, PLAINLY])
def test_a_file_is_whole_or_not_there_wherever_writing_stops(tmp_path, script):
    """Each call of the system once killed at and once failed; plain writing, too, as a check."""
    (tmp_path / "write.py").write_text(script)
    place, job = faults_jobs.Place(tmp_path / "place"), faults_jobs.Job(tmp_path / "write.py", "")
    found = faults_writes.campaign(place, job)
    assert found["killed"] == found["failed"] >= 3
    assert found["tracebacks"] == 0 < found["one sentence"]
    assert found["leftovers"] == found["differences"] == []
    assert found["unreadable"] == (["x.json"] if script == PLAINLY else [])


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_copy_is_a_write_too(tmp_path):
    copy = "import shutil, sys, os; os.makedirs(sys.argv[-1]); "
    (tmp_path / "copy.py").write_text(f"{copy}shutil.copyfile(__file__, sys.argv[-1] + '/x.json')")
    place, job = faults_jobs.Place(tmp_path / "place"), faults_jobs.Job(tmp_path / "copy.py", "")
    calls = {event.call for event in faults_writes.events(place, job)}
    assert {"openat", "mkdir"} < calls <= {"openat", "mkdir", "sendfile", "copy_file_range"}


def test_a_campaign_kills_a_script_and_goes_on(tmp_path):
    succeed("benchmarks/faults.py", f"--kills 1 --only prepare_data --out {tmp_path}")
    found = json.loads((tmp_path / "faults.json").read_text())["kills"]["prepare_data"]
    assert found["kills"] == found["continued"] == 1 and found["left running"] == 0
    assert found["unreadable"] == found["leftovers"] == found["differences"] == []
