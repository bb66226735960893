"""What edits do to the tracks of keypoints."""

from dataclasses import dataclass, field

import numpy as np

from editing.edits import WHOLE
from utils.smoothing import smooth


@dataclass
class Motion:
    """Tracks under edits that are applied one after the other.

    Every move ends exactly where the user put the keypoint: "add" shifts it, and its neighbours in
    time by less and less, so that motion is kept; "set" pins it; "key" is a key frame, between
    which offsets change smoothly. "reset" leads back to `base`.

    Attributes:
        base: (N, K, 2) float64, before all edits.
        tracks: (N, K, 2) float64, after the edits so far.
        keys: for each keypoint a dict of key frame -> its offset (2,).
        touched: for each frame the set of keypoints that were moved there.
    """

    base: np.ndarray
    tracks: np.ndarray = field(init=False)
    keys: list = field(init=False)
    touched: list = field(init=False)

    def __post_init__(self):
        self.tracks = self.base.copy()
        self.keys = [{} for _ in range(self.base.shape[1])]
        self.touched = [set() for _ in self.base]

    def apply(self, edit):
        """Apply an `Edit`; smoothing is in `base` already and has no effect here."""
        if edit.kind == "smooth":
            return
        weight = weights(len(self.base), edit.frame, edit.reach)
        points = list(edit.points)
        places = np.array([edit.x, edit.y]).T
        if edit.kind == "reset":
            self._reset(points, weight)
        elif edit.kind == "key":
            for point, offset in zip(points, places):
                self._set_key(point, edit.frame, offset)
        elif edit.kind == "add":
            self.tracks[:, points] += weight[:, None, None] * places
        else:
            self._blend(points, weight, places)
        if edit.kind != "reset":
            self.touched[edit.frame].update(points)

    def _blend(self, points, weight, places):
        """Go from the tracks to `places`, (n, 2) or (N, n, 2), as far as `weight` (N,) says."""
        share = weight[:, None, None]
        self.tracks[:, points] = (1 - share) * self.tracks[:, points] + share * places

    def _set_key(self, point, frame, offset):
        former = self._layer(point)
        self.keys[point][frame] = former[frame] + offset
        self.tracks[:, point] += self._layer(point) - former

    def _reset(self, points, weight):
        for point in points:
            former = self._layer(point)
            self.keys[point] = {f: x for f, x in self.keys[point].items() if not weight[f]}
            self.tracks[:, point] += self._layer(point) - former
        self._blend(points, weight, self.base[:, points])
        for frame in np.flatnonzero(weight):
            self.touched[frame] -= set(points)

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


def follow(found, history, rate):
    """`Motion` of keypoints (N, K, 2) under the edits of a `History` that are in effect.

    Args:
        rate: frames per second, for smoothing.
    """
    motion = Motion(smoothed(found, history.seconds(), rate).astype(np.float64))
    for edit in history.in_effect():
        motion.apply(edit)
    return motion


def smoothed(points, seconds, rate):
    """`utils.smoothing.smooth`, for which 0 seconds change nothing."""
    return smooth(points, seconds, rate) if seconds else points
