"""One process at a time writes into a folder, whatever became of those before."""

import errno
import fcntl
import json
import os
import platform
import re
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.conftest import ROOT, refuse
from utils.errors import UserError
from utils.locks import NAME, locked, locked_file

HOLD = "import sys; from utils.locks import locked; sys.argv[0] = 'x/run.py'\n"
HOLD += "with locked(sys.argv[1]): print(flush=True); sys.stdin.read()"
# Adds 1 to a number in a folder, again and again, in steps that only one at a time may take.
COUNT = """
import sys
from pathlib import Path
from utils.errors import UserError
from utils.locks import locked
path, done = Path(sys.argv[1]), 0
while done < 60:
    try:
        with locked(path.parent):
            number = int(path.read_text())
            path.write_text(str(number + 1))
            done += 1
    except UserError as error:
        assert "is in use by" in str(error)
"""
TRAIN = "--root_a a_seg --root_b b_seg"
SCRIPTS = {
    "train_first_stage.py": f"{TRAIN} --out OUT",
    "train_first_stage.py --resume": f"{TRAIN} --resume --out OUT",
    "train_second_stage.py": f"{TRAIN} --load none --out OUT",
    "train_second_stage.py --resume": f"{TRAIN} --resume --out OUT",
    "inference.py": f"{TRAIN} --load none --out OUT",
    "evaluate.py": f"{TRAIN} --load none --out OUT",
    "edit.py": f"{TRAIN} --load none --out OUT",
    "prepare_data.py": f"{ROOT}/README.md --out OUT",
    "prepare_data.py --redo": "--redo 3 --out OUT",
    "prepare_data.py --interactive": "--interactive --out OUT",
    "run.py": f"{ROOT} {ROOT} --out OUT",
    "data/make_demo.py": "--out OUT",
    "data/make_videos.py": "--out OUT",
}


@contextmanager
def another(folder):
    """Another process that holds a folder, `subprocess.Popen`."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        process.stdout.readline()
        yield process


def test_who_comes_second_is_told_who_holds_a_folder(tmp_path):
    with another(tmp_path / "out") as process:
        told = rf"out is in use by run\.py \(process {process.pid} on {platform.node()}, since 2"
        with pytest.raises(UserError, match=told), locked(tmp_path / "out"):
            pass
        assert (tmp_path / "out" / NAME).is_file()
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_process_that_was_killed_is_taken_over(tmp_path):
    with another(tmp_path) as process:
        process.kill()
        process.wait()
    assert (tmp_path / NAME).is_file()
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_processes_that_come_and_go_never_hold_it_together(tmp_path):
    path = tmp_path / "number"
    path.write_text("0")
    command = [sys.executable, "-c", COUNT, str(path)]
    several = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [process.wait() for process in several] == [0, 0]
    assert path.read_text() == "120"
    assert list(tmp_path.iterdir()) == [path]


def test_who_holds_a_folder_holds_those_in_it_for_whom_it_starts(tmp_path):
    with another(tmp_path):
        told = re.escape(f"{tmp_path} is in use by run.py")
        with pytest.raises(UserError, match=told), locked(tmp_path / "first"):
            pass
        with locked(tmp_path / "quick/edited"):  # of another run's results
            pass
    with locked(tmp_path), another(tmp_path / "first"), locked(tmp_path / "second"):
        pass
    with another(tmp_path) as process:
        process.kill()
        process.wait()
    with locked(tmp_path / "first"):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_where_the_file_system_has_no_locks_their_files_tell(tmp_path, monkeypatch, number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    way = re.escape(f"where that process has ended, remove {tmp_path / NAME}")
    with locked(tmp_path), pytest.raises(UserError, match=way), locked(tmp_path):
        pass
    with another(tmp_path) as process:
        with pytest.raises(UserError, match=way), locked(tmp_path):
            pass
        process.kill()
        process.wait()
    with locked(tmp_path):
        told = json.loads((tmp_path / NAME).read_text())
        (tmp_path / "other").write_text(json.dumps({**told, "host": "elsewhere"}))
    (tmp_path / "other").rename(tmp_path / NAME)
    with pytest.raises(UserError, match=f"on elsewhere.*{way}"), locked(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', "9" * 5000, "[" * 5000])
def test_what_no_process_holds_is_free_whatever_it_tells(tmp_path, text):
    (tmp_path / NAME).write_text(text)
    with locked(tmp_path), locked(tmp_path / "in"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_only_folders_that_were_made_and_are_empty_are_removed(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "a/b/c"):
        (tmp_path / "a/note").touch()
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "note"]
    (tmp_path / "own").mkdir()
    with locked(tmp_path / "own"):
        pass
    assert (tmp_path / "own").is_dir()


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("kept")
    folder.mkdir()
    (folder / NAME).symlink_to(file)
    for place in (file, file / "in", folder, tmp_path / ("long" * 99), tmp_path / "a\0b"):
        with pytest.raises(UserError, match=f"{place} cannot be written"), locked(place):
            pass
    assert file.read_text() == "kept"


def test_a_full_disk_is_said_and_nothing_left(tmp_path, monkeypatch):
    def write(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        full = pytest.raises(UserError, match="out cannot be written .No space left on device.;")
        with full, locked(tmp_path / "out"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_held_without_the_others_in_its_folder(tmp_path):
    one, other = tmp_path / "new/one.mp4", tmp_path / "new/other.mp4"
    held = pytest.raises(UserError, match=r"one\.mp4 is in use by")
    with locked_file(one), locked_file(other), locked(tmp_path / "new/folder"), held:
        locked_file(one).__enter__()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", SCRIPTS)
def test_no_two_scripts_write_into_one_folder(tmp_path, call):
    out = tmp_path / "out"
    words = SCRIPTS[call].replace("OUT", str(out))
    with locked(out):
        refuse(call.split()[0], words, f"{out} is in use by")


def test_no_two_calls_make_one_video(tmp_path):
    words = f"--img_path {tmp_path} --out {tmp_path} --name x.mp4 --fps 5"
    with locked_file(tmp_path / "5_x.mp4"):
        refuse("gen_vid.py", words, "5_x.mp4 is in use by")


def test_names_are_not_mended_while_a_clip_is_made(tmp_path):
    for name in ("train", "train_seg"):
        (tmp_path / name).mkdir()
    with locked(tmp_path):
        words = f"--check {tmp_path}/train_seg --renumber"
        refuse("prepare_data.py", words, f"{tmp_path} is in use by")
