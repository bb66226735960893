"""The adversarial pair that makes both domains' keypoints indistinguishable (JOKR, eq. 2 and 3)."""

import torch
from torch.nn import functional as F


def _score(discriminator, keypoints, target):
    """Cross entropy with `target`, and the probabilities (B,)."""
    probability = discriminator(keypoints)[:, 0]
    return F.binary_cross_entropy(probability, torch.full_like(probability, target)), probability


def confusion(discriminator, keypoints_a, keypoints_b):
    """For the detector: both domains, (B, K, 2) each, look like A (A's own term too)."""
    loss_a, _ = _score(discriminator, keypoints_a, 1.0)
    loss_b, _ = _score(discriminator, keypoints_b, 1.0)
    return loss_a + loss_b


def discrimination(discriminator, keypoints_a, keypoints_b):
    """For the discriminator: A is 1 and B is 0.

    Returns:
        loss on A, loss on B, probabilities (B,) that A's, that B's keypoints are A's.
    """
    loss_a, probability_a = _score(discriminator, keypoints_a.detach(), 1.0)
    loss_b, probability_b = _score(discriminator, keypoints_b.detach(), 0.0)
    return loss_a, loss_b, probability_a, probability_b
