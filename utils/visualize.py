"""Pictures for people: labelled rows, keypoints as dots, loss curves."""

import colorsys
import math

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from utils import loss_log
from utils.files import replacing
from utils.tensors import to_pil

CELL = 128  # smaller pictures are enlarged by a whole factor to at least this many pixels
LABEL = 18  # height of a row's label, pixels


def palette(count):
    """`count` distinct RGB colours, 0..255."""
    hues = [colorsys.hsv_to_rgb(i / count, 0.85, 1.0) for i in range(count)]
    return [tuple(round(255 * c) for c in rgb) for rgb in hues]


def enlarge(pictures):
    """Repeat pixels of (B, C, H, W) until the shorter side reaches `CELL`."""
    factor = math.ceil(CELL / min(pictures.shape[2:]))
    return pictures.repeat_interleave(factor, 2).repeat_interleave(factor, 3)


def draw_keypoints(pictures, keypoints):
    """Pictures with a dot per keypoint, one colour per index, sized after the picture.

    Args:
        pictures: (B, 3, H, W) in [0, 1].
        keypoints: (B, K, 2), xy in [-1, 1].

    Returns:
        (B, 3, H', W') in [0, 1] on the CPU, enlarged as `enlarge` does.
    """
    large = enlarge(pictures.detach().cpu())
    return torch.stack([_dots(*pair) for pair in zip(large, keypoints.detach().cpu())])


def _dots(picture, points):
    canvas = np.array(to_pil(picture))
    height, width = canvas.shape[:2]
    pixels = (points.double().numpy() + 1) / 2 * [width - 1, height - 1]
    radius = max(2.5, min(height, width) / 45)
    fine = 4  # OpenCV takes positions in 1/16 pixel
    for (x, y), colour in zip(pixels, palette(len(points))):
        if not max(abs(x), abs(y)) < 1e5:
            continue  # a run that broke down still gets its picture, and then its sentence
        centre = round(x * 2**fine), round(y * 2**fine)
        for size, shade in ((radius + 1, (255, 255, 255)), (radius, colour)):
            cv2.circle(canvas, centre, round(size * 2**fine), shade, -1, cv2.LINE_AA, fine)
    return torch.from_numpy(canvas).permute(2, 0, 1) / 255


def rows(named, limit=8):
    """One labelled row of pictures per entry, as one Pillow image.

    Args:
        named: dict of label -> (B, 1 or 3, H, W) in [0, 1].
        limit: most pictures in a row.
    """
    font = ImageFont.load_default(LABEL - 5)
    strips = [
        np.concatenate(
            [np.asarray(to_pil(p)) for p in enlarge(pictures[:limit].detach().cpu())], axis=1
        )
        for pictures in named.values()
    ]
    width = max(strip.shape[1] for strip in strips)
    height = sum(strip.shape[0] + LABEL for strip in strips)
    sheet = Image.new("RGB", (width, height), "white")
    write = ImageDraw.Draw(sheet)
    top = 0
    for label, strip in zip(named, strips):
        write.text((3, top + 1), label, "black", font)
        sheet.paste(Image.fromarray(strip), (0, top + LABEL))
        top += strip.shape[0] + LABEL
    return sheet


def keypoint_rows(named, limit=8):
    """`rows` of pictures with their keypoints: dict of label -> (pictures, keypoints)."""
    return rows({name: draw_keypoints(x[:limit], kp[:limit]) for name, (x, kp) in named.items()})


def plot_losses(log, path):
    """Draw every column of log.csv over its iterations into `path` (PNG)."""
    from matplotlib.figure import Figure  # slow to import, and needed only here

    curves = loss_log.curves(log)
    if not curves:
        return
    columns = min(4, len(curves))
    lines = math.ceil(len(curves) / columns)
    figure = Figure((3.2 * columns, 2.3 * lines))
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axis, (name, curve) in zip(axes, curves.items()):
        axis.plot(*curve, linewidth=1)
        axis.set_title(name, fontsize=9)
        axis.tick_params(labelsize=7)
    for axis in axes[len(curves) :]:
        axis.set_visible(False)
    figure.supxlabel("iteration", fontsize=9)
    figure.subplots_adjust(0.06, 0.09, 0.99, 0.95, wspace=0.25, hspace=0.4)
    with replacing(path, "make room or choose another --out", lasting=False) as part:
        figure.savefig(part, dpi=90)
