"""Where a metric's value lies between its baselines and its upper bound."""

import math
from dataclasses import dataclass

from utils.standing import order, stand

_MARGIN = 4  # percent of the scale left free on either side, so that every mark is seen whole


@dataclass
class Gauge:
    """Marks on a scale from 0 (worse) to 100 (better), and the same in words.

    Attributes:
        value, upper_bound: positions; `upper_bound` may be None.
        baselines: positions.
        beats: whether the value is better than every baseline; None where there is no baseline.
        words: for those who do not see the marks.
    """

    value: float
    baselines: list
    upper_bound: float | None
    beats: bool | None
    words: str

    @property
    def gain(self):
        """Where a result should lie, (start, width): from the best baseline on, or None."""
        if not self.baselines:
            return None
        start = max(self.baselines)
        return start, max((100 if self.upper_bound is None else self.upper_bound) - start, 0)


def measured(row):
    """Whether a row of the metric table holds a number."""
    return _known(row.value)


def gauges(rows):
    """The gauges of one metric's cases on one scale, so that they can be compared.

    Args:
        rows: with `value`, `better` ("higher", "lower" or "near 0.5"; another text has no
            order), `baselines` (name -> number) and `upper_bound`.

    Returns:
        list of Gauge, or None where a row has no number, no order or nothing to compare with.
    """
    ranked = [_ranks(row) for row in rows]
    known = [ranks for ranks in ranked if ranks]
    if not known:
        return ranked
    place = _scale(known, rows[0].better)
    return [_gauge(*ranks, place) if ranks else None for ranks in ranked]


def _known(x):
    return x is not None and math.isfinite(x)


def _ranks(row):
    """Value, baselines and upper bound as numbers of which the higher is the better; or None."""
    rank = order(row.better)
    if rank is None or not measured(row):
        return None
    baselines = {name: rank(number) for name, number in row.baselines.items() if _known(number)}
    upper_bound = rank(row.upper_bound) if _known(row.upper_bound) else None
    if baselines and upper_bound is None and row.better.startswith("near"):
        upper_bound = 0  # the target itself
    if not baselines and upper_bound is None:
        return None
    return rank(row.value), baselines, upper_bound


def _scale(known, better):
    numbers = [
        x
        for value, baselines, upper_bound in known
        for x in (value, *baselines.values(), upper_bound)
    ]
    bounded = None not in numbers
    numbers = [x for x in numbers if x is not None]
    low, high = min(numbers), max(numbers)
    if not bounded and better == "lower" and high <= 0:
        high = 0.0  # an error's natural end
    elif not bounded:
        high += (high - low) / 4  # nothing says that the value at hand is the best there is
    span = high - low or 1
    room = 100 - 2 * _MARGIN
    return lambda x: round(_MARGIN + room * (x - low) / span, 1)


def _gauge(value, baselines, upper_bound, place):
    found = stand(value, baselines, upper_bound) if baselines else None
    return Gauge(
        value=place(value),
        baselines=[place(baseline) for baseline in baselines.values()],
        upper_bound=None if upper_bound is None else place(upper_bound),
        beats=found and found.beats,
        words=_words(found),
    )


def _words(found):
    """A `Standing` in words; None stands for a row without baseline."""
    if not found:
        return "beside its upper bound; no baseline"
    if not found.beats:
        return f"no better than the baseline “{found.baseline}”"
    if found.share is None:
        return "better than every baseline"
    way = f"{found.share:.0%} of the way from the best of them to the upper bound"
    return f"better than every baseline, {way}"


def tally(cases):
    """Count (row, gauge) pairs by what they say: dict of words -> how many, above 0."""
    known = [gauge.beats if gauge else None for row, gauge in cases if measured(row)]
    counts = {
        "better than every baseline": known.count(True),
        "no better than a baseline": known.count(False),
        "without a baseline": known.count(None),
        "not measured": len(cases) - len(known),
    }
    return {name: count for name, count in counts.items() if count}


def number(x, beside=None):
    """A number as a table shows it: three digits, or as many decimals as `beside` then has."""
    if not _known(x):
        return "–"
    size = abs(beside or x)
    decimals = 2 - math.floor(math.log10(size)) if size else 0
    return f"{x:,.{min(max(decimals, 0), 6)}f}"
