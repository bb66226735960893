"""How good the masks of a clip are, judged by frames and masks alone, whatever made them.

Some frames are looked at in a small size, for what speaks against their masks: what differs from
the scene beside them, what does not within them, colours alike on both sides, a ragged outline, and
one without limbs, which methods lose first.
"""

from typing import NamedTuple

import cv2
import numpy as np

from segmentation import camera, flow, likelihood
from segmentation.scene import beyond
from utils.numbering import spread

SMALL, SAMPLES = 320, 8  # longer side of the pictures, pixels; frames that are looked at, at most
FOLLOWED = 24  # more frames, at most, by which the camera's motion is followed between those
LEAST = 12  # pixels of a small mask that can be judged
NEAR, AROUND = 2.0, 8.0  # distances from the outline: what is unsure, what surrounds it; pixels
SURROUNDINGS = 0.7  # how much farther they reach where the scene tells, share of the object's size
OTHER, NOISIER = 5.0, 2.5  # distance of L*a*b* colours that differ; at least times the usual one
UNKNOWN = 0.3  # share of the inside that is held to show the scene where nothing is known of it
ROUGH = 0.00625  # width of the Gaussian that smoothes an outline, share of the longer side
LITTLE = 160  # longer side of the pictures in which neighbouring masks are compared, pixels
JUMP = 0.3  # by how much less than usual such masks overlap where they do not fit
WORSE, OF = 0.12, 6  # how far below the median of how many masks one is estimated that stands out
SHORT, FEW = 0.15, 0.3  # share of the frames that a passage of misfits has at most, and all have

# Lengths of outline, in square roots of the area, below and above which it says nothing: a round
# object has no limbs to lose, and beyond those that any object has, more are no better.
ROUND, LIMBS = 5.0, 6.5

# Logistic regression of the mean IoU (below .4 as .4) on logarithms, by masks of methods, and by
# true ones, on 94 drawn clips for tuning. Parts were chosen by validation across clips and shapes.
FLOOR, BIAS = 0.03, -11.87
WEIGHTS = {
    "other": -0.68, "seen": -0.32, "still": -0.10, "alike": -0.38, "limbs": 4.72, "ragged": -0.34,
}  # fmt: skip


class Judgement(NamedTuple):
    """What frames and masks of a clip say of its masks.

    Attributes:
        quality: estimated mean IoU with the true masks, 0..1.
        parts: means by name over the frames looked at, as shares of the mask's area: `other`, what
            differs from the scene beside the mask; `seen`, what does not within it; `still`, what
            stays the same at its place in the scene, masked or not; `alike`, what has the object's
            colours beside it; `ragged`, what smoothing the outline changes; and `limbs`, the length
            of the outline, by the square root of the area, from `ROUND` to `LIMBS`.
        each: frame's number -> estimated IoU of its own mask, of the frames looked at.
    """

    quality: float
    parts: dict
    each: dict


def scores(frames, masks, aside=()):
    """Judge the masks of a clip.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        masks: sequence of as many (H, W) bool.
        aside: numbers of frames whose masks do not count.

    Returns:
        `Judgement`. Masks that cannot be judged, being too small or too large, lower its quality
        in proportion; where none can, it is 0, and there are no parts.
    """
    found, share = _found(frames, masks, aside)
    rows = found.values()
    parts = {name: np.mean([row[name] for row in rows]).item() for name in WEIGHTS if rows}
    each = {number: _estimate(row) for number, row in found.items()}
    return Judgement(share * _estimate(parts), parts, each)


def _estimate(parts):
    """Estimated IoU by parts as in `Judgement`."""
    odds = BIAS + sum(WEIGHTS[name] * np.log(part + FLOOR) for name, part in parts.items())
    return float(1 / (1 + np.exp(-odds)))


def worse(each, count):
    """Numbers of frames, of `count`, in passages whose masks are much worse than most.

    So are those that were wrong until they were mended, and those that slide off.

    Args:
        each: of `Judgement`; the frames around stand and fall with those looked at.
    """
    looked = np.array(list(each), int)
    if looked.size < OF:
        return []
    quality = np.array(list(each.values()))
    bad = quality < np.median(quality) - WORSE
    nearest = np.abs(np.arange(count)[:, None] - looked).argmin(1)
    return np.flatnonzero(bad[nearest]).tolist()


def _found(frames, masks, aside):
    """Number -> parts, of frames looked at whose masks can be judged, and the share of those."""
    numbers = np.setdiff1d(np.arange(len(frames)), list(aside))
    numbers = numbers[spread(len(numbers), SAMPLES)].tolist()
    samples = {n: _Sample(frames[n], masks[n]) for n in numbers}
    samples = {n: sample for n, sample in samples.items() if sample.fit}
    places, appearance = _places(frames, samples), likelihood.Appearance()
    for sample in samples.values():
        appearance.learn(sample.frame, sample.mask)
    rows = {
        number: {
            **_against_scene(sample, [*_views(samples, places, number)]),
            **_outline(sample.mask),
            "alike": _alike(sample, appearance),
        }
        for number, sample in samples.items()
    }
    return rows, len(rows) / max(1, len(numbers))


