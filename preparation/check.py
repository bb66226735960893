"""`prepare_data.py --check`: what is wrong with a clip's files, and what training sees of it."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from datasets.clip import Clip, refuse_half_renumbered
from datasets.pairs import ClipTensors, Pairs
from preparation import clip_folder, record, review
from preparation.crops import bounding_box
from utils import images, visualize
from utils.errors import UserError
from utils.numbering import ranges
from utils.tensors import unit
from video.reader import pictures_in

NAME = re.compile(r"(.*?)(\d+)(\.[^.]+)", re.DOTALL)
GREY = 0.05  # share of a mask's pixels between black and white, from which it looks soft
SMALL = 250  # pixels of the longer side
SEEN = 128, 128, 0.2  # width, height and padding in the picture of what training sees
LOOSE = 0.6  # of the frame's longer side: with a smaller object the frames are cropped loosely


@dataclass
class Findings:
    """Of a clip, as sentences: what stops training or spoils it, and advice.

    Attributes:
        misnamed: faults of names and numbers, which `renumbering` mends.
        faults: all others.
        advice: what may be as it should.
        prefix, ext: what most of the masks' names begin and end with.
    """

    misnamed: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    advice: list = field(default_factory=list)
    prefix: str = ""
    ext: str = ".jpg"


def folders(clip):
    """(frames' folder, masks' folder) of a clip's folder or of its mask folder."""
    clip = Path(clip)
    masks = clip if clip.name.endswith("_seg") else clip / "train_seg"
    if not masks.is_dir():
        raise UserError(
            f"{clip} holds no folder train_seg of masks; name a clip like data/cat, or its masks' "
            "folder"
        )
    frames = masks.with_name(masks.name.removesuffix("_seg"))
    if not frames.is_dir():
        raise UserError(f"{frames}, the frames for {masks}, is missing; put them there")
    return frames, masks


def examine(clip):
    """Look through a clip's folder; returns `Findings`. Nothing is changed."""
    frames, masks = folders(clip)
    refuse_half_renumbered(masks)
    files = pictures_in(masks)
    if not files:
        raise UserError(f"{masks} holds no pictures; masks are white objects on black")
    found = Findings()
    _names(files, found)
    matched = pairs(frames, files, found)
    if len(files) < 2:
        found.faults.append("there is one mask only; training needs two frames at least")
    elif words := review.length(len(files)):
        found.advice.append(words)
    _contents(matched, found)
    longer = np.median([max(images.size_of(mask)) for mask in files])
    if longer < SMALL:
        found.advice.append(
            f"pictures of {longer:.0f} pixels are small, since training shifts by up to 50; "
            "enlarge all by the same factor, to 400 or 500"
        )
    return found


def odd_masks(clip):
    """What looks odd about the whole masks of a clip, in lines; none if another made it."""
    folder = folders(clip)[1].parent
    if not (content := record.read(folder)):
        return ""
    whole = clip_folder.Frames(folder / "frames", content["frames"])
    masks = clip_folder.Masks(folder / "masks", content["frames"])
    return review.advice(review.review(whole, masks, {}), folder, content)


def _names(files, found):
    """Names that differ, letters outside ASCII, and numbers; notes the usual prefix and ending."""
    parts = [match.groups() for match in map(NAME.fullmatch, (p.name for p in files)) if match]
    if parts:
        found.prefix, found.ext = Counter((p, e) for p, _, e in parts).most_common(1)[0][0]
    usual = re.compile(re.escape(found.prefix) + r"([0-9]+)" + re.escape(found.ext))
    matches = [usual.fullmatch(p.name) for p in files]
    odd = [p.name for p, match in zip(files, matches) if not match]
    if odd:
        found.misnamed.append(
            f"{_some(odd)}: not named {found.prefix}<number>{found.ext} like the others"
        )
    if any(not p.name.isascii() for p in files):
        found.misnamed.append("names hold letters or digits outside ASCII")
    _numbers([match[1] for match in matches if match], found)


