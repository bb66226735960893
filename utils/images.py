"""Pictures between files, 8-bit Pillow images and tensors."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from utils.errors import UserError

BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)  # as Pillow says it


def read(path, mode):
    """Decode a whole picture as Pillow mode `mode` ("RGB", "L"); UserError where it is broken."""
    try:
        with Image.open(path) as image:
            return image.convert(mode)
    except BROKEN as error:
        raise UserError(f"{path} cannot be read as a picture ({error}); replace it") from None


def size_of(path):
    """(width, height) from the file's header; UserError where it is no picture."""
    try:
        with Image.open(path) as image:
            return image.size
    except BROKEN as error:
        raise UserError(f"{path} cannot be read as a picture ({error}); replace it") from None


def pad(image, factor):
    """Add black to all four sides of a Pillow image, `factor` of its size each."""
    dx, dy = int(image.width * factor), int(image.height * factor)
    canvas = Image.new(image.mode, (image.width + 2 * dx, image.height + 2 * dy))
    canvas.paste(image, (dx, dy))
    return canvas


def resize(image, width, height):
    """Antialiased bilinear resampling of 8-bit pixels."""
    return image.resize((width, height), Image.Resampling.BILINEAR)


def to_tensor(image):
    """Pillow RGB or L image -> uint8 (C, H, W)."""
    array = np.array(image)
    return torch.from_numpy(array[None] if array.ndim == 2 else array.transpose(2, 0, 1))


def normalise(pixels, mask):
    """8-bit pixels and mask -> what the networks see.

    Args:
        pixels: (..., 3, H, W), values 0..255 of any dtype.
        mask: (..., 1, H, W), values 0..255.

    Returns:
        frame (..., 3, H, W) float in [-1, 1], 0 outside the mask; mask in {0, 1}.
    """
    mask = (mask > 127.5).float()
    return (pixels.float() / 127.5 - 1) * mask, mask


def to_pil(picture):
    """(1 or 3, H, W) in [0, 1], clipped -> 8-bit RGB Pillow image."""
    pixels = (picture.detach().float() * 255 + 0.5).clamp(0, 255).to(torch.uint8).cpu()
    return Image.fromarray(pixels.expand(3, -1, -1).permute(1, 2, 0).numpy())


def stretch(picture):
    """Spread a picture's values over [0, 1]; a constant one becomes 0."""
    low, high = picture.min(), picture.max()
    return (picture - low) / (high - low).clamp(min=1e-5)


def save(image, path):
    """Write a Pillow image, JPEG at quality 75 and 4:2:0; UserError where that fails."""
    try:
        image.save(Path(path), quality=75)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be written ({error}); choose another --out") from None
