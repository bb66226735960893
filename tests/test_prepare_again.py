"""prepare_data.py where a clip is there: what it keeps, makes anew, and never loses.

These tests are slow: they make one clip again and again.
"""

import contextlib
import json
import os

import numpy as np
import pytest
from PIL import Image

from preparation import publish
from tests import films
from tests.conftest import refuse, succeed

pytestmark = pytest.mark.slow

SCRIPT = "prepare_data.py"
pytest_plugins = ["tests.prepared"]


def test_the_same_command_again_keeps_what_is_painted(again, drawn):
    masks = again.out / "masks"
    painted = np.zeros((120, 160), np.uint8)
    painted[30:90, 40:120] = 255
    Image.fromarray(painted).save(masks / "3.png")
    before = films.snapshot(again.out / "frames")
    again()
    assert np.array_equal(films.read_masks(masks)[3], painted > 0)
    boxes = json.loads((again.out / "crops.json").read_text())["boxes"]
    assert boxes[3] == [40, 30, 80, 60]
    assert films.snapshot(again.out / "frames") == before
    again("--mask_file", masks)  # other masks: all but the painted one change
    assert np.array_equal(films.read_masks(masks)[3], painted > 0)
    refuse(SCRIPT, [*["--mask", "alpha", "--size", "80"], "x.mp4", "--out", str(again.out)],
           "edited or redone for other frames (3)", "--overwrite")  # fmt: skip
    again("--overwrite")
    assert films.overlap(films.read_masks(masks)[3:4], drawn[1][3:4]) > 0.97


def test_painting_in_a_cropped_mask_counts(again):
    part = again.out / "train_seg/5.jpg"
    left, top, width, height = json.loads((again.out / "crops.json").read_text())["boxes"][5]
    Image.new("L", Image.open(part).size, 255).save(part)
    again()
    assert films.read_masks(again.out / "masks")[5].sum() == width * height
    assert films.read_masks(again.out / "masks")[5, top : top + height, left : left + width].all()


def test_redo_touches_its_range_only(again, drawn, truth, tmp_path):
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


def test_redo_goes_on_from_the_mask_before(again, drawn, tmp_path):
    broken = drawn[1].copy()
    broken[4:6] = False
    broken[4:6, :20, :20] = True
    again("--mask_file", films.write_folder(tmp_path / "broken", broken))
    assert films.overlap(films.read_masks(again.out / "masks")[4:6], drawn[1][4:6]) < 0.05
    succeed(SCRIPT, ["--redo", "4-5", "--mask", "grabcut", "--out", str(again.out)])
    assert films.overlap(films.read_masks(again.out / "masks")[4:6], drawn[1][4:6]) > 0.6


def test_redo_of_a_chosen_method_goes_on_from_the_mask_before(drawn, tmp_path):
    path, out = films.write_video(tmp_path / "x.mp4", drawn[0], fps=6), tmp_path / "clip"
    succeed(SCRIPT, [str(path), "--out", str(out)])
    before = films.snapshot(out / "masks")
    text = succeed(SCRIPT, ["--redo", "4-5", "--out", str(out)])
    assert "was chosen" not in text
    assert films.overlap(films.read_masks(out / "masks")[4:6], drawn[1][4:6]) > 0.6
    after = films.snapshot(out / "masks")
    assert {path.name for path in before if before[path] != after[path]} <= {"4.png", "5.png"}


def test_redo_takes_the_options_of_the_clip(video, tmp_path, drawn):
    """Of a record as earlier versions wrote it, too: options as texts, no list of redone masks."""
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
    succeed(SCRIPT, ["--redo", "3", "--key", "black", "--out", str(out)])
    after = films.snapshot(out / "masks")
    assert [path.name for path in before if before[path] != after[path]] == ["3.png"]
    assert json.loads((out / "prepared.json").read_text())["redone"] == [3]


def test_a_mistake_keeps_what_was_there(again):
    before = films.snapshot(again.out)
    words = ["--mask", "grabcut", "--box", "150,0,20,20"]
    again(*words, ends=lambda script, argv: refuse(script, argv, "outside the frame"))
    assert films.snapshot(again.out) == before


def test_a_full_disk_is_said(again, monkeypatch):
    before = films.snapshot(again.out)
    real = Image.Image.save

    def full(image, path, **words):
        if str(path).endswith("masks/7.png"):
            raise OSError(28, "No space left on device")
        real(image, path, **words)

    monkeypatch.setattr(Image.Image, "save", full)
    said = lambda script, argv: refuse(script, argv, "7.png", "No space left")  # noqa: E731
    again("--overwrite", ends=said)
    assert films.snapshot(again.out) == before


def test_a_run_killed_while_it_replaces_files_loses_nothing(again):
    painted = np.zeros((120, 160), np.uint8)
    painted[30:90, 40:120] = 255
    Image.fromarray(painted).save(again.out / "masks/3.png")
    # Every other place where it may die is for tests/test_publish.py.
    real, calls = os.replace, []

    def killed(source, target):
        calls.append(target)
        if len(calls) > 5:
            os._exit(9)
        real(source, target)

    words = ["--crop", "window"]
    if (child := os.fork()) == 0:
        os.replace = killed
        with contextlib.suppress(BaseException):
            again(*words)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 9
    again(*words)
    assert np.array_equal(films.read_masks(again.out / "masks")[3], painted > 0)
    assert len({Image.open(p).size for p in (again.out / "train").iterdir()}) == 1
    assert not {publish.NEW, publish.OLD} & {p.name for p in again.out.iterdir()}


def test_masks_of_any_program_are_taken(again):
    clear = np.zeros((120, 160, 4), np.uint8)
    clear[..., :3] = 255
    clear[30:90, 40:120, 3] = 255  # white on nothing
    Image.fromarray(clear).save(again.out / "masks/3.png")
    (again.out / "masks/.DS_Store").write_text("left by a file manager")
    again()
    assert films.read_masks(again.out / "masks")[3].sum() == 60 * 80
    Image.new("L", (50, 50), 255).save(again.out / "masks/4.png")
    said = lambda script, argv: refuse(script, argv, "4.png is 50x50 but its frame 160x120")  # noqa: E731
    again(ends=said)
    (again.out / "masks/4.png").unlink()
    again(ends=lambda script, argv: refuse(script, argv, "4.png is missing", "--redo 4"))
    succeed(SCRIPT, ["--redo", "4", "--out", str(again.out)])
    assert films.read_masks(again.out / "masks")[4].any()
    (again.out / "masks/777.png").write_bytes((again.out / "masks/5.png").read_bytes())
    again(ends=lambda script, argv: refuse(script, argv, "masks/777.png"))


def test_another_video_under_the_same_name_is_seen(prepare, drawn, truth, tmp_path):
    path = films.write_video(tmp_path / "x.mp4", drawn[0], fps=6)
    words = [str(path), "--out", str(tmp_path / "x"), "--mask", "file", "--mask_file", str(truth)]
    succeed(SCRIPT, words)
    before = (tmp_path / "x/frames/0.jpg").read_bytes()
    films.write_video(path, drawn[0][:, ::-1], fps=6)
    succeed(SCRIPT, words)
    assert (tmp_path / "x/frames/0.jpg").read_bytes() != before


def test_a_source_is_never_replaced_by_itself(again):
    frames = str(again.out / "frames")
    refuse(SCRIPT, [frames, "--out", str(again.out), "--size", "80"], "lies in --out")
