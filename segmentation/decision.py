"""Masks of one object: decided for one frame, carried to its neighbours, and decided again."""

import cv2
import numpy as np

from segmentation import cleanup, flow, likelihood
from segmentation.scene import View, lit_alike

# Lengths as shares of the object's size, which is at most half of the picture's longer side.
ALIKE = 0.02  # radius of the neighbourhood that decides together
UNSURE = 0.011  # how far the expected outline may be off
# Lengths as shares of the picture's longer side.
REACH = 0.04  # how far from where it is expected the object may be
MARGIN = 0.011  # what may belong to the object around its mask
SPECK = 0.02  # of the area of the largest component: smaller ones are noise
DENIED = -0.2  # mean log-odds of a mask by what is seen: below, the object is not there any more
RING = 0.05  # around what is unknown: by that the scene there is told
SMOOTH = 6.0  # grey levels by which that may be wrong
POINTS = 500  # of that, about
LIKELY = 0.4  # expectation, 0..1, from which on it counts as the object
TRUST = 2.0  # in where the object is expected, log-odds


def decide(appearance, frame, view, expected, reach, box=None, strokes=None, sure=False):
    """The object's mask (H, W) bool.

    Args:
        appearance: `likelihood.Appearance`.
        frame: (H, W, 3) uint8 RGB.
        view: `scene.View`, the backdrop in this frame.
        expected: (H, W) float32 or bool, 0..1, where the object is expected.
        reach: (H, W) bool, where it may be; empty for an empty mask.
        box: (x, y, width, height), where the object is; None if colours may be anywhere in reach.
        strokes: `follow.Strokes`, or None.
        sure: whether what is expected has no thin parts that are wrong: then they are kept.
    """
    result = np.zeros(reach.shape, bool)
    if not reach.any():
        return result
    size = min(max(cleanup.box(reach & (expected > LIKELY))[2:]), max(reach.shape) / 2)
    radius = max(2, round(ALIKE * size))
    window = cleanup.window(reach, 2 * radius)
    prior = cv2.GaussianBlur(np.float32(expected)[window], (0, 0), max(0.5, UNSURE * size))
    if sure:
        prior = np.maximum(prior, expected[window])
    frame, reach = np.ascontiguousarray(frame[window]), reach[window]
    seen = appearance.log_odds(frame, view.part(window), box and _within(window, box))
    odds = seen + TRUST * (2 * prior - 1)
    if strokes is not None:
        odds += strokes.odds[window]
    odds[~reach] = -likelihood.MOST
    found = (likelihood.shared(odds, frame, radius) > 0) & reach
    if not _denied(found, seen, view.trust[window]):
        result[window] = _without_specks(found)
    return result if strokes is None else strokes.enforce(result)


def _within(window, box):
    """A box in the pixels of a window, two slices."""
    return box[0] - window[1].start, box[1] - window[0].start, *box[2:]


def _denied(found, seen, trust):
    """Whether what is seen speaks against a mask, for which only the expectation speaks."""
    known = found & (trust > 0)
    return known.sum() > 0.5 * found.sum() and seen[known].mean() < DENIED


def _without_specks(mask):
    """A mask without components that are tiny beside the largest."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return (areas > SPECK * areas.max())[labels]


def carry(appearance, former_mask, former, frame, view, sure):
    """The mask (H, W) bool of a frame from that of its neighbour, in either direction of time.

    Args:
        appearance: `likelihood.Appearance`.
        former_mask: (H, W) bool, the neighbour's; empty where the object was lost.
        former, frame: (H, W, 3) uint8 RGB, the neighbour and the frame itself.
        view: `scene.View`, the backdrop in the frame.
        sure: whether the former mask has no thin parts that are wrong: then they are kept.
    """
    expected = flow.propagate_mask(former_mask, former, frame)
    reach, box = cleanup.dilate(expected, REACH), cleanup.box(expected)
    view = extended(view, frame, near(expected))
    return decide(appearance, frame, view, expected, reach, box, sure=sure)


def decide_again(frames, scene, masks):
    """Masks of a clip from rough ones: now that the whole clip has shown object and backdrop.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        scene: `scene.Scene`; what the rough masks hide is left out of its backdrop.
        masks: sequence of (H, W) bool.

    Yields:
        (H, W) bool, one a frame.
    """
    appearance = learned(frames, scene, masks, near)
    for number, frame in enumerate(frames):
        around = (masks[max(0, min(n, len(masks) - 1))] for n in (number - 1, number, number + 1))
        before, now, after = (mask.astype(np.float32) for mask in around)
        expected = (before + 2 * now + after) / 4
        reach, likely = cleanup.dilate(expected > 0, REACH), expected > LIKELY
        box = cleanup.box(likely) if likely.any() else None
        view = extended(scene.view(number), frame, near(expected > 0))
        yield decide(appearance, frame, view, expected, reach, box)


def learned(frames, scene, masks, hides):
    """`Appearance` by masks of the scene's samples, whose backdrop is found anew without them.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB; the samples are read.
        scene: `scene.Scene` of them.
        masks: sequence, or dict by number, of (H, W) bool.
        hides: function of a mask that returns what may hide the scene, (H, W) bool.
    """
    appearance = likelihood.Appearance()
    for number in scene.numbers:
        appearance.learn(frames[number], masks[number])
    scene.settle({n: ~hides(masks[n]) * appearance.scenic(frames[n]) for n in scene.numbers})
    return appearance


def near(mask):
    """A mask (H, W) bool with what may belong to the object around it."""
    return cleanup.dilate(mask, MARGIN)


def extended(view, frame, inside):
    """The view with what is unknown in a region told by its surroundings, if those are smooth.

    A quadratic surface through the colours of the ring around it, fitted robustly.

    Args:
        view: `scene.View`; returned as it is where its surroundings do not tell.
        frame: (H, W, 3) uint8 RGB, which shows the scene there.
        inside: (H, W) bool, the region: the object, and where it may be.
    """
    unknown = (view.trust < 0.5) & inside
    ring = cleanup.dilate(inside, RING) & ~inside
    if not unknown.any() or ring.sum() < 100:
        return view
    some = np.s_[:: ring.sum() // POINTS + 1]
    terms, seen = _quadratic(ring)[some], frame[ring][some].astype(float)
    weights = np.ones((len(terms), 1))
    for _ in range(3):
        surface = np.linalg.lstsq(terms * weights, seen * weights, rcond=None)[0]
        away = np.linalg.norm(terms @ surface - seen, axis=1, keepdims=True)
        usual = 1.4826 * np.median(away) + 1
        weights = 1 / (1 + (away / (2 * usual)) ** 2)
    if usual > SMOOTH:
        return view
    trust, spread = view.trust.copy(), view.spread.copy()
    colours = lit_alike(view.colours, frame, view.trust > 0).copy()
    colours[unknown] = np.rint(_quadratic(unknown) @ surface).clip(0, 255)
    trust[unknown], spread[unknown] = 1, 1.5 * usual
    return View(colours, trust, spread)


def _quadratic(where):
    """1, x, y and their products at the pixels (N) of (H, W) bool, (N, 6)."""
    y, x = (index / side - 0.5 for index, side in zip(np.nonzero(where), where.shape))
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)
