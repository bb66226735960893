"""The server of local pages: who is refused, what it never gives away, what it survives."""

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from urllib.request import urlopen

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from server.guard import LIMIT
from server.live import Live
from server.local import LocalServer
from tests import local_page
from tests.conftest import ROOT, refuse
from tests.local_page import HOST, ORIGIN, TOKEN
from utils.errors import UserError


class Counter:
    """A state that messages change."""

    def __init__(self):
        self.live, self.value, self.go = Live(self.state, self.receive), 0, threading.Event()
        self.go.set()

    def state(self):
        return {"count": self.value, "fixed": "same"}

    def receive(self, message):
        if message.get("add") != 1:
            raise UserError("add one")
        assert self.go.wait(20)
        self.value += 1
        self.live.notify()


@pytest.fixture
def counter():
    return Counter()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page/index.html").write_text("<p>hello")
    (tmp_path / "page/notes.txt").write_text("not served")
    (tmp_path / "secret.html").write_text("secret")
    return tmp_path / "page"


@pytest.fixture
def routes(counter):
    async def echo(request):
        return PlainTextResponse(str(len(await request.body())))

    return [
        Route("/echo", echo, methods=["POST"]),
        WebSocketRoute("/live", counter.live.endpoint),
    ]


@pytest.fixture
def client(routes, folder):
    with local_page.client(routes, folder) as client:
        yield client


def test_the_page_comes_with_strict_headers(client):
    answer = client.get(f"/{TOKEN}/")
    assert answer.status_code == 200
    assert answer.text == "<p>hello"
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert client.get(f"/{TOKEN}/live.js").headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/echo", {}),
        ("//", {}),
        ("/sesam/", {}),
        ("/sesame2/", {}),
        ("/?token=sesame", {}),
        (f"/{TOKEN}/", {"host": "evil.example:8000"}),
        (f"/{TOKEN}/", {"host": "127.0.0.1:x"}),
        (f"/{TOKEN}/", {"host": "127.0.0.1:8000:80"}),
        (f"/{TOKEN}/", {"host": "127.0.0.1:"}),
        (f"/{TOKEN}/", {"host": ""}),
    ],
)
def test_a_wrong_token_or_host_is_refused(client, path, headers):
    answer = client.get(path, headers=headers)
    assert answer.status_code == 403
    assert "hello" not in answer.text
    assert "content-security-policy" in answer.headers


def test_a_tunnel_may_begin_at_another_port(client):
    host = {"host": "localhost:40124"}
    assert client.get(f"/{TOKEN}/", headers=host).text == "<p>hello"
    post, own = f"/{TOKEN}/echo", {**host, "origin": "http://localhost:40124"}
    assert client.post(post, content=b"x", headers=own).text == "1"
    assert client.post(post, content=b"x", headers={**host, **ORIGIN}).status_code == 403


def test_the_address_that_was_asked_is_a_name_of_this_machine(client):
    own = f"http://10.1.2.3:8000/{TOKEN}"
    answer = client.get(f"{own}/")
    assert answer.text == "<p>hello"
    assert "ws://10.1.2.3:*" in answer.headers["content-security-policy"]
    assert client.get(f"{own}/", headers={"host": "evil.example:8000"}).status_code == 403
    assert client.get(f"/{TOKEN}/", headers={"host": "10.1.2.3:8000"}).status_code == 403
    post = partial(client.post, f"{own}/echo", content=b"x")
    assert post(headers={"origin": "http://10.1.2.3:8000"}).text == "1"
    assert post(headers=ORIGIN).status_code == 403


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", f"https://{HOST}"])
def test_what_changes_something_must_come_from_the_page(client, origin):
    headers = {} if origin is None else {"origin": origin}
    assert client.post(f"/{TOKEN}/echo", content=b"x", headers=headers).status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect(f"ws://{HOST}/{TOKEN}/live", headers=headers),
    ):
        pass
    assert client.post(f"/{TOKEN}/echo", content=b"x", headers=ORIGIN).text == "1"


@pytest.mark.parametrize(
    "name",
    [
        "../secret.html",
        "..%2fsecret.html",
        "%2e%2e/secret.html",
        "..%5csecret.html",
        "notes.txt",
        "page/index.html",
        "%2fetc%2fpasswd",
        "index.html%00.js",
        "%ff",
        "x" * 5000,
    ],
)
def test_no_path_reaches_the_file_system(client, name):
    answer = client.get(f"/{TOKEN}/{name}")
    assert answer.status_code in (403, 404)
    assert "secret" not in answer.text.replace(TOKEN, "")


def test_large_bodies_are_refused(client):
    post = f"/{TOKEN}/echo"
    assert client.post(post, content=b"x" * LIMIT, headers=ORIGIN).text == str(LIMIT)
    assert client.post(post, content=b"x" * (LIMIT + 1), headers=ORIGIN).status_code == 413
    pieces = (b"x" * 2**16 for _ in range(100))  # without a length
    assert client.post(post, content=pieces, headers=ORIGIN).status_code == 413
    for length in ("100000000", "-1", "1" * 100, "one"):
        headers = {**ORIGIN, "content-length": length}
        assert client.post(post, content=b"", headers=headers).status_code == 413


def test_pages_are_told_what_changed(client, counter):
    address = f"ws://{HOST}/{TOKEN}/live"
    with (
        client.websocket_connect(address, headers=ORIGIN) as one,
        client.websocket_connect(address, headers=ORIGIN) as other,
    ):
        for page in (one, other):
            assert page.receive_json() == {"count": 0, "fixed": "same"}
        one.send_text('{"add": 1}')
        for page in (one, other):
            assert page.receive_json() == {"count": 1}


