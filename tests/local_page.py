"""A local page without a server, as tests call it."""

from starlette.testclient import TestClient

from server.local import guarded

HOST, TOKEN = "127.0.0.1:8000", "sesame"
ORIGIN = {"origin": f"http://{HOST}"}


def client(routes, folder):
    """A client of the application that serves `routes` and the files of `folder`."""
    return TestClient(guarded(routes, folder, TOKEN, ["127.0.0.1", "localhost"]), f"http://{HOST}")
