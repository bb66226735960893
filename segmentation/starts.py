"""The first mask of an object in a box: several are tried, and the best of them is taken."""

import cv2
import numpy as np

from segmentation import cleanup, colours, decision, likelihood
from segmentation.graph_cut import run_grabcut

ITERATIONS = 3  # of GrabCut in a box
AGAIN = 2  # times that a mask is decided anew, each time by the colours of the former one
ROUND = 3  # exponent, without unit, of the superellipse that an object in a box stays in
CORE = 0.75  # of a box: the middle of it, where the object is most likely
DIFFERS = -1.0  # log-odds by the backdrop alone below which it is seen
BESIDE = 0.5  # of a box's longer side: how far the scene beside it shows what the scene does
STEPS = np.geomspace(1, 200, 24)  # of differences over time, grey levels
RARELY = 0.01  # share of the scene that differs in any way
STILL = 0.7  # share of an object that changes as little as the scene does
MOST = 1.0  # what changes say at most, log-odds: the scene that an object lays open changes, too


def find(frame, views, changed, moving, inside, strokes):
    """The object's mask in a frame, (H, W) bool.

    Args:
        frame: (H, W, 3) uint8 RGB.
        views: each `scene.View` that may be the backdrop in the frame.
        changed: (H, W) float32, log-odds of the object by `changes`.
        moving: (H, W) bool, roughly what moves.
        inside: (H, W) bool, the user's box, or what lies around the strokes.
        strokes: `follow.Strokes`.
    """
    masks = []
    evidence = (strokes, strokes.also(changed)) if changed.any() else (strokes,)
    alone = [_by_colours(frame, inside, strokes, extent) for extent in (1.0, CORE)]
    for view in views:
        told = _by_backdrop(frame, view, moving, inside, strokes)
        for hints in evidence:
            for start in (_by_odds(frame, view, inside, hints), told, *alone):
                new = likelihood.Appearance()
                masks.append(refined(new, frame, view, start, inside, hints))
    return _best(frame, inside, masks)


def refined(appearance, frame, view, mask, inside, strokes):
    """A mask (H, W) bool, decided anew by its own colours; the appearance learns them."""
    for _ in range(AGAIN):
        appearance.learn(frame, mask, keep=0.0)
        mask = decision.decide(appearance, frame, view, mask, inside, strokes=strokes)
    return mask


def changes(differs, inside):
    """Log-odds of the object by how a frame differs from others.

    The scene beside a box shows how much the scene differs; an object may be as still, or not.

    Args:
        differs: (H, W) float32, from `Scene.differs`.
        inside: (H, W) bool, the box.

    Returns:
        (H, W) float32, between log(`STILL`) and `MOST`; zeros where nothing is beside the box.
    """
    near = BESIDE * max(cleanup.box(inside)[2:])
    beside = ~inside & (likelihood.distance(~inside) <= near)
    if not beside.any():
        return np.zeros(inside.shape, np.float32)
    step = np.digitize(differs, STEPS)
    count = np.bincount(step[beside], minlength=len(STEPS) + 1).astype(np.float32)
    smooth = cv2.GaussianBlur(count[None], (0, 0), 1, borderType=cv2.BORDER_REPLICATE)[0]
    scene = smooth / smooth.sum() + RARELY / len(smooth)
    odds = np.log(STILL + (1 - STILL) / len(smooth) / scene)
    return np.float32(odds.clip(None, MOST))[step]


def _by_odds(frame, view, inside, strokes):
    """A first mask by the backdrop and the strokes alone."""
    new, unsure = likelihood.Appearance(), np.full(inside.shape, 0.5)
    return decision.decide(new, frame, view, unsure, inside, strokes=strokes)


def _by_backdrop(frame, view, moving, inside, strokes):
    """A first mask by colours, where the backdrop and what moves say a part of it."""
    hints = _hints(inside)
    hints[inside & (likelihood.Appearance().log_odds(frame, view) < DIFFERS)] = cv2.GC_PR_BGD
    hints[inside & moving] = cv2.GC_FGD
    strokes.hint(hints)
    return run_grabcut(frame, hints, ITERATIONS)


def _by_colours(frame, inside, strokes, extent):
    """A first mask by colours alone, from so much of the box."""
    hints = _hints(inside, extent)
    strokes.hint(hints)
    return run_grabcut(frame, hints, ITERATIONS)


def _hints(inside, extent=1.0):
    """Hints (H, W) uint8 for `run_grabcut`: the object is in the box, and not in its corners."""
    hints = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    hints[inside & _corners(inside, extent)] = cv2.GC_PR_BGD
    return hints


def _best(frame, inside, masks):
    """The mask that is told best from its surroundings, and most like the other masks.

    It fills its box, leaves the corners free, its colours tell it, and edges lie on its outline.
    """
    around, smooth = cleanup.dilate(inside, decision.RING), cv2.GaussianBlur(frame, (0, 0), 1)
    corners, edges = inside & _corners(inside), _edges(smooth, inside)

    def score(mask):
        told = colours.told_apart(smooth, mask, around)
        free = 1 - (mask & corners).sum() / max(1, corners.sum())
        alike = np.mean([_overlap(mask, other) for other in masks])
        outline = _outline(mask)
        edged = ((edges * outline).sum() / max(1, outline.sum())) ** 2
        return told * _filling(mask, inside) * free * alike * edged

    return max(filter(np.any, masks), key=score, default=masks[0])


def _edges(frame, inside):
    """How strong the edge near each pixel is, (H, W), 0..1; 1/2 is usual in the box."""
    slopes = [cv2.Sobel(frame, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1))]
    strength = cv2.dilate(np.linalg.norm(slopes, axis=0).max(-1), np.ones((3, 3)))
    return strength / (strength + np.median(strength[inside]) + 1e-6)


def _outline(mask):
    return mask & (cv2.erode(mask.astype(np.uint8), np.ones((3, 3))) == 0)


def _overlap(mask, other):
    return (mask & other).sum() / max(1, (mask | other).sum())


def _corners(inside, extent=1.0):
    """Where a box lies outside its superellipse: objects seldom reach into its corners, (H, W).

    Args:
        inside: (H, W) bool, the box.
        extent: of the superellipse, share of the box.
    """
    x, y, width, height = cleanup.box(inside)
    across, down = (
        np.abs((np.arange(side) - start - (sides - 1) / 2) / (extent * sides / 2)) ** ROUND
        for side, start, sides in zip(inside.shape[::-1], (x, y), (width, height))
    )
    return across + down[:, None] > 1


def _filling(mask, inside):
    """Share of a box that a mask's own box fills: users draw boxes around the whole object."""
    (*_, width, height), (*_, most_width, most_height) = map(cleanup.box, (mask, inside))
    return (width * height) / (most_width * most_height)
