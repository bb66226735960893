"""What a training run does to rates and weights over time: decay and averaging."""

from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


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


def average(network, decay):
    """Exponential moving average of a network's weights and statistics, or None at `decay` 0.

    Returns:
        `AveragedModel`, whose `module` is the averaged network.
    """
    if not decay:
        return None
    return AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)


def advance(decays, averaged, network):
    """An iteration is over: lower the rates, take the network's weights into their average."""
    for decay in decays:
        decay.step()
    if averaged:
        averaged.update_parameters(network)
