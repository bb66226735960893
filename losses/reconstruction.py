"""Terms on silhouettes and pictures."""

import math

import torch
from torch.nn import functional as F

EPSILON = 1e-6  # by which a silhouette stays away from 0 and 1 in logarithms


def shape(decoded, mask, blur=0.0):
    """Mean squared error of silhouettes, (B, 1, H, W) each.

    With `blur`, the sigma in pixels of a Gaussian over the mask, an edge that is a little off costs
    less than one far off.
    """
    if blur:
        mask = gaussian_blur(mask, blur)
    return F.mse_loss(decoded, mask)


def cross_entropy(decoded, mask):
    """Mean binary cross entropy of silhouettes, (B, 1, H, W) each, at most 14 a pixel.

    Its gradient does not vanish where the decoder is sure and wrong. NaN passes, so that the run
    can say where it broke down.
    """
    sure = decoded.clamp(EPSILON, 1 - EPSILON)
    return -torch.where(mask > 0.5, sure, 1 - sure).log().mean()


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
