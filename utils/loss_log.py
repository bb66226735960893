"""Reading log.csv, which a training run leaves behind."""

import csv
from contextlib import suppress

RATE = "iterations_per_second"
MEMORY = "peak_memory_gib"  # of a GPU


def read(path):
    """Rows of a log.csv, dicts of column -> number; none where there is no such file.

    What is no whole row of numbers, as a killed run may leave it, is left out.
    """
    try:
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return []
    whole = []
    for row in rows:
        with suppress(ValueError, TypeError, KeyError):
            numbers = {name: float(text) for name, text in row.items()}
            whole.append({**numbers, "iteration": int(row["iteration"])})
    return whole


def curves(path):
    """What is learned, column by column of a log.csv: dict of name -> (iterations, values)."""
    rows = read(path)
    steps = [row["iteration"] for row in rows]
    others = "iteration", RATE, MEMORY
    names = [name for name in (rows[0] if rows else ()) if name not in others]
    return {name: (steps, [row[name] for row in rows]) for name in names}
