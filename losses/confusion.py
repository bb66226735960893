"""What makes both domains' keypoints indistinguishable: the adversarial pair (JOKR, eq. 2 and 3),
and their moments."""

import torch
from torch import nn

from utils import parallel


def _score(discriminator, keypoints, is_a):
    """Cross entropy, logarithms cut at -100 as in PyTorch's own, and the probabilities (B,).

    Unlike PyTorch's it lets NaN pass, so that the run can say where it broke down.
    """
    probability = discriminator(keypoints)[:, 0]
    log = probability.log() if is_a else (-probability).log1p()
    return -log.clamp(min=-100).mean(), probability


def confusion(discriminator, keypoints_a, keypoints_b, only_b=False):
    """For the detector: both domains, (B, K, 2) each, look like A.

    A's own term, which pulls A further from B, is the reference's; `only_b` leaves it out.
    """
    loss_b, _ = _score(discriminator, keypoints_b, True)
    return loss_b if only_b else _score(discriminator, keypoints_a, True)[0] + loss_b


def discrimination(discriminator, keypoints_a, keypoints_b):
    """For the discriminator: A is 1 and B is 0.

    Returns:
        loss on A, loss on B, probabilities (B,) that A's, that B's keypoints are A's.
    """
    loss_a, probability_a = _score(discriminator, keypoints_a.detach(), True)
    loss_b, probability_b = _score(discriminator, keypoints_b.detach(), False)
    return loss_a, loss_b, probability_a, probability_b


class Moments(nn.Module):
    """Both domains' keypoints have one mean and one covariance (deep CORAL, arXiv 1607.01719).

    Unlike a discriminator it tells the affine map at once which way to go. A batch is too small to
    know its domain's moments, so running ones are compared, which the batch moves.

    Args:
        num_keypoints: K.
        rate: share of a batch in the running moments.
    """

    def __init__(self, num_keypoints, rate=0.05):
        super().__init__()
        size = 2 * num_keypoints
        self.rate = rate
        self.register_buffer("mean", torch.zeros(2, size))
        self.register_buffer("second", torch.zeros(2, size, size))
        self.register_buffer("weight", torch.zeros(()))  # of all batches so far

    def forward(self, keypoints_a, keypoints_b, to_a):
        """Unweighted term, 1 / rate times the distance, so that a batch, of which the running
        moments take up a share of rate, gets the gradient of the distance itself (more at first).

        Args:
            keypoints_a, keypoints_b: (B, K, 2).
            to_a: the affine map, (B, K, 2) -> (B, K, 2).
        """
        flat = torch.stack([keypoints_a.flatten(1), keypoints_b.flatten(1)])
        weight = torch.lerp(self.weight, torch.ones_like(self.weight), self.rate)
        mean = torch.lerp(self.mean, parallel.mean(flat.mean(1)), self.rate)
        batch = parallel.mean(flat.transpose(1, 2) @ flat / flat.shape[1])
        second = torch.lerp(self.second, batch, self.rate)
        for buffer, value in ((self.weight, weight), (self.mean, mean), (self.second, second)):
            buffer.copy_(value.detach())
        mean = mean / weight
        covariance = second / weight - mean[:, :, None] * mean[:, None]
        points = mean.unflatten(1, (-1, 2))
        shift = (points[0] - to_a(points[1:])[0]).square().sum(-1).mean()
        spread = covariance[0] - _spread_as(to_a, _spread_as(to_a, covariance[1]).T)
        return (shift + torch.linalg.matrix_norm(spread) / points.shape[1]) / self.rate


def _spread_as(to_a, covariance):
    """The linear part of `to_a` on every row of (2 K, 2 K), read as K vectors."""
    rows = covariance.unflatten(1, (-1, 2))
    return (to_a(rows) - to_a(torch.zeros_like(rows))).flatten(1)
