"""prepare_data.py --redo: which masks it makes anew, by which method, and what it refuses."""

import json
import shutil

import pytest
from PIL import Image

from preparation import masking, record
from segmentation import weights
from tests import films
from tests.conftest import refuse, succeed
from utils.errors import UserError

SCRIPT = "prepare_data.py"
pytest_plugins = ["tests.prepared"]


@pytest.mark.slow
def test_redo_touches_its_range_only(again, drawn, truth, tmp_path):
    """Slow: the clip is made four times."""
    broken = drawn[1].copy()
    broken[4:7, :, 90:] = False
    folder = films.write_folder(tmp_path / "broken", broken)
    text = again("--mask_file", folder)
    before = films.snapshot(again.out / "masks")
    redo = ["--redo", "4-6", "--out", str(again.out), "--mask", "file", "--mask_file"]
    succeed(SCRIPT, [*redo, str(truth)])
    after = films.snapshot(again.out / "masks")
    changed = {path.name for path in before if before[path] != after[path]}
    assert changed == {"4.png", "5.png", "6.png"}
    assert films.overlap(films.read_masks(again.out / "masks"), drawn[1]) > 0.97
    assert "12 frames" in text
    Image.new("L", (160, 120), 255).save(again.out / "masks/5.png")
    text = succeed(SCRIPT, [*redo, str(folder)])
    assert "masks 5 were edited and stay" in text
    assert films.read_masks(again.out / "masks")[5].all()
    refuse(SCRIPT, ["--redo", "10-14", "--out", str(again.out)], "has frames 0 to 11")


@pytest.mark.slow
def test_redo_goes_on_from_the_mask_before(again, drawn, tmp_path):
    """Slow: the clip is made twice."""
    broken = drawn[1].copy()
    broken[4:6] = False
    broken[4:6, :20, :20] = True
    again("--mask_file", films.write_folder(tmp_path / "broken", broken))
    assert films.overlap(films.read_masks(again.out / "masks")[4:6], drawn[1][4:6]) < 0.05
    succeed(SCRIPT, ["--redo", "4-5", "--mask", "grabcut", "--out", str(again.out)])
    assert films.overlap(films.read_masks(again.out / "masks")[4:6], drawn[1][4:6]) > 0.6


@pytest.mark.slow
def test_redo_of_a_chosen_method_goes_on_from_the_mask_before(drawn, tmp_path):
    """Slow: the method is searched for."""
    path, out = films.write_video(tmp_path / "x.mp4", drawn[0], fps=6), tmp_path / "clip"
    succeed(SCRIPT, [str(path), "--out", str(out)])
    for number in (4, 5):
        Image.new("L", (160, 120)).save(out / f"masks/{number}.png")
    before = films.snapshot(out / "masks")
    text = succeed(SCRIPT, ["--redo", "4-5", "--overwrite", "--out", str(out)])
    assert "was chosen" not in text
    assert films.overlap(films.read_masks(out / "masks")[4:6], drawn[1][4:6]) > 0.6
    after = films.snapshot(out / "masks")
    assert {path.name for path in before if before[path] != after[path]} == {"4.png", "5.png"}


@pytest.mark.slow
def test_redo_takes_the_options_of_the_clip(video, tmp_path, drawn):
    """Of a record as earlier versions wrote it, too: options as texts, no list of redone masks.

    Slow: the clip is made three times.
    """
    out = tmp_path / "clip"
    words = [str(video), "--out", str(out), "--mask", "chroma", "--key", "#30b050"]
    succeed(SCRIPT, [*words, "--tolerance", "30", "--max_frames", "6"])
    record = json.loads((out / "prepared.json").read_text())
    assert record["masks_of"]["key"] == "#30b050"
    assert record.pop("redone", None) is None
    (out / "prepared.json").write_text(json.dumps(record))
    before = films.snapshot(out / "masks")
    succeed(SCRIPT, ["--redo", "3", "--out", str(out)])
    assert films.snapshot(out / "masks") == before  # the same key and tolerance
    succeed(SCRIPT, ["--redo", "3", "--key", "#778b7c", "--out", str(out)])
    after = films.snapshot(out / "masks")
    assert [path.name for path in before if before[path] != after[path]] == ["3.png"]
    assert json.loads((out / "prepared.json").read_text())["redone"] == [3]


