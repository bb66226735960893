"""What a user draws on frames to make and mend masks, one edit at a time, with undo."""

from bisect import bisect_left
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from utils.errors import UserError

SCRIBBLES = {"object": 1, "background": -1}
PAINTING = ("brush", "eraser", "keep")  # after them the mask is the user's own
TOOLS = (*SCRIBBLES, *PAINTING, "box", "clear")
MOST_POINTS = 10_000  # of one stroke
FAR, THICK = 1e5, 500  # pixels, what a message may hold


@dataclass(frozen=True)
class Edit:
    """One thing that was done to one frame.

    Attributes:
        id: larger than those of all edits before; numbers are never used again.
        frame: number of the frame.
        tool: one of `TOOLS`; "keep" takes the mask as it is, "clear" takes the frame's edits away.
        former: which mask the frame had before: the edit it came from, 0 for the clip's own mask,
            None for none.
        points: list of [x, y], pixels; of a box two corners.
        radius: of a stroke, pixels.
    """

    id: int
    frame: int
    tool: str
    former: int | None
    points: list
    radius: float

    @property
    def box(self):
        """(x, y, width, height) in whole pixels."""
        (left, top), (right, bottom) = np.sort(np.round(self.points).astype(int), 0).tolist()
        return left, top, right - left, bottom - top

    def draw(self, picture, value):
        """Draw the stroke into an array (H, W)."""
        points = np.round(self.points).astype(np.int32).reshape(-1, 1, 2)
        thickness = max(1, round(2 * self.radius))
        drawn = np.zeros(picture.shape, np.uint8)
        cv2.polylines(drawn, [np.concatenate([points, points[-1:]])], False, 1, thickness)
        picture[drawn > 0] = value


def parse(message, count, size):
    """Frame, tool, points and radius of an `Edit`, a dict, from a page's message.

    Args:
        message: dict of anything.
        count: number of frames.
        size: width and height of the frames.

    Raises:
        UserError: the message is no edit.
    """
    frame, tool = message.get("frame"), message.get("tool")
    points, radius = message.get("points", []), message.get("radius", 1)
    if type(frame) is not int or not 0 <= frame < count or tool not in TOOLS:
        raise UserError("an edit of an unknown frame or tool had no effect")
    if not (_are_points(points) and _is_number(radius, THICK) and radius > 0):
        raise UserError("an edit had no proper points and was left out")
    if tool == "box":
        points = _corners(points, size)
    elif not points and tool not in ("keep", "clear"):
        raise UserError("a stroke without points was left out")
    return {"frame": frame, "tool": tool, "points": points, "radius": radius}


def recalled(values, count, size):
    """The `Edit` that a file holds as a dict; UserError or `DAMAGE` where that is none."""
    number, former = values["id"], values["former"]
    if type(number) is not int or not (former is None or type(former) is int):
        raise ValueError
    return Edit(number, former=former, **parse(values, count, size))


def _is_number(value, most):
    return type(value) in (int, float) and abs(value) <= most  # not NaN


def _are_points(points):
    return (
        isinstance(points, list)
        and len(points) <= MOST_POINTS
        and all(isinstance(p, list) and len(p) == 2 for p in points)
        and all(_is_number(v, FAR) for p in points for v in p)
    )


def _corners(points, size):
    """Two opposite corners of a box, within a picture of this size; UserError where it is tiny."""
    corners = np.clip(np.array(points).reshape(-1, 2), 0, size)
    if len(corners) != 2 or (np.ptp(np.round(corners), 0) < 3).any():
        raise UserError("the box is too small; drag from one corner of the object to the other")
    return corners.tolist()


class Anchor(NamedTuple):
    """A frame whose mask the user decided, and from which masks are carried to its neighbours.

    Attributes:
        edits: those that count, oldest first; empty for a mask that was painted in an earlier call.
    """

    edits: tuple = ()

    @property
    def id(self):
        """Which mask the frame has: the last edit's, or 0, the clip's own."""
        return self.edits[-1].id if self.edits else 0

    @property
    def box(self):
        first = self.edits[0] if self.edits else None
        return first.box if first and first.tool == "box" else None

    @property
    def scribbles(self):
        return [edit for edit in self.edits if edit.tool in SCRIBBLES]

    @property
    def painted(self):
        """Whether some of the mask was painted, so that later calls must keep it."""
        return not self.edits or any(edit.tool in PAINTING for edit in self.edits)

    @property
    def segmented(self):
        return bool(self.box or self.scribbles)

    def strokes(self, shape):
        """Scribbles as (H, W) int8: 1 object, -1 background, 0 nothing; later ones win."""
        drawn = np.zeros(shape, np.int8)
        for edit in self.scribbles:
            edit.draw(drawn, SCRIBBLES[edit.tool])
        return drawn


@dataclass(frozen=True)
class History:
    """All edits in order, and how many of them are in effect: the others were undone."""

    edits: tuple = ()
    done: int = 0
    next_id: int = 1

    def with_edit(self, **values):
        """This history with one more `Edit`, in place of those that were undone."""
        edits = (*self.in_effect(), Edit(id=self.next_id, **values))
        return History(edits, len(edits), self.next_id + 1)

    def moved(self, step):
        """This history after undo (-1) or redo (1); the same at its ends."""
        return replace(self, done=min(max(self.done + step, 0), len(self.edits)))

    def in_effect(self):
        return self.edits[: self.done]

    def anchors(self, painted=(), until=None):
        """`Anchor` of each frame that has one, by number.

        Args:
            painted: frames that are anchors without an edit.
            until: edit up to which, it included, the history counts; all by default.
        """
        found = {number: Anchor() for number in painted}
        for edit in self.in_effect():
            if edit.tool == "clear":
                found.pop(edit.frame, None)
            else:
                former = found.get(edit.frame, Anchor()).edits
                found[edit.frame] = Anchor((edit,) if edit.tool == "box" else (*former, edit))
            if edit is until:
                break
        return found


def checked(edits, done, next_id):
    """The `History` that a file holds; ValueError where it is none."""
    numbers = [0, *(edit.id for edit in edits), next_id]
    rising = all(former < later for former, later in pairwise(numbers))
    if not all(type(number) is int for number in (done, next_id)) or not rising:
        raise ValueError
    if not 0 <= done <= len(edits):
        raise ValueError
    return History(tuple(edits), done, next_id)


def owners(anchors, count):
    """From which anchor each of `count` frames gets its mask: the nearest; None without any."""
    if not anchors:
        return [None] * count
    numbers = sorted(anchors)
    middles = [(former + later) / 2 for former, later in pairwise(numbers)]
    return [numbers[bisect_left(middles, number)] for number in range(count)]
