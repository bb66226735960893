"""A server for one user: on loopback, with a secret in its address, until it is stopped."""

import os
import secrets
import socket
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from server.guard import LIMIT, Guard

COMMON = Path(__file__).with_name("page")  # what all pages share
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
LOOPBACK = "127.0.0.1"


class LocalServer:
    """Serves a page and its routes at `address`.

    Args:
        routes: Starlette's routes; their paths begin behind the token.
        folder: holds index.html and what it needs beyond `server/page`. All files are read now: no
            request reaches the file system by its path.
    """

    def __init__(self, routes, folder):
        self._socket = socket.create_server((LOOPBACK, 0))  # any free port
        port, token = self._socket.getsockname()[1], secrets.token_urlsafe()
        self.address = f"http://{LOOPBACK}:{port}/{token}/"
        hosts = [f"{LOOPBACK}:{port}", f"localhost:{port}"]
        self._server = uvicorn.Server(
            uvicorn.Config(
                guarded(routes, folder, token, hosts),
                log_level="error",
                access_log=False,  # it would print the token
                ws_max_size=LIMIT,
                timeout_graceful_shutdown=1,
            )
        )

    def run(self):
        """Open the browser, where there is one, and answer until `stop` or Ctrl-C."""
        if sys.platform != "linux" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
            webbrowser.open(self.address)  # without a display it would start one in the terminal
        with suppress(KeyboardInterrupt):  # uvicorn hands it on when it has closed everything
            self._server.run(sockets=[self._socket])

    def stop(self):
        """End `run`; from any thread."""
        self._server.should_exit = True


def guarded(routes, folder, token, hosts):
    """The ASGI application that `LocalServer` serves; see there and `Guard`."""
    files = [*COMMON.iterdir(), *folder.iterdir()]
    pages = {f.name: (f.read_bytes(), TYPES[f.suffix]) for f in files if f.suffix in TYPES}
    pages[""] = pages["index.html"]

    def page(request):
        name = request.path_params.get("name", "")
        if name not in pages:
            raise HTTPException(404)
        content, kind = pages[name]
        return Response(content, media_type=kind)

    app = Starlette(routes=[*routes, Route("/", page), Route("/{name}", page)])
    return Guard(app, token, hosts)
