"""Which picture each frame has by now: drawn when it is asked for, known by what it shows."""

import hashlib
import threading
from typing import NamedTuple

import numpy as np
import torch

from editing.drawing import LAST, URGENT, USUAL

BATCH = 8  # silhouettes that are decoded between two pictures
KEPT = 20_000  # keys of former states that are known
MEMORY = 1 << 28  # bytes of pictures that are kept


class Shown(NamedTuple):
    """A state of the results.

    Attributes:
        version: larger than those of all states before.
        moved: (N, K, 2) keypoints that draw the results.
        keys: of each frame's picture.
        found_keys: of each frame's picture before all edits.
        poses: dict of key -> (keypoints (K, 2), frame to copy from or None).
    """

    version: int
    moved: np.ndarray
    keys: list
    found_keys: list
    poses: dict


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
    """

    def __init__(self, session, painter):
        self.session, self.painter = session, painter
        self.listeners = []  # functions that are called when other frames are copied from
        session.listeners.append(self.update)
        self._turn, self._choosing, self._outlines = threading.Lock(), False, {}
        count = len(session.moved)
        self._chosen = [[None] * count, [None] * count]  # now, and before all edits
        self._found_path = None  # it never changes
        self._pictures, self._bytes = {}, 0
        self.shown = Shown(0, session.moved, [], [], {})
        self.update()

    def _tracks(self):
        return self.session.moved, self.session.found.moved

    def update(self):
        """Take over the session's keypoints."""
        with self._turn:
            self._renew()
            if self.painter.gallery and not self._choosing:
                self._choosing = True
                self._choose_later()

    def _choose_later(self):
        self.painter.ask(LAST, self._choose).add_done_callback(self._chose)

    def _chose(self, future):
        if future.exception():
            self._choosing = False  # the next edit tries again
        future.result()  # nobody waits for it, so a failure is reported here

    def _renew(self):
        tracks = self._tracks()
        poses = [list(zip(*pair)) for pair in zip(tracks, self._chosen)]
        keys, found_keys = ([_key(*pose) for pose in track] for track in poses)
        new = dict(zip([*found_keys, *keys], [*poses[1], *poses[0]]))
        former = [pose for pose in self.shown.poses.items() if pose[0] not in new]
        known = {**dict(former[-KEPT:]), **new}  # a page may ask for former ones yet
        self.shown = Shown(self.shown.version + 1, tracks[0], keys, found_keys, known)

    def _choose(self):
        """Take a step towards the frames to copy from; in the painter's thread."""
        tracks = self._tracks()
        poses = {pose.tobytes(): pose for track in tracks for pose in track}
        if missing := [name for name in poses if name not in self._outlines][:BATCH]:
            outlines = self.painter.outlines(np.stack([poses[name] for name in missing]))
            self._outlines.update(zip(missing, outlines))
        else:
            self._outlines = {name: self._outlines[name] for name in poses}
            self._found_path = self._found_path or self._path(tracks[1])
            self._adopt(tracks, [self._path(tracks[0]), self._found_path])
        if self._choosing:
            self._choose_later()

    def _adopt(self, tracks, chosen):
        with self._turn:
            self._choosing = tracks[0] is not self.session.moved
            news = not self._choosing and chosen != self._chosen
            if news:
                self._chosen = chosen
                self._renew()
        for listener in self.listeners if news else ():
            listener()

    def _path(self, track):
        outlines = torch.stack([self._outlines[pose.tobytes()] for pose in track])
        return self.painter.path(track, outlines)

    def picture(self, key):
        """`Future` of the PNG of a key in `shown`; KeyError where it is not there."""
        return self.painter.ask(USUAL, self._draw, key, *self.shown.poses[key])

    def drag(self, frame, places):
        """`Future` of the PNG of a frame whose keypoints, of a dict, are at other places (x, y)."""
        points = self.session.moved[frame].copy()
        for point, place in places.items():
            points[point] = place
        chosen = self._chosen[0][frame]
        return self.painter.ask(URGENT, self._draw, _key(points, chosen), points, chosen)

    def _draw(self, key, points, chosen):
        content = self._pictures.pop(key, None)
        if content is None:
            content = self.painter.picture(points, chosen)
            self._bytes += len(content)
        self._pictures[key] = content  # now the last one to be dropped
        while self._bytes > MEMORY:
            self._bytes -= len(self._pictures.pop(next(iter(self._pictures))))
        return content


def _key(points, chosen):
    return hashlib.sha1(points.tobytes() + str(chosen).encode()).hexdigest()
