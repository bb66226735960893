"""How good the masks of a clip are, judged by frames and masks alone, whatever made them.

Some frames are looked at in a small size. Where other frames show the scene behind a mask, they
tell what is the object; elsewhere motion, colours and edges on either side of its outline do.
"""

from typing import NamedTuple

import cv2
import numpy as np

from segmentation import camera, flow

SMALL, SAMPLES = 200, 10  # longer side of the pictures, pixels; frames that are looked at, at most
LEAST = 12  # pixels of a small mask that can be judged
NEAR, AROUND = 2.0, 8.0  # distances from the outline: what is unsure, what surrounds it; pixels
WIDE = 0.6  # distance of the surroundings whose motion counts, share of the object's size
STEP = 6  # frames to those by which motion is judged, before and after
WINDOW = 13, 13  # pixels whose colours on either side of the outline are compared
NOISE = 3.0  # spread of colours that are the same, L*a*b*
OTHER, NOISIER = 6.0, 3.0  # distance of colours that differ, L*a*b*; at least times the usual one
LITTLE = 160  # longer side of the pictures in which neighbouring masks are compared, pixels
JUMP = 0.3  # by how much less than usual such masks overlap where they do not fit
SHORT, FEW = 0.15, 0.3  # share of the frames that a passage of misfits has at most, and all have

# Logistic regression of the mean IoU, on drawn clips with masks of all methods and spoilt true ones
WEIGHTS = {"backdrop": 1.5, "complete": 4.5, "motion": 2.8, "colours": 1.2, "edges": 1.4}
BIAS = -9.2


class Judgement(NamedTuple):
    """What frames and masks of a clip say of its masks.

    Attributes:
        quality: estimated mean IoU with the true masks, 0..1.
        shown: the same of those masks alone that are not empty.
        parts: means by name, 0..1, of what is known of each frame looked at: `backdrop`, how surely
            the inside differs from the scene behind it more than the outside does; `complete`, 1
            where nothing else differs from it; `motion`, how surely the inside moves more;
            `colours`, along which share of the outline they differ; `edges`, how surely edges are
            stronger on the outline than near it.
        misfits: numbers of a few frames whose masks do not fit those before and after.
    """

    quality: float
    shown: float
    parts: dict
    misfits: list


