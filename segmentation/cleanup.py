"""Masks without specks, holes and flicker; thin moving parts stay."""

import cv2
import numpy as np

NEAR = 0.025  # share of the picture's longer side: a part so near to the main one belongs to it
PART = 0.25  # of the main part's area: a part that large stays wherever it is
SPECK = 0.002  # of the main part's area: smaller parts go wherever they are
HOLE = 0.01  # of the mask's area: larger holes are what one sees between legs
THICK = 0.012  # share of the longer side: radius of what is filled in where one frame lacks it
STEP = 0.04  # share of the longer side: farther nothing gets from one frame to the next


def clean(masks):
    """Clean the masks of a clip; three of them are in memory.

    A pixel that both neighbouring frames' masks hold is filled in, and what neither has anything
    near to is dropped. Of each frame stay the largest component, those near to it, since thin legs
    may come apart from the body, and those nearly as large; small holes are filled.

    Args:
        masks: iterable of (H, W) bool, in order.

    Yields:
        (H, W) bool, one a mask; an empty one stays empty between empty ones.
    """
    former = mask = None
    for later in masks:
        if mask is not None:
            yield tidy(temporal_filter(former, mask, later))
        former, mask = mask, later
    if mask is not None:
        yield tidy(temporal_filter(former, mask, None))


def temporal_filter(former, mask, later):
    """A mask without what only one frame shows or lacks.

    Args:
        former, later: the neighbours' masks, (H, W) bool, or None at an end of the clip, where
            the mask stays as it is.
        mask: (H, W) bool.
    """
    if former is None or later is None:
        return mask
    reach = dilate(former | later, STEP)
    # Only what is thick: legs that pass each other fill what lies between for a moment.
    lost = cv2.morphologyEx(
        (former & later & ~mask).astype(np.uint8), cv2.MORPH_OPEN, _disc(mask, THICK)
    )
    return (mask & reach) | (lost > 0)


def tidy(mask):
    """A mask's main components, without small holes, (H, W) bool."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask.copy()
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    main = areas.argmax()
    stays = areas >= PART * areas[main]
    touched = np.bincount(labels[dilate(labels == main, NEAR)], minlength=count) > 0
    stays |= touched & (areas >= SPECK * areas[main])
    stays[0] = False
    return _without_holes(stays[labels])


def _without_holes(mask):
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), None, 4)
    height, width = mask.shape
    left, top, across, down, area = stats.T
    inner = (left > 0) & (top > 0) & (left + across < width) & (top + down < height)
    filled = inner & (area <= HOLE * mask.sum())
    filled[0] = False
    return mask | filled[labels]


def dilate(mask, share):
    """A mask (H, W) bool with all that is nearer to it than a share of the longer side."""
    return cv2.dilate(mask.astype(np.uint8), _disc(mask, share)) > 0


def _disc(mask, share):
    size = 2 * round(share * max(mask.shape)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def box(mask):
    """(x, y, width, height) of what a mask (H, W) bool holds, pixels; zeros if it is empty."""
    return cv2.boundingRect(mask.astype(np.uint8))


def window(mask, margin):
    """Slices of the part of the picture that holds a mask, and a margin of pixels around it."""
    x, y, width, height = box(mask)
    top, left = max(0, y - margin), max(0, x - margin)
    return np.s_[top : y + height + margin, left : x + width + margin]
