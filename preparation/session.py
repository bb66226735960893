"""Masks that are made by hand in a page: what was drawn, and the masks that follow from it.

All of it lies in one folder, so that nothing is lost when the program is killed:

    session.json       of which clip, and the edits
    frames/            of a clip that has not been prepared before; beside them its sound.m4a
    masks/<n>-<e>.png  mask of frame n that follows from edit e, on whichever frame that was

A mask is named by all that it depends on: it never gets old, and undo finds it again. Edit 0 stands
for the masks that the clip had before.
"""

import json
import threading
from dataclasses import asdict

import numpy as np

from preparation import clip_folder
from preparation.edits import checked, owners, parse, recalled
from utils.errors import UserError
from utils.files import make_folder, replacing
from utils.reading import DAMAGE, load_json

FILE = "session.json"
ADVICE = "make room on the disk and do it again"


def read(folder):
    """Content of a session's file, a dict with "clip" and "history"; empty where there is none.

    Raises:
        UserError: it is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    try:
        content = load_json(path)
        clip, history = content["clip"], content["history"]
        clip_folder.check_head(clip)
        edits = [recalled(edit, clip["frames"], clip["size"]) for edit in history["edits"]]
        return {"clip": clip, "history": checked(edits, history["done"], history["next_id"])}
    except (*DAMAGE, UserError):
        raise UserError(f"{path} is damaged; pass --overwrite to begin anew") from None


class Session:
    """Edits of a clip's masks, and the masks, on disk. Any thread may call it.

    Args:
        folder: of the session.
        clip: `frames_of`, `masks_of`, `crop`, `frames`, `fps` and `size` of prepared.json.
        history: `History` of the session so far.
        frames: `clip_folder.Frames` of the whole clip.
        masks: the clip's masks, sequence of (H, W) bool, where it has been prepared before.
        painted: numbers of those that were painted.
    """

    def __init__(self, folder, clip, history, frames, masks=None, painted=()):
        self.folder, self.clip, self.history = folder, clip, history
        self.frames, self.masks, self.painted = frames, masks, painted
        self.listeners = []  # functions that are called after each change
        self._turn = threading.RLock()
        make_folder(folder / "masks")
        self._made = set(self._found())
        self._write(history)

    def _found(self):
        """(number, edit) of the masks in the folder; those of dropped edits are removed."""
        known = {edit.id for edit in self.history.edits}
        for path in (self.folder / "masks").glob("[0-9]*-[0-9]*.png"):
            number, edit = map(int, path.stem.split("-"))
            if edit in known:
                yield number, edit
            else:
                path.unlink()

    def _write(self, history):
        content = {"clip": self.clip, "history": asdict(history)}
        with replacing(self.folder / FILE, ADVICE) as part:
            part.write_text(json.dumps(content))

    def add(self, message):
        """Take an edit over from a page's message; it is on disk when this returns.

        Raises:
            UserError: it is no edit, or cannot be written; then nothing has changed.
        """
        with self._turn:
            values = parse(message, len(self.frames), self.clip["size"])
            anchor = self.anchors().get(values["frame"])
            former = anchor.id if anchor else self.shown()[values["frame"]]
            self._adopt(self.history.with_edit(former=former, **values))

    def move(self, step):
        """Undo (-1) or redo (1)."""
        with self._turn:
            self._adopt(self.history.moved(step))

    def _adopt(self, history):
        self._write(history)
        self.history = history
        self._tell()

    def _tell(self):
        for listener in self.listeners:
            listener()

    def anchors(self):
        """`Anchor` of each frame that has one, by number."""
        return self.history.anchors(self.painted)

    def has(self, number, edit):
        """Whether there is a mask of a frame that follows from an edit's id, or is the clip's."""
        return (number, edit) in self._made or (edit == 0 and self.masks is not None)

    def mask(self, number, edit):
        """The mask (H, W) bool of which `has` is True; without an edit (None) nothing is marked."""
        if edit is None:
            return np.zeros(self.clip["size"][::-1], bool)
        if edit == 0:
            return self.masks[number]
        return clip_folder.read_mask(self.folder / f"masks/{number}-{edit}.png")

    def store(self, number, edit, mask):
        """Write a mask that follows from an edit; UserError where the disk is full."""
        with replacing(self.folder / f"masks/{number}-{edit}.png", ADVICE) as part:
            clip_folder.save_mask(mask, part)
        with self._turn:
            self._made.add((number, edit))
        self._tell()

    def wanted(self):
        """Which mask each frame is to have: a list of edits' ids, 0 and None.

        Frames hang on the nearest anchor. Where the clip had masks before, painting changes one
        frame only, as does "keep": just boxes and scribbles reach the neighbours.
        """
        anchors = self.anchors()
        found = []
        for number, owner in enumerate(owners(anchors, len(self.frames))):
            reaches = owner == number or (
                owner is not None and (self.masks is None or anchors[owner].segmented)
            )
            usual = None if self.masks is None else 0
            found.append(anchors[owner].id if reaches else usual)
        return found

    def shown(self):
        """As `wanted`; where that mask has not been made yet, the newest one that there is."""
        usual = None if self.masks is None else 0
        with self._turn:
            newest = [edit.id for edit in reversed(self.history.in_effect())]
            return [
                next((e for e in (wanted, *newest) if self.has(number, e)), usual)
                for number, wanted in enumerate(self.wanted())
            ]

    def undecided(self):
        """The next `Edit` whose mask has not been made, or None."""
        with self._turn:
            edits = [edit for edit in self.history.in_effect() if edit.tool != "clear"]
            return next((e for e in edits if not self.has(e.frame, e.id)), None)

    def missing(self):
        """(number, its anchor's number, the edit's id) of frames without their mask.

        Those of the newest edit come first; of these the nearest to their anchor, so that each can
        be carried from its neighbour.
        """
        with self._turn:
            owner = owners(self.anchors(), len(self.frames))
            wanted = [(n, e) for n, e in enumerate(self.wanted()) if e is not None]
            found = [(n, owner[n], e) for n, e in wanted if not self.has(n, e)]
            return sorted(found, key=lambda item: (-item[2], abs(item[0] - item[1])))
