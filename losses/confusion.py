"""Terms that make keypoints of both domains alike (JOKR, eq. 2, 3)."""


def _score(discriminator, keypoints, is_a):
    """Cross entropy, its logarithms at least -100 as in PyTorch's, and the probabilities (B,).

    Unlike PyTorch's cross entropy it lets NaN pass, so that the run can say where it broke down.
    """
    probability = discriminator(keypoints)[:, 0]
    log = probability.log() if is_a else (-probability).log1p()
    return -log.clamp(min=-100).mean(), probability


def confusion(discriminator, keypoints_a, keypoints_b):
    """The detector's term: the discriminator takes keypoints of both domains, (B, K, 2), for A's.

    As in the reference, A's own term is among it, which pulls A further from B.
    """
    return sum(_score(discriminator, x, True)[0] for x in (keypoints_a, keypoints_b))


def discrimination(discriminator, keypoints_a, keypoints_b):
    """The discriminator's terms: keypoints of A are 1 and those of B are 0.

    Returns:
        loss on A, loss on B, probabilities (B,) that A's, that B's keypoints are A's.
    """
    loss_a, probability_a = _score(discriminator, keypoints_a.detach(), True)
    loss_b, probability_b = _score(discriminator, keypoints_b.detach(), False)
    return loss_a, loss_b, probability_a, probability_b
