"""Terms on silhouettes and pictures."""

import torch
from torch.nn import functional as F

EPSILON = 1e-6  # by which a silhouette stays away from 0 and 1 in logarithms


def shape(decoded, mask):
    """Mean squared error of silhouettes, (B, 1, H, W) each."""
    return F.mse_loss(decoded, mask)


def cross_entropy(decoded, mask):
    """Mean binary cross entropy of silhouettes, (B, 1, H, W) each, at most 14 a pixel.

    Its gradient does not vanish where the decoder is sure and wrong. NaN passes, so that the run
    can say where it broke down.
    """
    sure = decoded.clamp(EPSILON, 1 - EPSILON)
    return -torch.where(mask > 0.5, sure, 1 - sure).log().mean()


def l1(picture, target):
    """Mean absolute error of pictures, (B, 3, H, W) each."""
    return F.l1_loss(picture, target)
