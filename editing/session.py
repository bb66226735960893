"""The edits of a driver's keypoints, on disk, and the keypoints that follow from them."""

import json
import threading
from dataclasses import replace

import numpy as np

from editing.edits import History, parse, parse_smoothing
from editing.later import Later
from editing.motion import Motions, smoothed
from finishing.tracks import jitter
from utils.errors import UserError
from utils.files import replacing
from utils.reading import DAMAGE, load_json

FILE = "edits.json"
KEPT = "make room: until then all edits are in memory only, and saving is tried again"
LOST = "make room, and do again what was done last"


def read(path, frames, count, refuse):
    """Content of a file of edits, a dict with "of" and "history"; None where there is none.

    Args:
        frames: number of frames of the clip.
        count: keypoints per frame.
        refuse: function of "of" that raises UserError where the edits belong to something else,
            which other numbers of frames and keypoints would make look like damage.

    Raises:
        UserError: it is damaged.
    """
    if not path.is_file():
        return None
    try:
        content = load_json(path)
        of, values = dict(content["of"]), content["history"]
    except DAMAGE:
        raise _damaged(path) from None
    refuse(of)
    try:
        edits = tuple(_edit(edit, frames, count) for edit in values["edits"])
        history = History(edits, int(values["done"]), int(values["next"]))
        if not 0 <= history.done <= len(edits):
            raise ValueError
        return {"of": of, "history": history}
    except (*DAMAGE, UserError):
        raise _damaged(path) from None


def _damaged(path):
    return UserError(f"{path} is damaged; pass --overwrite to begin anew")


def _edit(values, frames, count):
    smooths = values["kind"] == "smooth"
    return parse_smoothing(values) if smooths else parse(values, frames, count)


class Session:
    """Edits of a clip's keypoints, on disk before anybody hears of them. Any thread may call it.

    Where they cannot be written, they stay in memory, and saving is tried again.

    Args:
        path: of the file of edits.
        of: dict for JSON of what the edits belong to, see `read`.
        found: `finishing.tracks.Track`, as found.
        rate: frames per second.
        history: `History` so far.

    Attributes:
        motion: `editing.motion.Motion` by now; never changed in place.
        moved: (N, K, 2) float32, the keypoints that draw the result by now.
        jitter: of the driver's keypoints before and after smoothing, % of the width.
        trouble: why the newest edits are not on disk, in words; "" where they are.
    """

    def __init__(self, path, of, found, rate, history=None):
        self.path, self.of, self.found, self.rate = path, of, found, rate
        self.listeners = []  # functions that are called after each change
        self.trouble, self._closed, self._turn = "", False, threading.RLock()
        self._later = Later(self.save)
        self._motions = Motions(found.moved, rate)
        self._follow(history or History())
        self._write("make room, or choose another --out")

    def _follow(self, history):
        own, seconds = self.found.keypoints, history.seconds()
        motion = self._motions.under(history)
        moved = motion.tracks.astype(np.float32)
        self.jitter = [50 * jitter(x) for x in (own, smoothed(own, seconds, self.rate))]
        self.history, self.motion, self.moved = history, motion, moved  # where all that succeeded

    def _write(self, advice):
        history = {**vars(self.history), "edits": [vars(edit) for edit in self.history.edits]}
        content = {"of": self.of, "history": history}
        with replacing(self.path, advice) as part:
            part.write_text(json.dumps(content))

    def add(self, message):
        """Take an edit over from a page's message; UserError where it is none."""
        edit = parse(message, *self.found.moved.shape[:2])
        with self._turn:
            self._adopt(self.history.with_edit(edit))

    def smooth(self, message):
        """Take smoothing over from a page's message; UserError where it is none.

        With `again`, it takes the place of the smoothing just before, so that undo undoes both.
        """
        edit, again = parse_smoothing(message), message.get("again") is True
        with self._turn:
            self._adopt(self.history.with_smoothing(edit, again))

    def move(self, step):
        """Undo (-1) or redo (1)."""
        with self._turn:
            self._adopt(self.history.moved(step))

    def _adopt(self, history):
        self._follow(history)
        self.save()

    def save(self):
        """Write the edits, or try it again a little later; then the listeners are told."""
        with self._turn:
            self._later.cancel()
            if self._closed:
                return
            try:
                self._write(KEPT)
                self.trouble = ""
            except UserError as error:
                self.trouble = str(error)
                self._later.begin()
        for listener in self.listeners:
            listener()

    def close(self):
        """Write what is not on disk yet, and nothing from then on; UserError where that fails."""
        with self._turn:
            self._later.cancel()
            if self.trouble:
                self._write(LOST)
            self._closed = True

    def track(self):
        """`finishing.tracks.Track` with the keypoints as edited."""
        return replace(self.found, moved=self.moved)
