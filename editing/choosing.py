"""Which frames are copied from for whole tracks of keypoints, chosen while nobody waits."""

import threading

import numpy as np

from editing.kept import Kept
from editing.later import Later
from utils import memory

BATCH = 4  # poses whose costs are found between two pictures
MEMORY = 1 << 28  # bytes of the costs of poses that are kept
STALE = (
    "the frames to copy from could not be chosen ({reason}): until they are, an export may copy "
    "from others than are shown; this is tried again"
)


class Chooser:
    """Chooses as `inference.py` does, in parts so short that pictures are drawn in between.

    A pose costs the same in all tracks, and sums of costs are the same up to the first frame that
    an edit touches, so that little is left to be done after it.

    Args:
        painter: `Painter` of refiners that copy from real frames.
        found: (N, K, 2) keypoints before all edits.
        adopt: function of tracks, (N, K, 2), and a pair of lists: the frames chosen for these, and
            for `found`. It is called in the painter's thread.
        tell: function that is called when `trouble` has changed.

    Attributes:
        busy: whether anything is left to be done; not while it waits to try again what failed.
        trouble: why the newest tracks are not chosen for, in words; "" where they are, or will be.
    """

    def __init__(self, painter, found, adopt, tell):
        self.painter, self.found, self.adopt, self.tell = painter, found, adopt, tell
        self.busy, self.trouble, self._wanted, self._done = False, "", None, None
        self._later = Later(self._begin)
        self._turn, self._costs = threading.Lock(), Kept(MEMORY, lambda costs: costs.nbytes)
        self._search = self._found_path = None

    def choose(self, moved):
        """Choose for tracks that nobody changes, and no more for those of before."""
        with self._turn:
            self._wanted = moved
        self._begin()

    def _begin(self):
        with self._turn:
            self._later.cancel()
            idle, self.busy = not self.busy, True
        if idle:
            self.painter.ask_in_parts(self._work())

    def _work(self):
        try:
            while (moved := self._next()) is not None:
                for _ in self._parts(moved):
                    yield
                    if moved is not self._wanted:
                        break
        except Exception as error:
            full = memory.is_full(error)
            self._say(STALE.format(reason="memory is full" if full else repr(error)))
            with self._turn:
                self.busy = False
                self._later.begin()
            if not full:
                raise

    def _say(self, trouble):
        if trouble != self.trouble:
            self.trouble = trouble
            self.tell()

    def _next(self):
        with self._turn:
            self.busy = self._wanted is not self._done
            return self._wanted if self.busy else None

    def _parts(self, moved):
        self._search = self._search or self.painter.gallery.search()
        self._found_path = self._found_path or (yield from self._path(self.found))
        path = yield from self._path(moved)
        self.adopt(moved, [path, self._found_path])
        self._done = moved
        self._say("")

    def _path(self, track):
        poses = {pose.tobytes(): pose for pose in track}
        costs = {name: self._costs.get(name) for name in poses}
        missing = [name for name in poses if costs[name] is None]
        for first in range(0, len(missing), BATCH):
            names = missing[first : first + BATCH]
            found = self.painter.costs(np.stack([poses[name] for name in names]))
            for name, one in zip(names, found):
                costs[name] = self._costs.put(name, one.copy())  # which may be dropped alone
            yield
        whole = np.stack([costs[pose.tobytes()] for pose in track])
        return (yield from self.painter.path(self._search, whole))
