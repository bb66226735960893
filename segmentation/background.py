"""Masks of what moves, found by comparison with a backdrop of the scene.

The backdrop is put together from what all frames show where nothing moves. The camera may move: its
motion is taken out first, so that frames lie over each other. What is behind an object that hardly
leaves its place is never seen; `segmentation.grabcut` suits such an object better.
"""

from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

import cv2
import numpy as np

from segmentation import compare, motion
from segmentation.graph_cut import run_grabcut
from utils.errors import UserError

SAMPLES = 24  # frames that make a backdrop
STRIDE, MOVES = 4, 1.5  # what shifts by more than 1.5 pixels in 4 frames moves
SPREAD = 14.0  # how much a backdrop's colour varies over time, RGB distance
AGAIN = 2  # samples that must show a place without the object
AHEAD = 96  # frames that `beginning` looks at
HOLLOW = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (41, 41))  # closes gaps in an object
SMALL = 1e-3  # share of the picture that an object has at least


class _Place(NamedTuple):
    key: int  # number of the key frame
    matrix: np.ndarray  # 3x3, from the frame to frame 0


def subtract(frames):
    """Masks of what moves against the scene.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB; each is read about three times.

    Yields:
        (H, W) bool, one a frame.

    Raises:
        UserError: nothing moves; before the first mask.
    """
    places = _places(frames, len(frames))
    runs = _runs(places)
    backdrop_of = lru_cache(1)(lambda run: Backdrop(frames, places, run))
    if not any(_moves(backdrop_of(run), frames, places, run) for run in runs):
        raise UserError(
            "nothing moves against the background in these frames; mark the object with a box and "
            "use the grabcut method"
        )
    for run in runs:
        backdrop = backdrop_of(run)
        for number in range(*run):
            yield backdrop.mask(frames[number], places[number].matrix)


def beginning(frames):
    """`Backdrop` for the first frame, from what is seen in the `AHEAD` frames that follow."""
    places = _places(frames, min(len(frames), AHEAD))
    return Backdrop(frames, places, _runs(places)[0])


def _moves(backdrop, frames, places, run):
    """Whether the backdrop sees an object in some of five frames."""
    return any(
        backdrop.mask(frames[number], places[number].matrix).mean() > SMALL
        for number in np.linspace(run[0], run[1] - 1, 5).astype(int)
    )


def _places(frames, count):
    """`_Place` of the first `count` frames."""
    tracker, key, anchor = motion.CameraTracker(frames[0]), 0, np.eye(3)
    places = [_Place(0, np.eye(3))]
    for number in range(1, count):
        step = tracker.step(frames[number])
        if step.turned is not None:
            key, anchor = number, anchor @ np.linalg.inv(step.turned)
        places.append(_Place(key, anchor @ step.place))
    return places


def _runs(places):
    """(first, behind the last) of the frames with one key frame each."""
    starts = [number for number, place in enumerate(places) if place.key == number]
    return list(zip(starts, [*starts[1:], len(places)]))


