"""The rows of quality.csv over the time of training, as a plot."""

import math
import statistics
from collections import defaultdict

# Title -> columns, one for each direction or clip; the trivial answers' columns; what is better.
PANELS = {
    "own silhouette IoU": (("own_iou_a", "own_iou_b"), (), "higher"),
    "driven silhouette IoU": (("iou_ab", "iou_ba"), ("floor_iou_ab", "floor_iou_ba"), "higher"),
    "driven boundary F": (("boundary_ab", "boundary_ba"), (), "higher"),
    "landmark error across clips, %": (
        ("landmark_a_to_b", "landmark_b_to_a"),
        ("floor_landmark_a_to_b", "floor_landmark_b_to_a"),
        "lower",
    ),
    "driven foreground L1": (("l1_ab", "l1_ba"), ("floor_l1_ab", "floor_l1_ba"), "lower"),
    "driven sharpness": (("sharpness_ab", "sharpness_ba"), (), "near 1"),
}


def curves(rows, columns):
    """Curves of one recipe: dict of (seed, column) -> its points (minutes, value) in their order.

    Args:
        rows: of quality.csv, values as text; what was not measured is left out.
    """
    found = defaultdict(list)
    for row in rows:
        for column in columns:
            if row[column]:
                found[row["seed"], column].append((float(row["minutes"]), float(row[column])))
    return {name: sorted(points) for name, points in found.items()}


def mean(singles):
    """The mean curve: points (minutes, value) at the times that all single curves have."""
    times = defaultdict(list)
    for minutes, value in (point for points in singles for point in points):
        times[minutes].append(value)
    return [(m, statistics.mean(v)) for m, v in sorted(times.items()) if len(v) == len(singles)]


def plot(rows, path):
    """Every measure over minutes into `path` (PNG): means by recipe, single runs faint."""
    from matplotlib.figure import Figure  # slow to import, and needed only here

    levels, recipes = (
        list(dict.fromkeys(row[name] for row in rows)) for name in ("level", "recipe")
    )
    height = math.ceil(len(PANELS) / 3)
    figure = Figure((13, 3.2 * height * len(levels)), layout="constrained")
    grid = figure.subplots(height * len(levels), 3, squeeze=False)
    for index, level in enumerate(sorted(levels)):
        own = [row for row in rows if row["level"] == level]
        axes = grid[index * height : (index + 1) * height].flat
        for axis, (title, panel) in zip(axes, PANELS.items()):
            _draw(axis, own, recipes, *panel[:2])
            axis.set_title(f"level {level}: {title} ({panel[2]} is better)", fontsize=9)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
    figure.supxlabel("minutes of training; dashed: the best trivial answers", fontsize=9)
    figure.savefig(path, dpi=100)


def _draw(axis, rows, recipes, columns, floors):
    """One panel; dashed is the mean of the best trivial answers."""
    for number, recipe in enumerate(recipes):
        colour = f"C{number % 10}"
        singles = curves([row for row in rows if row["recipe"] == recipe], columns).values()
        for points in singles:
            axis.plot(*zip(*points), color=colour, alpha=0.3, linewidth=0.8)
        if points := mean(singles):
            axis.plot(*zip(*points), "o-", color=colour, markersize=3, label=recipe)
    trivial = [float(row[floor]) for row in rows for floor in floors if row[floor]]
    if trivial:
        axis.axhline(statistics.mean(trivial), color="grey", linestyle="--", linewidth=1)
    axis.grid(alpha=0.3)
    axis.set_xlim(0, 1.03 * max(float(row["minutes"]) for row in rows))
