"""Rows of the table of measures, as text for people and as plain values for JSON."""

import math
from dataclasses import asdict, dataclass, field


@dataclass
class Row:
    """One measure: its value, and what the value is compared with."""

    group: str  # heading, e.g. "Retargeting against the truth"
    name: str  # "silhouette IoU"
    case: str  # "ab, decoded"
    value: float | None  # None: not measured
    better: str  # "higher", "lower", or a target in words, e.g. "near 0.5"
    baselines: dict[str, float] = field(default_factory=dict)  # trivial answers, e.g. "mean mask"
    upper_bounds: dict[str, float] = field(default_factory=dict)  # e.g. "best own frame"
    why: str = ""  # it was not measured
    verdict: str = ""  # in plain words
    definition: str = ""  # one sentence with its source


COLUMNS = "measure", "case", "value", "baselines", "upper bounds", "better", "verdict"


def text(rows):
    """Aligned columns, rows gathered under their group's heading. Returns lines as one str."""
    lines = [COLUMNS] + [_cells(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    groups = {}
    for row, cells in zip(rows, lines[1:]):
        groups.setdefault(row.group, []).append(_align(cells, widths))
    head = _align(COLUMNS, widths)
    return "\n\n".join("\n".join([group, head, *found]) for group, found in groups.items())


def _cells(row):
    """A row's text for each of `COLUMNS`."""
    value, verdict = _number(row.value), row.verdict
    if value == "-":
        verdict = f"not measured: {row.why}" if row.why else "not measured"
    beside = map(_named, (row.baselines, row.upper_bounds))
    return row.name, row.case, value, *beside, row.better, verdict


def _named(numbers):
    """A dict of name -> number in one cell."""
    return ", ".join(f"{name} {_number(number)}" for name, number in numbers.items())


def _align(cells, widths):
    """One line of the table: values are aligned to the right, words to the left."""
    cells = (
        cell.rjust(width) if index == COLUMNS.index("value") else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(cells, widths))
    )
    return "  " + "  ".join(cells).rstrip()


def _number(value):
    """A number with three significant digits; "-" for None, NaN and infinities."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def to_json(rows):
    """Rows as dicts that JSON can hold; NaN and infinities become None."""
    return [_plain(asdict(row)) for row in rows]


def _plain(value):
    """The same with None for NaN and infinities, which JSON does not know."""
    if isinstance(value, dict):
        return {key: _plain(x) for key, x in value.items()}
    if isinstance(value, str) or value is None:
        return value
    return float(value) if math.isfinite(value) else None
