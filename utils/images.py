"""Pictures in files and as 8-bit Pillow images (no torch in here; `utils.tensors` has the rest)."""

import warnings
from contextlib import contextmanager

import numpy as np
from PIL import Image

from utils.errors import UserError
from utils.files import replacing
from utils.reading import PIXELS

# Not all that Pillow opens, whatever a file is called: for PostScript it starts another program.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `opened` refuses earlier


@contextmanager
def opened(path, advice="replace it"):
    """Context of a picture file as a Pillow image, to be decoded in it.

    Raises:
        UserError: it is no picture, broken, or of more than `PIXELS`; its sentence ends in
            `advice`.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > PIXELS:
                raise ValueError(f"{image.width}x{image.height} are more than {PIXELS} pixels")
            yield image
    except Exception as error:  # Pillow's decoders raise nearly every kind
        raise UserError(f"{path} cannot be read as a picture ({error}); {advice}") from None


def read(path, mode=None):
    """Decode a whole picture as Pillow mode `mode`, by default its own; UserError if broken."""
    with opened(path) as image:
        return image.convert(mode or image.mode)


def size_of(path):
    """Size (width, height) by the file's header; UserError where it is no picture."""
    with opened(path) as image:
        return image.size


def refuse_huge(width, height, options):
    """UserError where a picture of this size, in pixels, could not be read again from its file.

    Args:
        options: names of those that made it so large, such as "--w and --h".
    """
    if width * height > PIXELS:
        raise UserError(
            f"{width} x {height} pixels are too many; a picture has {PIXELS // 10**6} million at "
            f"most: lower {options}"
        )


def pad(image, factor):
    """Add black to all four sides of a Pillow image, `factor` of its size each."""
    dx, dy = int(image.width * factor), int(image.height * factor)
    refuse_huge(image.width + 2 * dx, image.height + 2 * dy, "--pad_factor_a and --pad_factor_b")
    canvas = Image.new(image.mode, (image.width + 2 * dx, image.height + 2 * dy))
    canvas.paste(image, (dx, dy))
    return canvas


def resize(image, width, height):
    """Antialiased bilinear resampling of 8-bit pixels."""
    return image.resize((width, height), Image.Resampling.BILINEAR)


def in_proportion(size, width=0, height=0):
    """(width, height) of which one that is 0 follows from the other, in proportion to `size`.

    All are pixels. Where both are 0, it is `size` itself.
    """
    scale = width / size[0] or height / size[1] or 1
    return width or max(1, round(scale * size[0])), height or max(1, round(scale * size[1]))


def fit(frame, mask, width, height, pad_factor):
    """Pad and resize a frame and its mask, Pillow RGB and L -> uint8 array (4, height, width).

    NumPy's, since reading threads that touch torch would each start torch's own threads.
    """
    colours, mask = (np.asarray(resize(pad(x, pad_factor), width, height)) for x in (frame, mask))
    # Into rows of one colour: in another memory layout the networks would round differently.
    fitted = np.empty((4, height, width), np.uint8)
    fitted[:3], fitted[3] = colours.transpose(2, 0, 1), mask
    return fitted


def save(image, path):
    """Write a Pillow image whole or not at all, JPEG at quality 75 and 4:2:0; UserError on failure.

    Its folder is made. A power cut may take it away again, see `utils.files.replacing`.
    """
    with replacing(path, "choose another --out", (OSError, ValueError), lasting=False) as part:
        image.save(part, quality=75)