def _numbers(digits, found):
    """Zeros before numbers, gaps between them, and numbers that are there twice."""
    padded = [d for d in digits if d != str(int(d))]
    if padded:
        found.misnamed.append(f"numbers are zero-padded, as {padded[0]}")
    numbers = sorted(map(int, digits))
    gaps = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers)) if numbers else []
    if gaps:
        found.misnamed.append(f"numbers {ranges(gaps)} are missing")
    if len(set(numbers)) < len(numbers):
        found.misnamed.append("some numbers are there twice")


def pairs(frames, files, found):
    """(frame, mask) paths of those masks that have a frame of their size."""
    missing = [p.name for p in files if not (frames / p.name).is_file()]
    if missing:
        found.faults.append(f"{frames} lacks the frames for masks {_some(missing)}")
    spare = {p.name for p in pictures_in(frames)} - {p.name for p in files}
    if spare:
        found.advice.append(f"frames without a mask are not used: {_some(sorted(spare))}")
    matched = [(frames / p.name, p) for p in files if (frames / p.name).is_file()]
    other = [m.name for f, m in matched if images.size_of(f) != images.size_of(m)]
    if other:
        found.faults.append(f"frame and mask differ in size: {_some(other)}")
    return matched


def _contents(pairs, found):
    """Polarity, empty and full masks, grey ones, jumps of area, loose crops."""
    grey = {mask.name: np.asarray(images.read(mask, "L")) for _, mask in pairs}
    masks = {name: picture > 127 for name, picture in grey.items()}
    empty = [name for name, mask in masks.items() if not mask.any()]
    if empty:
        found.faults.append(f"masks without object (all black): {_some(empty)}")
    full = [name for name, mask in masks.items() if mask.all()]
    if full:
        kind = found.faults if len(full) == len(masks) else found.advice
        kind.append(f"masks that are all white: {_some(full)}")
    corners = [mask[[0, 0, -1, -1], [0, -1, 0, -1]].mean() for mask in masks.values()]
    if len(full) < len(masks) and np.mean(corners) > 0.75:
        found.faults.append("black and white seem to be swapped: invert the masks")
    soft = [name for name, g in grey.items() if ((g > 40) & (g < 215)).mean() > GREY]
    if soft:
        found.advice.append(f"masks with much grey (above half counts as object): {_some(soft)}")
    _shapes(masks, found)


def _shapes(masks, found):
    """Jumps of area, several parts, loose crops; `masks` by name, in order."""
    odd, names = review.suspects([review.look(mask) for mask in masks.values()]), list(masks)
    for kind in (review.AREA, review.PARTS):
        which = [names[i] for i, words in odd.items() if kind in words]
        if which:
            found.advice.append(f"{kind}, look at {_some(which)}")
    boxes = {name: bounding_box(mask) for name, mask in masks.items()}
    shares = [max(box[2:]) / max(masks[name].shape) for name, box in boxes.items() if box]
    if shares and np.median(shares) < LOOSE:
        found.advice.append(
            "the object fills little of the frames; crop them to its box, as prepare_data.py does"
        )


def _some(names):
    names = list(names)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def training_view(clip):
    """Pillow image of what training makes of a clip: items, each padded and warped in its way."""
    tensors = ClipTensors(clip, *SEEN, "cpu")
    item, _ = Pairs(tensors, tensors, min(8, tensors.items), seed=0).batch(0)
    rows = {"frames, as training sees them": unit(item.frame), "masks": item.mask}
    return visualize.rows({**rows, "next frames": unit(item.next_frame)})


def draw(folder, found):
    """Write check.png, what training sees of a clip without faults.

    Args:
        folder: of the clip, or of its masks.
        found: `Findings` of `examine`.

    Returns:
        (number of frames, path of the picture).
    """
    frames, masks = folders(folder)
    clip, picture = Clip(masks, found.ext, found.prefix), frames.parent / "check.png"
    images.save(training_view(clip), picture)
    return len(clip), picture
