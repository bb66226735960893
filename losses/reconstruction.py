"""Terms on silhouettes and pictures."""

import math

from torch.nn import functional as F
from torchvision.transforms.v2.functional import gaussian_blur


def shape(decoded, mask, blur=0.0):
    """Mean squared error of silhouettes, (B, 1, H, W) each.

    With `blur`, the sigma in pixels of a Gaussian over the mask, an edge that is a little off costs
    less than one far off.
    """
    if blur:
        mask = gaussian_blur(mask, 2 * math.ceil(3 * blur) + 1, blur)
    return F.mse_loss(decoded, mask)


def l1(picture, target):
    """Mean absolute error of pictures, (B, 3, H, W) each."""
    return F.l1_loss(picture, target)
