"""What a training run does to rates and weights over time: decay and averaging."""

import copy
from itertools import chain

import torch

LEAST = 0.02  # of a rate that warms up, so that the first iteration moves something


def lr_factor(progress, decay=0.0, warmup=0.0):
    """What learning rates are multiplied by at a share of the training, `progress` in [0, 1].

    Both together are one cycle (Smith and Topin 2017, arXiv 1708.07120), with straight sides.

    Args:
        decay: last share of the training, over which rates fall linearly to 0; 0 keeps them.
        warmup: first share of the training, over which rates rise linearly; 0: full from the start.
    """
    falling = (1 - progress) / decay if decay else 1.0
    rising = LEAST + progress / warmup if warmup else 1.0
    return min(1.0, falling, rising)


def set_rates(optimisers, factor):
    """Set the learning rates of optimisers to those that they began with, times `factor`."""
    for group in chain.from_iterable(optimiser.param_groups for optimiser in optimisers):
        group["lr"] = factor * group.setdefault("initial_lr", group["lr"])


class MovingAverage:
    """Exponential moving average of a network's weights and statistics; nothing in it waits.

    Args:
        network: it is copied, and stays as it is.
        decay: share of the former average in each new one.

    Attributes:
        module: the averaged network.
        updates: how many there were; an average of few follows the network closer, so that first
            weights do not stay in it.
    """

    def __init__(self, network, decay):
        self.module = copy.deepcopy(network).requires_grad_(False)
        self.decay, self.updates = decay, 0

    @torch.no_grad()
    def update(self, network):
        """Take the network's present weights and buffers into the average; counters are copied."""
        pairs = list(zip(_tensors(self.module), _tensors(network)))
        averages, values = zip(*(pair for pair in pairs if pair[0].is_floating_point()))
        decay = min(self.decay, self.updates / (self.updates + 10))
        torch._foreach_lerp_(averages, values, 1 - decay)
        for counter, value in pairs:
            if not counter.is_floating_point():
                counter.copy_(value)
        self.updates += 1


def _tensors(network):
    return chain(network.parameters(), network.buffers())


def average(network, decay):
    """`MovingAverage` of a network, or None at `decay` 0."""
    return MovingAverage(network, decay) if decay else None
