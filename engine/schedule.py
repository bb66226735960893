"""What a training run does to rates and weights over time: decay and averaging."""

import copy
from itertools import chain

import torch
from torch.optim.lr_scheduler import LambdaLR


def rates(optimiser, share, start, total):
    """Scheduler that keeps an optimiser's rates, then lowers them linearly to 0.

    Args:
        share: of the `total` iterations, at their end, over which the rates fall; 0 keeps them.
        start: the iteration that comes next; it matters where a run goes on.

    Returns:
        scheduler; step it after each iteration.
    """
    falling = share * total

    def factor(iteration):
        return min(1.0, (total - iteration) / falling) if falling else 1.0

    for group in optimiser.param_groups:
        group.setdefault("initial_lr", group["lr"])
    return LambdaLR(optimiser, factor, last_epoch=start - 1)


class MovingAverage:
    """Exponential moving average of a network's weights and statistics; nothing in it waits.

    Args:
        network: it is copied, and stays as it is.
        decay: share of the former average in each new one.

    Attributes:
        module: the averaged network.
        begun: whether it holds an average; otherwise the first update copies the network.
    """

    def __init__(self, network, decay):
        self.module = copy.deepcopy(network).requires_grad_(False)
        self.decay, self.begun = decay, False

    @torch.no_grad()
    def update(self, network):
        """Take the network's present weights and buffers into the average; counters are copied."""
        pairs = list(zip(_tensors(self.module), _tensors(network)))
        averages, values = zip(*(pair for pair in pairs if pair[0].is_floating_point()))
        torch._foreach_lerp_(averages, values, 1 - self.decay if self.begun else 1.0)
        for counter, value in pairs:
            if not counter.is_floating_point():
                counter.copy_(value)
        self.begun = True


def _tensors(network):
    return chain(network.parameters(), network.buffers())


def average(network, decay):
    """`MovingAverage` of a network, or None at `decay` 0."""
    return MovingAverage(network, decay) if decay else None


def advance(decays, averaged, network):
    """An iteration is over: lower the rates, take the network's weights into their average."""
    for decay in decays:
        decay.step()
    if averaged:
        averaged.update(network)
