"""prepare_data.py where a clip is there: what it keeps, makes anew, and never loses.

These tests are slow: they make one clip again and again.
"""

import contextlib
import json
import os

import numpy as np
import pytest
from PIL import Image

from preparation import publish, record
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
    left, top, width, height = json.loads((again.out / "crops.json").read_text())["boxes"][3]
    assert left <= 40 and top <= 30 and left + width >= 120 and top + height >= 90
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


def test_a_mistake_keeps_what_was_there(again):
    before = films.snapshot(again.out)
    again("--start", "1", ends=lambda script, argv: refuse(script, argv, "12 masks for 6 frames"))
    assert films.snapshot(again.out) == before


def test_linked_folders_are_kept_or_refused(again, tmp_path):
    """Frames, which a new crop leaves alone, may lie elsewhere; what would be replaced may not."""
    (again.out / "frames").rename(tmp_path / "frames")
    (again.out / "frames").symlink_to(tmp_path / "frames")
    again("--crop", "none")
    assert (again.out / "frames").is_symlink()
    before = films.snapshot(tmp_path / "frames")
    again("--size", "80", ends=lambda script, argv: refuse(script, argv, "frames is a link to"))
    (again.out / "masks").rename(tmp_path / "masks")
    (again.out / "masks").symlink_to(tmp_path / "masks")
    again("--crop", "tight", ends=lambda s, argv: refuse(s, argv, "masks is a link to"))
    assert len(list((tmp_path / "masks").iterdir())) == 12
    assert films.snapshot(tmp_path / "frames") == before


def test_of_two_paintings_of_a_mask_the_later_counts(again):
    whole, part = again.out / "masks/5.png", again.out / "train_seg/5.jpg"
    box = json.loads((again.out / "crops.json").read_text())["boxes"][5]
    Image.new("L", (160, 120)).save(whole)
    Image.new("L", Image.open(part).size, 255).save(part)
    for later, area in ((whole, 0), (part, box[2] * box[3])):
        os.utime(later, (later.stat().st_atime + 10, later.stat().st_mtime + 20))
        painted = record.edited_masks(again.out, record.read(again.out))
        assert {number: mask.sum() for number, mask in painted.items()} == {5: area}


def test_what_is_missing_is_named(again):
    for number in (2, 3, 9):
        (again.out / f"masks/{number}.png").unlink()
    again(ends=lambda script, argv: refuse(script, argv, "masks 2-3, 9 are missing", "--redo 2-9"))
    (again.out / "frames/7.jpg").unlink()
    again("--redo", "2-9", ends=lambda script, argv: refuse(script, argv, "7.jpg is missing",
                                                            "--overwrite"))  # fmt: skip
    again("--overwrite")
    assert len(list((again.out / "masks").iterdir())) == 12


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
    again(ends=lambda script, argv: refuse(script, argv, "masks 4 are missing", "--redo 4"))
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
