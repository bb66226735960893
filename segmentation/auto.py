"""The method that fits a clip: chosen by what is there, and by what the frames show."""

from contextlib import suppress
from typing import NamedTuple

from segmentation import chroma, follow, judge, methods, motion
from segmentation import weights as weight_files
from utils.errors import UserError


class Choice(NamedTuple):
    """A method, its masks (iterable of (H, W) bool, one a frame), and in words why this one."""

    method: str
    masks: object
    why: str


def choose(frames, box=None, tolerance=chroma.TOLERANCE, weights="", device="cpu", progress=iter):
    """Choose a method and find masks by it.

    A trained network comes first, if its weights are there. A screen of one colour is keyed. The
    object in a box is followed, and without a box, what moves.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        box: (x, y, width, height) around the object in the first frame, pixels, or None.
        tolerance: of chroma.
        weights, device: of trained networks; "" to look where the libraries keep their own.
        progress: function of an iterable that shows how far it is.

    Returns:
        `Choice`.

    Raises:
        UserError: none fits; it says what was found and what to do.
    """
    if trained := _trained(frames, box, weights, device, progress):
        return trained
    if chroma.shows_screen(frames, tolerance):
        masks = chroma.key(frames, None, tolerance)
        return Choice("chroma", masks, "one strong colour lies all round the object")
    if box is not None:
        masks = follow.track(frames, box, progress=progress)
        return Choice("grabcut", masks, "the object is marked with a box")
    found = motion.find(frames, progress=progress)
    why = f"{found.camera} and the object moves (estimated IoU {found.quality:.2f})"
    return Choice(found.method, found.masks, why)


def _trained(frames, box, weights, device, progress):
    """The `Choice` of a network whose weights are given, or lie there and prove good; or None."""
    if weights:
        name = weight_files.method_of(weights)
        masks = methods.masks(name, frames, box, weights=weights, device=device)
        return Choice(name, masks, "its weights are given")
    for name in weight_files.installed(box):
        with suppress(UserError):  # of a file that nobody named, and that does not fit
            masks = motion.listed(methods.masks(name, frames, box, device=device), frames, progress)
            if judge.scores(frames, masks).quality >= motion.LEAST:
                return Choice(name, masks, "its weights are there")
    return None
