"""prepared.json, the record of how a clip was made, and the masks painted by hand since then.

The record is one dict:

    frames_of, masks_of   what decided the frames and the masks: options by name, and as "state" the
                          name, size and time of the files that they were made from
    method                that found the masks: what "auto" chose, where masks_of says that
    crop                  what the frames are cropped to
    frames, fps, size     number, frames per second, and [width, height] of the frames
    edited, redone        numbers of the masks painted by hand, and of those made by --redo or by
                          marks in the page of --interactive
    sha1                  of the mask files as they were written, by path in the clip's folder

A mask file whose hash is another one now was painted by hand.
"""

import hashlib
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from preparation.clip_folder import RECORD, check_head, read_mask, save_mask, write_json
from preparation.crops import crop_size
from utils import images
from utils.errors import UserError
from utils.numbering import ranges
from utils.reading import PIXELS, load_json, refusing


def digest(path):
    return hashlib.sha1(path.read_bytes()).hexdigest()


def write(new, content):
    """Write prepared.json into `new`, with the hashes of the masks that lie there."""
    paths = (p for name in ("masks", "train_seg") for p in sorted((new / name).iterdir()))
    sha1 = {f"{path.parent.name}/{path.name}": digest(path) for path in paths}
    write_json({**content, "sha1": sha1}, new / RECORD)


def file_state(path):
    """Name, size and time of change of a file, or of each file in a folder, as lists.

    They differ where another file was put in its place under the same name.
    """
    path = Path(path)
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.exists() else []
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def read(folder):
    """Content of prepared.json, a dict; empty where there is none. UserError if it is damaged."""
    path = Path(folder) / RECORD
    if not path.is_file():
        return {}
    with refusing(f"{path} is damaged; move the folder away or choose another --out"):
        content = load_json(path)
        check_head(content)
        by_hand = [*content["edited"], *content.get("redone", ())]
        if not all(type(number) is int and number >= 0 for number in by_hand):
            raise ValueError
        if not isinstance(content["sha1"], dict):
            raise ValueError
    return content


def edited_masks(folder, known, aside=()):
    """Masks that were painted by hand since the record was written.

    A user may paint in a whole mask in masks/ or in a cropped one in train_seg/. What is painted in
    a crop is put into the whole mask, in the box of that frame, unless that was painted later.

    Args:
        folder: of the clip.
        known: content of its prepared.json; empty for no clip, in which nothing was painted.
        aside: numbers of masks that are not looked at.

    Returns:
        dict of number -> whole mask (H, W) bool.

    Raises:
        UserError: crops.json is damaged, or a painted mask has another size than it was written in.
    """
    if not known:
        return {}
    path, found = folder / "crops.json", {}
    with refusing(f"{path} is missing or damaged; pass --overwrite to prepare the clip anew"):
        scale, boxes = _crops(load_json(path))
    for number in sorted(set(range(len(boxes))) - set(aside)):
        whole, part = folder / f"masks/{number}.png", folder / f"train_seg/{number}.jpg"
        if painted := [path for path in (whole, part) if _changed(path, known)]:
            mask = _of_size(read_mask(whole), known["size"], whole)
            later = max(painted, key=lambda path: path.stat().st_mtime_ns)
            found[number] = mask if later == whole else _pasted(mask, part, boxes[number], scale)
    return found


def _crops(content):
    """Scale and boxes of crops.json; `DAMAGE` where it holds none."""
    scale, boxes = content["scale"], content["boxes"]
    for _, _, width, height in boxes:
        if min(width, height) < 1 or width * height * max(1, scale) ** 2 > PIXELS:
            raise ValueError
    if not scale > 0 or not all(type(value) is int for box in boxes for value in box):
        raise ValueError
    return scale, boxes


def _changed(path, known):
    return path.is_file() and digest(path) != known["sha1"].get(f"{path.parent.name}/{path.name}")


def _of_size(mask, size, path):
    """The mask as it is; UserError where its size is not `size` (width, height)."""
    if mask.shape[::-1] != tuple(size):
        raise UserError(
            f"{path} is {mask.shape[1]}x{mask.shape[0]} but its frame {size[0]}x{size[1]}; save it "
            f"in that size, or make it anew with --redo {path.stem} --overwrite"
        )
    return mask


def _pasted(mask, part, box, scale):
    """Whole mask (H, W) bool with a painted crop of it put into its box.

    Args:
        mask: (H, W) bool, the whole mask as it was.
        part: file of the crop, whose picture is `scale` times as large as its box.
        box: left, top, width and height, pixels.
    """
    left, top, width, height = box
    picture, size = images.read(part, "L"), crop_size(width, height, scale)
    if picture.size != size:
        raise UserError(
            f"{part} is {picture.width}x{picture.height} now but was written as {size[0]}x"
            f"{size[1]}; paint in the whole mask in masks/ instead, or make it anew with --redo "
            f"{part.stem} --overwrite"
        )
    whole = Image.fromarray(mask)
    inside = np.asarray(images.resize(picture, width, height)) > 127
    whole.paste(Image.fromarray(inside), (left, top))  # the box may reach beyond the frame
    return np.array(whole)


def keep_masks(folder, new, numbers, painted):
    """Make `new`/masks, and take over the masks of some numbers from the clip in `folder`.

    Args:
        painted: what `edited_masks` returned; these are written as they are painted.

    Raises:
        UserError: some of the masks are missing.
    """
    files = {number: folder / f"masks/{number}.png" for number in {*numbers} - painted.keys()}
    if missing := sorted(number for number, path in files.items() if not path.is_file()):
        raise UserError(
            f"masks {ranges(missing)} are missing in {folder}; make them anew with --redo "
            f"{ranges(range(missing[0], missing[-1] + 1))}"
        )
    (new / "masks").mkdir()
    for number, path in files.items():
        shutil.copyfile(path, new / f"masks/{number}.png")
    for number in painted.keys() & numbers:
        save_mask(painted[number], new / f"masks/{number}.png")
