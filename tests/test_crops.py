"""What frames are cropped to: squares that are steady and lose nothing, and the way back."""

import json

import numpy as np
import pytest
from PIL import Image

from datasets.clip import Clip
from finishing.crop_boxes import CropBoxes
from preparation import crops, record
from tests.conftest import succeed

pytest_plugins = ["tests.prepared"]


def squares(boxes):
    """Squares around boxes (N, 4) whose body is in their middle."""
    boxes = np.array(boxes)
    return crops.squares(boxes, boxes[:, :2] + boxes[:, 2:] / 2)


def inside(boxes, others):
    """Whether each of `boxes` lies in its one of `others`, both (N, 4)."""
    low, high = boxes[:, :2] - others[:, :2], (boxes - others)[:, :2] + boxes[:, 2:]
    return (low >= 0).all() and (high <= others[:, 2:]).all()


@pytest.mark.parametrize("seed", range(20))
def test_squares_contain_every_box(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 90))
    boxes = rng.integers([-200, -200, 1, 1], [600, 600, 400, 400], (count, 4))
    middles = boxes[:, :2] + rng.uniform(0, 1, (count, 2)) * boxes[:, 2:]
    found = crops.squares(boxes, middles)
    assert found.dtype.kind == "i" and (found[:, 2] == found[:, 3]).all()
    assert inside(boxes, found)


def test_a_jittering_box_does_not_move_the_squares():
    rng = np.random.default_rng(0)
    boxes = np.tile([60, 40, 100, 70], (80, 1)) + rng.integers(-4, 5, (80, 4))
    found = squares(boxes)
    assert np.ptp(found[:, 2]) <= 5 and found[:, 2].max() <= 100 + 4 * 5
    assert np.abs(np.diff(found[:, 2])).max() <= 1
    middles = found[:, :2] + found[:, 2:] / 2
    assert np.abs(np.diff(middles, axis=0)).max() <= 1
    assert np.ptp(middles, axis=0).max() <= 5


def test_a_raised_tail_does_not_change_the_scale():
    """A box that is higher in every other second, of a body that stays where it is."""
    raised = np.arange(96) % 24 < 12
    boxes = np.array([[100, 60, 120, 90] if up else [100, 90, 120, 60] for up in raised])
    found = crops.squares(boxes, np.tile([160.0, 120.0], (96, 1)))
    assert np.ptp(found, axis=0).max() == 0
    assert found[0, 2] <= 120 + 2


