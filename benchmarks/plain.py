"""Each acceleration's plain counterpart, so that the benchmark can turn it off.

All compute the same up to rounding, in the straightforward way to write docs/METHOD.md in PyTorch.
"""

import numpy as np
import torch
from PIL import Image

from datasets import augment
from datasets.pairs import Batch
from utils import images
from utils.geometry import REDRAW_DECAY, coordinate_grid
from utils.tensors import normalise, to_tensor


def redraw(keypoints, height, width, per_item=False):
    """`utils.geometry.redraw` from all pixels' distances, with the maximum over all pixels."""
    grid = coordinate_grid(height, width, like=keypoints)
    distance = (grid - keypoints[:, :, None, None]).abs()
    heatmaps = torch.exp(-distance[..., 0] / REDRAW_DECAY) * torch.exp(
        -distance[..., 1] / REDRAW_DECAY
    )
    return heatmaps / (heatmaps.amax((1, 2, 3), keepdim=True) if per_item else heatmaps.max())


def decode_both(self, keypoints_a, keypoints_b, height, width):
    """`JOKR.decode_both` in two calls."""
    return [self.decode(k, height, width) for k in (keypoints_a, keypoints_b)]


class Files:
    """`Pairs`' items read, warped and resized one by one from their files in every iteration.

    Args:
        clips: `datasets.clip.Clip` of A and of B.
        pairs: `datasets.pairs.Pairs` of the same clips.
        device: where batches go.
    """

    def __init__(self, clips, pairs, device):
        self.clips, self.pairs, self.device = clips, pairs, device
        self.warps = pairs.warps

    def batch(self, iteration):
        """The `Batch` of A and the `Batch` of B of one iteration."""
        batches = []
        for clip, drawn, (tensors, _) in zip(
            self.clips, self.pairs.draw(iteration), self.pairs.domains
        ):
            items = [item(clip, tensors, index, *transform) for index, *transform in zip(*drawn)]
            batches.append(Batch(*(torch.stack(x).to(self.device) for x in zip(*items))))
        return batches


def item(clip, tensors, index, matrix, crop):
    """Frame, next frame and their masks under one transform."""
    pictures = [picture(clip.read(i), tensors, matrix, crop) for i in (index, index + 1)]
    frames, masks = zip(*pictures)
    return *frames, *masks


def picture(pair, tensors, matrix, crop):
    """Pad a frame and its mask, warp them at full size, resize, normalise."""
    padded = [images.pad(image, tensors.pad_factor) for image in pair]
    size = padded[0].size
    theta = np.eye(3)
    theta[:2] = augment.sampling_matrices(matrix[None], crop[None], np.array([size]), 0)[0]
    to_unit = np.array([[2 / size[0], 0, -1], [0, 2 / size[1], -1], [0, 0, 1]])
    pixels = (np.linalg.inv(to_unit) @ theta @ to_unit)[:2].flatten()
    filters = Image.Resampling.BILINEAR, Image.Resampling.NEAREST
    warped = [
        image.transform(size, Image.Transform.AFFINE, pixels, resample=filter_)
        for image, filter_ in zip(padded, filters)
    ]
    small = [images.resize(image, tensors.width, tensors.height) for image in warped]
    return normalise(*(to_tensor(image) for image in small))
