"""Line charts as inline SVG, in the colour and the font of the text around them."""

import re
from io import StringIO

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from utils.visualize import palette

_INK = "#010203"  # no other colour of a chart; replaced by the colour of the text around it
_STYLE = {
    "svg.hashsalt": "",  # the same figures make the same page
    "svg.fonttype": "none",  # letters stay letters: small, and searchable
    "font.size": 9,
    "xtick.bottom": False,  # the grid's lines lead to the numbers
    "ytick.left": False,
    "ytick.minor.left": False,
    **{f"{part}.color": _INK for part in ("text", "xtick", "ytick")},
    **{f"axes.{part}color": _INK for part in ("edge", "label")},
}
_STEEP = 30  # losses that span more than this factor are drawn over a logarithmic axis


def loss_chart(iterations, values):
    """One loss over the iterations.

    Args:
        iterations, values: sequences of one length; values that are not finite leave a gap.

    Returns:
        SVG to stand in a page; the axis is logarithmic where the values span a factor above 30.
    """
    values = _finite(values)
    with matplotlib.rc_context(_STYLE):
        figure, axis = _axis(3.3, 1.9)
        lone = np.isfinite(values).sum() == 1
        axis.plot(iterations, values, "o" if lone else "-", color=_INK, linewidth=1.2, gid="curve")
        if is_steep(values):
            axis.set_yscale("log")
        axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5, integer=True))
        axis.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
        return _inline(figure)


def is_steep(values):
    """Whether `loss_chart` draws these values over a logarithmic axis."""
    known = _finite(values)[np.isfinite(values)]
    return bool(known.size and known.min() > 0 and known.max() > _STEEP * known.min())


def track_chart(positions, upwards=False):
    """One coordinate of every keypoint over the frames, numbered at the right end.

    Args:
        positions: (N, K); frames that are not finite leave a gap.
        upwards: the axis points down, as y does in a picture.

    Returns:
        SVG to stand in a page, with the colours of `utils.visualize.palette`.
    """
    positions = _finite(positions)
    with matplotlib.rc_context(_STYLE):
        figure, axis = _axis(4.4, 3.5)
        for line, (red, green, blue) in zip(positions.T, palette(positions.shape[1])):
            shade = red / 255, green / 255, blue / 255
            marker = "o" if len(line) == 1 else None
            axis.plot(line, color=shade, linewidth=1.4, marker=marker, gid="coloured")
        if upwards:
            axis.invert_yaxis()
        axis.margins(x=0.01)
        axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(6, integer=True))
        figure.draw_without_rendering()  # settles the limits that the numbers are placed by
        _number_ends(axis, positions)
        return _inline(figure)


def _axis(width, height):
    figure = Figure((width, height), layout="constrained")
    axis = figure.subplots()
    axis.grid(color=_INK, alpha=0.14, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.patch.set_visible(False)
    figure.patch.set_visible(False)
    return figure, axis


def _finite(values):
    values = np.asarray(values, float)
    return np.where(np.isfinite(values), values, np.nan)


def _number_ends(axis, positions):
    """Write each keypoint's number beside the end of its line, spread where ends are close."""
    last = {}
    for number, line in enumerate(positions.T):
        known = line[np.isfinite(line)]
        if known.size:
            last[number] = axis.transAxes.inverted().transform(
                axis.transData.transform((0, known[-1]))
            )[1]
    order = sorted(last, key=last.get)
    gap = min(0.05, 1 / max(1, len(order)))
    heights = np.array([last[number] for number in order])
    steps = gap * np.arange(len(order))
    # Up until no two touch, then down from the top: the order of the lines is kept.
    heights = np.maximum.accumulate(heights - steps) + steps
    heights = np.minimum(heights, 1 - steps[::-1])
    for number, height in zip(order, heights):
        axis.text(1.015, height, str(number), transform=axis.transAxes, va="center", fontsize=8)


def _inline(figure):
    """SVG of a figure to stand within a page, without the parts that only a separate file needs."""
    file = StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", metadata=nothing)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    # Its rule for `*` would reach into the page.
    svg = re.sub(r"<style.*?</style>|<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Nothing is drawn outside its axes, and what clips would need names of its own in the page.
    svg = re.sub(r'<clipPath.*?</clipPath>| clip-path="[^"]*"', "", svg, flags=re.DOTALL)
    svg = re.sub(r'^<svg[^>]*(viewBox="[^"]*")[^>]*>', r"<svg \1>", svg)
    svg = re.sub(r'<g id="(curve|coloured)">', r'<g class="\1">', svg)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)  # numbered from 1 in every chart of the page
    return Markup(re.sub(r"\s*\n\s*", "\n", svg))