@pytest.mark.parametrize("words", ["--start 0.5", "--fps 3", "--max_frames 4", "--crop none"])
def test_redo_keeps_the_frames(again, words):
    name = words.split()[0].removeprefix("--")
    redo = ["--redo", "3-5", "--out", str(again.out)]
    refuse(SCRIPT, [*redo, *words.split()], f"made with another {name}; leave that out")


def test_redo_takes_the_clips_own_video_and_options(again):
    again("--redo", "3", "--size", "640", "--crop", "square")
    refuse(SCRIPT, ["other.mp4", "--redo", "3", "--out", str(again.out)], "another video")


def test_redo_does_not_mix_the_frames_with_those_of_another_video(again):
    """Under the name of the clip's own; without it the frames on disk are enough."""
    again("--redo", "3")
    content = record.read(again.out)
    content["frames_of"]["state"][0][1] += 1  # byte
    (again.out / "prepared.json").write_text(json.dumps(content))
    redo, path = ["--redo", "3", "--out", str(again.out)], content["frames_of"]["video"]
    for words in ([path], ["--mask", "alpha"]):
        refuse(SCRIPT, [*words, *redo], f"{path} is another now", "without --redo")
    succeed(SCRIPT, redo)


def test_redo_takes_the_method_that_its_options_mean(finished, monkeypatch, tmp_path):
    """Of a clip of other masks; nothing is made, and no network asked for."""
    seen = []

    def of_range(find, method, *_):
        seen.append(method)
        raise UserError("enough")

    monkeypatch.setattr(masking, "of_range", of_range)
    monkeypatch.setattr(weights, "find", lambda *_: None)
    out = tmp_path / "clip"
    shutil.copytree(finished[0], out)
    for words in ("", "--box 10,10,50,50", "--mask_weights u2net.onnx", "--key red",
                  "--mask background", "--mask auto"):  # fmt: skip
        refuse(SCRIPT, ["--redo", "3-5", "--out", str(out), *words.split()], "enough")
    assert seen == ["file", "grabcut", "rembg", "chroma", "background", "grabcut"]


def test_redo_does_not_go_on_from_an_empty_mask(again):
    Image.new("L", (160, 120)).save(again.out / "masks/4.png")
    words = ["--redo", "5-7", "--mask", "grabcut", "--out", str(again.out)]
    refuse(SCRIPT, words, "mask 4 is empty", "--box")


def test_redo_replaces_painting_of_any_size(again):
    Image.new("L", (50, 50), 255).save(again.out / "masks/4.png")
    words = ["--redo", "3-5", "--out", str(again.out)]
    refuse(SCRIPT, words, "4.png is 50x50", "--redo 4 --overwrite")
    succeed(SCRIPT, [*words, "--overwrite"])
    assert films.read_masks(again.out / "masks")[4].any()
    assert record.read(again.out)["edited"] == []


def test_redo_makes_an_edited_mask_that_is_gone(again):
    content = record.read(again.out)
    (again.out / "prepared.json").write_text(json.dumps({**content, "edited": [4, 5]}))
    (again.out / "masks/4.png").unlink()
    again(ends=lambda script, words: refuse(script, words, "masks 4 are missing", "--redo 4"))
    assert "masks 5 were edited and stay" in succeed(
        SCRIPT, ["--redo", "4-5", "--out", str(again.out)]
    )
    assert films.read_masks(again.out / "masks")[4].any()
    assert record.read(again.out)["edited"] == [5]
