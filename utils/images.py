"""Pictures between files, 8-bit Pillow images and tensors."""

import os
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


def fit(frame, mask, width, height, pad_factor):
    """Pad and resize a frame and its mask, Pillow RGB and L -> uint8 array (4, height, width).

    NumPy's, since reading threads that touch torch would each start torch's own threads.
    """
    colours, mask = (np.asarray(resize(pad(x, pad_factor), width, height)) for x in (frame, mask))
    # Into rows of one colour: in another memory layout the networks would round differently.
    fitted = np.empty((4, height, width), np.uint8)
    fitted[:3], fitted[3] = colours.transpose(2, 0, 1), mask
    return fitted


def to_batch(fitted, device="cpu"):
    """Arrays from `fit` -> frames (B, 3, H, W) and masks (B, 1, H, W), as `normalise` gives them.

    They cross to the device in 8 bits, and without waiting for what it is doing.
    """
    return normalise(*send(torch.from_numpy(np.stack(fitted)), device).split((3, 1), dim=1))


def send(tensor, device):
    """A CPU tensor on `device`, without waiting for what that is doing."""
    if torch.device(device).type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


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


def to_pixels(pictures):
    """(..., C, H, W) in [0, 1], clipped -> uint8 on the same device; uint8 stays as it is."""
    if pictures.dtype == torch.uint8:
        return pictures
    return (pictures.detach().float() * 255 + 0.5).clamp(0, 255).to(torch.uint8)


def to_pil(picture):
    """(1 or 3, H, W), uint8 or in [0, 1] and clipped -> 8-bit RGB Pillow image."""
    array = to_pixels(picture).cpu().permute(1, 2, 0).numpy()
    return Image.fromarray(array if array.shape[2] == 3 else array[..., 0]).convert("RGB")


def stretch(pictures):
    """Spread each picture's values (..., C, H, W) over [0, 1]; a constant one becomes 0."""
    low = pictures.amin((-3, -2, -1), keepdim=True)
    high = pictures.amax((-3, -2, -1), keepdim=True)
    return (pictures - low) / (high - low).clamp(min=1e-5)


def save(image, path):
    """Write a Pillow image, JPEG at quality 75 and 4:2:0; UserError where that fails.

    The file gets its name when it is whole: a run that is killed leaves no half picture.
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}.part{path.suffix}")  # Pillow goes by the ending
    try:
        image.save(part, quality=75)
        os.replace(part, path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be written ({error}); choose another --out") from None
    finally:
        part.unlink(missing_ok=True)
