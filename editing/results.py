"""Which picture each frame has by now: drawn when it is asked for, known by what it shows."""

import hashlib
import threading
from typing import NamedTuple

import numpy as np

from editing.choosing import Chooser
from editing.drawing import URGENT, USUAL
from editing.kept import Kept

KEPT = 20_000  # former pictures that are known yet
MEMORY = 1 << 28  # bytes of pictures that are kept


class Shown(NamedTuple):
    """A state of the results; its arrays are never changed.

    Each pair is of the keypoints that draw the results, and of those before all edits.

    Attributes:
        version: larger than those of all states before.
        since: (N,), the version from which on each frame is as it is.
        tracks: (2, N, K, 2).
        chosen: (2, N), the frames to copy from; below 0: the nearest.
        keys: (2, N) str, of the pictures.
        keyframes: for each keypoint the list of its key frames.
    """

    version: int
    since: np.ndarray
    tracks: np.ndarray
    chosen: np.ndarray
    keys: np.ndarray
    keyframes: list


class Results:
    """Pictures of a session's frames.

    Refiners that copy from real frames take those that suit the whole path of keypoints, as
    `inference.py` chooses them. They are chosen anew after each edit when nobody waits for a
    picture; until then those from before it stay.

    Args:
        session: `Session`.
        painter: `Painter`, started by the caller.

    Attributes:
        shown: `Shown` by now.
        chooser: `Chooser` of the frames to copy from; None where none are.
    """

    def __init__(self, session, painter):
        self.session, self.painter, self.chooser = session, painter, None
        self.listeners = []  # functions for when other frames are copied from, or cannot be
        self._turn, self._former = threading.Lock(), Kept(KEPT, lambda pose: 1)
        self._pictures = Kept(MEMORY, len)
        pair = 2, len(session.moved)
        tracks, keys = np.full((*pair, *session.moved.shape[1:]), np.nan), np.full(pair, "", object)
        self.shown = Shown(0, np.zeros(pair[1], int), tracks, np.full(pair, -1), keys, [])
        if painter.gallery:
            self.chooser = Chooser(painter, session.found.moved, self._adopt, self._tell)
        session.listeners.append(self.update)
        self.update()

    def update(self):
        """Take over the session's keypoints."""
        with self._turn:
            self._renew(self.shown.chosen)
        if self.chooser:
            self.chooser.choose(self.session.moved)

    def _adopt(self, moved, chosen):
        with self._turn:
            former = self.shown
            if moved is self.session.moved:
                self._renew(np.array(chosen))
        if self.shown is not former:
            self._tell()

    def _tell(self):
        for listener in self.listeners:
            listener()

    @property
    def trouble(self):
        """Why frames to copy from are not chosen, in words; "" where they are, or will be."""
        return self.chooser.trouble if self.chooser else ""

    def _renew(self, chosen):
        session, old = self.session, self.shown
        tracks = np.stack([session.moved, session.found.moved])
        keyframes = [sorted(keys) for keys in session.motion.keys]
        others = (tracks != old.tracks).any((2, 3)) | (chosen != old.chosen)
        if not others.any() and keyframes == old.keyframes:
            return
        version, keys = old.version + 1, old.keys.copy()
        for place in zip(*others.nonzero()):  # a page may ask for former ones yet
            self._former.put(keys[place], self._pose(*place))
            keys[place] = _key(tracks[place], chosen[place])
        since = np.where(others.any(0), version, old.since)
        self.shown = Shown(version, since, tracks, chosen, keys, keyframes)

    def picture(self, key):
        """`Future` of the PNG of a key in `shown`, by now or lately; KeyError for all others."""
        with self._turn:
            places = np.argwhere(self.shown.keys == key)
            pose = self._pose(*places[0]) if len(places) else self._former.get(key)
        if pose is None:
            raise KeyError(key)
        return self.painter.ask(USUAL, self._draw, key, *pose)

    def _pose(self, *place):
        """Keypoints (K, 2), which do not keep those of all frames in memory, and frame chosen."""
        return self.shown.tracks[place].copy(), self.shown.chosen[place]

    def drag(self, frame, places):
        """`Future` of the PNG of a frame whose keypoints, of a dict, are at other places (x, y)."""
        points, chosen = self._pose(0, frame)
        for point, place in places.items():
            points[point] = place
        return self.painter.ask(URGENT, self._draw, _key(points, chosen), points, chosen)

    def _draw(self, key, points, chosen):
        known = self._pictures.get(key)
        return known or self._pictures.put(key, self.painter.picture(points, chosen))


def _key(points, chosen):
    return hashlib.sha1(points.tobytes() + str(chosen).encode()).hexdigest()
