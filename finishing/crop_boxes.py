"""The boxes that a prepared clip was cropped to, and the way back into its whole frames."""

from pathlib import Path

import cv2
import numpy as np
import torch

from utils.errors import UserError
from utils.geometry import pad_resize_transform
from utils.reading import DAMAGE, PIXELS, load_json

SIGMA = 1.5  # frames, of the Gaussian that smooths boxes in time
BLUR = 0.4  # sigma per pixel of the frame; a Gaussian of that width is nearest to a pixel's mean


class CropBoxes:
    """The boxes that a clip's pictures are cropped to, and stable ones to draw results in.

    Tight crop boxes jump with every error of a mask; stable boxes are crop boxes smoothed in time.
    Keypoints found in the picture of a crop box are taken to that of the stable box. What is drawn
    there and pasted back lies where the keypoints were seen in the whole frame: the jumps cancel.
    Boxes may reach beyond the frames.

    Args:
        masks: mask folder of the clip; crops.json lies beside it.
        count: frames of the clip.
        width, height, pad_factor: of the networks' pictures.
        device: of the keypoints.
        zoom: what results are enlarged by where they are pasted back, see `equal_area`.

    Raises:
        UserError: no crops.json, or not for this clip.
    """

    def __init__(self, masks, count, width, height, pad_factor, device="cpu", zoom=1.0):
        from scipy.ndimage import gaussian_filter1d  # slow to import, and seldom needed

        boxes, scale, self.size = _read(Path(masks).parent / "crops.json", count)
        stable = gaussian_filter1d(boxes, SIGMA, axis=0, mode="nearest")
        # (N, 2) each: pixels of the networks' picture are gain * those of the frame + shift.
        gain, shift = _view(boxes, scale, width, height, pad_factor)
        self._gain, self._shift = _view(stable, scale, width, height, pad_factor)
        # The same from [-1, 1] of the crop to [-1, 1] of the stable picture, (N, 1, 2) each.
        half = (np.array([width, height]) - 1) / 2
        self._zoom, self._half = zoom, half
        factor = self._gain / gain
        offset = (factor * (half - shift) + self._shift) / half - 1
        self._factor, self._offset = (
            torch.tensor(x[:, None], dtype=torch.float32, device=device) for x in (factor, offset)
        )

    def to_stable_box(self, keypoints, indices):
        """Keypoints in the crop boxes' pictures -> the same in the stable boxes' pictures.

        Args:
            keypoints: (B, K, 2) tensor, xy in [-1, 1] of the picture.
            indices: of their frames, a slice or a (B,) tensor; what lies on the keypoints' device
                spares a copy that waits for it.

        Returns:
            (B, K, 2).
        """
        return keypoints * self._factor[indices] + self._offset[indices]

    def to_crop_box(self, keypoints, indices):
        """The inverse of `to_stable_box`."""
        return (keypoints - self._offset[indices]) / self._factor[indices]

    def paste_back(self, picture, index):
        """A stable box's picture (h, w[, C]) in its place in whole frame `index`, 0 around it."""
        gain = self._gain[index] / self._zoom
        shift = self._half + (self._shift[index] - self._half) / self._zoom
        # Made smaller, it is blurred first: what a pixel cannot hold would flicker as it moves.
        blur = np.maximum(BLUR * np.sqrt(np.maximum(gain**2 - 1, 0)), 1e-2)
        picture = cv2.GaussianBlur(picture, (0, 0), *blur, borderType=cv2.BORDER_REPLICATE)
        matrix = np.array(
            [[1 / gain[0], 0, -shift[0] / gain[0]], [0, 1 / gain[1], -shift[1] / gain[1]]]
        )
        return cv2.warpAffine(picture, matrix, self.size, flags=cv2.INTER_LINEAR)


def equal_area(masks, others):
    """The zoom by which an object that another drives covers as much of its frames as the driver.

    In a crop, an object with a long tail is smaller than one without. Not the crops are made equal
    in size, but the objects.

    Args:
        masks, others: mask folders of the driver's clip and of the object's, with their crops.json.

    Returns:
        1.0 where one of them does not tell its share of a crop.
    """
    shares = []
    for folder in (masks, others):
        try:
            shares.append(float(load_json(Path(folder).parent / "crops.json")["share"]))
        except DAMAGE:
            return 1.0
    return (shares[0] / shares[1]) ** 0.5 if all(0 < share <= 1 for share in shares) else 1.0


def _view(boxes, scale, width, height, pad_factor):
    """Gain and shift (N, 2) from pixels of the frame to pixels of the networks' picture.

    `scale` is what the cropped pictures were enlarged by.
    """
    sizes = np.maximum(1, (boxes[:, 2:] * scale).round())
    gain, shift = pad_resize_transform(sizes, width, height, pad_factor)
    enlarged = sizes / boxes[:, 2:]
    return gain * enlarged, gain * (enlarged * (0.5 - boxes[:, :2]) - 0.5) + shift


def _read(path, count):
    """Boxes (N, 4), what cropped pictures were enlarged by, and the frames' (width, height)."""
    try:
        content = load_json(path)
        boxes = np.array(content["boxes"], float)
        size = tuple(int(side) for side in content["canvas"])
        scale = float(content.get("scale", 1))
        if boxes.ndim != 2 or boxes.shape[1] != 4 or len(size) != 2:
            raise ValueError
        sizes = np.vstack([boxes[:, 2:], size])
        if not (np.isfinite(boxes).all() and sizes.min() >= 1 and sizes.prod(1).max() <= PIXELS):
            raise ValueError
        if not 0 < scale <= PIXELS:
            raise ValueError
    except FileNotFoundError:
        raise UserError(
            f"--restore needs {path}, which says where frames were cropped; prepare_data.py "
            "writes it"
        ) from None
    except DAMAGE:
        raise UserError(f"{path} is damaged; prepare the clip anew with prepare_data.py") from None
    if len(boxes) != count:
        raise UserError(
            f"{path} holds {len(boxes)} boxes for a clip of {count} frames; prepare the clip anew"
        )
    return boxes, scale, size