class Backdrop:
    """The scene without the object, as far as the camera sees it in the frames of a run."""

    def __init__(self, frames, places, run):
        first, last = run
        self.size = frames[first].shape[1::-1]
        self.corner, self.extent = _extent([p.matrix for p in places[first:last]], self.size)
        middle = np.linalg.inv(places[(first + last) // 2].matrix)
        near = [n for n, p in enumerate(places) if motion.shown(middle @ p.matrix, self.size) > 0.3]
        chosen = [
            near[i] for i in np.linspace(0, len(near) - 1, min(SAMPLES, len(near))).astype(int)
        ]
        samples = [self._sample(frames, places, number) for number in chosen]
        pictures, still, seen = (np.stack(parts) for parts in zip(*samples))
        for picture, own in zip(pictures[1:], still[1:]):
            picture[:] = compare.lit_alike(picture, pictures[0], own & still[0])
        self._settle(pictures, still, seen)
        # A plain object seems still where it covers itself: leave out what stands out from the
        # first backdrop, which is sharper than motion is, then all that belongs to it by colour.
        for stands_out in (self._differs, self._object, self._object):
            clear = np.stack([s & ~stands_out(p, s) for p, s in zip(pictures, seen)])
            self._settle(pictures, np.where(clear.sum(0) < AGAIN, still, clear), seen)

    def _sample(self, frames, places, number):
        """A frame on the backdrop's canvas, where nothing moves in it, where it is seen."""
        frame = frames[number]
        moving = np.zeros(frame.shape[:2], np.uint8)
        for other in (number - STRIDE, number + STRIDE):
            if 0 <= other < len(places):
                between = np.linalg.inv(places[other].matrix) @ places[number].matrix
                moving |= motion.residual(frame, frames[other], between) > MOVES
        moving = cv2.dilate(moving, np.ones((5, 5)))
        laid = self.corner @ places[number].matrix
        still, seen = (motion.warp_mask(m, laid, self.extent) for m in (moving == 0, moving < 2))
        return motion.warp(frame, laid, self.extent), still, seen

    def _settle(self, pictures, still, seen):
        self.colours = _most_frequent(pictures, still)
        self.known = still.sum(0) >= AGAIN
        self.seen = seen.sum(0) >= AGAIN + 1

    def _differs(self, picture, seen):
        differs = compare.evidence(picture, self.colours, self.known & seen).other
        return _dilate(differs, 7)

    def _object(self, picture, seen):
        """The object in a sample, where the backdrop may still hold parts of it, (H, W) bool."""
        found = compare.evidence(picture, self.colours, self.known & seen)
        hints = _hints(found, self.seen & seen & ~self.known)
        likely = (hints == cv2.GC_FGD) | (hints == cv2.GC_PR_FGD)
        doubtful = cv2.morphologyEx(likely.astype(np.uint8), cv2.MORPH_CLOSE, HOLLOW) > 0
        hints[doubtful & ~likely] = cv2.GC_PR_BGD
        return _dilate(run_grabcut(picture, hints), 5)

    def mask(self, frame, matrix):
        """The object in a frame that `matrix` (3x3) lays over frame 0, (H, W) bool."""
        return run_grabcut(frame, self.hints(frame, matrix))

    def hints(self, frame, matrix):
        """Hints for `run_grabcut`, (H, W) uint8; arguments as for `mask`."""
        back = np.linalg.inv(self.corner @ matrix)
        view = motion.warp(self.colours, back, self.size)
        known, seen = (motion.warp_mask(m, back, self.size) for m in (self.known, self.seen))
        return _hints(compare.evidence(frame, view, known), seen & ~known)


def _hints(found, moving):
    """Hints for `run_grabcut`, (H, W) uint8.

    Args:
        found: `compare.Evidence`.
        moving: (H, W) bool, where something moved in all samples, so that the scene was never seen.
    """
    likely = found.other | moving
    hints = np.where(_dilate(likely, 9), cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
    hints[likely] = cv2.GC_PR_FGD
    hints[found.same] = cv2.GC_BGD
    hints[found.surely] = cv2.GC_FGD
    return hints


def _dilate(mask, size):
    """The mask with what is near to it: a square of `size` pixels around each of its pixels."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((size, size))) > 0


def _extent(matrices, size):
    """3x3 shift to a canvas that holds all pictures, and its (width, height)."""
    corners = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [*size, 1]]).T
    seen = np.concatenate([(matrix @ corners)[:2] for matrix in matrices], 1)
    low, high = np.floor(seen.min(1)), np.ceil(seen.max(1))
    shift = np.eye(3)
    shift[:2, 2] = -low
    return shift, tuple((high - low).astype(int).tolist())


def _most_frequent(pictures, usable):
    """Of each pixel's usable samples the one that most others are like, (H, W, 3) uint8.

    A backdrop keeps its colour and an object's changes as it passes: unlike the median this is
    right even where the object is in the way most of the time.
    """
    shades, usable = pictures.astype(np.float32), usable.astype(np.float32)
    density = usable.copy()  # each is like itself
    for first, second in combinations(range(len(shades)), 2):
        away = shades[second] - shades[first]
        away = np.einsum("hwc,hwc->hw", away, away)
        alike = np.exp(-away / (2 * SPREAD**2))
        density[first] += usable[second] * alike
        density[second] += usable[first] * alike
    best = np.where(usable > 0, density, -1).argmax(0)
    result = np.take_along_axis(pictures, best[None, ..., None], 0)[0]
    return np.where(usable.any(0)[..., None], result, 0)
