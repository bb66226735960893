"""The thread that makes the masks which a session wants, and in the end the clip."""

import threading

from preparation.edits import PAINTING
from utils.errors import UserError


class Carrier(threading.Thread):
    """Makes masks one after the other, always the one that is wanted most by now.

    Args:
        session: `Session`; what it wants is asked anew for each mask, so that work which is
            obsolete is never begun.
        make_follower: function without arguments that returns a `segmentation.follow.Follower`; it
            may take a while.
        finish: function that makes the clip of the session's masks.
        tell: function that is called when `phase` or `trouble` change.
        finished: function that is called when the clip is there.

    Attributes:
        phase: "starting", "working", "idle", "finishing", "finished" or "failed".
        trouble: what went wrong, in words; "" if nothing.
        asked: whether `finish` was called, so that no edits are taken any more.
        result: what `finish` returned; None before.
    """

    def __init__(self, session, make_follower, finish, tell, finished):
        super().__init__(daemon=True)
        self.session, self._make_follower, self._finish = session, make_follower, finish
        self._tell, self._finished, self._news = tell, finished, threading.Event()
        self._closing, self.asked = False, False
        self.phase, self.trouble, self.result = "starting", "", None
        session.listeners.append(self._news.set)

    def finish(self):
        """Make the clip as soon as all masks are there."""
        self.asked = True
        self._tell()
        self._news.set()

    def close(self):
        """End after the mask that is being made."""
        self._closing = True
        self._news.set()
        self.join(2)

    def run(self):
        try:
            follower = self._make_follower()
            while not self._closing:
                self._news.clear()
                if not self.step(follower):
                    self._news.wait()
        except Exception as error:
            self._now(
                "failed", f"the program failed ({error!r}); what you did is on disk: start it again"
            )
            raise

    def step(self, follower):
        """Do what is wanted most; returns whether there was something, and it worked."""
        try:
            if edit := self.session.undecided():
                self._now("working")
                self.session.store(edit.frame, edit.id, decide(self.session, edit, follower))
            elif missing := self.session.missing():
                self._now("working")
                self._carry(*missing[0], follower)
            elif self.asked:
                self._now("finishing")
                self.result, self._closing = self._finish(), True
                self._now("finished")
                self._finished()
            else:
                self._now("idle", self.trouble)
                return False
        except UserError as error:
            self.asked = False
            self._now("idle", str(error))
            return False
        return True

    def _carry(self, number, owner, edit, follower):
        other = number + (1 if owner > number else -1)
        mask = follower.carry(number, other, self.session.mask(other, edit))
        self.session.store(number, edit, mask)

    def _now(self, phase, trouble=""):
        if (phase, trouble) != (self.phase, self.trouble):
            self.phase, self.trouble = phase, trouble
            self._tell()


def decide(session, edit, follower):
    """The mask (H, W) bool of an edit's own frame."""
    mask = session.mask(edit.frame, edit.former).copy()
    if edit.tool in PAINTING:
        if edit.points:
            edit.draw(mask, edit.tool == "brush")
        return mask
    anchor = session.history.anchors(session.painted, until=edit)[edit.frame]
    if edit.tool == "box":
        return follower.first(edit.frame, box=edit.box)
    former = None if edit.former is None else mask
    return follower.first(edit.frame, anchor.box, anchor.strokes(mask.shape), former)
