"""The last part of making a clip: crops, contact sheet, record, and everything in its place."""

import numpy as np

from preparation import clip_folder, crops, publish, record, review
from utils.errors import UserError


def finish(out, new, content, parts, advice=""):
    """Complete a clip whose masks are ready, and publish it.

    Args:
        out: folder of the clip; its frames serve where `new` has none.
        new: folder from `publish.workspace`, which holds all the masks.
        content: of prepared.json, see preparation/record.py.
        parts: number -> components that a mask had before it was cleaned, where that is known.
        advice: what to do where no mask shows an object; to make other masks if it is empty.

    Returns:
        `review.Review` of the masks.

    Raises:
        UserError: no mask shows an object, or the disk is full.
    """
    count = content["frames"]
    folder = (new if (new / "frames").is_dir() else out) / "frames"
    frames, masks = clip_folder.Frames(folder, count), clip_folder.Masks(new / "masks", count)
    if not any(mask.any() for mask in masks):
        advice = advice or f"try {review.boxed(content) or 'another --box'}, or another --mask"
        raise UserError(f"no mask shows an object; {advice}")
    found = review.review(frames, masks, parts)
    crops.crop(frames, masks, content["crop"], new)
    clip_folder.save_picture(np.asarray(review.sheet(frames, masks, found)), new / "overlay.png")
    record.write(new, content)
    publish.publish(out)
    return found
