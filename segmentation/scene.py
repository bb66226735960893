"""The backdrop of a clip: its scene without the object, put together from aligned frames."""

from itertools import combinations
from typing import NamedTuple

import cv2
import numpy as np

from utils.numbering import spread

SAMPLES, EVERY = 16, 24  # frames that make a backdrop; frames of the clip for each one more
ALIKE = 12.0  # distance of RGB colours up to which two samples show the same thing, grey levels
LARGEST = 9  # area of the canvas at most, pictures


class View(NamedTuple):
    """The backdrop as a frame would show it.

    Attributes:
        colours: (H, W, 3) uint8 RGB, lit as the frames are on average.
        trust: (H, W) float32, 0..1, in that being the scene: 0 where nothing is known.
        spread: (H, W) float32, how much its colour varies over time, grey levels.
    """

    colours: np.ndarray
    trust: np.ndarray
    spread: np.ndarray

    def part(self, window):
        """The view in a window, two slices."""
        return View(*(part[window] for part in self))


class Canvas:
    """A place for all frames of a clip, as the camera's motion lays them over each other.

    Args:
        places: 3x3 matrix of each frame, from `camera.places`.
        size: (width, height) of the frames, pixels.
    """

    def __init__(self, places, size):
        shift, self._extent = _extent(places, size)
        self._laid, self.size = [shift @ place for place in places], size

    def lay(self, picture, number):
        """The picture (H, W[, 3]) of the frame of this number on the canvas, (h, w[, 3])."""
        return cv2.warpAffine(picture, self._laid[number][:2], self._extent)

    def lay_mask(self, mask, number):
        """The same of a mask (H, W) bool; True where a pixel is covered wholly, (h, w) bool."""
        return self.lay(np.uint8(255 * mask), number) > 254

    def seen(self, part, number):
        """A part (h, w[, 3]) of the canvas as the frame of this number shows it, (H, W[, 3])."""
        back = np.linalg.inv(self._laid[number])[:2]
        return cv2.warpAffine(part, back, self.size)


class Scene:
    """Samples of a clip on one canvas, and the backdrop that they agree on.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB; some of them are read.
        canvas: `Canvas` with a place for each of them.

    Attributes:
        canvas: the same.
        numbers: of the frames that are samples, in order.
    """

    def __init__(self, frames, canvas):
        self.canvas = canvas
        count = min(len(frames), SAMPLES + len(frames) // EVERY)
        self.numbers = spread(len(frames), count)
        whole = np.ones(frames[0].shape[:2], bool)
        self._seen = np.stack([canvas.lay_mask(whole, n) for n in self.numbers])
        self._pictures = np.stack([canvas.lay(frames[n], n) for n in self.numbers])
        for n in range(1, count):  # one after the other: the last may show nothing of the first
            both = self._seen[n - 1] & self._seen[n]
            self._pictures[n] = lit_alike(self._pictures[n], self._pictures[n - 1], both)
        self._alike = {(a, b): self._likeness(a, b) for a, b in combinations(range(count), 2)}
        self.settle({})

    def _likeness(self, first, second):
        away = cv2.absdiff(self._pictures[first], self._pictures[second]).astype(np.float32)
        away = np.einsum("hwc,hwc->hw", away, away)
        return (255 * np.exp(away / (-2 * ALIKE**2))).astype(np.uint8)

    def settle(self, shows):
        """Find the backdrop anew, as soon as it is looked at.

        Of each pixel's samples the one counts that most others are like: unlike the median this is
        right even where an object that changes is in the way most of the time.

        Args:
            shows: number of a frame -> (H, W), 0..1, how likely a pixel shows the scene in it.
        """
        self._shows, self._backdrop = shows, None

    def _agreed(self):
        """The backdrop on the canvas, `View`."""
        votes = 255.0 * self._seen.astype(np.float32)
        for index, number in enumerate(self.numbers):
            if number in self._shows:
                votes[index] *= self.canvas.lay(self._shows[number].astype(np.float32), number)
        weights = votes / 255
        for (first, second), alike in self._alike.items():
            votes[first] += weights[second] * alike
            votes[second] += weights[first] * alike
        best = (weights * votes).argmax(0)[None]
        colours = np.take_along_axis(self._pictures, best[..., None], 0)[0]
        away = np.stack([cv2.absdiff(p, colours).max(-1) for p in self._pictures])
        near = weights * (away < 2.5 * ALIKE)
        square = np.einsum("shw,shw->hw", near, away.astype(np.float32) ** 2)
        return View(colours, near.max(0).clip(0, 1), np.sqrt(square / near.sum(0).clip(1e-6)))

    def view(self, number):
        """The backdrop as the frame of this number would show it, `View`."""
        if self._backdrop is None:
            self._backdrop, self._shows = self._agreed(), None
        return View(*(self.canvas.seen(part, number) for part in self._backdrop))

    def differs(self, frame, number):
        """How far a frame's colours usually are from what other samples show at the same place.

        Args:
            frame: (H, W, 3) uint8 RGB.
            number: of it.

        Returns:
            (H, W) float32, grey levels beyond those of neighbouring pixels; 0 where nothing else
            is known.
        """
        kernel, away = np.ones((3, 3), np.uint8), []
        high, low = (edge(frame, kernel).astype(np.float32) for edge in (cv2.dilate, cv2.erode))
        for picture, seen, other in zip(self._pictures, self._seen, self.numbers):
            if other == number:
                continue
            shown = self.canvas.seen(np.uint8(255 * seen), number) > 250
            there = lit_alike(self.canvas.seen(picture, number), frame, shown)
            away.append(np.where(shown, cv2.blur(shown * beyond(there, low, high), (3, 3)), np.inf))
        away = np.sort([*away, np.full(frame.shape[:2], np.inf)], 0)
        usual = (np.isfinite(away).sum(0) - 1).clip(0) // 2
        found = np.take_along_axis(away, usual[None], 0)[0]
        return np.where(np.isfinite(found), found, 0)


def beyond(colours, low, high):
    """How far colours lie outside a range of each channel, (H, W) float32.

    Args:
        colours: (H, W, 3), of any type.
        low, high: (H, W, 3) float32, the range's ends.
    """
    away = np.maximum(colours - high, 0) + np.maximum(low - colours, 0)
    return np.sqrt(np.einsum("hwc,hwc->hw", away, away))


def lit_alike(picture, other, both):
    """A picture, brightened or darkened to the exposure of another one.

    Args:
        picture, other: (H, W, 3) uint8 RGB.
        both: (H, W) bool, the pixels whose brightness is compared.

    Returns:
        (H, W, 3) uint8; the picture as it is where `both` holds too few pixels.
    """
    rows, columns = np.nonzero(both[::2, ::2])
    if len(rows) < 50:
        return picture
    some = 2 * rows[::5], 2 * columns[::5]
    ratio = np.median((other[some] + 4.0) / (picture[some] + 4.0), 0)
    return np.rint(picture * ratio).clip(0, 255).astype(np.uint8)


def _extent(places, size):
    """3x3 shift to a canvas that holds all frames, and its (width, height).

    What lies beyond `LARGEST` pictures around the middle is left out.
    """
    corners = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [*size, 1]]).T
    seen = np.concatenate([(place @ corners)[:2] for place in places], 1)
    low, high = np.floor(seen.min(1)), np.ceil(seen.max(1))
    most = np.sqrt(LARGEST) * np.asarray(size)
    middle, extent = (low + high) / 2, np.minimum(high - low, most).astype(int)
    shift = np.eye(3)
    shift[:2, 2] = np.rint(extent / 2 - middle)
    return shift, tuple(extent.tolist())
