"""edit.py as a command: what it refuses, where it begins, how it ends."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

import edit
from engine.steps import Steps
from tests.browser import serving
from tests.conftest import refuse
from tests.editor import Editor, wait_for
from utils.errors import UserError

pytest_plugins = ["tests.edited"]
SCRIPT = "edit.py"
DONE = {"stamp": "", "done": True}  # of a step that run.py has taken


def test_what_cannot_be_edited_is_one_sentence(clips, first, second, tmp_path):
    out = tmp_path / "out"
    words = f"{clips} --out {out}"
    good = f"{words} --load {second}/checkpoint"
    refuse(SCRIPT, words, "nothing to edit is named", "results/quick", "--load", "--root_a")
    refuse(SCRIPT, f"{words} --load {tmp_path}/none", "none is no file")
    refuse(SCRIPT, str(tmp_path / "none"), "there is no folder", "results/quick")
    refuse(SCRIPT, f"{words} --load {first}/checkpoint", "train_second_stage.py is needed")
    refuse(SCRIPT, f"--out {out} --load {second}/checkpoint", "no mask folder given")
    refuse(SCRIPT, f"{good} --root_a {tmp_path}/none_seg", "does not exist")
    refuse(SCRIPT, f"{good} --keypoints {out}.csv", "ends in .npz or .json")
    refuse(SCRIPT, f"{good} --keypoints {out}.npz", "does not exist", "--keypoints")
    for option in ("--keypoints_in x.npz", "--keypoints_out x.npz", "--data_size 2"):
        refuse(SCRIPT, f"{good} {option}", option.split()[0], "means nothing here")
    refuse(SCRIPT, f"{good} --direction both", "invalid choice")
    refuse(SCRIPT, f"{good} --render lookup", "invalid choice")
    refuse(SCRIPT, f"{good} {tmp_path}", "no folder of a finished run.py")
    refuse(SCRIPT, f"{good} --host 0.0.0.0", "unencrypted", "--allow_remote")
    refuse(SCRIPT, f"{good} --host no.such.host.invalid", "known here")
    refuse(SCRIPT, f"{good} --host 192.0.2.250 --allow_remote", "no address of this machine")
    assert not out.exists()
    Path(f"{out}.npz").write_bytes(b"PK")
    refuse(SCRIPT, f"{good} --keypoints {out}.npz", "no file of keypoints")


@pytest.mark.parametrize("name", ["starlette", "uvicorn", "websockets"])
def test_without_the_packages_one_sentence_says_what_to_install(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    refuse(SCRIPT, f"--out {tmp_path}/out", name, "pip install -r requirements-editor.txt")


def test_a_run_folder_gives_its_command(clips, second, tmp_path):
    steps = Steps(tmp_path)
    command = [*clips.split(), "--load", f"{second}/checkpoint", "--splitted", "--direction", "ba"]
    steps.known["frames ba"] = {**DONE, "argv": [*command, "--out", f"{tmp_path}/frames"]}
    steps._remember(type("Step", (), {"name": "other", "argv": ()}), "", True)
    asked, given = edit.settled([str(tmp_path), "--direction", "ba", "--bs", "3"])
    assert asked.out == str(tmp_path / "edited_ba")
    assert (asked.load, asked.bs, asked.affine) == (f"{second}/checkpoint", 3, True)
    assert edit.settled([str(tmp_path), "--direction", "ba", "--out", "x"])[0].out == "x"
    refuse(SCRIPT, f"{tmp_path}", "run.py's command again")
    with pytest.raises(UserError, match="keypoint file .* does not exist"):
        edit.settled([str(tmp_path), "--direction", "ba", "--keypoints", "n.npz"])


def test_keypoints_of_a_file_are_the_beginning(editor, clips, second, tmp_path):
    editor.edit()
    assert editor.export("keypoints")["phase"] == "done"
    words = f"{clips} --load {second}/checkpoint --out {tmp_path}/other"
    words += f" --keypoints {editor.out}/keypoints.npz"
    again = Editor(words)
    assert np.array_equal(again.page.session.found.moved, editor.page.session.moved)
    again.edit()
    done = Editor(words.rpartition(" --keypoints")[0])  # goes on without it
    assert np.array_equal(done.page.session.moved, again.page.session.moved)
    with pytest.raises(UserError, match="another file of --keypoints"):
        Editor(words.replace("keypoints.npz", "found.npz"))
    with pytest.raises(UserError, match="an export would replace .*keypoints.npz"):
        Editor(words.replace(f"{tmp_path}/other", str(editor.out)))


def test_what_takes_long_is_said_and_so_are_exports_of_other_edits(clips, second, tmp_path, capsys):
    words, out = f"{clips} --load {second}/checkpoint --out {tmp_path}/out", tmp_path / "out"
    Editor(words).export("keypoints")
    (out / "12_edited.mp4").touch()
    assert "finding the keypoints of 8 frames\n" in capsys.readouterr().out
    Editor(f"{words} --overwrite")
    old = f"still of the edits before: {out}/keypoints.npz, {out}/12_edited.mp4; exports"
    assert old in capsys.readouterr().out
    Editor(words)
    said = capsys.readouterr().out
    assert "finding" not in said and "still" not in said


def test_a_session_begins_smoothed_as_the_run_was_drawn(clips, second, tmp_path):
    (tmp_path / "own.yaml").write_text("inference: {smooth: 0.2}")
    drawn = [*clips.split(), "--load", f"{second}/checkpoint", "--config", f"{tmp_path}/own.yaml"]
    steps = Steps(tmp_path)
    steps.known["frames ab"] = {**DONE, "argv": drawn}
    steps._remember(type("Step", (), {"name": "other", "argv": ()}), "", True)
    first = Editor(str(tmp_path)).page.session
    assert first.history.seconds() == 0.2
    first.smooth({"seconds": 0.1})
    assert Editor(str(tmp_path)).page.session.history.seconds() == 0.1  # it goes on
    words = f"{tmp_path} --keypoints {tmp_path}/edited_ab/found.npz --out {tmp_path}/other"
    assert Editor(words).page.session.history.edits == ()
    with pytest.raises(UserError, match=r"belongs to --fps 25; .*--overwrite"):
        Editor(f"{tmp_path} --fps 12")


@contextmanager
def connected(address):
    """A connection to the page at `address`, as a browser has it."""
    from websockets.sync.client import connect

    origin = address[: address.index("/", 8)]
    with connect(address.replace("http", "ws") + "live", origin=origin) as page:
        page.recv()
        yield page


def exporting(out):
    """Whether a process works for an export into the folder `out`."""
    calls = subprocess.run(["ps", "-Awwo", "args"], capture_output=True, text=True).stdout
    return f"{out}/.export" in calls


@pytest.mark.slow
def test_the_real_program(clips, second, tmp_path):
    """Killed outright and ended by Ctrl-C. Slow: it starts edit.py twice, and exports with it."""
    out = tmp_path / "out"
    words = f"{clips} --load {second}/checkpoint --out {out}"
    with serving("edit.py", *words.split()) as (process, address):
        refuse(SCRIPT, words, f"is in use by edit.py (process {process.pid} on ")
        with connected(address) as page:
            page.send(json.dumps({"do": "smooth", "seconds": 0.5}))
            assert json.loads(page.recv())["edits"]["smooth"] == 0.5
            page.send(json.dumps({"do": "export", "what": "frames"}))
            wait_for(lambda: exporting(out))
            process.kill()
    wait_for(lambda: not exporting(out))
    assert (out / ".export").exists()
    with serving("edit.py", *words.split()) as (process, address):
        assert urlopen(address).status == 200
        assert not (out / ".export").exists()
        with connected(address) as page:
            page.send(json.dumps({"do": "export", "what": "frames"}))
            wait_for(lambda: exporting(out))
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)  # the second one of somebody who cannot wait
            assert process.wait(30) == 130
        said = process.stdout.read()
        assert "the export that was under way is dropped; it changed nothing" in said
        assert f"edits and exports are in {out}" in said
    assert not exporting(out)
    assert not (out / ".export").exists()
    content = json.loads((out / "edits.json").read_text())
    assert [edit["kind"] for edit in content["history"]["edits"]] == ["smooth"]
