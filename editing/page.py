"""The page on which keypoints are edited, as the server sees it: pictures, state, messages."""

import asyncio
import io
import json
from pathlib import Path

import numpy as np
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from editing.edits import is_number
from server.live import Live
from server.parameters import number_below
from utils import memory
from utils.errors import UserError
from utils.visualize import palette

FOLDER = Path(__file__).with_name("page")
LARGEST = 640  # pixels of a side of the driver's frames


class EditPage:
    """Routes of the page.

    Args:
        session: `Session`.
        results: `Results` of the session.
        export: `Export` of the session.
        clip: dict with title, direction, width and height of results.
        read_frame: function of an index that returns the driver's frame, a padded Pillow image.
    """

    def __init__(self, session, results, export, clip, read_frame):
        self.session, self.results, self.export = session, results, export
        self.clip, self.read_frame = clip, read_frame
        self.live = Live(self.state, self.receive)
        for part in (session, results, export):
            part.listeners.append(self.live.notify)
        self.routes = [
            Route("/driver/{number}", self.driver),
            Route("/result/{key}", self.result),
            Route("/tracks/{version}", self.tracks),
            Route("/draw", self.draw, methods=["POST"]),
            WebSocketRoute("/live", self.live.endpoint),
        ]

    def driver(self, request):
        """A frame of the driver as JPEG, padded, of whatever size."""
        number = number_below(request.path_params["number"], len(self.session.moved))
        try:
            frame = self.read_frame(number)
        except UserError as error:
            raise HTTPException(404, str(error)) from None
        frame.thumbnail((LARGEST, LARGEST))
        content = io.BytesIO()
        frame.save(content, "JPEG", quality=90)
        return Response(content.getvalue(), media_type="image/jpeg")

    async def result(self, request):
        """A frame's result as PNG; by its key it never changes."""
        try:
            picture = self.results.picture(request.path_params["key"])
        except KeyError:
            raise HTTPException(404) from None
        return await answer(picture)

    async def draw(self, request):
        """A frame's result as PNG while keypoints are being dragged."""
        try:
            frame, places = self._dragged(json.loads(await request.body()))
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
            raise HTTPException(400, "a drag without proper places is not drawn") from None
        return await answer(self.results.drag(frame, places))

    def _dragged(self, message):
        """Frame, and dict of keypoint -> (x, y), of a message; ValueError and others if bad."""
        frames, count = self.session.moved.shape[:2]
        frame, names = message["frame"], {str(k): k for k in range(count)}
        places = {names[name]: (x, y) for name, (x, y) in message["points"].items()}
        good = type(frame) is int and 0 <= frame < frames
        if not (good and all(is_number(v) for place in places.values() for v in place)):
            raise ValueError
        return frame, places

    def tracks(self, request):
        """Keypoints over time, of the version that there is by now.

        With `since`, a version that the page has, only what is not the same in that.
        """
        shown, found = self.results.shown, self.session.found
        asked = request.path_params["version"], request.query_params.get("since", "0")
        _, since = (number_below(version, shown.version + 1) for version in asked)
        frames = np.flatnonzero(shown.since > since)
        content = {"version": shown.version, "frames": frames.tolist()}
        content |= {"moved": rounded(shown.tracks[0, frames]), "keyframes": shown.keyframes}
        displaced = self.session.motion.displaced()[frames]
        content |= {"displaced": [np.flatnonzero(points).tolist() for points in displaced]}
        content |= dict(zip(["keys", "found_keys"], shown.keys[:, frames].tolist()))
        if not since:
            content |= {"driver": rounded(found.keypoints), "found": rounded(found.moved)}
        return JSONResponse(content)

    def receive(self, message):
        """Do what the page asks for; UserError where that cannot be done."""
        kind = message.get("do")
        if kind == "edit":
            self.session.add(message)
        elif kind in ("undo", "redo"):
            self.session.move(-1 if kind == "undo" else 1)
        elif kind == "smooth":
            self.session.smooth(message)
        elif kind == "export":
            self.export.begin(message.get("what"))
        elif kind == "cancel":
            self.export.cancel()
        else:
            raise UserError("an unknown message had no effect")

    def state(self):
        """What the page shows, in parts."""
        frames, points = self.session.moved.shape[:2]
        numbers = {"frames": frames, "points": points, "fps": self.session.rate}
        first = int(self.session.found.frames[0])
        return {
            "clip": {**self.clip, **numbers, "first": first, "colours": palette(points)},
            "edits": self._edits(self.session.history),
            "track": {"version": self.results.shown.version, "trouble": self.results.trouble},
            "export": self.export.state(),
        }

    def _edits(self, history):
        """Marks of frames, and to which frames undo and redo would lead (-1: none of them)."""
        before, after = history.in_effect()[-1:], history.edits[history.done :][:1]
        return {
            "undo": before[0].frame if before else None,
            "redo": after[0].frame if after else None,
            "next": history.next,
            "marks": self._marks(),
            "smooth": history.seconds(),
            "jitter": self.session.jitter,
            "saved": not self.session.trouble,
            "trouble": self.session.trouble,
        }

    def _marks(self):
        motion = self.session.motion
        touched = {n: ["edited"] for n in np.flatnonzero(motion.touched.any(1)).tolist()}
        keys = {frame for keys in motion.keys for frame in keys}
        return touched | {frame: [*touched.get(frame, []), "key"] for frame in keys}


async def answer(picture):
    """The response with the PNG of a `Future`; where memory is full, one that says so."""
    try:
        return Response(await asyncio.wrap_future(picture), media_type="image/png")
    except Exception as error:
        if memory.is_full(error):
            words = "memory is full, so that this picture is not drawn; end other programs"
            raise HTTPException(503, words) from None
        raise


def rounded(points):
    """Keypoints as lists for JSON."""
    return np.round(points.astype(float), 5).tolist()
