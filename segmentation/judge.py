"""How good the masks of a clip are, judged by frames and masks alone, whatever made them.

Some frames are looked at in a small size. Where other frames show the scene behind a mask, they
tell what is the object; everywhere motion and colours on either side of its outline do.
"""

from typing import NamedTuple

import cv2
import numpy as np

from segmentation import camera, flow, likelihood

SMALL, SAMPLES = 200, 10  # longer side of the pictures, pixels; frames that are looked at, at most
LEAST = 12  # pixels of a small mask that can be judged
NEAR, AROUND = 2.0, 8.0  # distances from the outline: what is unsure, what surrounds it; pixels
STEP = 6  # frames to those by which motion is judged, before and after
UNKNOWN, CALM = 0.9, 0.5  # motion where nothing is known; usual error of motions, pixels
WINDOW = 13, 13  # pixels whose colours on either side of the outline are compared
NOISE = 3.0  # spread of colours that are the same, L*a*b*
OTHER, NOISIER = 5.0, 2.5  # distance of colours that differ, L*a*b*; at least times the usual one
LITTLE = 160  # longer side of the pictures in which neighbouring masks are compared, pixels
JUMP = 0.3  # by how much less than usual such masks overlap where they do not fit
SHORT, FEW = 0.15, 0.3  # share of the frames that a passage of misfits has at most, and all have

# Logistic regression of the mean IoU, on drawn clips with masks of all methods and spoilt true ones
BIAS, WEIGHTS = -7.5, {"together": 3.9, "complete": 6.0}
PARTS = "backdrop", "complete", "motion", "colours", "alone"


class Judgement(NamedTuple):
    """What frames and masks of a clip say of its masks.

    Attributes:
        quality: estimated mean IoU with the true masks, 0..1.
        parts: means by name, 0..1, for frames looked at: `backdrop`, how surely the inside differs
            more from the scene behind it than the outside does; `complete`, 1 where nothing else
            differs from it; `motion`, how surely the inside moves more; `colours`, along which
            share of the outline both sides' differ; `alone`, 1 where nothing beside it has its
            colours; and `together`, the product of all of them.
    """

    quality: float
    parts: dict


def scores(frames, masks, aside=()):
    """Judge the masks of a clip.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        masks: sequence of as many (H, W) bool.
        aside: numbers of frames whose masks do not count.

    Returns:
        `Judgement`.
    """
    found, share = _found(frames, masks, aside)
    means = np.append(found, found.prod(1)[:, None], 1).sum(0) / max(1, len(found))
    parts = dict(zip((*PARTS, "together"), means.tolist()))
    odds = BIAS + sum(weight * parts[name] for name, weight in WEIGHTS.items())
    return Judgement(float(share / (1 + np.exp(-odds))), parts)


