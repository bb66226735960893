"""Masks of one object in any frame, from the user's marks or from a neighbouring frame's mask."""

import cv2
import numpy as np

from segmentation import cleanup, motion
from segmentation.graph_cut import run_grabcut

REACH = 0.03  # how far beside the former mask's outline the new one may be, share of longer side
ITERATIONS = 3  # of GrabCut where the user marked something


class Follower:
    """Masks of one object, carried from frame to frame.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
    """

    def __init__(self, frames):
        self._frames = frames

    def first(self, number, box=None, strokes=None, mask=None):
        """The mask of a frame that the user marked, (H, W) bool.

        Args:
            number: of the frame.
            box: (x, y, width, height) around the object, pixels, or None.
            strokes: (H, W) int8, 1 on the object, -1 on the background, 0 elsewhere, or None.
            mask: (H, W) bool, a former mask, or None.
        """
        frame = self._frames[number]
        hints = np.full(frame.shape[:2], cv2.GC_PR_BGD, np.uint8)
        if mask is not None and mask.any():
            hints = _beside(mask)
        elif box is not None:
            x, y, width, height = box
            hints[:] = cv2.GC_BGD
            hints[y : y + height, x : x + width] = cv2.GC_PR_FGD
        elif strokes is not None:
            hints[cleanup.dilate(strokes > 0, REACH)] = cv2.GC_PR_FGD
        return _solve(frame, hints, strokes, ITERATIONS)

    def carry(self, number, other, mask, strokes=None):
        """The mask of a frame, (H, W) bool, from the mask of its neighbour `other`."""
        frame = self._frames[number]
        moved = motion.propagate_mask(mask, self._frames[other], frame)
        return _solve(frame, _beside(moved), strokes, 1) if moved.any() else moved


def _beside(mask):
    """Hints that leave open what is near the mask's outline."""
    near = cleanup.dilate(mask, REACH) & cleanup.dilate(~mask, REACH)
    sure = np.where(mask, cv2.GC_FGD, cv2.GC_BGD)
    return np.where(near, np.where(mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD), sure).astype(np.uint8)


def _solve(frame, hints, strokes, iterations):
    if strokes is not None:
        for sign, likely, sure in (
            (1, cv2.GC_PR_FGD, cv2.GC_FGD),
            (-1, cv2.GC_PR_BGD, cv2.GC_BGD),
        ):
            drawn = strokes == sign
            hints[cleanup.dilate(drawn, 3 * REACH) & ~drawn] = likely
            hints[drawn] = sure
    return run_grabcut(frame, hints, iterations)
