"""Whether pixels show the object: log-odds by colours and backdrop, shared by like neighbours."""

import cv2
import numpy as np

from segmentation import cleanup
from segmentation.colours import Colours, PlacedColours, bins, placed_bins
from segmentation.scene import beyond, lit_alike

NOISE = 2.0  # of the sensor, grey levels
SHOWN, SHADED = 0.85, 0.03  # probability of the known backdrop where no object is; in shadow
SOFT = 0.02  # how much the light in a shadow changes within 5 pixels, share
DARKEST = 0.5  # light that a shadow leaves at least, share
MOST = 6.0  # what one pixel says at most, log-odds
EDGE = 12.0  # difference of colours within which neighbours decide together, grey levels
CLEAR = 3  # pixels from the outline from which on colours are learned
AROUND = 0.7  # how far around the object its surroundings reach, share of its size


class Appearance:
    """Colours of the object and of its surroundings, over all and from place to place."""

    def __init__(self):
        self._object, self._around = Colours(), Colours()
        self._object_there, self._around_there = PlacedColours(), PlacedColours()

    def learn(self, frame, mask, keep=1.0, deep=CLEAR / 2):
        """Learn from a frame and the object's mask in it.

        Args:
            frame: (H, W, 3) uint8 RGB.
            mask: (H, W) bool; an empty one teaches nothing.
            keep: share that counts of earlier frames keep, 0..1.
            deep: pixels from the outline from which on colours are the object's.
        """
        if not mask.any():
            return
        window = cleanup.window(mask, round(AROUND * np.sqrt(mask.sum())) + CLEAR)
        frame, mask = frame[window], mask[window]
        numbers, placed = bins(frame), placed_bins(frame, cleanup.box(mask))
        inside, away = distance(mask) > deep, distance(~mask)
        self._object.learn(numbers[inside], keep)
        self._object_there.learn(placed[inside], keep)
        self._around.learn(numbers[away > CLEAR], keep)
        self._around_there.learn(placed[away > CLEAR / 2], keep)

    def scenic(self, frame):
        """How surely colours are ones of the surroundings, not of the object.

        Args:
            frame: (H, W, 3) uint8 RGB.

        Returns:
            (H, W) float32, 0..1; 1 where both are as likely.
        """
        numbers = bins(frame)
        around = self._around(numbers)
        return (2 * around / (around + self._object(numbers))).clip(0, 1)

    def log_odds(self, frame, view, box=None):
        """Log-odds that a pixel shows the object, within +-`MOST`.

        Where the object is not, a pixel shows the backdrop, with the sensor's noise; or the
        backdrop in shadow; or anything else that is seen around the object.

        Args:
            frame: (H, W, 3) uint8 RGB.
            view: `scene.View`.
            box: (x, y, width, height) of the object, if known: then places of colours count.

        Returns:
            (H, W) float32.
        """
        numbers = bins(frame)
        own, around = self._object(numbers), self._around(numbers)
        if box is not None:
            placed = placed_bins(frame, box)
            own = self._object_there(placed, own)
            around = self._around_there(placed, around)
        shown, shaded = _densities(frame, view)
        behind = (1 - (SHOWN + SHADED) * view.trust) * around
        behind += view.trust * (SHOWN * shown + SHADED * shaded)
        return np.log(own / behind).clip(-MOST, MOST)


def _densities(frame, view):
    """Density of each pixel's colour where the backdrop is seen, and where it is in shadow.

    A colour may lie anywhere among those of the backdrop within half a pixel, which forgives what
    remains of the camera's motion, and varies by noise and by the backdrop's own spread. In a
    shadow it has the backdrop's hue.
    """
    colours = lit_alike(view.colours, frame, view.trust > 0)
    kernel = np.ones((3, 3), np.uint8)
    seen, middle = frame.astype(np.float32), colours.astype(np.float32)
    low = (cv2.erode(colours, kernel) + middle) / 2
    high = (cv2.dilate(colours, kernel) + middle) / 2
    variance = NOISE**2 + view.spread**2
    volume = np.sqrt(2 * np.pi * variance)[..., None] + (high - low)
    shown = np.exp(beyond(seen, low, high) ** 2 / (-2 * variance)) / volume.prod(-1)
    return shown, _shaded(seen, middle, variance + NOISE**2)


def _shaded(seen, backdrop, variance):
    """Density of colours (H, W, 3) where the backdrop lies in shadow: darker, of the same hue.

    A shadow is soft: where the light changes from pixel to pixel there is something else.
    """
    square = np.einsum("hwc,hwc->hw", backdrop, backdrop).clip(1)
    light = np.einsum("hwc,hwc->hw", seen, backdrop) / square
    rough = cv2.blur((light - cv2.blur(light, (5, 5))) ** 2, (5, 5))
    away = seen - light.clip(DARKEST, 1)[..., None] * backdrop
    density = np.exp(np.einsum("hwc,hwc->hw", away, away) / (-2 * variance))
    density *= np.exp(-rough / (2 * (SOFT**2 + variance / square)))
    return density / (2 * np.pi * variance * (1 - DARKEST) * np.sqrt(square))


def shared(odds, frame, radius):
    """Log-odds of each pixel after like neighbours have decided together.

    The guided filter (He, Sun and Tang 2010, equations 14 to 16), a linear-time stand-in for a
    graph cut (Hosni et al. 2011): borders of the result follow edges of the frame.

    Args:
        odds: (H, W) float32.
        frame: (H, W, 3) uint8 RGB.
        radius: of the neighbourhood, pixels.

    Returns:
        (H, W) float32.
    """
    size = (2 * radius + 1,) * 2
    guide = frame.astype(np.float32)
    mean, mean_odds = cv2.blur(guide, size), cv2.blur(odds, size)
    with_odds = cv2.blur(guide * odds[..., None], size) - mean * mean_odds[..., None]
    rows = [cv2.blur(guide * guide[..., [n]], size) - mean * mean[..., [n]] for n in range(3)]
    for n, row in enumerate(rows):
        row[..., n] += EDGE**2
    slope = _solved(rows, with_odds)
    offset = cv2.blur(mean_odds - np.einsum("hwc,hwc->hw", slope, mean), size)
    return np.einsum("hwc,hwc->hw", cv2.blur(slope, size), guide) + offset


def _solved(rows, right):
    """Solutions (H, W, 3) of symmetric systems with three `rows` (H, W, 3), by Cramer's rule."""
    turned = [_cross(rows[1], rows[2]), _cross(rows[2], rows[0]), _cross(rows[0], rows[1])]
    determinant = np.einsum("hwc,hwc->hw", rows[0], turned[0])[..., None]
    return sum(t * right[..., [n]] for n, t in enumerate(turned)) / determinant


def _cross(a, b):
    pairs = (1, 2), (2, 0), (0, 1)
    return np.stack([a[..., m] * b[..., n] - a[..., n] * b[..., m] for m, n in pairs], -1)


def distance(mask):
    """Distance of each pixel of a mask (H, W) bool to what is not in it, (H, W) float32."""
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
