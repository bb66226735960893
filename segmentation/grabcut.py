"""Masks of one object, followed by GrabCut and optical flow from where it is in the first frame.

GrabCut alone drifts: where object and background share colours, the mask spreads into the
background a little more with every frame. Here GrabCut starts each time from the former mask,
propagated by optical flow, and from a memory of the background that moves along with the camera: an
error ends where the background is seen again. The memory begins with what later frames show of the
background behind the object, where the object leaves its place.
"""

import cv2
import numpy as np

from segmentation import background, compare, motion
from segmentation.cleanup import dilate
from segmentation.graph_cut import run_grabcut

# Lengths as shares of the longer side of the picture.
REACH = 0.035  # how far outside the propagated mask the object may be
CORE = 0.022  # farther than this inside the propagated mask there is only the object
ITERATIONS = 3  # of GrabCut in the first frame; one in the others
LEARNS = 0.25  # share of the newest frame in the memory's colours
KNOWN = 2  # frames that must show a place before the memory counts there
FILLED = 0.15  # an object that moves fills at least this share of its box, or 0.5 of its mask
CRISP = 0.6  # least contrast along the outline by the backdrop, share of that by colours alone
CENTRE = 0.2  # margin of the box that is taken where nothing is known, share of each side


def track(frames, box=None, mask=None):
    """Masks of one object.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB; the first `background.AHEAD` are read about three
            times, the others once.
        box: (x, y, width, height) around the object in the first frame, pixels.
        mask: (H, W) bool, the object in the first frame, instead of a box. Without either, what
            moves is the object; where nothing does, what is in the middle of the picture.

    Yields:
        (H, W) bool, one a frame; empty from where the object is lost.

    Raises:
        ValueError: a box without a pixel of the picture, or a mask of another size.
    """
    frame = frames[0]
    backdrop = background.beginning(frames)
    mask, around, moves = _first(frame, box, mask, backdrop)
    memory = _Memory(frame, around, backdrop if moves else None)
    memory.learn(frame, mask)
    yield mask
    for number in range(1, len(frames)):
        former, frame = frame, frames[number]
        moved = motion.propagate_mask(mask, former, frame)
        view, known = memory.look(frame, mask)
        reach = dilate(moved, REACH)
        mask = run_grabcut(frame, _hints(moved, reach, compare.evidence(frame, view, known)))
        mask &= reach
        memory.learn(frame, mask)
        yield mask


def _hints(moved, reach, found):
    """Hints for `run_grabcut`, (H, W) uint8.

    Args:
        moved: (H, W) bool, the former mask, propagated to this frame.
        reach: (H, W) bool, where the object may be.
        found: `compare.Evidence`, by the memory of the background.
    """
    depth = cv2.distanceTransform(moved.astype(np.uint8), cv2.DIST_L2, 3)
    core = depth > CORE * max(moved.shape)
    hints = np.where(reach, cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
    hints[moved | (reach & found.other)] = cv2.GC_PR_FGD
    hints[core & ~found.same] = cv2.GC_FGD
    hints[found.same & ~core] = cv2.GC_BGD
    hints[dilate(moved, 0.01) & found.surely] = cv2.GC_FGD
    return hints


def _first(frame, box, mask, backdrop):
    """The first frame's mask, from the user's box or mask, or from what moves.

    Returns:
        mask: (H, W) bool.
        around: (H, W) bool, the object and, from a box, its surroundings: no background is
            learned there.
        moves: whether the object leaves its place, so that the backdrop shows what is behind it.
    """
    if mask is not None:
        if mask.shape != frame.shape[:2]:
            raise ValueError(f"a mask of {mask.shape} for frames of {frame.shape[:2]}")
        seen = backdrop.mask(frame, np.eye(3))
        return mask, mask, (seen & mask).sum() > 0.5 * mask.sum()
    hints = backdrop.hints(frame, np.eye(3))
    if box is None:
        found = _main_part(run_grabcut(frame, hints))
        if found.mean() > background.SMALL:
            return found, found, True
        box = _middle(frame)
    inside = _filled(box, frame)
    hints[~inside] = cv2.GC_BGD
    moves = ((hints == cv2.GC_FGD) | (hints == cv2.GC_PR_FGD)).sum() > FILLED * inside.sum()
    by_box = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    plain = run_grabcut(frame, by_box, ITERATIONS)
    if moves:
        found = run_grabcut(frame, hints, ITERATIONS)
        if _contrast(frame, found) > CRISP * _contrast(frame, plain):
            return found, inside, True
    # The backdrop shows parts of the object: it hardly leaves its place, or the camera goes along
    # with it. Then colours alone have to do.
    return plain, inside, False


def _contrast(frame, mask):
    """How strong the edges are along a mask's outline: median gradient in L*a*b*."""
    smooth = cv2.GaussianBlur(
        cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), (0, 0), 1
    )
    slopes = [cv2.Sobel(smooth, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1))]
    outline = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    strength = np.linalg.norm(np.concatenate(slopes, 2), axis=2)[outline]
    return float(np.median(strength)) if strength.size else 0.0