def _places(frames, samples):
    """Matrices of `camera.places` for samples' small frames and some between, dict by number."""
    if not samples:
        return {}
    every = sorted({*spread(len(frames), FOLLOWED), *samples})
    apart = -(-len(frames) // len(every))
    return dict(zip(every, camera.places((small(frames[n]) for n in every), apart)))


def misfits(frames, masks):
    """Numbers of a few frames whose masks do not fit those before and after.

    Where a mask does not fit the one before, moved by optical flow, one of them is wrong: what lies
    between two such places is, if it is short.
    """
    fits, former = [], None
    for frame, mask in zip(frames, masks):
        frame, mask = small(frame, LITTLE), small(mask.astype(np.float32), LITTLE) > 0.5
        if former:
            moved = flow.propagate_mask(*former, frame)
            fits.append(((moved & mask).sum() + 1) / ((moved | mask).sum() + 1))
        former = mask, frame
    breaks = np.flatnonzero(np.array(fits) < np.median(fits or [1.0]) - JUMP) + 1
    runs = np.split(np.arange(len(masks)), breaks)
    odd = [int(n) for run in runs if len(run) <= SHORT * len(masks) for n in run]
    return odd if len(odd) <= FEW * len(masks) else []


def small(picture, longer=SMALL):
    """A picture (H, W[, C]) with a longer side of so many pixels at most."""
    scale = min(1, longer / max(picture.shape[:2]))
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


class _Sample:
    """A frame and its mask in a small size.

    Attributes:
        frame: (h, w, 3) uint8 RGB.
        lab: its colours, (h, w, 3) float32 L*a*b*.
        mask: (h, w) bool.
        away: (h, w) float32, distance from the outline in pixels, negative inside.
        size: of the object: the side of a square as large, pixels.
        fit: whether there is enough of inside and outside to be judged.
    """

    def __init__(self, frame, mask):
        self.frame, self.mask = small(frame), small(mask.astype(np.float32)) > 0.5
        lab = cv2.cvtColor(self.frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        self.lab = cv2.GaussianBlur(lab, (0, 0), 0.7)
        inside, outside = likelihood.distance(self.mask), likelihood.distance(~self.mask)
        self.away = np.where(self.mask, 0.5 - inside, outside - 0.5)
        self.size = np.sqrt(self.mask.sum())
        self.fit = min(self.mask.sum(), (~self.mask).sum()) >= LEAST


def _views(samples, places, number):
    """Distances of other samples' colours, at their place in this one, from its own.

    They are infinite where another sample does not reach, and forgive a pixel's shift.

    Yields:
        distances (h, w) float32, and where (h, w) bool no mask hides the scene.
    """
    own = samples[number]
    high, low = (change(own.lab, np.ones((3, 3))) for change in (cv2.dilate, cv2.erode))
    for other, sample in samples.items():
        if other == number:
            continue
        matrix = (np.linalg.inv(places[number]) @ places[other])[:2]
        view, free, shown = (
            cv2.warpAffine(picture, matrix, own.mask.shape[::-1])
            for picture in (sample.lab, np.float32(sample.away > NEAR), np.ones_like(sample.away))
        )
        both = (free > 0.99) & (own.away > NEAR)
        if both.any():
            view[..., 0] += np.median((own.lab - view)[both][::5, 0])  # exposure
        yield np.where(shown > 0.99, beyond(view, low, high), np.inf), free > 0.99


def _against_scene(sample, views):
    """`other`, `seen` and `still`, by distances from what other samples show of the scene."""
    if not views:
        return {"other": 0.0, "seen": UNKNOWN, "still": UNKNOWN}
    distances, free = (np.stack(part) for part in zip(*views))
    low, usual = _quantiles(np.where(free, distances, np.inf), (0.25, 0.5))
    (always,), inside = _quantiles(distances, (0.5,)), sample.away < -1
    outside = (sample.away > NEAR) & (sample.away < AROUND + SURROUNDINGS * sample.size)
    outside &= np.isfinite(usual)
    differs = max(OTHER, NOISIER * np.median(usual[outside]) if outside.any() else 0.0)
    other = cv2.morphologyEx(np.uint8(outside & (low > differs)), cv2.MORPH_OPEN, np.ones((3, 3)))
    return {
        "other": other.sum() / sample.mask.sum(),
        "seen": _share_below(differs, usual[inside]),
        "still": _share_below(differs, always[inside]),
    }


def _share_below(most, distances):
    """Share of the known ones of distances (N,) that are below a limit; `UNKNOWN` without any."""
    known = distances[np.isfinite(distances)]
    return (known < most).mean() if known.size else UNKNOWN


def _quantiles(distances, shares):
    """Of what is finite of distances (N, h, w), (h, w) each; infinite where two are not there."""
    distances, count = np.sort(distances, 0), np.isfinite(distances).sum(0)
    for share in shares:
        index = (share * (count - 1).clip(0)).astype(int)[None]
        yield np.where(count > 1, np.take_along_axis(distances, index, 0)[0], np.inf)


def _outline(mask):
    """`limbs` and `ragged` of a mask (h, w) bool."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    length = sum(cv2.arcLength(outline, True) for outline in outlines)
    width = ROUGH * max(mask.shape)
    smooth = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), width) > 0.5
    ragged = (smooth ^ mask).sum() / (smooth | mask).sum()
    limbs = np.clip(length / np.sqrt(mask.sum()), ROUND, LIMBS)
    return {"limbs": limbs, "ragged": ragged}


def _alike(sample, appearance):
    """How much beside a mask has its colours, share of its area."""
    beside = (sample.away > NEAR) & (sample.away < AROUND)
    alike = beside & (cv2.blur(appearance.scenic(sample.frame), (3, 3)) < 0.9)
    return alike.sum() / sample.mask.sum()
