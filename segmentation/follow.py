"""Masks of one object that is marked in some frame, carried from frame to frame."""

import copy

import cv2
import numpy as np

from segmentation import background, cleanup, decision, likelihood, starts
from segmentation.colours import resembles
from utils.errors import UserError

KEEP = 0.9  # share of what was learned of colours that lasts to the next frame
MARGIN = 0.02  # around a box or a mask, share of the longer side: the object may be there, too
STROKE, NEAR = 6.0, 0.1  # log-odds of a stroke's own colours; its reach, share of the longer side
REACH_OF_STROKES = 0.3  # around strokes without a box the object may be, share of the longer side


def track(frames, box=None, mask=None, watched=None, progress=iter):
    """Masks of one object that is marked in the first frame.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB; each is read about four times.
        box: (x, y, width, height) around the object in the first frame, pixels.
        mask: (H, W) bool, the object in the first frame, instead of a box. Without either, what
            moves is the object.
        watched: `background.Watched` of the frames, if it is there already.
        progress: function of an iterable that shows how far it is.

    Yields:
        (H, W) bool, one a frame; empty from where the object is lost.

    Raises:
        ValueError: a box without a pixel of the picture, or a mask of another size.
        UserError: neither box nor mask, and nothing moves.
    """
    follower = Follower(frames, watched or background.Watched(frames, progress))
    if mask is not None and mask.shape != frames[0].shape[:2]:
        raise ValueError(f"a mask of {mask.shape} for frames of {frames[0].shape[:2]}")
    known = mask
    if box is None and mask is None:
        mask = follower.moving(0)
    masks = [follower.first(0, box, mask=mask)]
    for number in progress(range(1, len(frames))):
        masks.append(follower.carry(number, number - 1, masks[-1]))
    again = decision.decide_again(frames, follower.scene, masks)
    for number, found in enumerate(again):
        yield found if number or known is None else known


class Follower:
    """Masks of one object, carried from frame to frame.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        watched: `background.Watched` of them; without it each frame is read at once.

    Attributes:
        scene: `scene.Scene` of the clip.
    """

    def __init__(self, frames, watched=None):
        self._frames = frames
        self._watched = watched or background.Watched(frames)
        self.scene = self._watched.scene
        self._appearance, self._sure = None, False

    def moving(self, number):
        """What moves in a frame, (H, W) bool; UserError where nothing does."""
        mask = self._watched.mask(number)
        if not self._watched.moves or not mask.any():
            raise UserError(background.NOTHING_MOVES)
        return mask

    def first(self, number, box=None, strokes=None, mask=None):
        """The mask of a frame that the user marked, (H, W) bool; empty with no mark of the object.

        Args:
            number: of the frame.
            box: (x, y, width, height) around the object, pixels, or None.
            strokes: (H, W) int8, 1 on the object, -1 on the background, 0 elsewhere, or None.
            mask: (H, W) bool, a former mask, or None; without strokes it stays as it is.

        Raises:
            ValueError: a box without a pixel of the picture.
        """
        frame = self._frames[number]
        inside = _surroundings(frame, box, strokes, mask)
        if not inside.any():
            return inside  # only background was scribbled on, so far
        self._appearance, self._sure = likelihood.Appearance(), strokes is not None
        self.scene.settle(self._watched.free(inside, number))
        if mask is None or strokes is not None:
            mask = self._decided(number, inside, mask, Strokes(frame, strokes))
        self._appearance.learn(frame, mask, keep=0.0)
        return mask

    def _decided(self, number, inside, mask, strokes):
        """The mask of a frame by what the user says of it, `Strokes`, and a former one or None."""
        frame, view = self._frames[number], self.scene.view(number)
        if mask is not None and mask.any():
            told = decision.extended(view, frame, decision.near(mask))
            return starts.refined(self._appearance, frame, told, mask, inside, strokes)
        changed = (1 - view.trust) * starts.changes(self.scene.differs(frame, number), inside)
        told = decision.extended(view, frame, cleanup.dilate(inside, MARGIN))
        moving = self._watched.mask(number)
        views = (view,) if told is view else (view, told)
        return starts.find(frame, views, changed, moving, inside, strokes)

    def carry(self, number, other, mask):
        """The mask of a frame, (H, W) bool, from the mask (H, W) bool of its neighbour `other`."""
        frame, former = self._frames[number], self._frames[other]
        if self._appearance is None:
            self._appearance = likelihood.Appearance()
            self._appearance.learn(former, mask)
        view = self.scene.view(number)
        found = decision.carry(self._appearance, mask, former, frame, view, self._sure)
        if found.any():
            deep = 0 if self._sure else likelihood.CLEAR / 2
            self._appearance.learn(frame, found, KEEP, deep)
        return found


class Strokes:
    """What a user scribbled on a frame: sure pixels, and similar ones near to them.

    Args:
        frame: (H, W, 3) uint8 RGB.
        drawn: (H, W) int8, 1 on the object, -1 on the background, 0 elsewhere, or None.

    Attributes:
        odds: (H, W) float32, log-odds that strokes nearby say of each pixel.
    """

    def __init__(self, frame, drawn):
        self._drawn = None if drawn is None or not drawn.any() else drawn
        self.odds = np.zeros(frame.shape[:2], np.float32)
        for sign in () if self._drawn is None else (1, -1):
            if not (on := self._drawn == sign).any():
                continue
            near = np.exp(-likelihood.distance(~on) / (NEAR * max(on.shape)))
            self.odds += sign * STROKE * near * resembles(frame, on)

    def also(self, odds):
        """The same strokes with further log-odds (H, W) float32."""
        more = copy.copy(self)
        more.odds = self.odds + odds
        return more

    def hint(self, hints):
        """Enter what is sure into hints (H, W) uint8 for `run_grabcut`."""
        if self._drawn is not None:
            hints[self._drawn > 0], hints[self._drawn < 0] = cv2.GC_FGD, cv2.GC_BGD

    def enforce(self, mask):
        """The mask (H, W) bool with what is sure."""
        return mask if self._drawn is None else (mask | (self._drawn > 0)) & (self._drawn >= 0)


def _surroundings(frame, box, strokes, mask):
    """Where the object is or may be, (H, W) bool."""
    inside = np.zeros(frame.shape[:2], bool)
    if box is not None:
        x, y, width, height = box
        inside[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)] = True
        if not inside.any():
            raise ValueError(f"no pixel of the frame is in the box {box}")
    if mask is not None and mask.any():
        x, y, width, height = cleanup.box(cleanup.dilate(mask, MARGIN))
        inside[y : y + height, x : x + width] = True
    if strokes is not None:
        inside |= cleanup.dilate(strokes > 0, REACH_OF_STROKES)
    return inside
