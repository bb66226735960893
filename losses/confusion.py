"""The adversarial pair that makes both domains' keypoints indistinguishable (JOKR, eq. 2 and 3)."""

import torch
from torch.nn import functional as F


def _score(discriminator, keypoints, target):
    probability = discriminator(keypoints)
    return F.binary_cross_entropy(probability, torch.full_like(probability, target))


def confusion(discriminator, keypoints_a, keypoints_b):
    """For the detector: both domains, (B, K, 2) each, look like A. A's own term is the reference's."""
    return _score(discriminator, keypoints_a, 1.0) + _score(discriminator, keypoints_b, 1.0)


def discrimination(discriminator, keypoints_a, keypoints_b):
    """For the discriminator: A is 1 and B is 0. Returns the two terms."""
    return (
        _score(discriminator, keypoints_a.detach(), 1.0),
        _score(discriminator, keypoints_b.detach(), 0.0),
    )
