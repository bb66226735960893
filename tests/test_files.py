"""Files that are written whole or not at all, and outlive a power cut."""

import errno
import os
import stat

import pytest

from utils import images
from utils.errors import UserError
from utils.files import replacing, settle
from utils.locks import locked


@pytest.fixture
def disk(monkeypatch):
    """What reaches the disk, in order: ("sync", inode) and ("rename", inode)."""
    seen, fsync, replace = [], os.fsync, os.replace

    def syncing(handle):
        seen.append(("sync", os.fstat(handle).st_ino))
        fsync(handle)

    def renaming(path, target):
        seen.append(("rename", os.stat(path).st_ino))
        replace(path, target)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", renaming)
    return seen


def test_a_file_is_on_the_disk_before_it_has_its_name_and_then_the_name_is(tmp_path, disk):
    path = tmp_path / "x.txt"
    with replacing(path, "choose another") as part:
        part.write_text("whole")
    file, folder = path.stat().st_ino, tmp_path.stat().st_ino
    assert disk == [("sync", file), ("rename", file), ("sync", folder)]


def test_a_new_folder_is_on_the_disk_too(tmp_path, disk):
    with replacing(tmp_path / "a/b/x.txt", "choose another") as part:
        part.touch()
    around = [("sync", place.stat().st_ino) for place in (tmp_path, tmp_path / "a")]
    assert disk[:2] == around
    disk.clear()
    with locked(tmp_path / "c/d"):
        assert len(disk) == 2


def test_who_outlived_a_killed_call_writes_into_no_file_of_the_next_one(tmp_path):
    path, foreign = tmp_path / "x.txt", tmp_path / "foreign"
    with replacing(path, "choose another") as part:
        pass
    with open(part, "w") as orphan:
        with replacing(path, "choose another") as part:
            part.write_text("whole")
        orphan.write("half of what was to be written")
    assert path.read_text() == "whole"
    part.symlink_to(foreign)
    with replacing(path, "choose another") as part:
        part.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_what_others_own_or_remove_keeps_nobody_from_the_rest(tmp_path, disk, monkeypatch):
    for name in ("a", "gone", "foreign"):
        (tmp_path / name).write_text("x")
    opened = os.open

    def opening(path, flags, *more):
        if os.path.basename(path) == "gone":
            raise FileNotFoundError(errno.ENOENT, "")
        if os.path.basename(path) == "foreign":
            raise PermissionError(errno.EACCES, "")
        assert not flags & (os.O_RDWR | os.O_WRONLY)  # some files may only be read
        return opened(path, flags, *more)

    monkeypatch.setattr(os, "open", opening)
    settle(tmp_path)
    assert {inode for _, inode in disk} == {p.stat().st_ino for p in (tmp_path, tmp_path / "a")}
    settle(tmp_path / "removed")


def test_many_files_wait_for_the_disk_only_in_the_end(tmp_path, disk):
    (tmp_path / "b").mkdir()
    for name in ("a.png", "b/c.png"):
        images.save(images.Image.new("L", (2, 2)), tmp_path / name)
    assert {kind for kind, _ in disk} == {"rename"}
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    disk.clear()
    settle(tmp_path)
    kept = [path for path in (tmp_path, *tmp_path.rglob("*")) if path.exists()]
    expected = {path.stat().st_ino for path in kept if not stat.S_ISFIFO(path.stat().st_mode)}
    assert {inode for _, inode in disk} == expected and len(disk) == len(expected) == 4


def test_a_disk_that_does_not_take_it_is_one_sentence(tmp_path, monkeypatch):
    def fail(number):
        def fsync(_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", fsync)

    fail(errno.ENOSPC)
    path = tmp_path / "x"
    path.write_text("former")
    with pytest.raises(UserError, match="No space left"), replacing(path, "make room") as part:
        part.write_text("new")
    assert path.read_text() == "former" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(UserError, match="cannot be written .No space left on device.; make room"):
        settle(tmp_path)
    fail(errno.EINVAL)  # a file system that knows no waiting
    with replacing(path, "make room") as part:
        part.write_text("new")
    settle(tmp_path)


def test_a_file_gets_its_name_when_it_is_whole(tmp_path):
    path = tmp_path / "new/x.txt"
    with replacing(path, "choose another") as part:
        part.write_text("whole")
        assert not path.exists()
        assert (part.parent, part.suffix) == (path.parent, ".txt")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt()])
def test_other_errors_leave_the_former_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "x.txt"
    path.write_text("former")
    with pytest.raises(type(error)), replacing(path, "choose another") as part:
        part.write_text("half")
        raise error
    assert path.read_text() == "former"
    assert list(tmp_path.iterdir()) == [path]


def fails(path, words, error=None, errors=OSError):
    """Assert that writing `path`, where the block raises `error`, is refused in these words."""
    with pytest.raises(UserError, match=words), replacing(path, "make room", errors):
        raise error or AssertionError("the place is known to be wrong before the work is done")


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    fails(tmp_path / "file/x", r"file/x cannot be written \(.+\); make room")
    fails(tmp_path, "is a folder")
    full = OSError(28, "No space left on device")
    fails(tmp_path / "x", r"x cannot be written \(No space left on device\); make room", full)
    unknown = ValueError("unknown format")
    fails(tmp_path / "x", r"x cannot be written \(unknown format\)", unknown, ValueError)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
