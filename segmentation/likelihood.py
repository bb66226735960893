"""Whether pixels show the object: log-odds by colours and backdrop, shared by like neighbours."""

import cv2
import numpy as np

from segmentation.scene import lit_alike

LEVELS = 32  # of each channel in a histogram, bins
UNIFORM = 1 / 256**3  # density of a colour of which nothing is known, per (grey level)^3
ANY = 8 * UNIFORM  # density of an object's colours before any was seen: objects are alike
SHADOWS = 1.0, 0.85, 0.7, 0.6, 0.5  # light that is left in them, share
RARE = 0.15  # of `UNIFORM`: density of colours that are hardly seen
UNSEEN = 0.05  # share of colours that were never seen before
NOISE = 2.0  # of the sensor, grey levels
SHOWN, SHADED = 0.85, 0.03  # probability of the known backdrop where no object is; in shadow
SOFT = 0.02  # how much the light in a shadow changes within 5 pixels, share
DARKEST = 0.5  # light that a shadow leaves at least, share
MOST = 6.0  # what one pixel says at most, log-odds
EDGE = 12.0  # difference of colours within which neighbours decide together, grey levels
CLEAR = 3  # pixels from the outline from which on colours are learned
AROUND = 0.7  # how far around the object its surroundings reach, share of its size


class Colours:
    """Density of colours per (grey level)^3: a smoothed histogram over RGB."""

    def __init__(self):
        self._counts = np.zeros(LEVELS**3)
        self._density = np.full(LEVELS**3, ANY, np.float32)

    def learn(self, bins, keep):
        """Count pixels by the numbers (N,) of their bins; old counts keep the share `keep`."""
        from scipy import ndimage  # slow to import, and needed only here

        self._counts = keep * self._counts + np.bincount(bins, minlength=LEVELS**3)
        if total := self._counts.sum():
            smooth = ndimage.gaussian_filter(self._counts.reshape([LEVELS] * 3), 1, truncate=3)
            learned = smooth.ravel() / total * (LEVELS / 256) ** 3
            self._density = np.float32((1 - UNSEEN) * learned + UNSEEN * UNIFORM)

    def __call__(self, bins):
        """Density of the colours in bins of these numbers, float32 of the same shape."""
        return self._density[bins]


class Appearance:
    """Colours of the object and of its surroundings."""

    def __init__(self):
        self._object, self._around = Colours(), Colours()

    def learn(self, frame, mask, keep=1.0, deep=CLEAR / 2):
        """Learn from a frame and the object's mask in it.

        Args:
            frame: (H, W, 3) uint8 RGB.
            mask: (H, W) bool; an empty one teaches colours of the surroundings at most.
            keep: share that counts of earlier frames keep, 0..1.
            deep: pixels from the outline from which on colours are the object's.
        """
        bins = _bins(frame)
        depth, away = distance(mask), distance(~mask)
        near = AROUND * np.sqrt(mask.sum()) + CLEAR
        self._object.learn(bins[depth > deep], keep)
        self._around.learn(bins[(away > CLEAR) & (away < near)], keep)

    def scenic(self, frame):
        """How surely colours are ones of the surroundings, not of the object.

        Args:
            frame: (H, W, 3) uint8 RGB.

        Returns:
            (H, W) float32, 0..1; 1 where both are as likely.
        """
        bins = _bins(frame)
        around = self._around(bins)
        return (2 * around / (around + self._object(bins))).clip(0, 1)

    def log_odds(self, frame, view):
        """Log-odds that a pixel shows the object, within +-`MOST`.

        Where the object is not, a pixel shows the backdrop, with the sensor's noise; or the
        backdrop in shadow; or anything else that is seen around the object.

        Args:
            frame: (H, W, 3) uint8 RGB.
            view: `scene.View`.

        Returns:
            (H, W) float32.
        """
        bins = _bins(frame)
        shown, shaded = _densities(frame, view)
        behind = (1 - (SHOWN + SHADED) * view.trust) * self._around(bins)
        behind += view.trust * (SHOWN * shown + SHADED * shaded)
        return np.log(self._object(bins) / behind).clip(-MOST, MOST)


def resembles(frame, where):
    """How much pixels look like some of them.

    Args:
        frame: (H, W, 3) uint8 RGB.
        where: (H, W) bool, at least one pixel.

    Returns:
        (H, W) float32, 0..1; 1/2 is as usual among those.
    """
    bins, colours = _bins(frame), Colours()
    colours.learn(bins[where], 0.0)
    found = colours(bins)
    return found / (found + np.median(found[where]))


def rare(frames, where):
    """What has colours that some parts of the frames hardly show, in shadows neither.

    Args:
        frames: list of (H, W, 3) uint8 RGB.
        where: the parts, list of (H, W) bool.

    Returns:
        list of (H, W) bool.
    """
    colours = Colours()
    for frame, part in zip(frames, where):
        for light in SHADOWS:
            colours.learn(_bins((light * frame[part]).astype(np.uint8)), 1.0)
    return [colours(_bins(frame)) < RARE * UNIFORM for frame in frames]


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
    away = np.maximum(seen - high, 0) + np.maximum(low - seen, 0)
    variance = NOISE**2 + view.spread**2
    volume = np.sqrt(2 * np.pi * variance)[..., None] + (high - low)
    shown = np.exp(np.einsum("hwc,hwc->hw", away, away) / (-2 * variance)) / volume.prod(-1)
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


def _bins(frame):
    """Number of each pixel's bin in a histogram of `LEVELS`^3, (...) int32 for (..., 3) uint8."""
    level = (frame // (256 // LEVELS)).astype(np.int32)
    return (level[..., 0] * LEVELS + level[..., 1]) * LEVELS + level[..., 2]


def told_apart(frame, mask, window):
    """How well colours tell a mask: their mutual information (Shannon 1948).

    Args:
        frame: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
        window: (H, W) bool, the pixels that count; at least one.

    Returns:
        bits per pixel, 0..1.
    """
    bins = _bins(frame)[window]
    inside = mask[window]
    whole = np.bincount(bins, minlength=LEVELS**3).astype(float)
    part = np.bincount(bins[inside], minlength=LEVELS**3)
    share = part[whole > 0] / whole[whole > 0]
    weights = whole[whole > 0] / whole.sum()
    return _entropy(inside.mean()) - (weights * _entropy(share)).sum()


def _entropy(share):
    share = np.clip(share, 1e-9, 1 - 1e-9)
    return -(share * np.log2(share) + (1 - share) * np.log2(1 - share))
