"""Terms for keypoints on the object, equivariant, apart from each other and steady over time."""

import torch
from torch.nn import functional as F

from utils.geometry import affine_apply, coordinate_grid


def silhouette(heatmap, mask):
    """Term for keypoints on the object (JOKR, eq. 5; docs/METHOD.md, section 4).

    Args:
        heatmap: (B, K, h, w), summing to 1 per keypoint.
        mask: (B, 1, H, W) in {0, 1}.
    """
    small = F.interpolate(mask, heatmap.shape[2:], mode="bilinear", align_corners=False) > 0.5
    inside = (heatmap * small).sum((2, 3))
    return -(inside + 1e-12).log().mean()


def warp_frames(frames, warp):
    """Frames (B, C, H, W) sampled at warp(grid), warp (B, 2, 3); reflected at the border."""
    grid = coordinate_grid(*frames.shape[2:], like=frames)
    moved = affine_apply(warp, grid.flatten(0, 1).expand(len(frames), -1, -1))
    moved = moved.view(len(frames), *grid.shape)
    return F.grid_sample(frames, moved, padding_mode="reflection", align_corners=False)


def equivariance(keypoints, warped_keypoints, warp):
    """Term for keypoints that move with the picture (JOKR, eq. 6; docs/METHOD.md, section 4).

    It is the mean absolute difference of keypoints and those of warped frames, warped back.

    Args:
        keypoints: (B, K, 2) of the frames.
        warped_keypoints: (B, K, 2) of `warp_frames(frames, warp)`.
        warp: (B, 2, 3).
    """
    return (keypoints - affine_apply(warp, warped_keypoints)).abs().mean()


def separation(keypoints, delta):
    """Term for keypoints apart from each other (JOKR, eq. 4; docs/METHOD.md, section 4).

    As in the reference, only the first ten count, and each pairs with itself, too, which adds
    delta / 2.

    Args:
        keypoints: (B, K, 2).
        delta: squared distance below which a pair costs.
    """
    some = keypoints[:, :10]
    squared = (some[:, :, None] - some[:, None]).square().sum(-1)
    return (delta - squared).clamp(min=0).sum() / (2 * some.shape[0] * some.shape[1])


def temporal(keypoints, next_keypoints, alpha):
    """Mean distance of keypoints (B, K, 2) in neighbouring frames, multiplied by alpha."""
    return alpha * torch.linalg.vector_norm(keypoints - next_keypoints, dim=-1).mean()