def scores(frames, masks):
    """Judge the masks of a clip.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        masks: sequence of as many (H, W) bool.

    Returns:
        `Judgement`.
    """
    count, step = len(frames), min(STEP, len(frames) // 2)
    numbers = np.unique(np.linspace(0, count - 1, min(count, SAMPLES)).round().astype(int))
    samples = [Sample(frames[n], masks[n]) for n in numbers]
    places, found = camera.places([sample.frame for sample in samples]), []
    for index, (number, sample) in enumerate(zip(numbers, samples)):
        if sample.fit:
            others = [small(frames[n]) for n in (number - step, number + step) if 0 <= n < count]
            seen = _against_scene(sample, _views(samples, places, index))
            found.append({**seen, **_alone(sample, others)})
    parts = {name: float(np.mean([each[name] for each in found] or [0.0])) for name in WEIGHTS}
    odds = BIAS + sum(weight * parts[name] for name, weight in WEIGHTS.items())
    shown = float(1 / (1 + np.exp(-odds)))
    return Judgement(shown * len(found) / len(samples), shown, parts, misfits(frames, masks))


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
        away: (h, w) float32, distance from the outline in pixels, negative inside.
        range: colours of each pixel and those beside it, at most and at least, like `lab`.
        line: (h, w) bool, the outline without what lies on the picture's border.
        fit: whether there is enough of inside and outside to be judged.
    """

    def __init__(self, frame, mask):
        self.frame, self.mask = small(frame), small(mask.astype(np.float32)) > 0.5
        lab = cv2.cvtColor(self.frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        self.lab = cv2.GaussianBlur(lab, (0, 0), 0.7)
        self.range = [edge(self.lab, np.ones((3, 3))) for edge in (cv2.dilate, cv2.erode)]
        inside, outside = (
            cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 5)
            for side in (self.mask, ~self.mask)
        )
        self.away = np.where(self.mask, 0.5 - inside, outside - 0.5)
        self.away[[0, 1, -2, -1]] = self.away[:, [0, 1, -2, -1]] = np.nan
        self.line = np.abs(self.away) < 1
        self.fit = bool(min(self.mask.sum(), (~self.mask).sum()) >= LEAST and self.line.any())

    def between(self, least, most):
        """Where the distance from the outline is in this range, (h, w) bool."""
        return (self.away > least) & (self.away < most)


def exceeds(values, others):
    """Probability that one of `values` exceeds one of `others`: the area under the ROC curve."""
    if not values.size or not others.size:
        return 0.5
    others = np.sort(others)
    ranks = np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")
    return float(ranks.mean() / (2 * others.size))


def _views(samples, places, index):
    """Other samples' colours (h, w, 3), laid over this one, and where they show the scene."""
    size = samples[index].mask.shape[::-1]
    for sample, place in zip(samples, places):
        if sample is not samples[index]:
            matrix = (np.linalg.inv(places[index]) @ place)[:2]
            scene = np.float32(sample.away > NEAR)
            yield (
                cv2.warpAffine(sample.lab, matrix, size),
                cv2.warpAffine(scene, matrix, size) > 0.99,
            )


def _against_scene(sample, views):
    """Whether the inside, and nothing else, differs from the scene that other samples show."""
    unknown = np.full(sample.mask.shape, np.inf)
    distances = np.sort([unknown, *(_distances(sample, *view) for view in views)], 0)
    count = np.isfinite(distances).sum(0)
    known, outside = count > 1, sample.away > NEAR
    usual, least = (
        np.take_along_axis(distances, (share * (count - 1).clip(0)).astype(int)[None], 0)[0]
        for share in (0.5, 0.25)
    )
    inside, outside = known & (sample.away < -1), known & outside
    noise = np.median(usual[outside]) if outside.any() else 0.0
    other = np.uint8(outside & (least > max(OTHER, NOISIER * noise)))
    other = cv2.morphologyEx(other, cv2.MORPH_OPEN, np.ones((3, 3)))
    near = sample.between(-AROUND, AROUND)
    return {
        "backdrop": exceeds(usual[inside & near], usual[outside & near]),
        "complete": sample.mask.sum() / (sample.mask.sum() + other.sum()),
    }


def _distances(sample, view, shown):
    """(h, w) distance of a view's colours from those within a pixel; infinite where not shown."""
    both = shown & (sample.away > NEAR)
    if both.any():
        view[..., 0] += np.median((sample.lab - view)[both][::5, 0])  # exposure
    away = cv2.max(cv2.max(view - sample.range[0], sample.range[1] - view), 0)
    return np.where(shown, np.sqrt(np.einsum("hwc,hwc->hw", away, away)), np.inf)


def _alone(sample, others):
    """What sets the inside off without the scene: motion to `others`, colours, edges."""
    slopes = [cv2.Sobel(sample.lab, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1))]
    strength = np.linalg.norm(np.concatenate(slopes, 2), axis=2)
    near = sample.between(-AROUND, -NEAR) | sample.between(NEAR, AROUND)
    # What the object covers or lays open seems to move in one direction of time alone.
    moves = np.min([_moves(sample, other) for other in others] or [np.zeros(near.shape)], 0)
    around = max(AROUND, WIDE * np.sqrt(sample.mask.sum()))
    return {
        "motion": exceeds(moves[sample.away < -1], moves[sample.between(NEAR, around)]),
        "colours": _colours(sample),
        "edges": exceeds(strength[sample.line], strength[near]),
    }


def _moves(sample, other):
    """How far each pixel moves to frame `other` beyond the camera's motion, (h, w), pixels."""
    matrix, _ = camera.between(sample.frame, other, ignored=sample.away < NEAR)
    steady = cv2.warpAffine(
        other, matrix[:2], other.shape[1::-1],
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    engine = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    greys = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (sample.frame, steady))
    return np.linalg.norm(engine.calc(*greys, None), axis=2)


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
