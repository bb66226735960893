"""Densities of colours: smoothed histograms over RGB, of a whole object or from place to place."""

import functools

import numpy as np

LEVELS = 32  # of each channel in a histogram, bins
UNIFORM = 1 / 256**3  # density of a colour of which nothing is known, per (grey level)^3
ANY = 8 * UNIFORM  # density of an object's colours before any was seen: objects are alike
SHADOWS = 1.0, 0.85, 0.7, 0.6, 0.5  # light that is left in them, share
RARE = 0.15  # of `UNIFORM`: density of colours that are hardly seen
UNSEEN = 0.05  # share of colours that were never seen before
SMOOTH = 1.0  # standard deviation of the smoothing, bins
CELLS, COARSE = 6, 16  # of a box in each direction; levels of each channel in a cell
SMOOTH_CELLS, SMOOTH_COARSE = 0.7, 0.6  # standard deviations, cells and bins
BEYOND = 0.15  # of the box's sides: how far the cells reach beyond it
ELSEWHERE = 5.0  # pixels that the colours of all places count as in a cell


class Colours:
    """Density of colours per (grey level)^3."""

    def __init__(self):
        self._counts, self._density = np.zeros(LEVELS**3), None

    def learn(self, numbers, keep):
        """Count pixels by the numbers (N,) of their `bins`; old counts keep the share `keep`."""
        self._counts = keep * self._counts + np.bincount(numbers, minlength=LEVELS**3)
        self._density = None  # until it is asked for

    def __call__(self, numbers):
        """Density of the colours in bins of these numbers, float32 of the same shape."""
        if self._density is None:
            self._density = self._learned()
        return self._density[numbers]

    def _learned(self):
        if not (total := self._counts.sum()):
            return np.full(LEVELS**3, ANY, np.float32)
        smooth = _smoothed(self._counts.reshape([LEVELS] * 3), [SMOOTH] * 3)
        learned = smooth.ravel() / total * (LEVELS / 256) ** 3
        return np.float32((1 - UNSEEN) * learned + UNSEEN * UNIFORM)


class PlacedColours:
    """Density of colours per (grey level)^3 in each cell of an object's box.

    Colours that object and surroundings share seldom meet at the same place (localised classifiers
    as in Bai et al. 2009, on a grid as in Maerki et al. 2016).
    """

    def __init__(self):
        self._counts, self._densities = np.zeros(CELLS**2 * COARSE**3, np.float32), None

    def learn(self, numbers, keep):
        """Count pixels by the numbers (N,) of their `placed_bins`; old counts keep `keep`."""
        self._counts = keep * self._counts
        self._counts += np.bincount(numbers, minlength=len(self._counts))
        self._densities = None  # until they are asked for

    def __call__(self, numbers, anywhere):
        """Density of the colours in `placed_bins` of these numbers, float32 of the same shape.

        Args:
            numbers: integers.
            anywhere: of the same shape, their density over all places, for cells that saw little.
        """
        if self._densities is None:
            self._densities = self._learned()
        smooth, mass = self._densities
        return (smooth[numbers] + ELSEWHERE * anywhere) / (mass[numbers // COARSE**3] + ELSEWHERE)

    def _learned(self):
        """Smoothed counts per (grey level)^3, and their sum in each cell."""
        shape, widths = [CELLS] * 2 + [COARSE] * 3, [SMOOTH_CELLS] * 2 + [SMOOTH_COARSE] * 3
        smooth = _smoothed(self._counts.reshape(shape), widths)
        return smooth.ravel() * (COARSE / 256) ** 3, smooth.sum((2, 3, 4)).ravel()


def _smoothed(counts, widths):
    """Counts (n, ...), smoothed along each axis by a Gaussian of these standard deviations."""
    for axis, (count, width) in enumerate(zip(counts.shape, widths)):
        counts = np.moveaxis(np.tensordot(_kernel(count, width), counts, (1, axis)), 0, axis)
    return counts


@functools.cache
def _kernel(count, width):
    """Matrix (count, count) that smooths by a Gaussian and loses nothing at the ends."""
    away = np.subtract.outer(np.arange(count), np.arange(count))
    weights = np.exp(-0.5 * np.square(away / width))
    return np.float32(weights / weights.sum(0))


def bins(frame, levels=LEVELS):
    """Number of each pixel's bin in a histogram of levels^3, (...) int32 for (..., 3) uint8."""
    level = (frame // (256 // levels)).astype(np.int32)
    return (level[..., 0] * levels + level[..., 1]) * levels + level[..., 2]


def placed_bins(frame, box):
    """Number of each pixel's bin in a histogram of `COARSE`^3 in its cell, (H, W) int32.

    Args:
        frame: (H, W, 3) uint8 RGB.
        box: (x, y, width, height), pixels; what lies outside belongs to the outermost cells.
    """
    across, down = (
        (np.arange(side) - start + BEYOND * extent) / ((1 + 2 * BEYOND) * extent)
        for side, start, extent in zip(frame.shape[1::-1], box[:2], np.maximum(box[2:], 1))
    )
    column, row = ((CELLS * p).clip(0, CELLS - 1).astype(np.int32) for p in (across, down))
    return (row[:, None] * CELLS + column) * COARSE**3 + bins(frame, COARSE)


def resembles(frame, where):
    """How much pixels look like some of them.

    Args:
        frame: (H, W, 3) uint8 RGB.
        where: (H, W) bool, at least one pixel.

    Returns:
        (H, W) float32, 0..1; 1/2 is as usual among those.
    """
    numbers, colours = bins(frame), Colours()
    colours.learn(numbers[where], 0.0)
    found = colours(numbers)
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
            colours.learn(bins((light * frame[part]).astype(np.uint8)), 1.0)
    return [colours(bins(frame)) < RARE * UNIFORM for frame in frames]


def told_apart(frame, mask, window):
    """How well colours tell a mask: mutual information (Shannon 1948) and entropy.

    The former by the root of the latter: by the information alone large masks win, by its share of
    the entropy small ones.

    Args:
        frame: (H, W, 3) uint8 RGB.
        mask: (H, W) bool.
        window: (H, W) bool, the pixels that count; at least one.

    Returns:
        0..1.
    """
    numbers = bins(frame)[window]
    inside = mask[window]
    whole = np.bincount(numbers, minlength=LEVELS**3).astype(float)
    part = np.bincount(numbers[inside], minlength=LEVELS**3)
    share = part[whole > 0] / whole[whole > 0]
    weights = whole[whole > 0] / whole.sum()
    most = _entropy(inside.mean())
    return (most - (weights * _entropy(share)).sum()) / np.sqrt(most)


def _entropy(share):
    share = np.clip(share, 1e-9, 1 - 1e-9)
    return -(share * np.log2(share) + (1 - share) * np.log2(1 - share))
