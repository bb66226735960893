"""The evidence of first masks, and colours that differ from place to place, on small pictures."""

import cv2
import numpy as np
import pytest

from segmentation import cleanup, colours, follow, starts
from segmentation.likelihood import Appearance
from segmentation.scene import Canvas, Scene, View

SIDE = 96


def unknown_backdrop(shape):
    return View(np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.float32), np.ones(shape))


def test_a_colour_that_both_have_is_told_by_its_place():
    """A red head and a blue body before a scene that is blue above and red below."""
    frame = np.zeros((SIDE, SIDE, 3), np.uint8)
    frame[:48], frame[48:] = (40, 60, 200), (200, 60, 40)
    mask = np.zeros((SIDE, SIDE), bool)
    mask[24:72, 36:60] = True
    frame[24:48, 36:60], frame[48:72, 36:60] = frame[90, 0], frame[0, 0]
    appearance, view = Appearance(), unknown_backdrop(mask.shape)
    appearance.learn(frame, mask)
    anywhere = appearance.log_odds(frame, view)
    placed = appearance.log_odds(frame, view, cleanup.box(mask))
    near = cleanup.dilate(mask, 0.2)
    assert np.mean((anywhere > 0)[near] == mask[near]) < 0.8
    assert np.mean((placed > 0)[near] == mask[near]) > 0.95


def test_densities_of_placed_colours_sum_to_one_and_fall_back_where_nothing_was_seen():
    placed, box = colours.PlacedColours(), (8, 8, 40, 40)
    frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    numbers = colours.placed_bins(frame, box)
    assert np.all(placed(numbers, np.float32(0.25)) == 0.25)
    placed.learn(numbers.ravel(), 0.0)
    count = colours.COARSE**3
    for cell in (0, colours.CELLS**2 - 1):
        every = placed(cell * count + np.arange(count), np.float32(colours.UNIFORM))
        assert np.isclose(every.sum() * (256 / colours.COARSE) ** 3, 1, atol=1e-3)


def test_what_changes_more_than_the_scene_beside_it_is_likely_the_object():
    rng, inside = np.random.default_rng(0), np.zeros((SIDE, SIDE), bool)
    inside[30:60, 30:60] = True
    differs = np.float32(rng.uniform(0, 3, (SIDE, SIDE)))
    differs[40:50, 40:50] = 60
    odds = starts.changes(differs, inside)
    assert np.allclose(odds[40:50, 40:50], starts.MOST)
    assert np.all(odds >= np.log(starts.STILL) - 1e-6)
    assert odds[30:38, 30:38].mean() < 0
    assert not starts.changes(differs, np.ones_like(inside)).any()


def test_a_frame_differs_where_other_frames_show_something_else():
    """A block that moves on, over a scene that brightens and a camera that slides."""
    rng = np.random.default_rng(0)
    world = cv2.GaussianBlur(rng.integers(0, 200, (SIDE, 2 * SIDE, 3), np.uint8), (0, 0), 2)
    frames, places = [], []
    for n in range(8):
        frame = (world[:, 4 * n : 4 * n + SIDE] * (1 + 0.03 * n)).astype(np.uint8)
        frame[40:56, 4 + 6 * n : 20 + 6 * n] = 255, 0, 255
        frames.append(frame)
        places.append(np.array([[1, 0, 4 * n], [0, 1, 0], [0, 0, 1]], float))
    scene = Scene(frames, Canvas(places, (SIDE, SIDE)))
    differs = scene.differs(frames[0], 0)
    assert differs.shape == (SIDE, SIDE) and differs[44:52, 6:14].min() > 50
    differs[36:60, 0:44] = 0
    assert np.median(differs) < 2 and differs[:, :60].max() < 20


def disc():
    """A red disc before a grey scene, and its mask."""
    frame = np.random.default_rng(0).integers(90, 110, (120, 160, 3), np.uint8)
    mask = cv2.circle(np.zeros((120, 160), np.uint8), (80, 60), 20, 1, -1) > 0
    frame[mask] = frame[mask] * [2, 0.5, 0.5]
    return frame, mask


def overlap(found, mask):
    return (found & mask).sum() / (found | mask).sum()


def test_a_clip_of_one_frame_has_a_mask():
    frame, mask = disc()
    (found,) = follow.track([frame], box=(55, 35, 50, 50))
    assert overlap(found, mask) > 0.9


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_dot_on_the_object_marks_it():
    """Around a dot the object may lie in a disc, which leaves no corners free."""
    frame, mask = disc()
    strokes = np.zeros(mask.shape, np.int8)
    strokes[58:62, 78:82] = 1
    found = follow.Follower([frame] * 3).first(1, strokes=strokes)
    assert overlap(found, mask) > 0.9


def test_a_box_left_of_the_picture_is_refused():
    frame, _ = disc()
    with pytest.raises(ValueError, match="no pixel"):
        list(follow.track([frame], box=(-30, 10, 20, 20)))
