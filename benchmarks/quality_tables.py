"""The rows of quality.csv as a table of means and spreads, and as a plot."""

import math
import statistics
from collections import defaultdict

# Heading -> columns whose mean is shown, and whether higher is better.
SHOWN = {
    "silhouette IoU": (("iou_ab", "iou_ba"), True),
    "boundary F": (("boundary_ab", "boundary_ba"), True),
    "landmarks A->B": (("landmark_a_to_b",), False),
    "landmarks B->A": (("landmark_b_to_a",), False),
    "within": (("landmark_within_a", "landmark_within_b"), False),
    "own IoU": (("own_iou_a", "own_iou_b"), True),
    "domain accuracy": (("domain_accuracy",), False),
    "foreground L1": (("l1_ab", "l1_ba"), False),
    "sharpness": (("sharpness_ab", "sharpness_ba"), True),
}
BASELINE = {
    "silhouette IoU": ("floor_iou_ab", "floor_iou_ba"),
    "landmarks A->B": ("floor_landmark_a_to_b",),
    "landmarks B->A": ("floor_landmark_b_to_a",),
    "foreground L1": ("floor_l1_ab", "floor_l1_ba"),
}


def gather(rows):
    """dict of level -> recipe -> seed -> heading -> value, the best trivial answers among them.

    Of the rows of one run, over time, the last counts.
    """
    found = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        values = {h: _mean(row, columns) for h, (columns, _) in SHOWN.items()}
        found[row["level"]][row["recipe"]][row["seed"]] = values
        trivial = {h: _mean(row, columns) for h, columns in BASELINE.items()}
        found[row["level"]]["best trivial answer"][row["seed"]] = trivial
    return found


def _mean(row, columns):
    return statistics.mean(float(row[column] or "nan") for column in columns)


def text(rows):
    """Markdown: per level, mean and standard deviation over the seeds, and the change against
    faithful, the mean over seeds of the difference on the same seed (with its range)."""
    parts = []
    for level, recipes in sorted(gather(rows).items()):
        head = "| recipe | " + " | ".join(SHOWN) + " | IoU: change | A->B: change |"
        lines = [f"level {level}", "", head, "|---" * (len(SHOWN) + 3) + "|"]
        faithful = recipes.get("faithful", {})
        ordered = sorted(recipes, key=lambda name: name == "best trivial answer")
        for name in ordered:
            cells = [_spread([v[h] for v in recipes[name].values() if h in v]) for h in SHOWN]
            cells.append(_change(recipes[name], faithful, "silhouette IoU", False))
            cells.append(_change(recipes[name], faithful, "landmarks A->B", True))
            count = len(recipes[name])
            lines.append(f"| {name} ({count}) | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n\nIn brackets: number of seeds."


def _spread(values):
    values = [value for value in values if not math.isnan(value)]  # what was not measured
    if not values:
        return ""
    spread = f" ±{statistics.stdev(values):.2g}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3g}{spread}"


def _change(own, faithful, heading, relative):
    """Against faithful on the same seeds: mean difference, lowest..highest."""
    shared = [seed for seed in own if seed in faithful]
    if not shared or own is faithful:
        return ""
    pairs = [(own[seed][heading], faithful[seed][heading]) for seed in shared]
    changes = [100 * (x / y - 1) if relative else x - y for x, y in pairs]
    form = "{:+.0f}%" if relative else "{:+.3f}"
    low, high = form.format(min(changes)), form.format(max(changes))
    return f"{form.format(statistics.mean(changes))} ({low}..{high})"


def plot(rows, path):
    """Every run as a dot, every mean as a bar, by recipe and level, into `path` (PNG)."""
    from matplotlib.figure import Figure  # slow to import, and needed only here

    found = gather(rows)
    if not found:
        return
    headings = ("silhouette IoU", "landmarks A->B")
    recipes = list(dict.fromkeys(name for level in found.values() for name in level))
    recipes.sort(key=lambda name: (name != "best trivial answer", name != "faithful"))
    figure = Figure((10, 0.6 + (1 + 0.32 * len(recipes)) * len(found)), layout="constrained")
    axes = figure.subplots(len(found), len(headings), squeeze=False, sharey="row")
    for line, (level, own) in zip(axes, sorted(found.items())):
        for axis, heading in zip(line, headings):
            for place, name in enumerate(recipes):
                values = [v[heading] for v in own.get(name, {}).values()]
                if values:
                    axis.plot(values, [place] * len(values), "o", color="tab:blue", alpha=0.5)
                    axis.plot(statistics.mean(values), place, "k|", markersize=16, mew=2)
            reference = own.get("faithful", {}).values()
            if reference:
                mean = statistics.mean(v[heading] for v in reference)
                axis.axvline(mean, color="tab:orange", linewidth=1, zorder=0)
            axis.set_yticks(range(len(recipes)), recipes)
            axis.grid(axis="x", alpha=0.3)
            better = "higher" if SHOWN[heading][1] else "lower"
            unit = ", % of width" if heading.startswith("landmarks") else ""
            axis.set_title(f"level {level}: {heading}{unit} ({better} is better)", fontsize=10)
        line[0].invert_yaxis()
    figure.savefig(path, dpi=100)