def test_requests_are_answered_while_a_message_is_worked_off(client, counter):
    counter.go.clear()
    with client.websocket_connect(f"ws://{HOST}/{TOKEN}/live", headers=ORIGIN) as page:
        page.receive_json()
        for message in ('{"add": 1}', '{"add": 2}'):
            page.send_text(message)
        assert client.post(f"/{TOKEN}/echo", content=b"x", headers=ORIGIN).text == "1"
        assert counter.value == 0
        counter.go.set()
        news = [page.receive_json() for _ in range(2)]
    assert {"count": 1} in news
    assert {"error": "add one"} in news


def test_malformed_messages_change_nothing(client, counter):
    bad = ["", "{", "[1]", "1e999", "null", "[" * 20_000, '{"add": 2}', "\x00", '{"add": "1"}']
    with client.websocket_connect(f"ws://{HOST}/{TOKEN}/live", headers=ORIGIN) as page:
        page.receive_json()
        for number in range(1000):
            page.send_text(bad[number % len(bad)])
            assert page.receive_json().keys() == {"error"}
        page.send_bytes(b"\xff\xfe")
        assert page.receive_json().keys() == {"error"}
        page.send_text('{"add": 1}')
        assert page.receive_json() == {"count": 1}


def test_full_memory_is_said(client, counter, monkeypatch):
    def fail(_):
        raise MemoryError

    monkeypatch.setattr(counter.live, "_receive", fail)
    with client.websocket_connect(f"ws://{HOST}/{TOKEN}/live", headers=ORIGIN) as page:
        page.receive_json()
        page.send_text('{"add": 1}')
        assert page.receive_json()["error"].startswith("memory is full")


@contextmanager
def running(server):
    """A server that runs in a thread, and ends when it is told to."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join(10)
    assert not thread.is_alive()


def test_it_listens_on_loopback_until_it_is_stopped(routes, folder, counter):
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    server = LocalServer(routes, folder)
    host, port = server._socket.getsockname()
    assert host == "127.0.0.1"
    with running(server):
        address, origin = server.address.replace("http", "ws") + "live", f"http://{host}:{port}"
        with connect(address, origin=origin) as page:
            page.recv()
            page.send("x" * (LIMIT + 1))
            with pytest.raises(ConnectionClosed):
                page.recv()
        with connect(address, origin=origin) as page:
            page.recv()
            page.send('{"add": 1}')
            assert json.loads(page.recv()) == {"count": 1}


def test_signals_end_it_and_do_nothing_afterwards(routes, folder):
    former = signal.getsignal(signal.SIGHUP)
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGHUP])
    timer.start()
    try:
        assert LocalServer(routes, folder).run([signal.SIGHUP]) == signal.SIGHUP
        signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, former)


@pytest.mark.parametrize("pause", [0.05, 0.5])
def test_a_second_ctrl_c_ends_it_as_the_first_does(folder, pause):
    """Be it while connections close, or while Python ends, which takes a second here."""
    code = (
        "import signal, sys, time; from pathlib import Path; from server.local import LocalServer\n"
    )
    code += "class Slow:\n def __del__(self, sleep=time.sleep): sleep(1)\n"
    code += f"sys.slow, server = Slow(), LocalServer([], Path({str(folder)!r}))\n"
    code += "print(server.address, flush=True); sys.exit(128 + server.run([signal.SIGINT]))"
    command = [sys.executable, "-c", code]
    streams = dict.fromkeys(["stdout", "stderr"], subprocess.PIPE)
    with subprocess.Popen(command, cwd=ROOT, text=True, **streams) as process:
        assert urlopen(process.stdout.readline()).status == 200
        process.send_signal(signal.SIGINT)
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read() == ""


def test_the_body_of_an_answer_does_not_wait_until_its_header_was_received(routes, folder):
    server = LocalServer(routes, folder)
    _, _, host, path = server.address.split("/", 3)
    connection, seconds = HTTPConnection(host), []
    with running(server):
        for _ in range(40):  # the first ones are acknowledged at once in any case
            begun = time.perf_counter()
            connection.request("GET", f"/{path}")
            assert connection.getresponse().read()
            seconds.append(time.perf_counter() - begun)
        connection.close()
    assert min(seconds[20:]) < 0.03


def test_it_answers_in_all_networks_of_the_machine(routes, folder):
    server = LocalServer(routes, folder, "0.0.0.0")
    path = server.address.split("/", 3)[3]
    connection = HTTPConnection("127.0.0.9", server._socket.getsockname()[1])
    with running(server):
        connection.request("GET", f"/{path}")
        assert connection.getresponse().read() == b"<p>hello"
        connection.close()


def test_two_servers_have_different_addresses(routes, folder):
    one, other = LocalServer(routes, folder), LocalServer(routes, folder)
    assert one.address != other.address
    assert len(one.address.split("/")[3]) > 40


@pytest.mark.parametrize("name", ["starlette", "uvicorn", "websockets"])
def test_without_the_packages_one_sentence_says_what_to_install(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    refuse("prepare_data.py", ["x.mp4", "--interactive", "--out", str(tmp_path / "clip")],
           name, "pip install -r requirements-editor.txt")  # fmt: skip
    assert not (tmp_path / "clip").exists()
