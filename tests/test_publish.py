"""Putting a folder's new content in its place: whenever the process dies, nothing is lost."""

import pytest

from preparation import publish
from utils.errors import UserError

OLD = {"a": "old", "b": "old", "sub/x": "old", "sub/y": "old", "kept": "old"}
NEW = {"a": "new", "b": "new", "sub/x": "new", "fresh": "new"}
AFTER = {**NEW, "kept": "old"}  # a folder is replaced whole
pytest_plugins = ["tests.dying"]
CHANGES = 11  # of the disk in `publish.publish`: the mark, 7 moves, the mark, 2 sweeps


def fill(folder, content):
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def content(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def begun(folder):
    """A folder of old content with the new beside it, not published yet."""
    fill(folder, OLD)
    fill(folder / publish.NEW, NEW)
    return folder


@pytest.mark.parametrize("at", range(CHANGES + 1))
def test_recover_ends_what_was_interrupted_anywhere(kill, tmp_path, at):
    folder = begun(tmp_path / "clip")
    assert kill(at, publish.publish, folder) == (at < CHANGES)
    names = {path.name for path in folder.rglob("*")}
    assert {"a", "b", "kept", "x"} <= names  # in one place or another
    publish.recover(folder)
    assert content(folder) == (AFTER if at else OLD)  # without the mark, nothing had begun
    assert not {publish.NEW, publish.OLD} & {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("at", range(1, CHANGES))
def test_recover_may_be_interrupted_too(kill, tmp_path, at):
    for again in range(CHANGES + 1):
        folder = begun(tmp_path / f"{again}")
        assert kill(at, publish.publish, folder)
        kill(again, publish.recover, folder)
        publish.recover(folder)
        assert content(folder) == AFTER


def test_each_part_is_on_the_disk_before_the_next_counts(tmp_path, monkeypatch):
    folder, seen = begun(tmp_path / "clip"), []

    def note(way):
        def call(path):
            mark = (folder / publish.NEW / publish.READY).exists()
            seen.append((way, path.name, mark, (folder / "fresh").exists()))

        return call

    for way in ("settle", "sync"):
        monkeypatch.setattr(publish, way, note(way))
    publish.publish(folder)
    new = publish.NEW
    assert seen == [
        ("settle", new, False, False), ("sync", new, True, False), ("sync", "clip", True, True)
    ]  # fmt: skip


def test_what_is_published_replaces_what_had_its_name(tmp_path):
    fill(tmp_path, OLD)
    with publish.workspace(tmp_path) as new:
        assert list(new.iterdir()) == []
        fill(new, NEW)
        publish.publish(tmp_path)
    assert content(tmp_path) == AFTER
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "fresh", "kept", "sub"]


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_a_link_is_not_replaced(tmp_path, target):
    fill(tmp_path / "elsewhere", OLD)
    folder = tmp_path / "clip"
    folder.mkdir()
    (folder / "sub").symlink_to(tmp_path / target)
    with pytest.raises(UserError, match="clip/sub is a link"), publish.workspace(folder) as new:
        fill(new, NEW)
        publish.publish(folder)
    assert [path.name for path in folder.iterdir()] == ["sub"]
    assert content(tmp_path / "elsewhere") == OLD


def test_what_is_not_published_is_gone(tmp_path):
    fill(tmp_path / "there", OLD)
    for folder in (tmp_path / "there", tmp_path / "not/there"):
        with pytest.raises(ZeroDivisionError), publish.workspace(folder) as new:
            fill(new, NEW)
            raise ZeroDivisionError
    assert content(tmp_path / "there") == OLD
    assert not (tmp_path / "not/there").exists()


def test_an_error_while_it_is_published_does_not_stop_it_half_way(kill, tmp_path):
    fill(tmp_path, OLD)
    with pytest.raises(ZeroDivisionError), publish.workspace(tmp_path) as new:
        fill(new, NEW)
        assert kill(4, publish.publish, tmp_path)
        raise ZeroDivisionError
    assert content(tmp_path) == AFTER


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match="cannot be written .*choose another --out"),
        publish.workspace(tmp_path / "file/clip"),
    ):
        pass
