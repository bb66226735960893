"""Masks of what moves against the scene, with a camera that stands still or moves."""

import cv2
import numpy as np

from segmentation import camera, cleanup, decision, likelihood
from segmentation.scene import Canvas, Scene
from utils.errors import UserError

SMALL = 160  # longer side of the pictures in which motion is looked for, pixels
LEAST = 1e-3  # share of the picture that an object has at least
WHOLE, SAME = 0.65, 0.45  # what moves fills a box: share of its sides; log-ratio of later sizes
MAYBE = 0.004  # trust, 0..1, in a backdrop that may be the object
SURE = 10  # weight of what the user says: an object is in its box and nowhere else
GROWN = 0.02  # how much larger than a box its surroundings are, share of the longer side
STEP = 0.04  # how far what moves gets from a frame to the next, share of the longer side
HOLLOW = 0.35  # radius of what is closed in a mask at first, share of the object's size
TREMBLING = 0.01  # share of the longer side by which a still camera moves
NOTHING_MOVES = "nothing moves against the background in these frames; mark the object with a box"


class Watched:
    """A clip's scene, and roughly what moves in it.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        progress: function of an iterable that shows how far it is.

    Attributes:
        places: list of 3x3 matrices, from `camera.places`.
        scene: `scene.Scene` in the size of the frames, the object left out of its backdrop.
        masks: list of (h, w) bool, small masks of what moves, one a frame.
    """

    def __init__(self, frames, progress=iter):
        small = []
        self.places = camera.places(_noted(frames, small, progress))
        shrink = np.diag([small[0].shape[1] / frames[0].shape[1]] * 2 + [1.0])
        little = [shrink @ p @ np.linalg.inv(shrink) for p in self.places]
        little = Scene(small, Canvas(little, small[0].shape[1::-1]))
        self.masks = _moving(small, little)
        self.scene = Scene(frames, Canvas(self.places, frames[0].shape[1::-1]))
        if self.moves:
            self.scene.settle({n: ~decision.near(self.mask(n)) for n in self.scene.numbers})

    @property
    def moves(self):
        """Whether anything moves that is as large as an object."""
        return _enough(self.masks)

    @property
    def still(self):
        """Whether the camera stands still."""
        width, height = self.scene.canvas.size
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]).T
        moved = np.abs((np.array(self.places) @ corners - corners)[:, :2]).max((1, 2))
        return np.quantile(moved, 0.9) < TREMBLING * max(width, height)

    def mask(self, number):
        """What moves in a frame, roughly, (H, W) bool."""
        large = cv2.resize(self.masks[number].astype(np.float32), self.scene.canvas.size)
        return large > 0.5

    def free(self, inside, number):
        """Where the scene is surely seen, as the object's surroundings move along with it.

        Args:
            inside: (H, W) bool, all of the object in the frame of this number, and around it.

        Returns:
            dict of number -> (H, W) weights, 0..`SURE`, for each sample and for that frame.
        """
        size, small = inside.shape[::-1], self.masks[number].shape
        start = cv2.resize(inside.astype(np.uint8), small[::-1]) > 0
        ways = self._ways(start, number, size[0] / small[1])
        grown = cleanup.dilate(inside, GROWN).astype(np.uint8)
        found = {}
        for other in self.scene.numbers:
            around = cv2.warpAffine(grown, ways[other][:2], size, flags=cv2.INTER_NEAREST) > 0
            found[other] = np.where(around, MAYBE * ~decision.near(self.mask(other)), 1)
        found[number] = np.where(grown, 0, SURE)
        return found

    def _ways(self, inside, number, scale):
        """3x3 matrix for each frame by which a box goes there from the frame of this number.

        It goes along with what moves in it, if that fills the box and keeps its size; else it
        stays where it is in the scene.
        """
        moving = _connected(self.masks, inside, number)
        start, ways = _box(moving[number]), {}
        whole = start is not None and np.all(start[2:] > WHOLE * _box(inside)[2:])
        for other, mask in enumerate(moving):
            ways[other] = np.linalg.inv(self.places[other]) @ self.places[number]
            there, grows = _box(mask), np.sqrt(np.linalg.det(ways[other][:2, :2]))
            if not (whole and there is not None):
                continue
            if np.all(np.abs(np.log(there[2:] / start[2:] / grows)) < SAME):
                middle = scale * (there[:2] + 0.5) - 0.5, scale * (start[:2] + 0.5) - 0.5
                ways[other] = np.diag([grows, grows, 1])
                ways[other][:2, 2] = middle[0] - grows * middle[1]
        return ways


def _connected(masks, inside, number):
    """Of masks that follow each other, the parts that hang on those in (h, w) bool of one of them.

    Args:
        masks: list of (h, w) bool.
        number: of the mask to begin with, in both directions.
    """
    found = {number: masks[number] & inside}
    for step in (1, -1):
        for other in range(number + step, len(masks) if step > 0 else -1, step):
            _, labels = cv2.connectedComponents(masks[other].astype(np.uint8))
            before = cleanup.dilate(found[other - step], STEP)
            touched = np.unique(labels[before])
            found[other] = np.isin(labels, touched[touched > 0])
            if not found[other].any():
                found[other] = found[other - step]
    return [found[other] for other in range(len(masks))]


def _enough(masks):
    return np.mean([mask.mean() for mask in masks]) > LEAST


def _box(mask):
    """Middle and size (x, y, w, h) of a mask."""
    if not mask.any():
        return None
    x, y, w, h = cleanup.box(mask)
    return np.array([x + w / 2, y + h / 2, w, h])


def _noted(frames, small, progress):
    """Hand on the frames and note them in a small size."""
    scale = min(1, SMALL / max(frames[0].shape))
    for frame in progress(frames):
        small.append(cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        yield frame


def _moving(frames, scene):
    """Masks of what moves: first by the backdrop alone, then by colours too."""
    appearance = likelihood.Appearance()
    for hides in (_closed, decision.near):
        masks = {n: _mask(appearance, frames[n], scene.view(n)) for n in scene.numbers}
        if not _enough(masks.values()):
            return [np.zeros(frame.shape[:2], bool) for frame in frames]
        appearance = decision.learned(frames, scene, masks, hides)
    return [_mask(appearance, frame, scene.view(n)) for n, frame in enumerate(frames)]


def _mask(appearance, frame, view):
    unsure, everywhere = (np.full(frame.shape[:2], value) for value in (0.5, True))
    return cleanup.tidy(decision.decide(appearance, frame, view, unsure, everywhere))


def _closed(mask):
    """A plain object seems still where it covers itself: what a mask encloses is doubtful."""
    radius = max(2, round(HOLLOW * np.sqrt(mask.sum())))
    padded = np.pad(mask, radius)
    grown = likelihood.distance(~padded) <= radius
    return decision.near(
        (likelihood.distance(grown) > radius)[radius:-radius, radius:-radius] | mask
    )


def subtract(frames, watched=None, progress=iter):
    """Masks of what moves against the scene.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB; each is read about three times.
        watched: `Watched` of the frames, if it is there already.
        progress: function of an iterable that shows how far it is.

    Yields:
        (H, W) bool, one a frame.

    Raises:
        UserError: nothing moves; before the first mask.
    """
    watched = watched or Watched(frames, progress)
    if not watched.moves:
        raise UserError(NOTHING_MOVES)
    masks = [watched.mask(number) for number in range(len(frames))]
    yield from decision.decide_again(frames, watched.scene, masks)
