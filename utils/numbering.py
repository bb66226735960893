"""Numbers of frames: a few that are evenly spread, and many in few words."""

import numpy as np


def spread(count, most):
    """At most `most` of the numbers 0 to `count` - 1, evenly spread from the first to the last."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist()


def ranges(numbers):
    """Numbers in order and in short: [3, 4, 5, 9] -> "3-5, 9"."""
    runs = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)
