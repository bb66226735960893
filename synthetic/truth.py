"""The truth of a drawn pair on disk, read in the coordinates that the networks see."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from synthetic.flow_files import read_flow
from utils import images, tensors
from utils.errors import UserError
from utils.geometry import pad_resize_transform
from utils.reading import DAMAGE, load_arrays, load_json

NAMES = ("a", "b", "ab", "ba")  # motion of the first letter's clip, looks of the last one's


class Truth:
    """What `data/make_demo.py` knows about the pair that it drew.

    A `name` below is a clip's, "a" or "b", or a truth's: "ab" is A's motion acted by B's creature,
    frame by frame of A, "ba" the other way round. `pad_factor` is that of the clip whose creature
    is seen.

    Args:
        folder: the pair's `truth`.
        names_a, names_b: file names of the frames of both clips, in order.
        sizes_a, sizes_b: (N, 2) width and height of these frames, which tell a pair from another
            of the same length; not compared if None.

    Attributes:
        joint_names: list of J.

    Raises:
        UserError: no truth there, or one that is broken or belongs to other clips.
    """

    def __init__(self, folder, names_a, names_b, sizes_a=None, sizes_b=None):
        self.folder = Path(folder)
        if not (self.folder / "joints.npz").is_file():
            what = "holds no joints.npz" if self.folder.is_dir() else "is no folder"
            raise UserError(
                f"{folder} {what}; give the truth folder of a pair that data/make_demo.py drew"
            )
        self._numbers = {name: _numbers(names_a if name[0] == "a" else names_b) for name in NAMES}
        self.boxes = {name: self._read(f"{name}_crops.json", _boxes) for name in NAMES}
        self.matrix = self._read("affine.json", _matrix)
        self.joint_names, self.places = self._read("joints.npz", _places)
        for name in NAMES:
            self._check(name, {"a": sizes_a, "b": sizes_b}.get(name))

    def pictures(self, name, width, height, pad_factor):
        """What a perfect result looks like, for "ab" or "ba".

        Returns:
            pictures (N, 3, height, width) in [-1, 1], 0 outside the silhouette; silhouettes
            (N, 1, height, width) in {0, 1}.
        """

        def read(number):
            file = f"{number}.png"
            frame = images.read(self.folder / name / file, "RGB")
            mask = images.read(self.folder / f"{name}_seg" / file, "L")
            for image, folder in ((frame, name), (mask, f"{name}_seg")):
                self._fits(self.folder / folder / file, image.size, name, number)
            return images.fit(frame, mask, width, height, pad_factor)

        with ThreadPoolExecutor() as pool:
            return tensors.to_batch(list(pool.map(read, self._numbers[name])))

    def joints(self, name, width, height, pad_factor):
        """Where the joints lie, hidden ones too: (N, J, 2), xy in [-1, 1]."""
        gain, shift = pad_resize_transform(self.boxes[name][:, 2:], width, height, pad_factor)
        pixels = self.places[name] * gain[:, None] + shift[:, None]
        return torch.from_numpy(_unit(pixels, width, height)).float()

    def flow(self, name, width, height, pad_factor):
        """Optical flow from each frame to the next.

        Returns:
            flow (N-1, 2, height, width), xy in pixels of the networks' picture; valid
            (N-1, 1, height, width) bool, where something is seen in both frames.
        """
        gain, shift = pad_resize_transform(self.boxes[name][:, 2:], width, height, pad_factor)

        def resampled(number):
            field, valid = self._read_flow(name, number)
            here = [np.arange(n) for n in (width, height)]
            source = [(x - s) / g for x, g, s in zip(here, gain[number], shift[number])]
            (x, in_x), (y, in_y) = (_nearest(c, n) for c, n in zip(source, valid.shape[::-1]))
            there = np.stack(np.meshgrid(*source), -1) + field[np.ix_(y, x)]
            moved = there * gain[number + 1] + shift[number + 1] - np.stack(np.meshgrid(*here), -1)
            seen = valid[np.ix_(y, x)] & np.outer(in_y, in_x)
            return np.float32(moved * seen[..., None]).transpose(2, 0, 1), seen[None]

        with ThreadPoolExecutor() as pool:
            fields = list(pool.map(resampled, self._numbers[name][:-1]))
        if not fields:
            return torch.zeros(0, 2, height, width), torch.zeros(0, 1, height, width).bool()
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*fields))

    def true_affine(self, width, height, pad_a, pad_b):
        """The ground-truth affine as the networks should find it: mean over the frames of B.

        Returns:
            (2, 3), from coordinates of B's picture to those of A's, both in [-1, 1].
        """
        to_a = _to_unit(self.boxes["ba"], width, height, pad_a)
        to_b = _to_unit(self.boxes["b"], width, height, pad_b)
        seen = to_a @ self.matrix @ np.linalg.inv(to_b)
        return torch.from_numpy(seen.mean(0)[:2]).float()

    def _read(self, file, parse):
        path = self.folder / file
        try:
            return parse(path)
        except DAMAGE as error:
            raise _broken(path, error) from None

    def _check(self, name, sizes):
        """The truth and the clip whose motion it is: equal numbers, and sizes of frames."""
        clip, count = f"clip {name[0].upper()}", len(self._numbers[name])
        for file, array in (("crops.json", self.boxes[name]), ("joints.npz", self.places[name])):
            if len(array) != count:
                file = f"{name}_{file}" if file == "crops.json" else file
                raise UserError(
                    f"{self.folder / file} is of {len(array)} frames but {clip} has {count}; "
                    "give the truth that was drawn with the clips"
                )
        for number, size in enumerate(() if sizes is None else sizes):
            self._fits(f"frame {number} of {clip}", tuple(size), name, number)

    def _fits(self, what, size, name, number):
        width, height = self.boxes[name][number, 2:]
        if tuple(size) != (width, height):
            raise UserError(
                f"{what} is {size[0]}x{size[1]} but {width}x{height} by {self.folder}/"
                f"{name}_crops.json; give the truth that was drawn with the clips"
            )

    def _read_flow(self, name, number):
        path = self.folder / "flow" / name / f"{number}.png"
        try:
            field, valid = read_flow(path)
        except DAMAGE as error:
            raise _broken(path, error) from None
        self._fits(path, valid.shape[::-1], name, number)
        return field, valid


def _broken(path, error):
    why = error.strerror if isinstance(error, FileNotFoundError) else error
    return UserError(
        f"{path} cannot be read ({why}); draw the pair anew with data/make_demo.py --overwrite"
    )


def _numbers(names):
    """Numbers of frames; those of a drawn clip run from 0 and carry no prefix."""
    for number, name in enumerate(names):
        if Path(name).stem != str(number):
            raise UserError(
                f"frame {name} is not of a drawn pair, whose first is 0.jpg; give its own truth"
            )
    return range(len(names))


def _boxes(path):
    """(N, 4) left, top, width, height on the canvas, pixels."""
    boxes = np.array(load_json(path)["boxes"], int)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or (boxes[:, 2:] < 1).any():
        raise ValueError("its boxes are not left, top, width, height")
    return boxes


def _matrix(path):
    """3x3, pixels of the canvas."""
    rows = np.array(load_json(path)["matrix"], float)
    if rows.shape != (2, 3) or not np.isfinite(rows).all():
        raise ValueError("its matrix is not 2x3")
    return np.vstack([rows, [0, 0, 1]])


def _places(path):
    """Names of the joints, and dict of name -> (N, J, 2) in pixels of the cropped pictures."""
    file = load_arrays(path)
    joints, places = file["names"].tolist(), {name: file[name] for name in NAMES}
    if any(array.shape[1:] != (len(joints), 2) for array in places.values()):
        raise ValueError(f"its arrays are not (frames, {len(joints)}, 2)")
    return joints, places


def _unit(pixels, width, height):
    """Pixels (..., 2) in the coordinates of `utils.geometry`."""
    return 2 * pixels / (np.array([width, height]) - 1) - 1


def _to_unit(boxes, width, height, pad_factor):
    """(N, 3, 3) from pixels of the canvas to xy in [-1, 1] of the networks' picture."""
    gain, shift = pad_resize_transform(boxes[:, 2:], width, height, pad_factor)
    matrices = np.zeros((len(boxes), 3, 3))
    matrices[:, [0, 1], [0, 1]] = 2 * gain / (np.array([width, height]) - 1)
    matrices[:, :2, 2] = _unit(shift - boxes[:, :2] * gain, width, height)
    matrices[:, 2, 2] = 1
    return matrices


def _nearest(places, count):
    """Indices of the nearest of `count` pixels, and which places lie on one."""
    index = np.floor(places + 0.5).astype(int)
    return index.clip(0, count - 1), (index >= 0) & (index < count)
