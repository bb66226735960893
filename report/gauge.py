"""Where a metric's value lies between its baselines and its upper bound."""

import math
from dataclasses import dataclass

from utils.standing import order, stand

_MARGIN = 4  # percent of the scale left free on either side, so that every mark is seen whole


@dataclass
class Gauge:
    """Marks on a scale from 0 (worse) to 100 (better), and the same in words.

    Attributes:
        value: position.
        baselines, upper_bounds: positions.
        beats: whether the value is better than every baseline; None where there is no baseline.
        words: for those who do not see the marks.
    """

    value: float
    baselines: list
    upper_bounds: list
    beats: bool | None
    words: str

    @property
    def gain(self):
        """Where a result should lie, (start, width), from the best baseline to the best bound."""
        if not self.baselines:
            return None
        start = max(self.baselines)
        return start, max(max(self.upper_bounds, default=100) - start, 0)


def measured(row):
    """Whether a row of the metric table holds a number."""
    return _known(row.value)


def gauges(rows):
    """The gauges of one metric's cases on one scale, so that they can be compared.

    Args:
        rows: with `value`, `better` ("higher", "lower" or "near 0.5"; another text has no
            order), `baselines` and `upper_bounds` (name -> number).

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
    """Value, baselines and upper bounds as numbers of which the higher is the better; or None."""
    rank = order(row.better)
    if rank is None or not measured(row):
        return None
    baselines, upper_bounds = (
        {name: rank(number) for name, number in numbers.items() if _known(number)}
        for numbers in (row.baselines, row.upper_bounds)
    )
    if baselines and not upper_bounds and row.better.startswith("near"):
        upper_bounds = {"target": 0}
    if not baselines and not upper_bounds:
        return None
    return rank(row.value), baselines, upper_bounds


def _scale(known, better):
    bounded = all(upper_bounds for _, _, upper_bounds in known)
    numbers = [
        x
        for value, baselines, upper_bounds in known
        for x in (value, *baselines.values(), *upper_bounds.values())
    ]
    low, high = min(numbers), max(numbers)
    if not bounded and better == "lower" and high <= 0:
        high = 0.0  # an error's natural end
    elif not bounded:
        high += (high - low) / 4  # nothing says that the value at hand is the best there is
    span = high - low or 1
    room = 100 - 2 * _MARGIN
    return lambda x: round(_MARGIN + room * (x - low) / span, 1)


def _gauge(value, baselines, upper_bounds, place):
    best = max(upper_bounds.values(), default=None)
    found = stand(value, baselines, best) if baselines else None
    return Gauge(
        value=place(value),
        baselines=[place(baseline) for baseline in baselines.values()],
        upper_bounds=[place(upper_bound) for upper_bound in upper_bounds.values()],
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
