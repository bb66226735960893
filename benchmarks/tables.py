"""Measure subjects side by side, and set what was found in tables."""

import statistics

from benchmarks.subject import flops, peak_memory

COLUMNS = "data items/s", "compute it/s", "loop it/s", "slowest..fastest", "compute ratio"
COLUMNS += "loop ratio", "GiB", "TFLOP/s", "of product"


def measure(subjects, rounds, steps):
    """Seconds per iteration of every subject, all in turn in every round.

    Returns:
        dict of name -> dict of data, compute and loop -> one figure per round.
    """
    times = {name: {what: [] for what in ("data", "compute", "loop")} for name in subjects}
    for name, subject in subjects.items():
        with subject.settings():
            seconds = 3 * subject.seconds("loop", 3)
        print(f"  warmed up in {seconds:.1f} s: {name}", flush=True)
    for _ in range(rounds):
        for name, subject in subjects.items():
            with subject.settings():
                for what, found in times[name].items():
                    found.append(subject.seconds(what, steps))
    return times


def table(subjects, times, product):
    """Rows of figures, dict by `COLUMNS`, from what `measure` found."""
    first, *_ = times.values()
    operations = flops(next(iter(subjects.values())))
    rows = {}
    for name, subject in subjects.items():
        own = {what: statistics.median(found) for what, found in times[name].items()}
        ratios = {
            what: statistics.median(x / y for x, y in zip(first[what], times[name][what]))
            for what in own
        }
        rate = operations / own["compute"]
        loop = times[name]["loop"]
        if len(subjects) == 1:
            ratios = dict.fromkeys(ratios)
        figures = (
            2 * subject.opt.bs / own["data"], 1 / own["compute"], 1 / own["loop"],
            f"{1 / max(loop):.3g}..{1 / min(loop):.3g}", ratios["compute"], ratios["loop"],
            peak_memory(subject), rate / 1e12, rate / product,
        )  # fmt: skip
        rows[name] = dict(zip(COLUMNS, figures))
    return rows


def show(title, rows):
    """Print a table: dict of row name -> dict of column -> number, text or None."""
    columns = [c for c in next(iter(rows.values())) if any(r[c] is not None for r in rows.values())]
    first = max(map(len, rows)) + 2
    print(f"\n{title}\n{'':{first}}" + "  ".join(columns))
    for name, row in rows.items():
        values = (row[column] for column in columns)
        cells = ("-" if v is None else v if isinstance(v, str) else f"{v:.3g}" for v in values)
        line = "  ".join(f"{cell:>{len(column)}}" for cell, column in zip(cells, columns))
        print(f"{name:{first}}{line}", flush=True)
