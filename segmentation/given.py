"""Masks that the user brings: a video or folder of them, or the video's own transparency."""

from itertools import islice

import cv2
import numpy as np

from utils.errors import UserError

SAMPLE = 16  # frames that tell the polarity
ASPECT = 0.02  # share by which proportions may differ


def from_pictures(source, count, size, more=False):
    """Masks from black and white pictures; which of both is the object is found out.

    Args:
        source: iterable of (H, W, 3) uint8 pictures, as often as asked; its `path` names it.
        count: number of frames that need one.
        size: (width, height) of those frames.
        more: whether there may be more masks than frames.

    Yields:
        (height, width) bool.

    Raises:
        UserError: another number of masks, or other proportions.
    """
    inverted = _inverted(islice(source, SAMPLE))
    found = 0
    for found, picture in enumerate(source, 1):
        if found > count:
            break
        yield _resized(picture.mean(2) > 127.5, size, source.path) ^ inverted
    if found < count or (found > count and not more):
        number = "more" if found > count else found
        raise UserError(
            f"{source.path} holds {number} masks for {count} frames; give masks of the same "
            "excerpt (--start, --end and --fps count for both)"
        )


def from_alpha(source, count):
    """Masks from the alpha of (H, W, 4) uint8 pictures; see `from_pictures`."""
    transparent = False
    for picture in islice(source, count):
        mask = picture[..., 3] > 127
        transparent = transparent or not mask.all()
        yield mask
    if not transparent:
        raise UserError(
            f"{source.path} has no transparency; use another --mask, as grabcut or background"
        )


def _inverted(pictures):
    """Whether the object is the black one: then the border is mostly white."""
    borders = []
    for picture in pictures:
        grey = picture.mean(2)
        borders.append(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]]).mean())
    return bool(np.median(borders) > 127.5)


def _resized(mask, size, path):
    """The mask in the frames' size (width, height); UserError for other proportions."""
    height, width = mask.shape
    if (width, height) == size:
        return mask
    if abs(width * size[1] / (height * size[0]) - 1) > ASPECT:
        raise UserError(
            f"{path} holds masks of {width}x{height} for frames of {size[0]}x{size[1]}; give masks "
            "of the same proportions"
        )
    return cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
