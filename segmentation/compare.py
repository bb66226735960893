"""What differs between a frame and the backdrop behind it, and what is only a shadow.

Frames and backdrops are (H, W, 3) uint8 RGB; distances are of 8-bit RGB values.
"""

from typing import NamedTuple

import cv2
import numpy as np

SAME, OTHER, SURE = 8, 22, 42  # distances of what is backdrop, may be none, and certainly is none
DARKEST, TINT, MOTTLED = 0.5, 0.12, 0.08  # a shadow's least light, change of colour, unevenness


class Evidence(NamedTuple):
    """What a comparison says of each pixel, (H, W) bool; nothing where the backdrop is unknown."""

    same: np.ndarray  # looks like the backdrop, and so does all around it
    other: np.ndarray  # differs, and not like a shadow
    surely: np.ndarray  # differs much, or as all around it does


def evidence(frame, view, known):
    """Compare a frame with the backdrop as the camera sees it.

    Args:
        frame: (H, W, 3) uint8.
        view: (H, W, 3) uint8.
        known: (H, W) bool, where there is a backdrop.

    Returns:
        `Evidence`.
    """
    view = lit_alike(view, frame, known)
    away = cv2.GaussianBlur(_difference(frame, view), (0, 0), 0.7)
    clear = known & ~_shadowed(frame, view)
    around = cv2.dilate(away, np.ones((5, 5)))
    other = clear & (away > OTHER)
    surely = clear & (away > SURE) | (cv2.erode(other.astype(np.uint8), np.ones((5, 5))) > 0)
    return Evidence(known & (around < 2 * SAME), other, surely)


def lit_alike(view, frame, known):
    """The view, as bright as the frame is where both are `known`: a camera's exposure changes."""
    if known.sum() < 100:
        return view
    ratio = np.median((frame[known][::7] + 1.0) / (view[known][::7] + 1.0), 0)
    return (view * ratio).clip(0, 255).astype(np.uint8)


def _difference(frame, view):
    """How far colours are from all that the view has within a pixel, (H, W) float32.

    The tolerance of one pixel forgives, at edges, what remains of the camera's motion.
    """
    kernel = np.ones((3, 3), np.uint8)
    above = cv2.subtract(frame, cv2.dilate(view, kernel)).astype(np.float32)
    below = cv2.subtract(cv2.erode(view, kernel), frame).astype(np.float32)
    return np.linalg.norm(above + below, axis=2)


def _shadowed(frame, view):
    """Darker than the view by a factor that is alike in all colours and all around, (H, W) bool."""
    smooth = [cv2.GaussianBlur(picture, (0, 0), 1).astype(np.float32) for picture in (frame, view)]
    light = (smooth[0] + 6) / (smooth[1] + 6)  # the 6 calms what noise does in the dark
    mean = light.mean(2)
    log = np.log(mean)
    uneven = cv2.GaussianBlur((log - cv2.GaussianBlur(log, (0, 0), 2)) ** 2, (0, 0), 2)
    alike = (np.ptp(light, 2) < TINT) & (uneven < MOTTLED**2)
    return (mean > DARKEST) & (mean < 1.02) & alike
