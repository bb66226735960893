"""What stands before every route: who may ask, how much, and what a browser may do with the answer.

Loopback is open to all programs and users of the machine, and to every page in its browsers. So
each request carries a token that only the address tells; the name in `Host` is checked, since a
foreign one may lead to 127.0.0.1 (DNS rebinding), but not the port, which a tunnel may change; what
changes anything must come from our own page, by its `Origin`; and nothing goes into another page.
"""

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocketClose

LIMIT = 1 << 20  # bytes of a request's body, and of a message
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Guard:
    """ASGI middleware before an application that is served under /<token>/.

    Args:
        app: the application; its routes begin behind the token.
        token: the secret part of the address.
        names: allowed names in `Host`, as 127.0.0.1; besides, the address that was asked always is,
            as a machine in several networks has several.
    """

    def __init__(self, app, token, names):
        self.app, self.token, self.names = app, token, names

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        names = [*dict.fromkeys((*self.names, scope["server"][0]))]
        answer = self._refusal(scope, names)
        if scope["type"] == "http":
            send = _with_headers(send, names)
            if answer is None:
                receive = await _read_ahead(receive)
                answer = None if receive else PlainTextResponse("too large", 413)
        await (answer or self.app)({**scope, "root_path": f"/{self.token}"}, receive, send)

    def _refusal(self, scope, names):
        """An application that refuses the request, or None where it is allowed."""
        headers, socket = Headers(scope=scope), scope["type"] == "websocket"
        host = headers.get("host", "")
        name, colon, port = host.partition(":")
        changes = socket or scope["method"] not in ("GET", "HEAD")
        token = scope["path"].split("/")[1] if "/" in scope["path"] else ""
        if (
            name not in names
            or port.isdecimal() != bool(colon)
            or not secrets.compare_digest(token.encode(), self.token.encode())
            or _is_foreign(headers, f"http://{host}", changes)
        ):
            text = "not allowed: open the address that the program printed"
            return WebSocketClose() if socket else PlainTextResponse(text, 403)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 9 or int(length) > LIMIT:
            return PlainTextResponse("too large", 413)
        return None


def _is_foreign(headers, own, changes):
    """Whether another page than ours, of the origin `own`, asks, as far as browsers say."""
    if changes:
        return headers.get("origin") != own
    others = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    link = headers.get("sec-fetch-dest") == "document"  # as in a terminal that is a page itself
    return headers.get("origin", own) != own or (others and not link)


def _with_headers(send, names):
    """A `send` that adds `HEADERS`, and a policy that lets the page call these names."""
    policy = POLICY.format(sockets=" ".join(f"ws://{name}:*" for name in names))

    async def sending(message):
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update({**HEADERS, "Content-Security-Policy": policy})
        await send(message)

    return sending


async def _read_ahead(receive):
    """A `receive` that yields a request's whole body at once; None where that is above `LIMIT`."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LIMIT:
            return None
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def receiving():
        return pending.pop() if pending else await receive()

    return receiving
