"""The one owner of coordinates: x right, y down, both in [-1, 1], pixel j of W at 2j/(W-1) - 1.

Everything takes its dtype and device from its inputs.
"""

import numpy as np
import torch

from utils import parallel

REDRAW_DECAY = 0.04  # half widths of the picture in which a heatmap falls to 1/e along x or y


def coordinate_grid(height, width, like):
    """Pixel positions. Returns (height, width, 2), xy in [-1, 1], in `like`'s dtype and device."""
    x = 2 * torch.arange(width, dtype=like.dtype, device=like.device) / (width - 1) - 1
    y = 2 * torch.arange(height, dtype=like.dtype, device=like.device) / (height - 1) - 1
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def soft_argmax(logits, temperature=0.1):
    """Expected position under a softmax over all positions (JOKR, section 3.1).

    Args:
        logits: (B, K, H, W).
        temperature: divides the logits; small is peaky.

    Returns:
        keypoints (B, K, 2), xy in [-1, 1]; heatmap (B, K, H, W), summing to 1 per keypoint.
    """
    heatmap = (logits.flatten(2) / temperature).softmax(-1).view_as(logits)
    grid = coordinate_grid(*logits.shape[2:], like=logits)
    return torch.einsum("bkhw,hwc->bkc", heatmap, grid), heatmap


def redraw(keypoints, height, width, per_item=False):
    """Redrawn heatmaps, exp(-|x - kx| / .04) exp(-|y - ky| / .04) for each keypoint.

    Args:
        keypoints: (B, K, 2), xy in [-1, 1].
        per_item: divide every item by its own maximum; otherwise all by the maximum of the whole
            batch over all processes, so that an item's other members matter (the reference's
            training does that).

    Returns:
        (B, K, height, width) in [0, 1].
    """
    grid = coordinate_grid(height, width, like=keypoints)
    column = torch.exp(-(grid[0, :, 0] - keypoints[..., :1]).abs() / REDRAW_DECAY)
    row = torch.exp(-(grid[:, 0, 1] - keypoints[..., 1:]).abs() / REDRAW_DECAY)
    peaks = row.amax(-1, keepdim=True) * column.amax(-1, keepdim=True)  # (B, K, 1)
    largest = peaks.amax(1, keepdim=True) if per_item else parallel.maximum(peaks)
    row = row / largest.clamp(min=torch.finfo(row.dtype).tiny)
    return row[..., :, None] * column[..., None, :]


def identity_affine(count, like):
    """`count` times [I | 0]. Returns (count, 2, 3)."""
    return torch.eye(2, 3, dtype=like.dtype, device=like.device).repeat(count, 1, 1)


def affine_apply(theta, points):
    """M p + t for theta = [M | t].

    Args:
        theta: (1 or B, 2, 3).
        points: (B, N, 2).

    Returns:
        (B, N, 2).
    """
    return points @ theta[:, :, :2].transpose(1, 2) + theta[:, None, :, 2]


def affine_invert(theta, points):
    """M^-1 (p - t), the inverse of `affine_apply`; same shapes."""
    (a, b), (c, d) = theta[:, 0, :2].T, theta[:, 1, :2].T
    adjugate = torch.stack([d, -b, -c, a], -1).view(-1, 2, 2)
    inverse = adjugate / (a * d - b * c)[:, None, None]
    return (points - theta[:, None, :, 2]) @ inverse.transpose(1, 2)


def pad_resize_transform(sizes, width, height, pad_factor):
    """The map x' = gain x + shift, in pixels, by which `utils.images.fit` pads and resizes.

    Args:
        sizes: (N, 2) array, widths and heights.
        width, height: of the networks' pictures.
        pad_factor: black added to each side, share of the size.

    Returns:
        gain and shift, (N, 2) each.
    """
    margin = (sizes * pad_factor).astype(int)
    gain = np.array([width, height]) / (sizes + 2 * margin)
    return gain, (0.5 + margin) * gain - 0.5  # a pixel's centre lies half a pixel in
