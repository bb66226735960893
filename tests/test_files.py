"""Files that are written whole or not at all."""

import pytest

from utils.errors import UserError
from utils.files import replacing


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
