"""Masks of drawn videos against the true ones, and each step on pictures made by hand.

These tests are slow: they follow objects through dozens of frames.
"""

from functools import lru_cache

import cv2
import numpy as np
import pytest

from segmentation import background, camera, chroma, cleanup, flow, follow
from segmentation.graph_cut import run_grabcut
from synthetic import scenery
from tests import films
from utils.errors import UserError
from video.reader import open_source

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """Every `step`th of 48 frames out of an H.264 file, and true masks; made once."""

    @lru_cache
    def get(camera, name, size=(240, 180), seed=0, frames=48, step=2):
        drawn, masks = (part[::step] for part in films.scene(frames, camera, name, size, seed))
        path = films.write_video(tmp_path_factory.mktemp("film") / "x.mp4", drawn)
        return list(open_source(path)), masks

    return get


def overlap(found, masks):
    return films.overlap(list(found), masks)


def walk(pan=0, frames=17):
    """A striped block that walks out of the picture to the right, by 8 pixels a frame.

    Made by hand, so that its edges are clear and no version of OpenCV can miss them by much.

    Args:
        pan: pixels by which the scene slides to the left from frame to frame.

    Returns:
        list of (180, 240, 3) uint8, and masks (N, 180, 240) bool; the last three are
        empty.
    """
    rng = np.random.default_rng(0)
    world = cv2.resize(
        rng.integers(20, 150, (36, 80, 3), np.uint8), (400, 180), interpolation=cv2.INTER_CUBIC
    )
    coat = cv2.resize(
        rng.integers(0, 90, (10, 12), np.uint8), (60, 50), interpolation=cv2.INTER_CUBIC
    )
    coat = np.stack([255 - coat // 2, 60 + coat, coat], -1)
    pictures, masks = [], np.zeros((frames, 180, 240), bool)
    for number, mask in enumerate(masks):
        x = 130 + 8 * number
        mask[60:110, x : x + 60] = True
        picture = world[:, pan * number :][:, :240].astype(float)
        picture[60:110, x : x + 60] = coat[:, : max(0, 240 - x)]
        noisy = picture + rng.normal(0, 2, picture.shape)
        pictures.append(noisy.clip(0, 255).astype(np.uint8))
    return pictures, masks


@pytest.mark.parametrize("pan", [0, 3])
@pytest.mark.parametrize("method", ["grabcut", "found", "background"])
def test_an_object_is_followed_until_it_leaves_and_masks_are_empty_then(method, pan):
    frames, masks = walk(pan)
    if method == "background":
        found = list(background.subtract(frames))
    else:
        found = list(follow.track(frames, (128, 58, 64, 54) if method == "grabcut" else None))
    assert len(found) == len(frames)
    assert all(mask.dtype == bool and mask.shape == (180, 240) for mask in found)
    assert overlap(found[:13], masks[:13]) > 0.95
    assert not np.any(found[-3:])
    assert not masks[-3:].any()


def test_background_finds_an_object_again_that_left_and_returns():
    """What it wins against grabcut, which follows an object and does not look for it again."""
    frames, masks = walk()
    found = list(background.subtract([*frames, *frames[::-1]]))
    assert not np.any(found[14:20])
    assert overlap(found[-13:], masks[12::-1]) > 0.95


def test_grabcut_follows_a_creature_from_its_box_while_the_camera_pans(filmed):
    frames, masks = filmed("panning", "a")
    found = list(follow.track(frames, scenery.box_of(masks[0])))
    assert len(found) == 24
    assert overlap(found[-8:], masks[-8:]) > 0.82  # no drift
    assert overlap(cleanup.clean(found), masks) > 0.85


def test_grabcut_goes_on_from_a_known_mask(filmed):
    frames, masks = filmed("still", "a")
    found = list(follow.track(frames[:12], mask=masks[0]))
    assert (found[0] == masks[0]).all()
    assert overlap(found, masks[:12]) > 0.75


def test_background_subtraction_while_the_camera_pans(filmed):
    frames, masks = (part[:17] for part in filmed("panning", "b"))
    assert overlap(cleanup.clean(background.subtract(frames)), masks) > 0.85


def test_an_object_that_hides_its_ground_most_of_the_time_is_no_backdrop(filmed):
    """Creature a of seed 3 is so plain that its flank seems to stand still while it passes."""
    frames, masks = filmed("still", "a", seed=3)
    assert overlap(background.subtract(frames), masks) > 0.9


@pytest.mark.parametrize(
    ("name", "size"), [("a", (240, 180)), ("b", (240, 180)), ("a", (480, 360))]
)
def test_chroma_key(filmed, name, size):
    frames, masks = filmed("green", name, size, frames=8, step=1)
    assert overlap(chroma.key(frames), masks) > 0.96


def test_chroma_key_of_a_given_colour():
    frame = np.full((60, 80, 3), (30, 60, 200), np.uint8)
    frame[20:40, 30:50] = (200, 160, 40)
    frame[:12] = (90, 90, 90)  # the studio above the screen; it is half of nothing
    (found,) = chroma.key([frame], colour=(30, 60, 200))
    assert found[22:38, 32:48].all()
    assert found[:12].all()
    assert not found[44:].any()
    (all_,) = chroma.key([frame], colour=(30, 60, 200), tolerance=500)
    assert not all_.any()


def test_chroma_refuses_a_border_without_a_main_colour():
    frame = np.full((60, 80, 3), 40, np.uint8)
    frame[:30, :40], frame[:30, 40:], frame[30:, :40] = (200, 40, 40), (40, 200, 40), (40, 40, 200)
    with pytest.raises(UserError, match="border has no single colour"):
        next(chroma.key([frame]))


def scene_without_object(moving):
    """Noise and boxes, under a camera that slides two pixels a frame."""
    rng = np.random.default_rng(0)
    world = cv2.resize(rng.integers(0, 255, (24, 48, 3), np.uint8), (320, 160))
    views = [world[:, 2 * n * moving :][:, :240] for n in range(12)]
    return [np.uint8((v + rng.normal(0, 2, v.shape)).clip(0, 255)) for v in views]


@pytest.mark.parametrize("moving", [False, True])
def test_background_refuses_a_scene_where_nothing_moves(moving):
    with pytest.raises(UserError, match="nothing moves"):
        next(background.subtract(scene_without_object(moving)))


def test_what_is_lost_stays_lost():
    frames, masks = walk()
    film = [*frames[:8], *[np.zeros_like(frames[0])] * 3, *frames[8:10]]
    found = list(follow.track(film, (128, 58, 64, 54)))
    assert overlap(found[:8], masks[:8]) > 0.7
    assert not np.any(found[9:])  # a mask may fade for one frame


def test_grabcut_refuses_a_box_beside_the_picture():
    frames, _ = walk(frames=3)
    with pytest.raises(ValueError, match="no pixel"):
        next(follow.track(frames, (400, 10, 30, 30)))
    with pytest.raises(ValueError, match="mask of"):
        next(follow.track(frames, mask=np.ones((5, 5), bool)))


def test_the_cameras_motion_is_found_although_something_moves(filmed):
    frames, masks = filmed("still", "a")
    turn = cv2.getRotationMatrix2D((120, 90), 1.5, 1.02)
    turn[:, 2] += (7, -4)
    turned = cv2.warpAffine(frames[3], turn, (240, 180), borderMode=cv2.BORDER_REFLECT)
    matrix, found = camera.between(frames[0], turned, ignored=masks[0])
    assert found
    corners = np.array([[20, 20, 1], [220, 20, 1], [20, 160, 1], [220, 160, 1]]).T
    assert matrix[:2] @ corners == pytest.approx(turn @ corners, abs=0.7)
    blank = np.zeros_like(turned)
    guess = np.eye(3)
    matrix, found = camera.between(blank, blank, guess)
    assert not found
    assert (matrix == guess).all()


def test_a_mask_is_propagated_to_what_it_shows():
    rng = np.random.default_rng(0)
    world = cv2.resize(rng.integers(0, 255, (30, 40, 3), np.uint8), (160, 120))
    former, frame = world[4:100, 6:140], world[2:98, 3:137]  # all moves by (3, 2)
    mask = np.zeros(former.shape[:2], bool)
    mask[30:60, 40:80] = True
    expected = np.roll(mask, (2, 3), (0, 1))
    found = flow.propagate_mask(mask, np.ascontiguousarray(former), np.ascontiguousarray(frame))
    assert (found & expected).sum() / (found | expected).sum() > 0.95


def test_grabcut_with_hardly_any_hints_is_the_hints():
    frame, hints = np.zeros((20, 20, 3), np.uint8), np.zeros((20, 20), np.uint8)
    assert not run_grabcut(frame, hints).any()
    hints[5, 5] = cv2.GC_FGD
    assert run_grabcut(frame, hints).sum() == 1


def test_a_backdrop_that_holds_a_part_of_the_object_is_not_trusted(filmed):
    """An object that stays where it is, is not taken for the scene behind it."""
    frames, masks = walk(frames=1)
    rng = np.random.default_rng(0)
    film = [np.uint8((frames[0] + rng.normal(0, 2, frames[0].shape)).clip(0, 255))] * 8
    found = list(follow.track(film, (128, 58, 64, 54)))
    assert overlap(found, np.repeat(masks, 8, 0)) > 0.9


def test_a_scribble_on_the_background_alone_marks_no_object():
    frames, _ = walk(frames=4)
    strokes = np.zeros(frames[0].shape[:2], np.int8)
    strokes[5:8, 10:60] = -1
    assert not follow.Follower(frames).first(0, strokes=strokes).any()
