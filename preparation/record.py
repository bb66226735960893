"""What a prepared clip remembers of its making, and which of its masks were edited by hand since.

prepared.json holds the options, the numbers of edited and of redone masks, and a hash of every mask
as it was written, by which later edits are known.
"""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np

from preparation.clip_folder import RECORD, cut_size, read_mask, save_mask, write_json
from utils import images
from utils.errors import UserError


def digest(path):
    return hashlib.sha1(path.read_bytes()).hexdigest()


def write(new, content):
    """Write prepared.json into `new`, with the hashes of the masks that lie there."""
    paths = (p for name in ("masks", "train_seg") for p in (new / name).iterdir())
    sha1 = {f"{path.parent.name}/{path.name}": digest(path) for path in paths}
    write_json({**content, "sha1": sha1}, new / RECORD)


def file_state(path):
    """What tells a file, or a folder's files, from others that came in their place."""
    path = Path(path)
    files = sorted(path.iterdir()) if path.is_dir() else [path] if path.exists() else []
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def read(folder):
    """Content of prepared.json, a dict; empty where there is none."""
    path = Path(folder) / RECORD
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text())
        if not (isinstance(content["frames"], int) and isinstance(content["sha1"], dict)):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{path} is damaged; move the folder away or choose another --out"
        ) from None
    return content


def edited_masks(folder, known):
    """Masks that were changed by hand since `write_record` wrote `known`.

    Returns:
        dict of number -> whole mask (H, W) bool. A cut mask that was edited counts in its box.
    """
    if not known:
        return {}
    path, found = folder / "crops.json", {}
    try:
        crops = json.loads(path.read_text())
        scale, boxes = crops["scale"], list(crops["boxes"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{path} is missing or damaged; pass --overwrite to prepare the clip anew"
        ) from None
    for number, box in enumerate(boxes):
        whole, part = folder / f"masks/{number}.png", folder / f"train_seg/{number}.jpg"
        if _changed(whole, known):
            found[number] = _of_size(read_mask(whole), known["size"], whole)
        elif _changed(part, known):
            found[number] = _pasted(read_mask(whole), part, box, scale)
    return found


def _changed(path, known):
    return path.is_file() and digest(path) != known["sha1"].get(f"{path.parent.name}/{path.name}")


def _of_size(mask, size, path):
    """`mask`; UserError where it is not of `size` (width, height)."""
    if mask.shape[::-1] != tuple(size):
        raise UserError(
            f"{path} is {mask.shape[1]}x{mask.shape[0]} but its frame {size[0]}x{size[1]}; save it "
            "in that size, or pass --overwrite"
        )
    return mask


def _pasted(mask, part, box, scale):
    """Whole mask in which the box is replaced by what file `part` shows, `scale` times as large."""
    left, top, width, height = box
    picture, size = images.read(part, "L"), cut_size(width, height, scale)
    if picture.size != size:
        raise UserError(
            f"{part} is {picture.width}x{picture.height} now but was written as {size[0]}x"
            f"{size[1]}; paint in the whole mask in masks/ instead, or pass --overwrite"
        )
    mask = mask.copy()
    inside = np.asarray(images.resize(picture, width, height)) > 127
    mask[top : top + height, left : left + width] = inside
    return mask


def keep_masks(folder, new, numbers, edits):
    """Begin `new`/masks with those of `numbers` from `folder`, `edits` by number in their place."""
    (new / "masks").mkdir()
    for number in numbers:
        if number in edits:
            save_mask(edits[number], new / f"masks/{number}.png")
        elif (path := folder / f"masks/{number}.png").is_file():
            shutil.copyfile(path, new / f"masks/{number}.png")
        else:
            raise UserError(f"{path} is missing; make it anew with --redo {number}")
