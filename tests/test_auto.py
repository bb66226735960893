"""Which method is chosen for which clip, and what is said where none fits."""

import cv2
import numpy as np
import pytest

from segmentation import auto, chroma, judge, methods, motion, weights
from segmentation.background import Watched
from tests import films
from tests.test_segmentation import scene_without_object, walk
from utils.errors import UserError


def iou(found, masks):
    return films.overlap(list(found), masks)


def before(colour, frames=6):
    """A grey ball that rolls before a plain wall of this colour, and its masks."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:90, :120]
    masks = np.stack([(x - 30 - 8 * n) ** 2 + (y - 45) ** 2 < 18**2 for n in range(frames)])
    pictures = np.where(masks[..., None], (150, 140, 130), colour).astype(float)
    return np.uint8((pictures + rng.normal(0, 2, pictures.shape)).clip(0, 255)), masks


@pytest.mark.parametrize(
    ("colour", "screen"),
    [
        ((60, 160, 70), True),
        ((50, 70, 190), True),
        ((128, 126, 120), False),  # grey
        ((180, 160, 140), False),  # a beige wall
        ((20, 22, 24), False),
    ],
)
def test_a_screen_has_a_strong_colour(colour, screen):
    assert chroma.shows_screen(before(colour)[0]) == screen


def test_no_screen_without_an_object_or_in_some_frames_only():
    green = before((60, 160, 70))[0]
    empty = np.full_like(green, (60, 160, 70))
    assert not chroma.shows_screen(empty)
    green[5:, :, :20] = (120, 60, 60)
    assert not chroma.shows_screen(green)
    assert chroma.shows_screen(green[:5])


def test_the_borders_of_all_frames_tell_the_screens_colour():
    frames, masks = before((60, 160, 70))
    frames[0, :, :60] = (90, 60, 200)  # someone walks out of the picture
    frames[0, :10] = frames[0, -10:] = (90, 60, 200)
    assert iou(chroma.key(frames), masks) > 0.8


def test_a_shadow_on_the_screen_is_no_object():
    frames, masks = before((60, 160, 70))
    y, x = np.mgrid[:90, :120]
    light = 1 - 0.5 * np.exp(-(((x - 60) / 40) ** 2) - ((y - 70) / 15) ** 2)
    shaded = np.where(masks[..., None], frames, light[..., None] * frames).astype(np.uint8)
    assert chroma.shows_screen(shaded)
    assert iou(chroma.key(shaded), masks) > 0.95
    black = np.where(masks[..., None], 12, frames).astype(np.uint8)
    assert iou(chroma.key(black), masks) > 0.95


def test_a_screen_is_keyed_even_where_a_box_is_given():
    frames, masks = before((60, 160, 70))
    for box in (None, (10, 25, 40, 40)):
        found = auto.choose(frames, box)
        assert found.method == "chroma" and "colour" in found.why
        assert iou(found.masks, masks) > 0.95


def test_the_object_in_a_box_is_followed():
    """Without weights of networks nobody looks for a device, for which PyTorch is imported."""
    frames, masks = walk(frames=8)
    found = auto.choose(frames, (128, 58, 64, 54), pick_device=None)
    assert found.method == "grabcut" and "box" in found.why
    assert iou(found.masks, masks[:8]) > 0.9


@pytest.mark.parametrize(
    ("pan", "camera"), [(0, "the camera stands still"), (1, "the camera moves")]
)
def test_what_moves_is_found_without_a_box(pan, camera):
    frames, masks = walk(pan, 12)
    steps = []
    found = auto.choose(frames, progress=lambda items: steps.append(len(items)) or items)
    assert found.method == "grabcut"
    assert found.why.startswith(f"{camera} and the object moves (estimated IoU 0.")
    assert iou(found.masks, masks) > 0.95
    assert steps == [12, 11, 11]  # the scene, the object, its masks: none in silence


def test_what_is_lost_and_comes_back_is_found_by_the_scene():
    frames, masks = walk()
    found = auto.choose([*frames, *frames[::-1]])
    assert found.method == "background"
    assert iou(found.masks[-13:], masks[12::-1]) > 0.95


@pytest.mark.parametrize("name", ["auto", "background", "grabcut"])
@pytest.mark.parametrize("pan", [False, True])
def test_a_still_scene_is_refused_with_what_fits(name, pan):
    frames = scene_without_object(pan)
    with pytest.raises(UserError) as one:
        auto.choose(frames) if name == "auto" else methods.masks(name, frames)
    camera = "the camera moves" if pan else "the camera stands still"
    said = str(one.value)
    assert said.startswith(f"{camera}, and nothing moves against the background; ")
    assert "--box x,y,w,h" in said and "--interactive" in said


def test_grabcut_says_where_it_would_begin():
    frames, _ = walk()
    with pytest.raises(UserError, match="nothing moves in the first frame"):
        methods.masks("grabcut", frames[::-1])
    assert len(list(methods.masks("background", frames[::-1]))) == 17


@pytest.mark.parametrize("name", motion.WAYS)
def test_masks_that_are_not_worth_having_are_refused(monkeypatch, name):
    monkeypatch.setattr(judge, "scores", lambda *_: judge.Judgement(0.3, {}, {}))
    with pytest.raises(UserError, match="stands still, and .* no clear outline; mark the object"):
        methods.masks(name, walk(frames=8)[0])


def waving(frames=12):
    """A red block that rests, with a white arm that moves up and down beside it."""
    rng = np.random.default_rng(0)
    world = cv2.resize(rng.integers(60, 150, (24, 32), np.uint8), (240, 180))
    for number in range(frames):
        picture = np.stack([world] * 3, -1).astype(float)
        picture[75:125, 108:130] = (190, 40, 40)
        top = round(92 + 14 * np.sin(0.7 * number))
        picture[top : top + 14, 130:170] = (235, 235, 225)
        yield np.uint8((picture + rng.normal(0, 2, picture.shape)).clip(0, 255))


@pytest.mark.parametrize("name", motion.WAYS)
def test_an_object_of_which_only_a_limb_moves_is_refused(name):
    with pytest.raises(UserError, match="stands still, and only parts of the object move"):
        methods.masks(name, list(waving()))


def test_a_background_that_cannot_be_followed_is_named(monkeypatch):
    class Lost(Watched):
        def __init__(self, frames, progress):
            super().__init__(frames, progress)
            self.masks = [np.ones_like(mask) for mask in self.masks]

    monkeypatch.setattr(motion.background, "Watched", Lost)
    with pytest.raises(UserError, match="the background cannot be followed"):
        motion.find(walk(frames=6)[0])


def test_a_files_name_tells_the_network():
    assert weights.method_of("/x/sam2.1_hiera_small.pt") == "sam2"
    assert weights.method_of("u2net.onnx") == "rembg"
    assert weights.method_of("deeplabv3_resnet101_coco-586e9e4e.pth") == "torchvision"
    with pytest.raises(UserError, match=r"mine.pt does not tell its network; add --mask sam2, "):
        weights.method_of("mine.pt")


def test_what_is_transparent_tells_the_object(tmp_path):
    frames, masks = walk(frames=4)
    source = [np.dstack([frame, np.uint8(255 * mask)]) for frame, mask in zip(frames, masks)]
    found = auto.choose(frames, source=source)
    assert found.method == "alpha" and "transparent" in found.why
    assert iou(found.masks, masks[:4]) == 1
    opaque = [np.dstack([frame, np.full(frame.shape[:2], 255, np.uint8)]) for frame in frames]
    assert auto.choose(frames, (128, 58, 64, 54), source=opaque).method == "grabcut"


def test_a_colour_that_no_screen_has_is_refused():
    frames, masks = before((61, 174, 84))
    with pytest.raises(UserError, match="hardly anything has the colour of --key; leave it out"):
        next(chroma.key(frames, (0, 128, 0)))  # "green"
    assert iou(chroma.key(frames, (55, 170, 80)), masks) > 0.95


def test_a_network_that_lies_there_must_prove_good(monkeypatch):
    frames, masks = walk(frames=8)
    answers = {"rembg": np.zeros_like(masks), "torchvision": masks}
    monkeypatch.setattr(weights, "installed", lambda box: answers)
    monkeypatch.setattr(methods, "masks", lambda name, *_, **__: answers[name])
    found = auto.choose(frames)
    assert found.method == "torchvision"
    answers["torchvision"] = np.zeros_like(masks)
    assert auto.choose(frames).method == "grabcut"


def test_a_damaged_file_that_nobody_named_is_passed_over(monkeypatch, tmp_path):
    file = tmp_path / "hub/checkpoints/deeplabv3_resnet101_coco-586e9e4e.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half a download")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    frames, _ = before((60, 160, 70))
    assert "torchvision" in weights.installed()
    assert auto.choose(frames).method == "chroma"
    with pytest.raises(UserError, match="damaged or not for --mask torchvision"):
        list(methods.masks("torchvision", frames, weights=str(file)))


def test_sam2_is_installed_only_for_a_box(monkeypatch):
    monkeypatch.setattr(weights, "find", lambda name: name)
    assert list(weights.installed()) == ["rembg", "torchvision"]
    assert list(weights.installed((1, 2, 3, 4))) == ["sam2", "rembg", "torchvision"]
