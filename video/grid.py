"""The cells of a video frame: pictures set in columns with titles and labels (no torch in here)."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from utils import images
from utils.errors import UserError

FRAME = 24  # white around and between the columns, pixels
MARGIN = 60  # more white on the left, for the rows' labels
TITLE = 32  # more white above, for the columns' titles
FONT, FONT_SCALE, STROKE = cv2.FONT_HERSHEY_SIMPLEX, 0.75, 2
TITLE_SIZE, SMALLEST = 17, 10  # pixels; a title that is too wide even so loses its end
LABEL_X = 15  # where a label begins, pixels from the left


@dataclass(frozen=True)
class Layout:
    """Titles and labels around the cells.

    Attributes:
        titles: of the columns; none, or one for each, perhaps empty.
        labels: of the rows, likewise.
        bare: nothing around a single column.
    """

    titles: tuple = ()
    labels: tuple = ()
    bare: bool = False


def read_picture(path, mode):
    """A picture file as a Pillow image of mode "RGB" or "RGBA"; for RGB, white is behind it."""
    image = images.read(path)
    if mode == "RGB" and image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert(mode)


def crop_middle(pictures, width, height, paths):
    """Crop every picture to one box, which is centred in the first picture (A's)."""
    left = (pictures[0].width - width) // 2
    top = (pictures[0].height - height) // 2
    for picture, path in zip(pictures, paths):
        if min(left, top) < 0 or left + width > picture.width or top + height > picture.height:
            raise UserError(
                f"{path} is {in_words(picture.size)}, too small to crop to {width} x {height}; "
                "pass a smaller --crop_w and --crop_h"
            )
    return [picture.crop((left, top, left + width, top + height)) for picture in pictures]


def in_words(size):
    return f"{size[0]} x {size[1]}"


def compose(columns, layout):
    """Set columns of pictures side by side in white, or in nothing where they are transparent.

    Args:
        columns: list of columns from left to right, each a list of (h, w, 3 or 4) uint8 cells of
            one size, from above.
        layout: `Layout`.

    Returns:
        (H, W, 3 or 4) uint8.
    """
    if layout.bare:
        return np.concatenate(columns[0])
    height, width, channels = columns[0][0].shape
    rows, above = len(columns[0]), FRAME + (TITLE if any(layout.titles) else 0)
    before = FRAME + (MARGIN if any(layout.labels) else 0)
    shape = (above + rows * height + FRAME, before + len(columns) * (width + FRAME), channels)
    canvas = np.full(shape, 255, np.uint8)
    if channels == 4:
        canvas[...] = 0
    for index, column in enumerate(columns):
        left = before + index * (width + FRAME)
        canvas[above : above + rows * height, left : left + width] = np.concatenate(column)
    write_titles(canvas, layout.titles, before, width)
    for row, label in enumerate(layout.labels):
        write_label(canvas, label, above + row * height + (height + 1) // 2)
    return canvas


def write_label(canvas, label, middle):
    """Write a row's label into the canvas, in place; `middle` is the row's, pixels from the top."""
    (_, ascent), descent = cv2.getTextSize(label, FONT, FONT_SCALE, STROKE)
    # Half of the whole line below the middle, as the reference: it sits a little low.
    origin = (LABEL_X, middle + (ascent + descent + 1) // 2)
    black = (0, 0, 0, 255)[: canvas.shape[2]]
    cv2.putText(canvas, label, origin, FONT, FONT_SCALE, black, STROKE, cv2.LINE_AA)


def write_titles(canvas, titles, left, width):
    """Write the columns' titles into the canvas, in place.

    Each title is centred over its column of `width` pixels, the first of which begins at `left`.

    All have one size, at which the longest fits; one that is too long even so loses its end.
    """
    room, size = width + FRAME - 8, TITLE_SIZE  # so that neighbours do not meet
    while size > SMALLEST and any(_font(size).getlength(title) > room for title in titles):
        size -= 1
    strip = Image.fromarray(canvas[FRAME - 8 : FRAME + TITLE - 8])
    for index, title in enumerate(titles):
        whole = title
        while title and _font(size).getlength(title) > room:
            whole = whole[:-1].rstrip()
            title = whole and f"{whole}..."
        middle = left + index * (width + FRAME) + width / 2, TITLE // 2
        black = (0, 0, 0, 255)[: canvas.shape[2]]
        # In nothing, a light rim: black letters alone would vanish on a dark page.
        rim = {"stroke_width": 2, "stroke_fill": (255,) * 4} if canvas.shape[2] == 4 else {}
        ImageDraw.Draw(strip).text(middle, title, black, _font(size), anchor="mm", **rim)
    canvas[FRAME - 8 : FRAME + TITLE - 8] = np.asarray(strip)


@cache
def _font(size):
    """The font that matplotlib brings; Pillow's own has few letters beyond English ones."""
    from matplotlib import get_data_path  # slow to import, and seldom needed

    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


def read_cells(frames, transparent=False, crop=None, size=None):
    """The pictures of each video frame.

    Args:
        frames: list of columns from the left, each a list of paths from above.
        transparent: whether pictures keep their transparency.
        crop: (width, height) of the middle of each that is shown, pixels, or None.
        size: (width, height) that pictures are brought to, pixels, or None.

    Yields:
        list of columns of (h, w, 3 or 4) uint8 RGB or RGBA.

    Raises:
        UserError: a picture cannot be read, is smaller than the crop, or of another size.
    """
    first = None
    for columns in frames:
        paths = [path for column in columns for path in column]
        pictures = [read_picture(path, "RGBA" if transparent else "RGB") for path in paths]
        if crop:
            pictures = crop_middle(pictures, *crop, paths)
        if size:
            pictures = [picture.resize(size, Image.Resampling.BICUBIC) for picture in pictures]
        first = first or pictures[0].size
        for picture, path in zip(pictures, paths):
            if picture.size != first:
                raise UserError(
                    f"{path} is {in_words(picture.size)} where the video's first picture is "
                    f"{in_words(first)}; pass --resize --w {first[0]} --h {first[1]}"
                )
        left = iter(pictures)
        yield [[np.asarray(next(left)) for _ in column] for column in columns]
