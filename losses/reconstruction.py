"""Terms on silhouettes and pictures."""

import math

import torch
from torch.nn import functional as F


def shape(decoded, mask, blur=0.0):
    """Mean squared error of silhouettes, (B, 1, H, W) each.

    With `blur`, the sigma in pixels of a Gaussian over the mask, an edge that is a little off costs
    less than one far off.
    """
    if blur:
        mask = gaussian_blur(mask, blur)
    return F.mse_loss(decoded, mask)


def gaussian_blur(mask, sigma):
    """A Gaussian of `sigma` pixels over masks (B, 1, H, W), reflected at the border."""
    radius = math.ceil(3 * sigma)
    offsets = torch.arange(-radius, radius + 1, dtype=mask.dtype, device=mask.device)
    kernel = torch.exp(-((offsets / sigma) ** 2) / 2)
    kernel = kernel / kernel.sum()
    padded = F.pad(mask, (radius,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))


def l1(picture, target):
    """Mean absolute error of pictures, (B, 3, H, W) each."""
    return F.l1_loss(picture, target)
