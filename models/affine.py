"""The affine map between the domains' keypoints (docs/METHOD.md, section 2)."""

import torch
from torch import nn
from torch.nn import functional as F

from utils.geometry import affine_apply, affine_invert, identity_affine

NOISE = 0.05


class AffineAlignment(nn.Module):
    """theta = [M | t], (1, 2, 3), which maps B's keypoints towards A's; starts near the identity.

    Args:
        theta: (1, 2, 3) start value; by default [I | 0] + N(0, 0.05).
    """

    def __init__(self, theta=None):
        super().__init__()
        if theta is None:
            theta = identity_affine(1, like=torch.empty(0)) + NOISE * torch.randn(1, 2, 3)
        self.theta = nn.Parameter(theta.detach().clone())

    def forward(self, keypoints_b):
        """B's keypoints (B, K, 2) as A would have them."""
        return affine_apply(self.theta, keypoints_b)

    def inverse(self, keypoints_a):
        """A's keypoints (B, K, 2) as B would have them."""
        return affine_invert(self.theta, keypoints_a)


class MeanAlignment(AffineAlignment):
    """The other object's mean pose, and from there theta's linear part of what a pose differs.

    Each keypoint's own place on either object takes up proportions that no affine map can.

    Args:
        theta: (1, 2, 3).
        means: (2, K, 2), keypoints of A and of B, mean over their clips.
    """

    def __init__(self, theta, means):
        super().__init__(theta)
        self.register_buffer("means", means.detach().clone())

    @property
    def linear(self):
        """theta without its shift, (1, 2, 3)."""
        return F.pad(self.theta[:, :, :2], (0, 1))

    def forward(self, keypoints_b):
        """B's keypoints (B, K, 2) as A would have them."""
        mean_a, mean_b = self.means
        return mean_a + affine_apply(self.linear, keypoints_b - mean_b)

    def inverse(self, keypoints_a):
        """A's keypoints (B, K, 2) as B would have them."""
        mean_a, mean_b = self.means
        return mean_b + affine_invert(self.linear, keypoints_a - mean_a)
