"""Where a frame differs from the backdrop, the scene without the object, by more than a shadow.

Frames and backdrops are (H, W, 3) uint8 RGB; distances are between colours in that scale.
"""

from typing import NamedTuple

import cv2
import numpy as np

# Distances between the colours of frame and backdrop: up to SAME the frame shows the backdrop, from
# OTHER on probably something else, from SURE on certainly something else.
SAME, OTHER, SURE = 8, 22, 42
# A shadow leaves at least this share of the light; it changes the shares of red, green and blue by
# less than TINT, and from place to place it varies by less than MOTTLED.
DARKEST, TINT, MOTTLED = 0.5, 0.12, 0.08


class Evidence(NamedTuple):
    """What the comparison says of each pixel, (H, W) bool; all False for an unknown backdrop.

    Attributes:
        same: the pixel and its neighbours look like the backdrop.
        other: the pixel differs from the backdrop, and not as in a shadow.
        surely: it differs much, or all its neighbours differ, too.
    """

    same: np.ndarray
    other: np.ndarray
    surely: np.ndarray


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
    """The view, brightened or darkened to the frame's exposure.

    Args:
        view, frame: (H, W, 3) uint8.
        known: (H, W) bool, the pixels whose brightness is compared.
    """
    if known.sum() < 100:
        return view
    ratio = np.median((frame[known][::7] + 1.0) / (view[known][::7] + 1.0), 0)
    return (view * ratio).clip(0, 255).astype(np.uint8)


def _difference(frame, view):
    """Distance of each pixel's colour from the range of the view's colours within one pixel.

    The tolerance of one pixel forgives, at edges, what remains of the camera's motion.

    Returns:
        (H, W) float32.
    """
    kernel = np.ones((3, 3), np.uint8)
    above = cv2.subtract(frame, cv2.dilate(view, kernel)).astype(np.float32)
    below = cv2.subtract(cv2.erode(view, kernel), frame).astype(np.float32)
    return np.linalg.norm(above + below, axis=2)


def _shadowed(frame, view):
    """Where the frame is darker than the view as in a shadow, (H, W) bool.

    A shadow takes nearly the same share of red, green and blue, and of all pixels around.
    """
    smooth = [cv2.GaussianBlur(picture, (0, 0), 1).astype(np.float32) for picture in (frame, view)]
    light = (smooth[0] + 6) / (smooth[1] + 6)  # the 6 keeps noise in dark places small
    mean = light.mean(2)
    log = np.log(mean)
    uneven = cv2.GaussianBlur((log - cv2.GaussianBlur(log, (0, 0), 2)) ** 2, (0, 0), 2)
    alike = (np.ptp(light, 2) < TINT) & (uneven < MOTTLED**2)
    return (mean > DARKEST) & (mean < 1.02) & alike
