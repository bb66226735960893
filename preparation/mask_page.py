"""The page on which masks are made by hand, as the server sees it: pictures, state, messages."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from server.live import Live
from server.parameters import number_below
from utils.errors import UserError

FOLDER = Path(__file__).with_name("page")


class MaskPage:
    """Routes of the page.

    Args:
        session: `Session`.
        title: what the page calls the clip.

    Attributes:
        carrier: the `Carrier` that works for the session, set before the server runs.
    """

    def __init__(self, session, title):
        self.session, self.title, self.carrier = session, title, None
        self.live = Live(self.state, self.receive)
        session.listeners.append(self.live.notify)
        self.routes = [
            Route("/frames/{number}", self.frame),
            Route("/masks/{number}/{edit}", self.mask),
            WebSocketRoute("/live", self.live.endpoint),
        ]

    def frame(self, request):
        number = number_below(request.path_params["number"], len(self.session.frames))
        content = (self.session.frames.folder / f"{number}.jpg").read_bytes()
        return Response(content, media_type="image/jpeg")

    def mask(self, request):
        """A mask as PNG, white on black; by its frame and edit it never changes."""
        number = number_below(request.path_params["number"], len(self.session.frames))
        known = {str(edit.id): edit.id for edit in self.session.history.edits} | {"0": 0}
        edit = known.get(request.path_params["edit"])
        if edit is None or not self.session.has(number, edit):
            raise HTTPException(404)
        try:
            mask = self.session.mask(number, edit)
        except UserError:  # it was dropped just now, or the user removed it
            raise HTTPException(404) from None
        content = io.BytesIO()
        Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(content, "PNG")
        return Response(content.getvalue(), media_type="image/png")

    def receive(self, message):
        """Do what the page asks for; UserError where that cannot be done."""
        if self.carrier.phase == "failed":
            raise UserError(self.carrier.trouble)
        if self.carrier.asked:
            raise UserError("the clip is being finished; this had no effect")
        kind = message.get("do")
        if kind == "edit":
            self.session.add(message)
        elif kind in ("undo", "redo"):
            self.session.move(-1 if kind == "undo" else 1)
        elif kind == "finish":
            self.carrier.finish()
        else:
            raise UserError("an unknown message had no effect")

    def state(self):
        """What the page shows, in parts."""
        session, carrier = self.session, self.carrier
        (width, height), shown = session.clip["size"], session.shown()
        size = {"width": width, "height": height}
        clip = {"title": self.title, "frames": len(shown), "fps": session.clip["fps"], **size}
        return {
            "clip": clip,
            "edits": self._edits(session.history),
            "masks": {"shown": shown, "missing": [n for n, *_ in session.missing()]},
            "work": {name: getattr(carrier, name) for name in ("phase", "trouble", "asked")},
        }

    def _edits(self, history):
        """Marks of frames, and to which frames undo and redo would lead."""
        before, after = history.in_effect()[-1:], history.edits[history.done :][:1]
        return {
            "marks": {number: _mark(a) for number, a in self.session.anchors().items()},
            "undo": before[0].frame if before else None,
            "redo": after[0].frame if after else None,
            "next": history.next_id,
        }


def _mark(anchor):
    scribbles = [{"tool": e.tool, "points": e.points, "radius": e.radius} for e in anchor.scribbles]
    return {"box": anchor.box, "scribbles": scribbles, "painted": anchor.painted}
