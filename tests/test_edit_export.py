"""What edit.py exports, how that is cancelled, and how it fails."""

from pathlib import Path

import numpy as np
import pytest

from editing import export
from tests.conftest import succeed
from tests.editor import Editor, contents, pixels, wait_for
from utils.errors import UserError

pytest_plugins = ["tests.edited"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["second", "copying"])
def test_exports_are_what_the_page_shows(clips, kind, request, tmp_path):
    """To the last bit for --bs 1. Slow: it starts inference.py and gen_vid.py as processes."""
    load = f"{clips} --load {request.getfixturevalue(kind)}/checkpoint"
    editor = Editor(f"{load} --fps 12.5 --out {tmp_path}/out")
    editor.edit(reach=2)
    editor.edit("key", frame=6, points=[0, 4], x=[0.2, -0.4], y=[0.1, 0.3])
    editor.do("smooth", seconds=0.3)
    editor.settled()
    state, out = editor.export("video"), editor.out
    names = ("keypoints.npz", "edited_frames", "12_edited.mp4")
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
    video = "--columns refined_ab_*.png --fps 12.5 --name edited.mp4"
    succeed("gen_vid.py", f"--img_path {tmp_path}/hand {video} --out {tmp_path}")
    assert (tmp_path / names[2]).read_bytes() == (out / names[2]).read_bytes()
    assert not (out / ".export").exists()


def test_an_export_can_be_cancelled_and_fails_in_words(editor, monkeypatch):
    assert editor.export("keypoints")["phase"] == "done"
    sleeping = ["inference.py", "--help"]
    monkeypatch.setattr(export.sys, "executable", "/bin/sh")
    commands = export.Commands(lambda points, out: sleeping, None, "*", 8)
    script = editor.out / "script"
    monkeypatch.setattr(editor.page.export, "commands", commands)
    script.write_text(f"mkdir {editor.out}/.export; sleep 600 & echo $! > {editor.out}/child; wait")
    sleeping[0] = str(script)
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
    script.write_text("echo 'error: the disk is full; make room' >&2; exit 2")
    state = editor.export("frames")
    assert (state["phase"], state["files"]) == ("failed", [])
    assert state["trouble"].endswith("failed: the disk is full; make room")
    script.write_text("kill -9 $$")
    assert "ended from outside (signal 9)" in editor.export("frames")["trouble"]
    with pytest.raises(UserError, match="nothing known"):
        editor.page.export.begin("everything")


def ended(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().split()[2] == "Z"
    except OSError:
        return True