def _found(frames, masks, aside):
    """`PARTS` (N, 5) of the frames looked at whose masks can be judged, and the share of those."""
    count, step = len(frames), min(STEP, len(frames) // 2)
    numbers = np.setdiff1d(np.arange(count), list(aside))
    spread = np.linspace(0, len(numbers) - 1, min(len(numbers), SAMPLES)).round().astype(int)
    numbers = numbers[spread].tolist()
    samples = [Sample(frames[n], masks[n]) for n in numbers]
    places = camera.places([s.frame for s in samples], -(-count // max(1, len(samples))))
    appearance = likelihood.Appearance()
    for sample in filter(_fit, samples):
        appearance.learn(sample.frame, sample.mask)
    rows = []
    for index, (sample, n) in enumerate(zip(samples, numbers)):
        if _fit(sample):
            others = [small(frames[m]) for m in (n - step, n + step) if 0 <= m < count]
            scene = _against_scene(sample, _views(samples, places, index))
            alone = _alone(sample, appearance)
            rows.append((*scene, _moves(sample, others), _colours(sample), alone))
    return np.reshape(rows, (-1, len(PARTS))), len(rows) / max(1, len(samples))


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


class Sample:
    """A frame and its mask in a small size.

    Attributes:
        frame: (h, w, 3) uint8 RGB.
        lab: its colours, (h, w, 3) float32 L*a*b*.
        mask: (h, w) bool.
        away: (h, w) float32, distance from the outline in pixels, negative inside; nan at the
            picture's border, which is no outline.
        line: (h, w) bool, the outline.
    """

    def __init__(self, frame, mask):
        self.frame, self.mask = small(frame), small(mask.astype(np.float32)) > 0.5
        lab = cv2.cvtColor(self.frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        self.lab = cv2.GaussianBlur(lab, (0, 0), 0.7)
        inside, outside = likelihood.distance(self.mask), likelihood.distance(~self.mask)
        self.away = np.where(self.mask, 0.5 - inside, outside - 0.5)
        self.away[[0, 1, -2, -1]] = self.away[:, [0, 1, -2, -1]] = np.nan
        self.line = np.abs(self.away) < 1

    def between(self, least, most):
        """Where the distance from the outline is in this range, (h, w) bool."""
        return (self.away > least) & (self.away < most)


def _fit(sample):
    """Whether there is enough of inside and outside to be judged."""
    least = min(sample.mask.sum(), (~sample.mask).sum())
    return least >= LEAST and sample.line.any()


def exceeds(values, others):
    """Probability that one of `values` exceeds one of `others`: the area under the ROC curve."""
    if not values.size or not others.size:
        return 0.5
    others = np.sort(others)
    ranks = np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")
    return float(ranks.mean() / (2 * others.size))


def _views(samples, places, index):
    """Distances (h, w) of other samples' colours, at their place in this one, from its own.

    They are infinite where another sample does not show the scene, and forgive a pixel's shift.
    """
    own, size = samples[index], samples[index].mask.shape[::-1]
    high, low = (edge(own.lab, np.ones((3, 3))) for edge in (cv2.dilate, cv2.erode))
    for sample, place in zip(samples, places):
        if sample is own:
            continue
        matrix = (np.linalg.inv(places[index]) @ place)[:2]
        view = cv2.warpAffine(sample.lab, matrix, size)
        shown = cv2.warpAffine(np.float32(sample.away > NEAR), matrix, size) > 0.99
        both = shown & (own.away > NEAR)
        if both.any():
            view[..., 0] += np.median((own.lab - view)[both][::5, 0])  # exposure
        away = cv2.max(cv2.max(view - high, low - view), 0)
        yield np.where(shown, np.sqrt(np.einsum("hwc,hwc->hw", away, away)), np.inf)


def _against_scene(sample, views):
    """`backdrop` and `complete`, by distances from what other samples show of the scene."""
    distances = np.sort([np.full(sample.mask.shape, np.inf), *views], 0)
    count = np.isfinite(distances).sum(0)
    usual, least = (
        np.take_along_axis(distances, (share * (count - 1).clip(0)).astype(int)[None], 0)[0]
        for share in (0.5, 0.25)
    )
    inside, outside = (
        (side > least) & (count > 1) for side, least in ((-sample.away, 1), (sample.away, NEAR))
    )
    noise = np.median(usual[outside]) if outside.any() else 0.0
    other = np.uint8(outside & (least > max(OTHER, NOISIER * noise)))
    other = cv2.morphologyEx(other, cv2.MORPH_OPEN, np.ones((3, 3))).sum()
    near = sample.between(-AROUND, AROUND)
    area = sample.mask.sum()
    return exceeds(usual[inside & near], usual[outside & near]), area / (area + other)


def _moves(sample, others):
    """How surely the inside moves more to the `others`, beyond the camera's motion.

    What the object covers or lays open seems to move, but only in one direction of time.
    """
    moves = np.min([_motion(sample, other) for other in others] or [np.zeros(sample.mask.shape)], 0)
    outside = moves[sample.away > NEAR]
    trust = 1 / (1 + (np.median(outside) / CALM) ** 2) if outside.size else 0.0
    return UNKNOWN + trust * (exceeds(moves[sample.away < -1], outside) - UNKNOWN)


def _motion(sample, other):
    """How far each pixel moves to frame `other` beyond the camera's motion, (h, w), pixels."""
    matrix, _ = camera.between(sample.frame, other, ignored=sample.away < NEAR)
    steady = cv2.warpAffine(
        other, matrix[:2], other.shape[1::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.linalg.norm(flow.between(sample.frame, steady), axis=2)


def _colours(sample):
    """Share of the outline along which both sides' colours differ by more than they vary."""
    inner, outer = (_local(sample.lab, side) for side in (sample.away < -0.6, sample.away > 0.6))
    both = sample.line & (inner[2] > 0.04) & (outer[2] > 0.04)
    apart = np.linalg.norm(inner[0] - outer[0], axis=2)
    differ = apart > np.sqrt((inner[1] + outer[1]) / 2 + NOISE**2)
    return float(differ[both].mean()) if both.any() else 0.0


def _local(lab, side):
    """Mean and variance of the colours on one side (h, w) within `WINDOW`, and its share there."""
    weight = np.float32(side)[..., None]
    share = cv2.boxFilter(weight, -1, WINDOW)
    whole = share[..., None].clip(1e-6)
    mean = cv2.boxFilter(lab * weight, -1, WINDOW) / whole
    square = cv2.boxFilter(lab**2 * weight, -1, WINDOW) / whole
    return mean, (square - mean**2).clip(0).sum(2), share


def _alone(sample, appearance):
    """1 where nothing beside the mask has its colours, 1/2 where as much has as is in the mask."""
    alike = sample.between(NEAR, AROUND) & (cv2.blur(appearance.scenic(sample.frame), (3, 3)) < 0.9)
    return sample.mask.sum() / (sample.mask.sum() + alike.sum())
