"""Measures of steadiness. Pictures are (N, 3, H, W) in [-1, 1], in the order of the clip."""

import torch
from torch.nn import functional as F

from utils.geometry import coordinate_grid
from utils.tensors import unit


def warp_error(pictures, flow, valid):
    """Warping error E_warp (Lai et al. 2018, arXiv 1808.00449), colours on 0..1.

    Of a pair of consecutive frames: the squared difference between frame t and frame t+1 warped
    back by the flow, summed over the colours, mean over the valid pixels. Then the mean over
    pairs; one without a valid pixel does not count.

    Args:
        flow: (N - 1, 2, H, W), in x and y from frame t to t+1, in pixels.
        valid: (N - 1, 1, H, W) bool; false where the surface is hidden in t+1 or not of interest.
            Pixels that flow out of the picture never count.

    Raises:
        ValueError: no pair has a valid pixel.
    """
    errors = []
    # One pair at a time: a clip's worth of warped frames is not needed at once.
    for here, there, move, seen in zip(pictures, pictures[1:], flow, valid):
        warped, inside = _warp_back(unit(there), move)
        counts = seen[0] & inside
        if counts.any():
            errors.append((unit(here) - warped).square().sum(0)[counts].mean())
    if not errors:
        raise ValueError("no pair of frames has a valid pixel")
    return torch.stack(errors).mean().item()


def _warp_back(picture, flow):
    """A picture (C, H, W) sampled at pixel + flow (2, H, W), and where that lies inside, (H, W)."""
    height, width = picture.shape[1:]
    grid = coordinate_grid(height, width, like=flow)
    size = torch.tensor([width - 1, height - 1]).to(flow)
    target = grid + 2 * flow.permute(1, 2, 0) / size
    # A border of zeros would mix black into what lands on the last pixel but for rounding.
    warped = F.grid_sample(picture[None], target[None], padding_mode="border", align_corners=True)
    return warped[0], (target.abs() <= 1 + 1e-5).all(-1)


def picture_jitter(pictures):
    """Mean |x(t+1) - 2 x(t) + x(t-1)| over frames, pixels and colours, on the scale 0..1.

    Our own: colours that stay or change at an even pace count nothing, flicker counts fully.

    Raises:
        ValueError: fewer than three frames.
    """
    if len(pictures) < 3:
        raise ValueError(f"jitter needs 3 frames, there are {len(pictures)}")
    return unit(pictures).diff(n=2, dim=0).abs().mean().item()
