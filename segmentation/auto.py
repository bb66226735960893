"""The method that fits a clip: chosen by what is there, and by what the frames show."""

from contextlib import suppress
from typing import NamedTuple

from segmentation import chroma, follow, given, judge, methods, motion, weights
from utils.errors import UserError


class Choice(NamedTuple):
    """A method, its masks (iterable of (H, W) bool, one a frame), and in words why this one."""

    method: str
    masks: object
    why: str


def choose(
    frames, box=None, tolerance=chroma.TOLERANCE, source=None, pick_device=lambda: "cpu",
    progress=iter,
):  # fmt: skip
    """Choose a method and find masks by it.

    Transparency tells the object, and else a trained network, if its weights are there. A screen of
    one colour is keyed. The object in a box is followed, and without a box, what moves.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        box: (x, y, width, height) around the object in the first frame, pixels, or None.
        tolerance: of chroma.
        source: iterable of the frames as (H, W, 4) uint8 RGBA; None where nothing is transparent.
        pick_device: function without arguments that returns the device of trained networks; it may
            be slow, and is called where there are some.
        progress: function of an iterable that shows how far it is.

    Returns:
        `Choice`.

    Raises:
        UserError: none fits; it says what was found and what to do.
    """
    if source is not None and _transparent(source):
        masks = given.from_alpha(source, len(frames))
        return Choice("alpha", masks, "its surroundings are transparent")
    if trained := _trained(frames, box, pick_device, progress):
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


def _transparent(source):
    """Whether the first frame shows an object, and is transparent around it."""
    least, most = chroma.OBJECT
    return least < (next(iter(source))[..., 3] > 127).mean() < most


def _trained(frames, box, pick_device, progress):
    """The `Choice` of a network whose weights lie there and prove good; or None."""
    for name in weights.installed(box):
        with suppress(UserError):  # of a file that does not fit
            masks = methods.masks(name, frames, box, device=pick_device())
            masks = motion.listed(masks, frames, progress)
            if judge.scores(frames, masks).quality >= motion.LEAST:
                return Choice(name, masks, "its weights are there")
    return None
