"""Tables of docs/performance.md, filled between their markers by figures of benchmarks/gpu.py."""

import re

NOTHING = "Not measured yet; `make gpu` on a machine with an NVIDIA GPU fills this in."
STEPS = {
    "steps/s": "compute it/s", "ratio": "compute ratio", "with data, steps/s": "loop it/s",
    "with data, ratio": "loop ratio", "GiB": "GiB", "of product": "of product",
}  # fmt: skip


def fill(text, found):
    """The page with every `<!-- gpu: NAME -->` ... `<!-- end -->` filled.

    Args:
        text: the page.
        found: dict of device, torch and parts, as benchmarks/gpu.py writes it.

    Raises:
        KeyError: the page has a marker that no table is for.
    """

    def table(match):
        part = found["parts"].get(match[2])
        return f"{match[1]}\n{TABLES[match[2]](part, found) if part else NOTHING}\n{match[3]}"

    return re.sub(r"(<!-- gpu: (\w+) -->).*?(<!-- end -->)", table, text, flags=re.DOTALL)


def markdown(columns, rows):
    """A table: names of columns, and lists of cells, numbers with three significant digits."""
    lines = [["", *columns], ["---"] * (1 + len(columns)), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def cell(value):
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.3g}"


def source(part, found):
    """Where figures come from: device, software and command."""
    return f"{found['device']}, PyTorch {found['torch']}, `{part['command']}`"


def steps(part, found):
    """One stage's ladder, or its one row."""
    figures = part["figures"]
    title, rows = next((k, v) for k, v in figures.items() if k.startswith("stage "))
    table = markdown(STEPS, [[n, *(row[c] for c in STEPS.values())] for n, row in rows.items()])
    product = f"One large matrix product runs at {figures['product TFLOP/s']:.3g} TFLOP/s."
    return f"{source(part, found)}\n\n{title}. {product}\n\n{table}"


def inference(part, found):
    rows = part["figures"]["inference"]
    columns = list(next(iter(rows.values())))
    lines = [[name, *(row[c] for c in columns)] for name, row in rows.items()]
    return f"{source(part, found)}\n\n{markdown(columns, lines)}"


def memory(part, found):
    """Peak memory by precision, and the speed of the same uncompiled steps."""
    rows = next(v for k, v in part["figures"].items() if k.startswith("sweep_"))
    columns = sorted({column for row in rows.values() for column in row})
    lines = [[name, *(row.get(c) for c in columns)] for name, row in rows.items()]
    return f"{source(part, found)}\n\n{markdown(columns, lines)}"


def tests(part, found):
    figures = part["figures"]
    counts = f"{figures['passed']} passed, {figures['skipped']} skipped, {len(figures['failed'])} "
    names = f" ({', '.join(figures['failed'])})" if figures["failed"] else ""
    return f"{source(part, found)}\n\n{counts}failed{names}, in {part['seconds']} s."


def run(part, found):
    """How far the full run has come, and what it measures once it is through."""
    figures, rows = part["figures"], []
    for stage in ("first", "second"):
        done = figures[stage] or {"iterations": 0}
        counts = (str(done[key]) if key in done else None for key in ("iterations", "of"))
        rows.append([f"stage {stage}", *counts, done.get("it/s"), done.get("GiB")])
    table = markdown(("iterations", "of", "a second", "GiB"), rows)
    state = "Finished" if figures["finished"] else "Not finished"
    text = f"{source(part, found)}\n\n{state} after {part['seconds'] / 60:.0f} minutes.\n\n{table}"
    measures = [[f"{m['name']}, {m['case']}", m["value"]] for m in figures.get("metrics", ())]
    return f"{text}\n\n{markdown(['value'], measures)}" if measures else text


TABLES = {
    "tests": tests, "first": steps, "second": steps, "inference": inference,
    "memory_first": memory, "memory_second": memory, "run": run,
}  # fmt: skip