def test_an_object_that_comes_nearer_is_followed():
    time = np.arange(121)
    side = np.round(80 * 2 ** (time / 120)).astype(int)
    boxes = np.stack([300 + 2 * time - side // 2, 200 - side // 2, side, side], 1)
    found = squares(boxes)
    assert 1.6 < found[-1, 2] / found[0, 2] < 2
    assert (found[:, 2] < 1.25 * side).all()
    assert np.abs(np.diff(found[:, 2])).max() <= 2


def test_squares_keep_up_with_a_walk_to_the_clips_ends():
    boxes = np.array([[9 * n, 50, 60, 40] for n in range(40)])
    found = squares(boxes)
    assert np.ptp(found[:, 2]) == 0 and found[0, 2] <= 63
    assert np.ptp(found[:, 0] - boxes[:, 0]) <= 1


def test_the_middle_is_in_the_body():
    mask = np.zeros((80, 200), bool)
    mask[20:60, 10:50] = True
    assert np.allclose(crops.middle(mask), (30, 40), atol=0.01)
    mask[39:41, 50:190] = True  # a tail, which moves the centroid by 13 pixels
    assert abs(crops.middle(mask)[0] - 30) < 4
    assert crops.middle(np.zeros((9, 9), bool)) is None
    assert np.allclose(crops.middle(np.ones((10, 20), bool)), (10, 5), atol=0.01)


def test_a_frame_without_object_has_the_box_before_it():
    masks = np.zeros((6, 50, 60), bool)
    masks[1, 10:20, 10:30] = masks[4, 30:40, 20:50] = True
    first, last = [10, 10, 20, 10], [20, 30, 30, 10]
    assert crops.crop_boxes(masks, "tight") == [first] * 4 + [last] * 2
    assert crops.crop_boxes(masks, "window") == [[10, 10, 40, 30]] * 6
    assert crops.crop_boxes(masks, "none") == [[0, 0, 60, 50]] * 6
    squares = np.array(crops.crop_boxes(masks, "square"))
    assert inside(np.array([first] * 4 + [last] * 2), squares)


def at_the_edge(count=30):
    """Frames (N, 90, 120, 3) uint8 and masks of a bright bar that leaves by the left edge."""
    masks = np.zeros((count, 90, 120), bool)
    for number in range(count):
        masks[number, 40:60, max(0, 20 - number) : 60 - number] = True
    return np.where(masks[..., None], [250, 200, 150], [90, 120, 90]).astype(np.uint8), masks


@pytest.mark.parametrize("kind", ["tight", "square", "window", "none"])
def test_crops_hold_the_object_and_come_back_to_their_place(kind, tmp_path):
    """From whole frames through the networks' pictures into whole frames."""
    frames, masks = at_the_edge()
    crops.crop(frames, masks, kind, tmp_path)
    clip = Clip(tmp_path / "train_seg")
    boxes = CropBoxes(clip.masks, len(clip), 128, 128, 0.2)
    _, _, seen = next(clip.stream(range(30), 30, 128, 128, 0.2))
    for number in (0, 12, 29):
        restored = boxes.paste_back(seen[number, 0].numpy(), number) > 0.5
        assert (restored & masks[number]).sum() > 0.8 * (restored | masks[number]).sum()


def test_beyond_the_frame_a_square_is_black(tmp_path):
    frames, masks = at_the_edge()
    crops.crop(frames, masks, "square", tmp_path)
    left, top, side, _ = json.loads((tmp_path / "crops.json").read_text())["boxes"][-1]
    frame, mask = Clip(tmp_path / "train_seg").read(29)
    assert left < 0 and frame.width == frame.height == mask.width
    beyond = int(-left * frame.width / side) - 4
    assert np.asarray(frame)[:, :beyond].max() < 12 and np.asarray(mask)[:, :beyond].max() < 12
    share = (np.asarray(mask) > 127).mean() * side**2
    assert abs(share - masks[29].sum()) < 0.05 * masks[29].sum()


def test_what_is_painted_in_a_square_comes_into_the_frame(tmp_path):
    """Also where the square, and what is painted, reach beyond the frame."""
    frames, masks = at_the_edge()
    (tmp_path / "masks").mkdir()
    for number, mask in enumerate(masks):
        crops.save_mask(mask, tmp_path / f"masks/{number}.png")
    crops.crop(frames, masks, "square", tmp_path)
    known = {"frames": 30, "size": [120, 90], "fps": 25, "crop": "square"}
    known |= {"frames_of": {}, "masks_of": {}, "edited": []}
    record.write(tmp_path, known)
    part = tmp_path / "train_seg/29.jpg"
    Image.new("L", Image.open(part).size, 255).save(part)
    found = record.edited_masks(tmp_path, record.read(tmp_path))
    left, top, side, _ = json.loads((tmp_path / "crops.json").read_text())["boxes"][29]
    expected = np.zeros((90, 120), bool)
    expected[max(0, top) : top + side, : left + side] = True
    assert found.keys() == {29} and np.array_equal(found[29], expected)


def test_the_command_line_crops_to_squares(again, drawn):
    out = again.out  # a copy, since --check writes into it
    content = json.loads((out / "crops.json").read_text())
    boxes, scale = content["boxes"], content["scale"]
    tight = crops.crop_boxes(drawn[1], "tight")
    assert inside(np.array(tight), np.array(boxes) + [-2, -2, 4, 4])  # masks are cleaned
    for number, box in enumerate(boxes):
        with Image.open(out / f"train/{number}.jpg") as picture:
            assert picture.width == picture.height == round(scale * box[2])
    assert record.read(out)["crop"] == "square"
    text = succeed("prepare_data.py", ["--check", str(out)])
    assert "12 frames are fit" in text and "fills little" not in text
