"""What a user does to keypoints, one edit at a time, with undo."""

from dataclasses import dataclass, replace

from utils.errors import UserError

MOVES = ("add", "set", "key")
RETURNS = ("reset", "unkey")  # they carry no places
WHOLE = -1  # reach of an edit that is for the whole clip alike
FAR = 10.0  # half widths of the picture, the most that a message may hold
LONGEST = 60.0  # seconds of smoothing


@dataclass(frozen=True)
class Edit:
    """One thing that was done to keypoints; `editing.motion` says what it does to their tracks.

    Attributes:
        kind: "add", "set", "key", "reset", "unkey" or "smooth".
        frame: index of the frame it was done on; -1 for "smooth".
        points: indices of keypoints.
        x, y: of each of these, half widths of the picture: an offset, or for "set" the place.
        reach: frames on both sides that follow; `WHOLE` for the whole clip.
        seconds: of "smooth".
    """

    kind: str
    frame: int = -1
    points: tuple = ()
    x: tuple = ()
    y: tuple = ()
    reach: int = 0
    seconds: float = 0.0


def parse(message, frames, count):
    """The `Edit` that a page's message asks for.

    Args:
        message: dict of anything.
        frames: number of frames of the clip.
        count: keypoints per frame.

    Raises:
        UserError: the message is no edit.
    """
    kind, frame, reach = message.get("kind"), message.get("frame"), message.get("reach", 0)
    if kind not in (*MOVES, *RETURNS):
        raise UserError("an edit of an unknown kind had no effect")
    if not _is_whole(frame, 0, frames - 1) or not _is_whole(reach, WHOLE, frames):
        raise UserError("an edit of an unknown frame or reach had no effect")
    points = _points(message.get("points", []), count)
    if kind in RETURNS:
        return Edit(kind, frame, points or tuple(range(count)), reach=reach)
    if not points:
        raise UserError("an edit of no keypoints had no effect")
    return Edit(kind, frame, points, *(_numbers(message.get(a), len(points)) for a in "xy"), reach)


def parse_smoothing(message):
    """The `Edit` of a message that asks for smoothing; UserError where it is none."""
    seconds = message.get("seconds")
    if not (is_number(seconds, LONGEST) and seconds >= 0):
        raise UserError(f"smoothing takes 0 to {LONGEST:g} seconds; this had no effect")
    return Edit("smooth", seconds=float(seconds))


def is_number(value, most=FAR):
    """Whether a value of a message is a finite number of at most this size."""
    return type(value) in (int, float) and abs(value) <= most  # neither a bool nor NaN


def _is_whole(value, least, most):
    return type(value) is int and least <= value <= most


def _points(values, count):
    good = isinstance(values, list) and len(values) <= count
    if not (good and all(_is_whole(v, 0, count - 1) for v in values)):
        raise UserError("an edit of unknown keypoints had no effect")
    if len(set(values)) < len(values):
        raise UserError("an edit of the same keypoint twice had no effect")
    return tuple(values)


def _numbers(values, count):
    good = isinstance(values, list) and len(values) == count and all(map(is_number, values))
    if not good:
        raise UserError("an edit without proper places had no effect")
    return tuple(map(float, values))


@dataclass(frozen=True)
class History:
    """All edits in order, and how many of them are in effect: the others were undone.

    Attributes:
        next: number of the next edit; larger than those of all before, undone ones included.
    """

    edits: tuple = ()
    done: int = 0
    next: int = 1

    def with_edit(self, edit):
        """This history with one more edit, in place of those that were undone."""
        edits = (*self.in_effect(), edit)
        return History(edits, len(edits), self.next + 1)

    def with_smoothing(self, edit, again):
        """This history with one more smoothing; `again`: in place of one that was done just now."""
        last = self.edits[-1:] if self.done == len(self.edits) else ()
        renews = again and any(edit.kind == "smooth" for edit in last)
        return replace(self, done=self.done - renews).with_edit(edit)

    def moved(self, step):
        """This history after undo (-1) or redo (1); the same at its ends."""
        return replace(self, done=min(max(self.done + step, 0), len(self.edits)))

    def in_effect(self):
        return self.edits[: self.done]

    def seconds(self):
        """Of the smoothing in effect."""
        return next((e.seconds for e in reversed(self.in_effect()) if e.kind == "smooth"), 0.0)
