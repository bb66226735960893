"""The adversarial pair that makes both domains' keypoints indistinguishable (JOKR, eq. 2 and 3)."""


def _score(discriminator, keypoints, is_a):
    """Cross entropy, logarithms cut at -100 as in PyTorch's own, and the probabilities (B,).

    Unlike PyTorch's it lets NaN pass, so that the run can say where it broke down.
    """
    probability = discriminator(keypoints)[:, 0]
    log = probability.log() if is_a else (-probability).log1p()
    return -log.clamp(min=-100).mean(), probability


def confusion(discriminator, keypoints_a, keypoints_b):
    """For the detector: both domains, (B, K, 2) each, look like A (A's own term too)."""
    loss_a, _ = _score(discriminator, keypoints_a, True)
    loss_b, _ = _score(discriminator, keypoints_b, True)
    return loss_a + loss_b


def discrimination(discriminator, keypoints_a, keypoints_b):
    """For the discriminator: A is 1 and B is 0.

    Returns:
        loss on A, loss on B, probabilities (B,) that A's, that B's keypoints are A's.
    """
    loss_a, probability_a = _score(discriminator, keypoints_a.detach(), True)
    loss_b, probability_b = _score(discriminator, keypoints_b.detach(), False)
    return loss_a, loss_b, probability_a, probability_b
