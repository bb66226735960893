"""A server for one user: with a secret in its address, and on loopback unless told otherwise."""

import os
import secrets
import signal
import socket
import sys
import webbrowser
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from server.guard import LIMIT, Guard
from utils.errors import UserError

COMMON = Path(__file__).with_name("page")  # what all pages share
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
LOOPBACK = "127.0.0.1"


def check_host(host, allow_remote):
    """Refuse a host at which no page can be served, or none may be.

    Raises:
        UserError: it would let others in, and `allow_remote` does not say that they may; or it is
            none of this machine's.
    """
    if not allow_remote and not _names(host)[1]:
        raise UserError(
            f"--host {host} lets everyone in that network in who learns the address of the page, "
            "which goes over it unencrypted: they see your pictures and change your work; add "
            "--allow_remote where you want that"
        )
    _listen(host).close()


def _listen(host):
    """A socket at any free port of a host; UserError where that is none of this machine's."""
    try:
        return socket.create_server((host, 0))
    except OSError as error:
        raise UserError(
            f"--host {host} is no address of this machine ({error.strerror}); leave it out"
        ) from None


def _names(host):
    """Names by which this machine is reached where it listens on `host`, and if all are its own.

    Raises:
        UserError: there is no such host.
    """
    try:
        address = ip_address(socket.gethostbyname(host))
    except (OSError, UnicodeError, TypeError):  # the last one of a NUL
        raise UserError(f"--host {host} is no IPv4 address or name that is known here") from None
    if address.is_loopback:
        return [*dict.fromkeys((host, LOOPBACK, "localhost"))], True
    if not address.is_unspecified:
        return [host], False
    own = [socket.gethostname().lower(), LOOPBACK, "localhost"]
    return [*_outward(), *own], False


def _outward():
    """The address by which this machine is reached from its network, a list; empty without one."""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; an address of documentation, RFC 5737
        return [probe.getsockname()[0]]
    return []


class _Server(uvicorn.Server):
    def handle_exit(self, *received):
        super().handle_exit(*received)
        self.force_exit = False  # as after a second Ctrl-C: it breaks off with a traceback


class LocalServer:
    """Serves a page and its routes at `address`.

    Args:
        routes: Starlette's routes; their paths begin behind the token.
        folder: holds index.html and what it needs beyond `server/page`. All files are read now: no
            request reaches the file system by its path.
        host: name or IPv4 address to listen on; see `check_host`.

    Raises:
        UserError: `host` is none of this machine's.
    """

    def __init__(self, routes, folder, host=LOOPBACK):
        host = host.lower()  # as browsers send it back
        names, _ = _names(host)
        self._socket = _listen(host)
        # Inherited by each connection: else a picture waits 40 ms for its headers' acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        port, token = self._socket.getsockname()[1], secrets.token_urlsafe()
        self.address = f"http://{names[0]}:{port}/{token}/"
        self._server = _Server(
            uvicorn.Config(
                guarded(routes, folder, token, names),
                log_level="error",
                access_log=False,  # it would print the token
                ws_max_size=LIMIT,
                timeout_graceful_shutdown=1,
            )
        )

    def run(self, signals=()):
        """Open the browser, where there is one, and answer until `stop` or Ctrl-C.

        Args:
            signals: that end it, too, each by its number. Once one came, all of them are ignored,
                so that a second one disturbs neither what the caller has yet to do, nor Python's
                own end, for which handlers are taken away.

        Returns:
            the number of one of `signals` that came, or None.
        """
        received = []

        def receive(number, _):
            received.append(number)
            self.stop()
            for other in signals:
                signal.signal(other, signal.SIG_IGN)

        for number in signals:
            signal.signal(number, receive)
        if sys.platform != "linux" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
            webbrowser.open(self.address)  # without a display it would start one in the terminal
        with suppress(KeyboardInterrupt):  # uvicorn hands it on when it has closed everything
            self._server.run(sockets=[self._socket])
        return received[0] if received else None

    def stop(self):
        """End `run`; from any thread."""
        self._server.should_exit = True


def guarded(routes, folder, token, names):
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
    return Guard(app, token, names)
