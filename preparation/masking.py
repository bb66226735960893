"""Masks of all frames of a clip or of a range of them: found, cleaned and written."""

from itertools import islice

from preparation import clip_folder, review
from segmentation import cleanup
from utils.errors import UserError

FOLLOWING = ("grabcut", "sam2")  # they follow the object from the first of the frames they get


def of_range(find, method, frames, numbers, before=None):
    """Masks of the frames of some numbers, as (H, W) bool.

    Args:
        find: function of a sequence of frames, and optionally of the first one's mask, that yields
            a mask for each.
        method: name of the method that it stands for, as in `segmentation.methods`.
        frames: all frames of the clip.
        numbers: a range.
        before: (H, W) bool, mask of the frame before the range, from which grabcut goes on; None
            to let it begin anew, as for a box in the first frame of the range.

    Raises:
        UserError: grabcut is to go on from an empty mask; or what `find` says.
    """
    first, behind = numbers[0], numbers[-1] + 1
    if method == "grabcut" and before is not None:
        if not before.any():
            raise UserError(
                f"mask {first - 1} is empty, so that nothing can be followed from there; begin in "
                "an earlier frame, or give --box x,y,w,h around the object in the first one"
            )
        return islice(find(frames[first - 1 : behind], before), 1, None)
    if method in FOLLOWING:
        return find(frames[first:behind])
    return islice(find(frames), first, behind)


def before(folder, numbers):
    """Mask (H, W) bool of the frame before a range, from a folder; None if there is none before."""
    return clip_folder.read_mask(folder / f"{numbers[0] - 1}.png") if numbers[0] else None


def write(raw, numbers, folder, progress=iter):
    """Clean masks, and write those whose files are missing.

    Args:
        raw: iterable of (H, W) bool, one for each of `numbers`.
        folder: for <number>.png; files that are there already stay as they are.
        progress: function of the iterable of cleaned masks that shows how far it is.

    Returns:
        number -> how many components the mask had before it was cleaned, of those written.
    """
    parts, missing = {}, [n for n in numbers if not (folder / f"{n}.png").exists()]
    clean = cleanup.clean(review.counted(raw, numbers, parts))
    for mask, number in zip(progress(clean), numbers):  # in this order, to the very end of `raw`
        if number in missing:
            clip_folder.save_mask(mask, folder / f"{number}.png")
    return {number: parts[number] for number in missing}
