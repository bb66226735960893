"""Masks of what moves, judged before they are handed out; or a word on what is missing."""

from typing import NamedTuple

import numpy as np

from segmentation import background, colours, follow, judge, likelihood
from utils.errors import UserError
from utils.numbering import spread

WAYS = {"grabcut": follow.track, "background": background.subtract}  # the better one first
LEAST = 0.75  # judged quality of masks that are worth having
MOST = 0.5  # share of the picture that may move
LOOKS = 10  # frames that are looked at for what does not move of the object
SMALL = 200  # longer side of those pictures, pixels
UNSURE, BESIDE, FAR = 3.0, 10.0, 30.0  # distances from a mask in them, pixels
REST = 0.1  # of the object's area: what may be beside it that is seen nowhere farther off
FITS = "mark the object with --box x,y,w,h in the first frame, or by hand with --interactive"


class Found(NamedTuple):
    """Masks and what they are worth.

    Attributes:
        method: which found them.
        masks: list of (H, W) bool, one a frame.
        quality: estimated mean IoU with the true masks, 0..1, of those that are not empty.
        camera: "the camera stands still" or "the camera moves".
    """

    method: str
    masks: list
    quality: float
    camera: str


def find(frames, ways=tuple(WAYS), progress=iter):
    """Masks of what moves against the scene.

    What follows the object knows it better, but only what compares with the scene finds it again.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB; each is read about ten times.
        ways: which of `WAYS` may be tried.
        progress: function of an iterable that shows how far it is.

    Returns:
        `Found`.

    Raises:
        UserError: nothing moves, or not so that masks of the whole object could be found.
    """
    watched = background.Watched(frames, progress)
    camera = "the camera stands still" if watched.still else "the camera moves"
    if reason := _missing(watched, ways):
        raise UserError(f"{camera}, and {reason}; {FITS}")
    tried = []
    for way in ways:
        if way == "grabcut" and not watched.masks[0].any():
            continue  # it begins in the first frame
        masks = listed(WAYS[way](frames, watched=watched, progress=progress), frames, progress)
        empty = [number for number, mask in enumerate(masks) if not mask.any()]
        tried.append(Found(way, masks, judge.scores(frames, masks, empty).quality, camera))
        if not empty:
            break  # the object was never lost
    found = max(tried, key=lambda one: one.quality * sum(mask.any() for mask in one.masks))
    if flaw := _flaw(frames, found):
        raise UserError(f"{camera}, and {flaw}; {FITS}")
    return found


def listed(masks, frames, progress):
    """All masks, of which there is one a frame, as a list."""
    masks = iter(masks)
    first = next(masks)  # what comes before it shows its own progress
    return [first, *(mask for _, mask in zip(progress(range(1, len(frames))), masks))]


def _missing(watched, ways):
    """What speaks against looking for the object by its motion; "" if nothing does."""
    if not watched.moves:
        return "nothing moves against the background"
    if np.mean([mask.mean() for mask in watched.masks]) > MOST:
        return "the background cannot be followed: most of the picture moves otherwise"
    if "background" not in ways and not watched.masks[0].any():
        return "nothing moves in the first frame, where grabcut begins"
    return ""


def _flaw(frames, found):
    """Why masks of what moves are not worth having; "" if they are."""
    if _rest(frames, found.masks) > REST:
        return "only parts of the object move, while the rest stays where it is"
    return "what moves has no clear outline" if found.quality < LEAST else ""


def _rest(frames, masks):
    """How much is beside the object that is seen nowhere farther off, share of the object's area.

    Hardly anything is beside a whole object, but beside a limb that moves the body rests.
    """
    seen = [n for n in spread(len(frames), LOOKS) if masks[n].any()]
    pictures = [judge.small(frames[n], SMALL) for n in seen]
    small = [judge.small(masks[n].astype(np.float32), SMALL) > 0.5 for n in seen]
    sizes = [max(1.0, np.sqrt(mask.sum())) for mask in small]
    away = [likelihood.distance(~mask) for mask in small]
    rare = colours.rare(pictures, [a > max(FAR, size) for a, size in zip(away, sizes)])
    shares = [
        (part & (a > UNSURE) & (a < max(BESIDE, size))).sum() / size**2
        for part, a, size in zip(rare, away, sizes)
    ]
    return np.median(shares or [0.0])
