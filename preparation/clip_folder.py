"""The folder that `prepare_data.py` makes of a video: whole frames and masks, and crops of both.

frames/<n>.jpg and masks/<n>.png are whole; train/<n>.jpg and train_seg/<n>.jpg are cropped to the
boxes in crops.json (preparation/crops.py); prepared.json is described in preparation/record.py.
"""

import json
import math
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from utils import images
from utils.errors import UserError
from utils.reading import DAMAGE, FRAMES, PIXELS, load_json
from video.reader import DEFAULT_RATE

FOLDERS = {"frames": ".jpg", "masks": ".png", "train": ".jpg", "train_seg": ".jpg"}
RECORD = "prepared.json"
FILES = (RECORD, "crops.json", "overlay.png", "sound.m4a", "check.png")
HEAD = ("frames_of", "masks_of", "crop", "frames", "fps", "size")  # of a clip, in its records
QUALITY = 95  # of JPEG files


class Frames:
    """Numbered pictures in a folder as a sequence of (H, W, 3) uint8 RGB arrays.

    Args:
        folder: holds 0.jpg, 1.jpg, ...
        numbers: a range of them, or how many there are.
    """

    def __init__(self, folder, numbers):
        self.folder = Path(folder)
        self.numbers = range(numbers) if isinstance(numbers, int) else numbers
        self._last = None, None  # the one that is often asked for again

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return type(self)(self.folder, self.numbers[index])
        number, last = self.numbers[index], self._last
        if last[0] != number:  # threads may ask for different ones at once
            self._last = last = number, self._read(number)
        return last[1]

    def _read(self, number):
        path = self.folder / f"{number}.jpg"
        if not path.is_file():
            raise UserError(f"{path} is missing; prepare the video again with --overwrite")
        return np.asarray(images.read(path, "RGB"))


class Masks(Frames):
    """Whole masks in a folder, 0.png, 1.png, ..., as a sequence of (H, W) bool arrays."""

    def _read(self, number):
        return read_mask(self.folder / f"{number}.png")


def whole_clip(folder, numbers):
    """Whole `Frames` and `Masks` of the prepared clip in `folder`, those of `numbers`.

    Raises:
        UserError: it is no prepared clip.
    """
    if not (folder / "frames").is_dir():
        raise UserError(
            f"--background driver needs whole frames, and {folder} holds no folder frames/; "
            "prepare the video with prepare_data.py, or give another --background"
        )
    return Frames(folder / "frames", numbers), Masks(folder / "masks", numbers)


def save_picture(array, path):
    """Write uint8 (H, W) or (H, W, 3) as JPEG or PNG; UserError where that fails."""
    try:
        Image.fromarray(array).save(path, quality=QUALITY, subsampling=0)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror or error}); make room or choose another "
            "--out"
        ) from None


def read_mask(path):
    """(H, W) bool of a mask file; what is transparent in it is not the object."""
    grey, alpha = (np.asarray(part) for part in images.read(path, "RGBA").convert("LA").split())
    return (grey > 127) & (alpha > 127)


def save_mask(mask, path):
    save_picture(np.where(mask, 255, 0).astype(np.uint8), path)


def write_frames(frames, folder):
    """Write (H, W, 3) uint8 frames as 0.jpg, 1.jpg, ... into a new folder; returns their number."""
    folder.mkdir()
    number = -1
    for number, frame in enumerate(frames):  # noqa: B007 - the last one counts
        save_picture(frame, folder / f"{number}.jpg")
    return number + 1


def write_json(content, path):
    try:
        path.write_text(json.dumps(content))
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); make room") from None


def frame_rate(folder):
    """Frames per second of a prepared or a drawn clip; `DEFAULT_RATE` where that is not known."""
    for name in (RECORD, "crops.json"):
        with suppress(*DAMAGE):
            rate = float(load_json(folder / name)["fps"])
            if 0 < rate < math.inf:
                return rate
    return DEFAULT_RATE


def check_head(content):
    """`DAMAGE` unless a dict from a file holds `HEAD` as this program writes it."""
    whole = content["frames"], *content["size"]
    if len(whole) != 3 or not all(type(value) is int and value > 0 for value in whole):
        raise ValueError
    if content["frames"] > FRAMES or math.prod(content["size"]) > PIXELS:
        raise ValueError
    kinds = {"frames_of": dict, "masks_of": dict, "crop": str, "fps": (int, float)}
    if not all(isinstance(content[name], kind) for name, kind in kinds.items()):
        raise ValueError
    if not 0 < content["fps"] < math.inf:
        raise ValueError


def refuse_foreign_files(folder, count):
    """UserError where a folder holds anything but what `prepare_data.py` writes for `count` frames.

    Hidden files beside them are never touched, and do not count.
    """
    folder = Path(folder)
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"{folder} is a file; choose another --out")
    foreign = [entry for entry in _foreign(folder, count) if not _left_behind(entry)]
    if foreign:
        raise UserError(
            f"{folder} holds files that prepare_data.py did not write, as "
            f"{foreign[0].relative_to(folder)}; choose another --out or move them away"
        )


def _foreign(folder, count):
    """Paths in a folder that have none of the names of a clip with `count` frames."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    yield from (entry for entry in entries if entry.name not in (*FOLDERS, *FILES))
    if not (folder / RECORD).is_file():
        yield from entries
    for name, ending in FOLDERS.items():
        if (folder / name).is_dir():
            for entry in (folder / name).iterdir():
                numbered = entry.suffix == ending and entry.stem.isdecimal()
                if not numbered or int(entry.stem) >= count:
                    yield entry


def _left_behind(entry):
    """Whether it is a file that file managers and editors leave."""
    return entry.name in (".DS_Store", "Thumbs.db") or entry.name.endswith("~")
