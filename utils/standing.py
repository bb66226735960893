"""Where a measured value stands between trivial answers, its baselines, and its upper bound."""

import re
from typing import NamedTuple


class Standing(NamedTuple):
    """What a value is, beside its baselines and its upper bound.

    Attributes:
        baseline: name of the best baseline.
        beats: whether the value is better than that.
        share: of the way from that baseline to the upper bound, above 1 beyond it; None where no
            better upper bound is known.
    """

    baseline: str
    beats: bool
    share: float | None


def order(better):
    """Function that makes numbers of which the higher is the better; None for a text without order.

    Args:
        better: "higher", "lower" or "near <number>".
    """
    if target := re.fullmatch(r"near (-?\d+\.?\d*)", better):
        return lambda x: -abs(x - float(target[1]))
    return {"higher": lambda x: x, "lower": lambda x: -x}.get(better)


def stand(value, baselines, upper_bound):
    """`Standing` of numbers of which the higher is the better.

    Args:
        baselines: dict of name -> number, at least one.
        upper_bound: number, or None.
    """
    name, baseline = max(baselines.items(), key=lambda item: item[1])
    known = upper_bound is not None and upper_bound > baseline
    share = (value - baseline) / (upper_bound - baseline) if known else None
    return Standing(name, value > baseline, share)
