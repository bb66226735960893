"""Reading log.csv, which a training run leaves behind."""

import csv
import os
from contextlib import suppress

RATE = "iterations_per_second"
MEMORY = "peak_memory_gib"  # of a GPU
END = 2**14  # bytes at the end of a file, which hold its last row


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


def last(path):
    """The last whole row of a log.csv, as `read` gives it but reading no other; {} if none."""
    try:
        with open(path, "rb") as file:
            head = file.readline()
            begin = file.tell()
            file.seek(max(begin, file.seek(0, os.SEEK_END) - END))
            lines = file.read().decode().splitlines(keepends=True)
    except (OSError, ValueError):
        return {}
    names = head.decode().strip().split(",")
    for line in reversed(lines):
        values = line.strip().split(",")
        with suppress(ValueError, KeyError):
            if line.endswith("\n") and len(values) == len(names):
                numbers = {name: float(text) for name, text in zip(names, values)}
                return {**numbers, "iteration": int(numbers["iteration"])}
    return {}


def curves(path):
    """What is learned, column by column of a log.csv: dict of name -> (iterations, values)."""
    rows = read(path)
    steps = [row["iteration"] for row in rows]
    others = "iteration", RATE, MEMORY
    names = [name for name in (rows[0] if rows else ()) if name not in others]
    return {name: (steps, [row[name] for row in rows]) for name in names}
