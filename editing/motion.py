"""What edits do to the tracks of keypoints."""

from dataclasses import dataclass
from functools import reduce

import numpy as np

from editing.edits import WHOLE
from editing.kept import Kept
from utils.smoothing import smooth

MEMORY = 1 << 26  # bytes of states that are kept for undo
STEPS = 50  # back from a state that is made anew, kept then: naming one reads all edits before it
ROUNDING = 1e-9  # half widths of the picture, below which nobody dragged anything


@dataclass(frozen=True)
class Motion:
    """Tracks under edits that are applied one after the other.

    Every move ends exactly where the user put the keypoint: "add" shifts it, and its neighbours in
    time by less and less, so that motion is kept; "set" pins it; "key" is a key frame, between
    which offsets change smoothly. "reset" takes all of these away within reach, so that only key
    frames elsewhere act there; where nothing is taken away, and these act, it makes a key frame
    without an offset. "unkey" takes a key frame away, or, where there is none, makes such a one.

    Attributes:
        base: (N, K, 2) float64, before all edits.
        tracks: (N, K, 2) float64, after the edits so far.
        keys: for each keypoint a dict of key frame -> its offset (2,).
        touched: (N, K) bool, which keypoints were shifted or pinned in which frames, or put back
            where their neighbours in time stay shifted or pinned.
    """

    base: np.ndarray
    tracks: np.ndarray
    keys: list
    touched: np.ndarray

    def after(self, edit):
        """The motion after one more `Edit`; smoothing is in `base` already and changes nothing."""
        keys = [dict(keys) for keys in self.keys]
        motion = Motion(self.base, self.tracks.copy(), keys, self.touched.copy())
        motion._apply(edit)
        return motion

    def _apply(self, edit):
        weight, points = weights(len(self.base), edit.frame, edit.reach), list(edit.points)
        places = np.array([edit.x, edit.y]).T
        if edit.kind == "reset":
            for point in points:
                self._reset(point, edit.frame, weight > 0)
        elif edit.kind == "unkey":
            for point in points:
                self._unkey(point, edit.frame)
        elif edit.kind == "key":
            for point, offset in zip(points, places):
                offset = offset + self._layer(point)[edit.frame]
                self._set_keys(point, {**self.keys[point], edit.frame: offset})
        elif edit.kind == "add":
            self.tracks[:, points] += weight[:, None, None] * places
        elif edit.kind == "set":
            self._blend(points, weight, places)
        if edit.kind in ("add", "set"):
            self.touched[edit.frame, points] = True

    def _blend(self, points, weight, places):
        """Go from the tracks to `places`, (n, 2) or (N, n, 2), as far as `weight` (N,) says."""
        share = weight[:, None, None]
        self.tracks[:, points] = (1 - share) * self.tracks[:, points] + share * places

    def _set_keys(self, point, keys):
        former, self.keys[point] = self._layer(point), keys
        self.tracks[:, point] += self._layer(point) - former

    def _unkey(self, point, frame):
        keys = dict(self.keys[point])
        if keys.pop(frame, None) is None:
            keys[frame] = np.zeros(2)
        self._set_keys(point, keys)

    def _reset(self, point, frame, within):
        """Put a keypoint back in the frames `within`, (N,) bool, which lie about `frame`."""
        layer, keys = self._layer(point), self.keys[point]
        dragged = np.abs(self.tracks[:, point] - self.base[:, point] - layer).max(1) > ROUNDING
        kept = {n: offset for n, offset in keys.items() if not within[n]}
        if len(kept) == len(keys) and layer[frame].any() and not dragged[within].any():
            kept[frame] = np.zeros(2)
        self._set_keys(point, kept)
        self.tracks[within, point] = (self.base[:, point] + self._layer(point))[within]
        self.touched[within, point] = dragged[within] = False
        first, last = np.flatnonzero(within)[[0, -1]]
        self.touched[frame, point] = dragged[max(first - 1, 0) : last + 2].any()

    def displaced(self):
        """(N, K) bool, which keypoints are elsewhere than in `base`."""
        return np.abs(self.tracks - self.base).max(2) > ROUNDING

    def _layer(self, point):
        """Offsets (N, 2) of a keypoint by its key frames."""
        return interpolated(self.keys[point], len(self.base))


def weights(count, frame, reach):
    """How much of an edit each of `count` frames gets, (count,): a raised cosine about `frame`."""
    if reach == WHOLE:
        return np.ones(count)
    away = np.abs(np.arange(count) - frame)
    return np.where(away <= reach, (1 + np.cos(np.pi * away / (reach + 1))) / 2, 0.0)


def interpolated(keys, count):
    """Offsets (count, 2) between key frames, held before the first and after the last.

    They follow monotone cubics (Fritsch and Butland 1984), which do not overshoot, level at the
    ends.
    """
    if not keys:
        return np.zeros((count, 2))
    from scipy.interpolate import PchipInterpolator  # slow to import, and seldom needed

    frames, offsets = map(list, zip(*sorted(keys.items())))
    places = [frames[0] - 1, *frames, frames[-1] + 1]  # held, so that slopes at the ends are 0
    curve = PchipInterpolator(places, [offsets[0], *offsets, offsets[-1]])
    return curve(np.clip(np.arange(count), frames[0], frames[-1]))


class Motions:
    """Motions of keypoints under histories that grow and shrink by a step.

    Args:
        found: (N, K, 2) keypoints, without edits.
        rate: frames per second, for smoothing.
    """

    def __init__(self, found, rate):
        self.found, self.rate = found, rate
        self._kept = Kept(MEMORY, lambda motion: motion.tracks.nbytes + motion.touched.nbytes)

    def under(self, history):
        """`Motion` under the edits of a `History` that are in effect."""
        edits, seconds = history.in_effect(), history.seconds()
        if motion := self._kept.get((edits, seconds)):
            return motion
        if former := self._kept.get((edits[:-1], seconds)):
            return self._kept.put((edits, seconds), former.after(edits[-1]))
        early = edits[:-STEPS]
        motion = reduce(Motion.after, early, self._without_edits(seconds))
        self._kept.put((early, seconds), motion)
        for number in range(len(early), len(edits)):
            motion = motion.after(edits[number])
            self._kept.put((edits[: number + 1], seconds), motion)
        return motion

    def _without_edits(self, seconds):
        base = smoothed(self.found, seconds, self.rate).astype(np.float64)
        keys = [{} for _ in range(base.shape[1])]
        return Motion(base, base, keys, np.zeros(base.shape[:2], bool))


def smoothed(points, seconds, rate):
    """`utils.smoothing.smooth`, for which 0 seconds change nothing."""
    return smooth(points, seconds, rate) if seconds else points
