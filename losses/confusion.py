"""Terms that make keypoints of both domains alike: adversarial (JOKR, eq. 2, 3) and by moments."""

import torch
from torch import nn

from utils import parallel


def _score(discriminator, keypoints, is_a):
    """Cross entropy, its logarithms at least -100 as in PyTorch's, and the probabilities (B,).

    Unlike PyTorch's cross entropy it lets NaN pass, so that the run can say where it broke down.
    """
    probability = discriminator(keypoints)[:, 0]
    log = probability.log() if is_a else (-probability).log1p()
    return -log.clamp(min=-100).mean(), probability


def confusion(discriminator, keypoints_a, keypoints_b, only_b=False):
    """The detector's term: the discriminator takes keypoints of both domains, (B, K, 2), for A's.

    The reference has A's own term, too, which pulls A further from B; `only_b` leaves it out.
    """
    loss_b, _ = _score(discriminator, keypoints_b, True)
    return loss_b if only_b else _score(discriminator, keypoints_a, True)[0] + loss_b


def discrimination(discriminator, keypoints_a, keypoints_b):
    """The discriminator's terms: keypoints of A are 1 and those of B are 0.

    Returns:
        loss on A, loss on B, probabilities (B,) that A's, that B's keypoints are A's.
    """
    loss_a, probability_a = _score(discriminator, keypoints_a.detach(), True)
    loss_b, probability_b = _score(discriminator, keypoints_b.detach(), False)
    return loss_a, loss_b, probability_a, probability_b


class Moments(nn.Module):
    """Term for equal means and covariances of both domains' keypoints (deep CORAL, 1607.01719).

    Unlike a discriminator's, its gradient tells the affine map at once which way to go. A batch is
    too small to estimate its domain's moments, so running averages are compared, into which the
    batch enters with its gradient.

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
        """Distance of A's running moments from those of B after the affine map, divided by `rate`.

        Running moments take up only a share `rate` of a batch (more in the first ones), which
        makes the distance's gradient small by that factor; the division makes up for it.

        Args:
            keypoints_a, keypoints_b: (B, K, 2).
            to_a: the affine map, (B, K, 2) -> (B, K, 2).

        Returns:
            scalar tensor, unweighted: the squared distance of the mean keypoints, plus the
            Frobenius norm of the difference of both covariances, divided by K.
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
    """Every row of a matrix (2 K, 2 K), read as K vectors, mapped by the linear part of `to_a`."""
    rows = covariance.unflatten(1, (-1, 2))
    return (to_a(rows) - to_a(torch.zeros_like(rows))).flatten(1)
