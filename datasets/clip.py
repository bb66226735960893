"""One clip on disk: numbered frames and their masks (folder tree in data/README.md)."""

import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np

from utils import images, tensors
from utils.errors import UserError
from utils.pipeline import map_ahead

AHEAD = 16  # frames that a stream reads ahead of small batches, so that every core has some
RENUMBERING = ".renumber.json"  # in the masks' folder, while files get other numbers


class Clip:
    """A clip, checked on opening: numbering without gaps, a frame of equal size for every mask.

    Args:
        root: mask folder; the frames' folder is the same path with `_seg` removed.
        ext: file extension, with its dot.
        prefix: what stands before the number in file names.

    Raises:
        UserError: the first thing that is wrong, with its file and the remedy.
    """

    def __init__(self, root, ext=".jpg", prefix=""):
        self.masks = Path(root)
        self.frames = frame_folder(root)
        refuse_half_renumbered(self.masks)
        self.names = _numbered_names(self.masks, ext, prefix)
        for name in self.names:
            self._check(name)

    def __len__(self):
        return len(self.names)

    def _check(self, name):
        frame, mask = self.frames / name, self.masks / name
        if not frame.is_file():
            raise UserError(
                f"{frame} is missing, the frame for mask {mask}; add it or remove the mask"
            )
        sizes = images.size_of(frame), images.size_of(mask)
        if sizes[0] != sizes[1]:
            raise UserError(
                "{} is {}x{} but its mask {} is {}x{}; make them the same size".format(
                    frame, *sizes[0], mask, *sizes[1]
                )
            )

    def read(self, index):
        """Frame and mask of one moment as Pillow images, RGB and L.

        Raises:
            UserError: broken file, or a mask without a single pixel above half.
        """
        name = self.names[index]
        frame = images.read(self.frames / name, "RGB")
        mask = images.read(self.masks / name, "L")
        if np.asarray(mask).max() <= 127:
            raise UserError(
                f"mask {self.masks / name} is all black; mark the object in white, "
                "or end the clip before it"
            )
        return frame, mask

    def stream(self, indices, batch_size, width, height, pad_factor, device="cpu"):
        """Frames `indices`, a sequence, padded and resized as 8-bit pictures.

        Indices beyond the end wrap round.

        Until it is closed, threads read ahead: at most one batch, or `AHEAD` frames if more.

        Yields:
            file names (list of B), frames (B, 3, height, width) in [-1, 1] and masked,
            masks (B, 1, height, width) in {0, 1}, both on `device`.
        """

        def fitted(index):
            return images.fit(*self.read(index % len(self)), width, height, pad_factor)

        ahead = max(batch_size, AHEAD)
        with (
            ThreadPoolExecutor() as pool,
            closing(map_ahead(pool, fitted, indices, ahead)) as pictures,
        ):
            for first in range(0, len(indices), batch_size):
                batch = indices[first : first + batch_size]
                names = [self.names[i % len(self)] for i in batch]
                yield names, *tensors.to_batch(list(islice(pictures, batch_size)), device)


def frame_folder(root):
    """Where the frames of mask folder `root` lie: the path without its last `_seg`."""
    if not root:
        raise UserError(
            "no mask folder given; pass --root_a and --root_b, each like data/cat/train_seg/"
        )
    head, found, tail = str(root).rpartition("_seg")
    if not found:
        raise UserError(
            f"mask folder {root} has no '_seg' in its path; name it like data/cat/train_seg/"
        )
    return Path(head + tail)


def refuse_half_renumbered(masks):
    """UserError where `prepare_data.py --renumber` of a mask folder began and did not end."""
    if (masks / RENUMBERING).exists():
        way = shlex.join(["python", "prepare_data.py", "--check", str(masks), "--renumber"])
        raise UserError(f"{masks} is half renumbered, since --renumber was interrupted; run {way}")


def _numbered_names(folder, ext, prefix):
    """File names `<prefix><number><ext>` in order of number."""
    if not folder.is_dir():
        raise UserError(f"mask folder {folder} does not exist; check the path")
    pattern = re.compile(re.escape(prefix) + r"(\d+)" + re.escape(ext))
    found = sorted(
        (int(match[1]), match[0]) for match in map(pattern.fullmatch, _listing(folder)) if match
    )
    if not found:
        raise UserError(
            f"{folder} holds no mask named {prefix}<number>{ext}; check the folder, "
            "--ext_a/--ext_b and --prefix_a/--prefix_b"
        )
    first = found[0][0]
    for number, (present, name) in enumerate(found, first):
        wanted = f"{prefix}{number}{ext}"
        if present != number:
            raise UserError(
                f"{folder / wanted} is missing (gap in the numbers); renumber without gaps"
            )
        if name != wanted:
            raise UserError(f"{folder / name} is zero-padded; rename it to {wanted}")
    return [name for _, name in found]


def _listing(folder):
    return (path.name for path in folder.iterdir())
