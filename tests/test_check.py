"""prepare_data.py --check: faults of a clip that other means made, and the mending of names."""

import numpy as np
import pytest
from PIL import Image

from datasets.clip import Clip
from tests import films
from tests.conftest import refuse, succeed

SCRIPT = "prepare_data.py"
pytest_plugins = ["tests.prepared"]


@pytest.fixture
def clip(drawn, tmp_path):
    """Writes the drawn clip under names of a pattern; returns its folder."""

    def write(name, masks=drawn[1]):
        films.write_folder(tmp_path / "clip/train", drawn[0], name)
        films.write_folder(tmp_path / "clip/train_seg", masks, name)
        return tmp_path / "clip"

    return write


def test_check_finds_what_is_wrong(clip):
    own = clip("{}.jpg")
    text = succeed(SCRIPT, ["--check", str(own)])
    assert "12 frames are fit for training" in text
    assert "advice: 12 frames are few; 50 to 200 are a good number\n" in text
    assert Image.open(own / "check.png").size[0] > 500
    (own / "train_seg/4.jpg").rename(own / "train_seg/0004.jpg")
    (own / "train/4.jpg").rename(own / "train/0004.jpg")
    (own / "train_seg/7.jpg").unlink()
    Image.new("L", Image.open(own / "train/2.jpg").size).save(own / "train_seg/2.jpg")
    Image.new("L", (9, 9), 255).save(own / "train_seg/3.jpg")
    done = refuse(SCRIPT, ["--check", str(own)], "not ready for training", "--renumber")
    for words in (
        "zero-padded, as 0004",
        "numbers 7 are missing",
        "all black): 2.jpg",
        "differ in size: 3.jpg",
        "frames without a mask are not used: 7.jpg",
    ):
        assert words in done.stdout, words


def test_check_sees_swapped_masks(clip, drawn):
    done = refuse(SCRIPT, ["--check", str(clip("{}.png", ~drawn[1]))], "not ready")
    assert "black and white seem to be swapped: invert the masks" in done.stdout
    assert "--renumber" not in done.stderr
    assert "fills little of the frames" not in done.stdout


@pytest.mark.parametrize(("count", "kind", "ends"), [(12, "fault", refuse), (2, "advice", succeed)])
def test_masks_that_are_all_white_are_a_fault_where_all_are(clip, drawn, count, kind, ends):
    masks = drawn[1].copy()
    masks[:count] = True
    done = ends(SCRIPT, ["--check", str(clip("{}.png", masks))])
    assert f"{kind}: masks that are all white: 0.png, 1.png" in getattr(done, "stdout", done)


def test_check_advises_to_crop_what_fills_little(clip):
    text = succeed(SCRIPT, ["--check", str(clip("{}.png"))])
    assert "the object fills little of the frames" in text


def test_renumber_mends_names(clip, drawn):
    own = clip("büld{:04}.png")
    (own / "train_seg/büld0003.png").unlink()
    done = refuse(SCRIPT, ["--check", str(own)], "not ready")
    assert "outside ASCII" in done.stdout
    text = succeed(SCRIPT, ["--check", str(own), "--renumber"])
    assert "11 frames and masks are named" in text
    renamed = Clip(own / "train_seg", ".png")
    assert len(renamed) == 11
    assert np.array_equal(np.asarray(renamed.read(3)[0]), drawn[0][4])
    assert np.array_equal(np.asarray(Image.open(own / "train/büld0003.png")), drawn[0][3])


def test_check_judges_the_whole_masks_of_a_prepared_clip(again, drawn):
    """Masks that are wrong from the first frame on, and those that slide off slowly."""
    check = ["--check", str(again.out)]
    assert "bear out" not in succeed(SCRIPT, check)
    for shifts in ([40] * 12, range(0, 48, 4)):
        for number, (mask, shift) in enumerate(zip(drawn[1], shifts)):
            wrong = Image.fromarray(np.roll(mask, shift, 1))
            wrong.save(again.out / f"masks/{number}.png")
        assert "the frames alone do not bear out the masks in the clip" in succeed(SCRIPT, check)
