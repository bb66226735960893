"""Values of prepare_data.py's options: checked once, and the user's words for records."""

import json
from argparse import ArgumentTypeError

import pytest

from preparation import clip_options
from preparation.clip_options import Box, Colour, frame_numbers
from utils.errors import UserError


@pytest.mark.parametrize(
    ("text", "pixels"),
    [
        ("10,20,30,40", (10, 20, 30, 40)),
        ("10%, 20 % ,50%,25%", (20, 20, 100, 25)),
        ("0,50%,200,50", (0, 50, 200, 50)),
        ("1.4,1.6,2,3", (1, 2, 2, 3)),
    ],
)
def test_a_box_in_pixels_or_percent(text, pixels):
    assert Box(text).pixels(200, 100) == pixels


@pytest.mark.parametrize("text", ["100,0,101,10", "0,91,10,10", "0,0,0.2,5", "60%,0,41%,10"])
def test_a_box_must_lie_in_the_picture(text):
    with pytest.raises(UserError, match=f"--box {text} reaches outside the frame"):
        Box(text).pixels(200, 100)


@pytest.mark.parametrize(
    "text", ["1,2,3", "1,2,3,4,5", "a,2,3,4", "-1,2,3,4", "1,2,0,4", "1,2,3,nan"]
)
def test_other_texts_are_no_box(text):
    with pytest.raises(ArgumentTypeError, match="is not x,y,width,height"):
        Box(text)


def test_a_colour_by_name_or_number():
    assert Colour("lime").rgb == (0, 255, 0)
    assert Colour("#30b05080").rgb == (0x30, 0xB0, 0x50)
    with pytest.raises(ArgumentTypeError, match="'greenish' is no colour"):
        Colour("greenish")


def test_frames_by_range_or_number():
    assert frame_numbers("40-55") == range(40, 56)
    assert frame_numbers("7") == range(7, 8)
    for text in ("5-3", "-3", "3-", "a", "1-2-3", ""):
        with pytest.raises(ArgumentTypeError, match="is no range of frames"):
            frame_numbers(text)


def test_options_survive_a_record():
    given = {"box": Box("1,2,3%,4"), "key": Colour("green"), "tolerance": 5.0, "end": None}
    held = json.loads(json.dumps({**given, "state": []}))
    assert held == {"box": "1,2,3%,4", "key": "green", "tolerance": 5.0, "end": None, "state": []}
    found = clip_options.recorded(held)
    assert found == given  # a state is no option
    assert found["key"].rgb == (0, 128, 0)
    assert found["box"].percent == [False, False, True, False]


@pytest.mark.parametrize(
    ("clip", "given", "mask", "kept"),
    [
        ({"mask": "sam2", "mask_weights": "sam2.pt"}, {}, "auto", {"mask", "mask_weights"}),
        ({"mask": "sam2", "mask_weights": "sam2.pt"}, {"box"}, "auto", {"mask", "mask_weights"}),
        ({"mask": "sam2", "mask_weights": "sam2.pt"}, {"key"}, "auto", set()),
        ({"mask": "auto", "mask_file": "masks"}, {}, "auto", {"mask", "mask_file"}),
        ({"mask": "auto", "mask_file": "masks"}, {"mask"}, "auto", set()),
        ({"mask": "auto", "mask_file": "masks"}, {"box"}, "auto", set()),
        ({"mask": "chroma", "key": "red"}, {"mask", "tolerance"}, "chroma", {"key"}),
    ],
)
def test_what_a_range_takes_from_its_clip(clip, given, mask, kept):
    values = {"mask_file": "", "key": None, "mask_weights": "", "box": "1,2,3,4", **clip}
    found = clip_options.for_range(values, set(given), mask)
    assert {name for name, value in found.items() if value} == kept
