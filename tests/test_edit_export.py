"""What edit.py exports, how that is cancelled, and how it fails."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from editing import export
from tests.conftest import succeed
from tests.editor import Editor, contents, pixels, wait_for
from utils.errors import UserError

pytest_plugins = ["tests.edited"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "alpha", "video", "pattern", "transparent"),
    [
        ("second", "", "edited.mp4", "refined_ab_ --ext_a .png", ""),
        ("copying", "--alpha", "edited.webm", "final_ab_*.png", "--transparent"),
    ],
)
def test_exports_are_what_the_page_shows(
    clips, kind, alpha, video, pattern, transparent, request, tmp_path
):
    """To the last bit for --bs 1. Slow: it starts inference.py and gen_vid.py as processes."""
    load = f"{clips} --load {request.getfixturevalue(kind)}/checkpoint {alpha}"
    editor = Editor(f"{load} --fps 12.5 --out {tmp_path}/out")
    editor.edit(reach=2)
    editor.edit("key", frame=6, points=[0, 4], x=[0.2, -0.4], y=[0.1, 0.3])
    editor.do("smooth", seconds=0.3)
    editor.settled()
    state, out = editor.export("video"), editor.out
    names = (f"12_{video}", "edited_frames", "keypoints.npz")
    assert (state["phase"], state["files"]) == ("done", [str(out / name) for name in names])
    with np.load(out / "keypoints.npz") as points:
        assert np.array_equal(points["a_moved"], editor.page.session.moved)
        assert np.array_equal(points["a"], editor.page.session.found.keypoints)
    words = f"{load} --splitted --direction ab --keypoints_in {out}/keypoints.npz"
    succeed("inference.py", f"{words} --out {tmp_path}/hand")
    assert contents(out / "edited_frames") == contents(tmp_path / "hand")
    for number, key in enumerate(editor.tracks()["keys"]):
        shown, written = editor.picture(f"result/{key}"), tmp_path / f"hand/refined_ab_{number}.png"
        assert np.array_equal(shown, pixels(written.read_bytes())), number
    words = f"--columns {pattern} --fps 12.5 --name {video} {transparent}"
    succeed("gen_vid.py", f"--img_path {tmp_path}/hand {words} --out {tmp_path}")
    assert (tmp_path / names[0]).read_bytes() == (out / names[0]).read_bytes()
    assert not (out / ".export").exists()


SLEEPS = """
import pathlib, subprocess, sys, time
pathlib.Path(sys.argv[2]).mkdir()
child = subprocess.Popen(["sleep", "600"])
pathlib.Path(__file__).with_name("child").write_text(str(child.pid))
time.sleep(600)
"""
FAILS = "import os; os.write(2, b'\\xff\\nerror: the disk is full; make room'); os._exit(2)"
IS_KILLED = "import os; os.kill(os.getpid(), 9)"


@pytest.fixture
def scripted(editor, monkeypatch):
    """Function that lets an editor's exports run other scripts, given by their sources."""

    def let(frames, video=""):
        paths = [editor.out / "frames.py", editor.out / "video.py"]
        for path, source in zip(paths, (frames, video)):
            path.write_text(source)
        calls = [lambda *places, path=path: [str(path), *map(str, places)] for path in paths]
        monkeypatch.setattr(editor.page.export, "commands", export.Commands(*calls, "*", 8))

    return let


def test_an_export_can_be_cancelled(editor, scripted):
    scripted(SLEEPS)
    editor.page.export.begin("frames")
    with pytest.raises(UserError, match="under way"):
        editor.page.export.begin("keypoints")
    wait_for((editor.out / "child").exists)
    wait_for((editor.out / "child").read_text)
    editor.do("cancel")
    wait_for(lambda: editor.page.export.phase == "cancelled")
    child = int((editor.out / "child").read_text())
    wait_for(lambda: ended(child))
    assert not (editor.out / ".export").exists()
    assert not (editor.out / "keypoints.npz").exists()


@pytest.mark.parametrize(
    ("source", "words"),
    [(FAILS, "failed: the disk is full; make room"), (IS_KILLED, "from outside (signal 9)")],
    ids=["fails", "is killed"],
)
def test_an_export_that_fails_changes_nothing(editor, scripted, source, words):
    """Not even what was done before it failed."""
    draws = "import pathlib, sys; pathlib.Path(sys.argv[2]).mkdir()"
    films = "import pathlib, sys; pathlib.Path(sys.argv[2], 'edited.mp4').touch()"
    scripted(draws, films)
    assert editor.export("video")["phase"] == "done"
    before = {path: path.stat().st_mtime_ns for path in editor.out.iterdir()}
    assert {"keypoints.npz", "edited_frames", "edited.mp4"} < {path.name for path in before}
    editor.edit()
    scripted(draws, source)
    state = editor.export("video")
    assert (state["phase"], state["files"]) == ("failed", [])
    assert words in state["trouble"]
    changed = {path for path in editor.out.iterdir() if path.stat().st_mtime_ns != before[path]}
    assert {path.name for path in changed} == {"edits.json", "frames.py", "video.py"}


def test_an_export_that_cannot_take_its_place_changes_nothing(editor, scripted, monkeypatch):
    scripted("import pathlib, sys; pathlib.Path(sys.argv[2]).mkdir()")
    assert editor.export("frames")["phase"] == "done"
    (editor.out / "edited_frames/old").touch()
    editor.edit()
    points, replace = editor.out / "keypoints.npz", os.replace
    before = points.read_bytes()

    def fail(source, target):
        if Path(source).match("new/keypoints.npz"):
            raise OSError(errno.EIO, "the disk is broken")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    state = editor.export("frames")
    assert (state["phase"], state["files"]) == ("failed", [])
    assert "the disk is broken" in state["trouble"]
    assert points.read_bytes() == before
    assert (editor.out / "edited_frames/old").exists()


def test_an_unknown_export_is_refused(editor):
    with pytest.raises(UserError, match="nothing known"):
        editor.page.export.begin("everything")


def ended(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().split()[2] == "Z"
    except OSError:
        return True
