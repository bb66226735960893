"""Terms on silhouettes and pictures."""

from torch.nn import functional as F


def shape(decoded, mask):
    """Mean squared error of silhouettes, (B, 1, H, W) each."""
    return F.mse_loss(decoded, mask)


def l1(picture, target):
    """Mean absolute error of pictures, (B, 3, H, W) each."""
    return F.l1_loss(picture, target)
