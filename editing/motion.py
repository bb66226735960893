"""What edits do to the tracks of keypoints."""

from dataclasses import dataclass
from functools import reduce

import numpy as np

from editing.edits import WHOLE
from editing.kept import Kept
from utils.smoothing import smooth

MEMORY = 1 << 26  # bytes of states that are kept for undo
STEPS = 50  # back from a state that is made anew, kept then: naming one reads all edits before it


@dataclass(frozen=True)
class Motion:
    """Tracks under edits that are applied one after the other.

    Every move ends exactly where the user put the keypoint: "add" shifts it, and its neighbours in
    time by less and less, so that motion is kept; "set" pins it; "key" is a key frame, between
    which offsets change smoothly. "reset" is back to `base` in all frames within reach, whose key
    frames it takes away.

    Attributes:
        base: (N, K, 2) float64, before all edits.
        tracks: (N, K, 2) float64, after the edits so far.
        keys: for each keypoint a dict of key frame -> its offset (2,).
        touched: (N, K) bool, which keypoints were shifted or pinned in which frames.
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
            self._reset(points, np.flatnonzero(weight))
        elif edit.kind == "key":
            for point, offset in zip(points, places):
                self._set_key(point, edit.frame, offset)
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

    def _set_key(self, point, frame, offset):
        former = self._layer(point)
        self.keys[point][frame] = former[frame] + offset
        self.tracks[:, point] += self._layer(point) - former

    def _reset(self, points, frames):
        for point in points:
            former, kept = self._layer(point), self.keys[point].keys() - set(frames.tolist())
            self.keys[point] = {frame: self.keys[point][frame] for frame in kept}
            self.tracks[:, point] += self._layer(point) - former
            self.tracks[frames, point] = self.base[frames, point]
            self.touched[frames, point] = False

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
