"""How the camera moves from picture to picture, and what else moves.

Matrices are 3x3 on pixels (x, y, 1); frames are (H, W, 3) uint8 RGB.
"""

from typing import NamedTuple

import cv2
import numpy as np

FEATURES = 400
ENOUGH = 12  # features that must agree on a camera's motion
AGREE = 0.35  # share of the features that must
OVERLAP = 0.6  # of the key frame that a picture must still show


def camera(former, frame, guess=None, ignored=None):
    """The camera's motion between two pictures, from features that most of the picture agrees on.

    Args:
        former: (H, W, 3) uint8.
        frame: same size.
        guess: 3x3 matrix to start from, for pictures that are far apart.
        ignored: (H, W) bool, pixels of `former` that may move on their own.

    Returns:
        3x3 affine matrix that leads from pixels of `former` to pixels of `frame`, and whether it
        was found; the guess where too few features agree.
    """
    guess = np.eye(3) if guess is None else guess
    usable = None if ignored is None else np.where(ignored, 0, 255).astype(np.uint8)
    spacing = max(former.shape) / 50
    start = cv2.goodFeaturesToTrack(_grey(former), FEATURES, 0.01, spacing, mask=usable)
    if start is None or len(start) < ENOUGH:
        return guess, False
    expected = cv2.transform(start, guess[:2]).astype(np.float32)
    end, found, _ = cv2.calcOpticalFlowPyrLK(
        _grey(former), _grey(frame), start, expected,
        winSize=(15, 15), flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    found = found.ravel() == 1
    if found.sum() < ENOUGH:
        return guess, False
    matrix, agreeing = cv2.estimateAffine2D(start[found], end[found], ransacReprojThreshold=1.5)
    if matrix is None or agreeing.sum() < max(ENOUGH, AGREE * len(agreeing)):
        return guess, False
    return np.vstack([matrix, [0, 0, 1]]), True


class Step(NamedTuple):
    """How a frame lies to its key frame.

    Attributes:
        place: 3x3 matrix from the frame's pixels to those of its key frame.
        turned: 3x3 matrix from the former key frame's pixels to the key frame's, where this frame
            is the first of a new one; else None.
    """

    place: np.ndarray
    turned: np.ndarray | None


class CameraTracker:
    """Compares each frame with a key frame: errors add up only where the key frame changes.

    A key frame serves until the camera shows less than `OVERLAP` of it.
    """

    def __init__(self, frame):
        self._key = self._former = frame
        self._key_ignored = None
        self._from_key = np.eye(3)

    def step(self, frame, ignored=None):
        """`Step` to the next frame.

        Args:
            frame: (H, W, 3) uint8.
            ignored: (H, W) bool, pixels of the former frame that may move on their own.
        """
        between, _ = camera(self._former, frame, None, ignored)
        guess = between @ self._from_key
        moved, found = camera(self._key, frame, guess, self._key_ignored)
        turned = None
        if not found or shown(moved, frame.shape[1::-1]) < OVERLAP:
            turned = moved if found else guess
            self._key, self._key_ignored, moved = frame, None, np.eye(3)
        self._former, self._from_key = frame, moved
        return Step(np.linalg.inv(moved), turned)


def shown(matrix, size):
    """Share of a picture that is still seen after the camera moved by `matrix`."""
    grid = np.diag([32 / size[0], 32 / size[1], 1])
    seen = warp(np.ones((32, 32), np.float32), grid @ matrix @ np.linalg.inv(grid), (32, 32))
    return float((seen > 0.5).mean())


def warp(picture, matrix, size):
    """A picture (uint8 or float32) moved by a 3x3 matrix, on a canvas of `size` (width, height).

    What the picture does not cover is 0.
    """
    return cv2.warpAffine(picture, matrix[:2], size, flags=cv2.INTER_LINEAR)


def warp_mask(mask, matrix, size):
    """A mask (bool) moved by a 3x3 matrix, as `warp` does; True where it covers the whole pixel."""
    return warp(mask.astype(np.float32), matrix, size) > 0.99


def flow(former, frame):
    """Dense optical flow from `former` to `frame`, (H, W, 2) float32, xy in pixels."""
    engine = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return engine.calc(_grey(former), _grey(frame), None)


def propagate_mask(mask, former, frame):
    """The mask (H, W) bool of frame `former`, moved by optical flow to what it shows in `frame`."""
    height, width = mask.shape
    back = flow(frame, former) + np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
    moved = cv2.remap(mask.astype(np.float32), back.astype(np.float32), None, cv2.INTER_LINEAR)
    return moved > 0.5


def residual(frame, other, matrix):
    """How far each pixel moves from `frame` to `other` beyond the camera's motion `matrix`.

    Returns:
        (H, W) float32, pixels; 0 where the camera shows the place in only one of the two.
    """
    back, size = np.linalg.inv(matrix), frame.shape[1::-1]
    seen = warp_mask(np.ones(frame.shape[:2]), back, size)
    steady = np.where(seen[..., None], warp(other, back, size), frame)
    return np.hypot(*np.moveaxis(flow(frame, steady), -1, 0)) * seen


def _grey(frame):
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
