"""News for open pages, and their messages, over WebSockets."""

import asyncio
import json
import threading
from contextlib import suppress

from starlette.websockets import WebSocketDisconnect

from utils.errors import UserError


class Live:
    """Keeps every open page up to date.

    A page is sent what changed since it was last told; news that come faster than it reads them
    are merged, never queued. Several pages may be open at once: each sees what the others do.

    Both functions are called in threads, so that the server answers meanwhile, but never two at a
    time: what is shown never is half of what a message does.

    Args:
        snapshot: function that returns all that a page shows, a dict of parts for JSON.
        receive: function of a message from a page, a dict. Its UserError is sent to that page as
            part `error`; so is what is no JSON object, and that memory is full.
    """

    def __init__(self, snapshot, receive):
        self._snapshot, self._receive = snapshot, receive
        self._loop, self._pages, self._turn = None, set(), threading.Lock()

    def notify(self):
        """Tell the pages that something changed; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self):
        for changed in self._pages:
            changed.set()

    async def endpoint(self, websocket):
        """For a `WebSocketRoute`."""
        await websocket.accept()
        self._loop, changed = asyncio.get_running_loop(), asyncio.Event()
        self._pages.add(changed)
        changed.set()
        pushing = asyncio.create_task(self._push(websocket, changed))
        try:
            while (message := await websocket.receive())["type"] != "websocket.disconnect":
                if error := await asyncio.to_thread(self._handle, message.get("text")):
                    await websocket.send_json({"error": error})
        except WebSocketDisconnect:
            pass
        finally:
            pushing.cancel()
            self._pages.discard(changed)

    def _handle(self, text):
        """Hand on a message; returns what was wrong with it, or None."""
        try:
            message = json.loads(text or "")
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            return "a message was no JSON object and had no effect"
        try:
            with self._turn:
                self._receive(message)
        except UserError as error:
            return str(error)
        except MemoryError:
            return "memory is full; end other programs, and do that again"

    def _look(self):
        with self._turn:
            return self._snapshot()

    async def _push(self, websocket, changed):
        told = {}
        with suppress(WebSocketDisconnect, RuntimeError):  # the page was closed meanwhile
            while True:
                await changed.wait()
                changed.clear()
                parts = await asyncio.to_thread(self._look)
                news = {name: part for name, part in parts.items() if told.get(name) != part}
                if news:
                    await websocket.send_json(news)
                told = parts
