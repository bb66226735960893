"""edit.py as a command: what it refuses, where it begins, how it ends."""

import json
import signal
import sys
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


def test_what_cannot_be_edited_is_one_sentence(clips, first, second, tmp_path):
    out = tmp_path / "out"
    words = f"{clips} --out {out}"
    good = f"{words} --load {second}/checkpoint"
    refuse(SCRIPT, words, "(none) is no file")
    refuse(SCRIPT, f"{words} --load {first}/checkpoint", "train_second_stage.py is needed")
    refuse(SCRIPT, f"--out {out} --load {second}/checkpoint", "no mask folder given")
    refuse(SCRIPT, f"{good} --root_a {tmp_path}/none_seg", "does not exist")
    refuse(SCRIPT, f"{good} --keypoints {out}.csv", "ends in .npz or .json")
    refuse(SCRIPT, f"{good} --keypoints {out}.npz", "does not exist", "--keypoints")
    for option in ("--keypoints_in x.npz", "--keypoints_out x.npz", "--smooth 1", "--data_size 2"):
        refuse(SCRIPT, f"{good} {option}", option.split()[0], "means nothing here")
    refuse(SCRIPT, f"{good} --direction both", "invalid choice")
    refuse(SCRIPT, f"{good} --render lookup", "invalid choice")
    refuse(SCRIPT, f"{good} {tmp_path}", "no folder of a finished run.py")
    refuse(SCRIPT, f"{good} --host 0.0.0.0", "unencrypted", "--allow_remote")
    refuse(SCRIPT, f"{good} --host no.such.host.invalid", "known here")
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
    steps.known["frames ba"] = {"argv": [*command, "--out", str(tmp_path / "frames")]}
    steps._remember(type("Step", (), {"name": "other", "argv": ()}), "", True)
    asked, given = edit.settled([str(tmp_path), "--direction", "ba", "--bs", "3"])
    assert asked.out == str(tmp_path / "edited_ba")
    assert (asked.load, asked.bs, asked.affine) == (f"{second}/checkpoint", 3, True)
    assert edit.settled([str(tmp_path), "--direction", "ba", "--out", "x"])[0].out == "x"
    refuse(SCRIPT, f"{tmp_path}", "run.py's command again")
    with pytest.raises(UserError, match="keypoint file .* does not exist"):
        edit.open_page(*edit.settled([str(tmp_path), "--direction", "ba", "--keypoints", "n.npz"]))


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


@pytest.mark.slow
def test_the_real_program(clips, second, tmp_path):
    """Slow: it starts edit.py as a process, twice, and an export with it."""
    from websockets.sync.client import connect

    out = tmp_path / "out"
    words = f"{clips} --load {second}/checkpoint --out {out}"
    with serving("edit.py", *words.split()) as (process, address):
        origin = address[: address.index("/", 8)]
        refuse(SCRIPT, words, "is open in another edit.py")
        with connect(address.replace("http", "ws") + "live", origin=origin) as page:
            page.recv()
            page.send(json.dumps({"do": "smooth", "seconds": 0.5}))
            assert json.loads(page.recv())["edits"]["smooth"] == 0.5
            page.send(json.dumps({"do": "export", "what": "frames"}))
            wait_for((out / ".export").exists)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 128 + signal.SIGTERM
    assert not (out / ".export").exists()
    with serving("edit.py", *words.split()) as (process, address):
        assert urlopen(address).status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert f"edits and exports are in {out}" in process.stdout.read()
    content = json.loads((out / "edits.json").read_text())
    assert [edit["kind"] for edit in content["history"]["edits"]] == ["smooth"]