def _main_part(mask):
    """The largest component of a mask and what is within reach of it."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(dilate(mask, REACH).astype(np.uint8))
    if count < 2:
        return mask
    return mask & (labels == 1 + stats[1:, cv2.CC_STAT_AREA].argmax())


def _middle(frame):
    height, width = frame.shape[:2]
    x, y = round(CENTRE * width), round(CENTRE * height)
    return x, y, width - 2 * x, height - 2 * y


def _filled(box, frame):
    """The box as (H, W) bool; ValueError where no pixel of the frame is in it."""
    x, y, width, height = box
    inside = np.zeros(frame.shape[:2], bool)
    inside[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)] = True
    if not inside.any():
        raise ValueError(f"the box {box} holds no pixel of a picture of {frame.shape[1::-1]}")
    return inside


class _Memory:
    """The background as former frames showed it, on a canvas that follows the camera.

    The canvas is twice the picture's size around the key frame; what leaves it is forgotten.
    """

    def __init__(self, frame, around, backdrop):
        height, width = frame.shape[:2]
        self.size, self.canvas = (width, height), (2 * width, 2 * height)
        self.centre = np.array([[1, 0, width // 2], [0, 1, height // 2], [0, 0, 1.0]])
        self.colours = np.zeros((2 * height, 2 * width, 3), np.float32)
        self.times = np.zeros((2 * height, 2 * width), np.float32)
        self.tracker, self.place = motion.CameraTracker(frame), self.centre
        for _ in range(KNOWN):
            self.learn(frame, around)
        if backdrop is not None:
            laid = self.centre @ np.linalg.inv(backdrop.corner)
            known = motion.warp_mask(backdrop.known, laid, self.canvas)
            self.colours[known] = motion.warp(backdrop.colours, laid, self.canvas)[known]
            self.times[known] = KNOWN

    def look(self, frame, former_mask):
        """Follow the camera to the next frame.

        Returns:
            view: (H, W, 3) uint8, the background in this frame as far as it is remembered.
            known: (H, W) bool, where it is remembered.
        """
        step = self.tracker.step(frame, dilate(former_mask, 0.01))
        if step.turned is not None:
            turn = self.centre @ step.turned @ np.linalg.inv(self.centre)
            self.colours = motion.warp(self.colours, turn, self.canvas)
            self.times = motion.warp(self.times, turn, self.canvas)
        self.place = self.centre @ step.place
        back = np.linalg.inv(self.place)
        view = motion.warp(self.colours, back, self.size).clip(0, 255).round().astype(np.uint8)
        return view, motion.warp_mask(self.times >= KNOWN, back, self.size)

    def learn(self, frame, mask):
        """Remember the frame where the mask (H, W) bool is not."""
        free = motion.warp_mask(~dilate(mask, 0.006), self.place, self.canvas)
        seen = motion.warp(frame, self.place, self.canvas)[free]
        share = np.where(self.times[free] < 1, 1, LEARNS)[:, None]
        self.colours[free] += share * (seen - self.colours[free])
        self.times[free] += 1
