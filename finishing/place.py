"""Where the networks' pictures lie in the frames that their clip was cut of."""

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from utils.errors import UserError
from utils.geometry import pad_resize_transform

STEADY = 1.5  # frames, sigma with which boxes are smoothed in time
BLUR = 0.4  # sigma per width of the pixels made: nearest to the mean over their area


class Places:
    """Boxes of a clip, and the same boxes made steady, in which results are drawn.

    Tight boxes jump with every error of a mask. So keypoints that were found in the picture of a
    box are brought to where they are in that of the steady box; drawn there and put back by it,
    they are where they were, and the box's jumps cancel.

    Args:
        root: mask folder of the clip; crops.json and frames/ lie beside it.
        count: frames of the clip.
        width, height, pad_factor: of the networks' pictures.

    Raises:
        UserError: no crops.json, or not for this clip.
    """

    def __init__(self, root, count, width, height, pad_factor):
        self.folder = Path(root).parent
        boxes, scale, self.size = _read(self.folder / "crops.json", count)
        steady = gaussian_filter1d(boxes, STEADY, axis=0, mode="nearest")
        # (N, 2) each: pixels of the networks' picture are gain * those of the frame + shift.
        gain, shift = _view(boxes, scale, width, height, pad_factor)
        self._gain, self._shift = _view(steady, scale, width, height, pad_factor)
        # The same between [-1, 1] of the tight and of the steady picture.
        half = (np.array([width, height]) - 1) / 2
        self._factor = self._gain / gain
        self._offset = (self._factor * (half - shift) + self._shift) / half - 1

    def to_stable_box(self, points, indices):
        """Points (B, K, 2), array or tensor, of the pictures of frames `indices`, in steady ones.

        All are in [-1, 1] of their picture.
        """
        factor, offset = self._of(indices, points)
        return points * factor + offset

    def to_tight_box(self, points, indices):
        """The inverse of `steady`."""
        factor, offset = self._of(indices, points)
        return (points - offset) / factor

    def _of(self, indices, points):
        parts = [np.float32(x[indices])[:, None] for x in (self._factor, self._offset)]
        return [torch.from_numpy(x).to(points) for x in parts] if torch.is_tensor(points) else parts

    def put_back(self, picture, index):
        """A networks' picture (h, w[, C]) where it belongs in frame `index`; 0 around it."""
        gain, shift = self._gain[index], self._shift[index]
        # Made smaller, it is blurred first: what a pixel cannot hold would flicker as it moves.
        blur = np.maximum(BLUR * np.sqrt(np.maximum(gain**2 - 1, 0)), 1e-2)
        picture = cv2.GaussianBlur(picture, (0, 0), *blur, borderType=cv2.BORDER_REPLICATE)
        matrix = np.array(
            [[1 / gain[0], 0, -shift[0] / gain[0]], [0, 1 / gain[1], -shift[1] / gain[1]]]
        )
        return cv2.warpAffine(picture, matrix, self.size, flags=cv2.INTER_LINEAR)


def _view(boxes, scale, width, height, pad_factor):
    """Gain and shift (N, 2) from pixels of the frame to pixels of the networks' picture.

    `scale` is what the cut pictures were enlarged by.
    """
    sizes = np.maximum(1, (boxes[:, 2:] * scale).round())
    gain, shift = pad_resize_transform(sizes, width, height, pad_factor)
    enlarged = sizes / boxes[:, 2:]
    return gain * enlarged, gain * (enlarged * (0.5 - boxes[:, :2]) - 0.5) + shift


def _read(path, count):
    """Boxes (N, 4), what cut pictures were enlarged by, and the frames' (width, height)."""
    try:
        content = json.loads(path.read_text())
        boxes = np.array(content["boxes"], float)
        size = tuple(int(side) for side in content["canvas"])
        scale = float(content.get("scale", 1))
        if (
            boxes.ndim != 2
            or boxes.shape[1] != 4
            or boxes[:, 2:].min() < 1
            or len(size) != 2
            or scale <= 0
        ):
            raise ValueError
    except FileNotFoundError:
        raise UserError(
            f"--restore needs {path}, which says where frames were cut; prepare_data.py writes it"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        raise UserError(f"{path} is damaged; prepare the clip anew with prepare_data.py") from None
    if len(boxes) != count:
        raise UserError(
            f"{path} holds {len(boxes)} boxes for a clip of {count} frames; prepare the clip anew"
        )
    return boxes, scale, size
