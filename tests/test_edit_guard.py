"""Who and what the page of edit.py refuses: strangers, other sites, paths, malformed input."""

import json
import socket
from urllib.parse import quote

import pytest
from starlette.websockets import WebSocketDisconnect

from server.guard import LIMIT
from server.local import LocalServer, check_host
from tests.editor import COUNT, contents
from tests.local_page import HOST, ORIGIN, TOKEN
from utils.errors import UserError

pytest_plugins = ["tests.edited"]
LIVE = f"ws://{HOST}/{TOKEN}/live"


CLIMBS = ["../edits.json", "..%2fedits.json", "%2e%2e%2fedits.json", "..%5cedits.json", "%2fetc"]
CLIMBS += ["-1", "%00", "%ff", "1e0", "01", "+1", " 1", "%d9%a1", "1%0a", "99", "x" * 5000]


@pytest.mark.parametrize("route", ["driver/", "result/", "tracks/", ""])
def test_no_parameter_leads_elsewhere(editor, route):
    for name in CLIMBS:
        answer = editor.get(f"{route}{name}")
        assert answer.status_code in (403, 404), (route, name)
        assert "history" not in answer.text
    for name in ("01", "+1", "\u0661", "1\n", " 0", "1_0", "9" * 5000):
        assert editor.get(f"tracks/1?since={quote(name)}").status_code == 404, name
    other = editor.get(f"result/{editor.tracks()['keys'][0][:-1]}")
    assert other.status_code == 404


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/{}", {}),
        ("/wrong/{}", {}),
        (f"/{TOKEN}x/{{}}", {}),
        (f"/{TOKEN}/{{}}", {"host": "evil.example:8000"}),
        (f"/{TOKEN}/{{}}", {"host": "127.0.0.1:80x"}),
    ],
)
def test_nobody_else_gets_in(editor, path, headers):
    key = editor.tracks()["keys"][0]
    for name in ("", "driver/0", f"result/{key}", "tracks/1", "main.js"):
        assert editor.client.get(path.format(name), headers=headers).status_code == 403
    body = json.dumps({"frame": 0, "points": {}})
    post = editor.client.post(path.format("draw"), content=body, headers={**ORIGIN, **headers})
    assert post.status_code == 403


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", f"https://{HOST}"])
def test_drags_and_edits_come_from_the_page(editor, origin):
    headers = {} if origin is None else {"origin": origin}
    body = json.dumps({"frame": 0, "points": {}})
    draw = editor.client.post(f"/{TOKEN}/draw", content=body, headers=headers)
    assert draw.status_code == 403
    with (
        pytest.raises(WebSocketDisconnect),
        editor.client.websocket_connect(LIVE, headers=headers),
    ):
        pass
    assert editor.page.session.history.edits == ()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        (ORIGIN, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-origin", "sec-fetch-dest": "image"}, 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"}, 200),  # a link
        ({"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-dest": "iframe"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
    ],
)
def test_nothing_goes_into_other_pages(editor, headers, status):
    for name in ("", "driver/0", "tracks/1", "main.js"):
        assert editor.client.get(f"/{TOKEN}/{name}", headers=headers).status_code == status


NAN = float("nan")
BAD_DRAGS = [
    b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b"1e999", {}, {"frame": 0},
    *({"frame": x, "points": {}} for x in (-1, COUNT, "0", None, True, 0.0, [0])),
    *({"frame": 0, "points": x} for x in (None, [], "1", 1, {"5": [0, 0]}, {"-1": [0, 0]},
      {"01": [0, 0]}, {"1": 0}, {"1": [0]}, {"1": [0, 0, 0]}, {"1": [NAN, 0]}, {"1": ["0", 0]},
      {"1": [True, 0]}, {"1": [1e9, 0]}, {"1": None}, {"1": {"x": 0, "y": 0}}, {"1": "ab"})),
]  # fmt: skip


def test_malformed_drags_are_refused(editor):
    for bad in BAD_DRAGS:
        assert editor.draw(bad).status_code == 400, bad
    assert editor.draw(b"x" * (LIMIT + 1)).status_code == 413
    huge = editor.draw(b"", **{"content-length": "100000000"})
    assert huge.status_code == 413
    pieces = (b"x" * 2**20 for _ in range(100))  # 100 MB without a length
    post = editor.client.post(f"/{TOKEN}/draw", content=pieces, headers=ORIGIN)
    assert post.status_code == 413
    assert editor.draw({"frame": 0, "points": {"1": [0.5, 0]}}).status_code == 200


def test_a_thousand_malformed_messages_change_nothing(editor):
    bad = ["", "{", "[1]", "null", "[" * 20_000, '{"do": 1}', '{"do": "edit"}', '{"do": ["undo"]}',
           '{"do": "edit", "kind": "add", "frame": 0, "points": [0], "x": [1e999], "y": [0]}',
           '{"do": "edit", "kind": "add", "frame": true, "points": [0], "x": [0], "y": [0]}',
           '{"do": "smooth", "seconds": "1"}', '{"do": "smooth"}', '{"do": "export"}',
           '{"do": "export", "what": "../x"}', '{"do": "quit"}', "\x00"]  # fmt: skip
    before = contents(editor.out)
    with editor.client, editor.client.websocket_connect(LIVE, headers=ORIGIN) as page:
        assert page.receive_json().keys() == {"clip", "edits", "track", "export"}
        for number in range(1000):
            page.send_text(bad[number % len(bad)])
            assert page.receive_json().keys() == {"error"}, bad[number % len(bad)]
        assert contents(editor.out) == before
        page.send_text(json.dumps({"do": "edit", "kind": "add", "frame": 2, "points": [0],
                                   "x": [0.1], "y": [0.1], "reach": 0}))  # fmt: skip
        news = page.receive_json()
        assert news["edits"]["undo"] == 2
        assert news["track"]["version"] == 2


def test_others_come_in_only_where_they_are_let(tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text("hello")
    for host in ("127.0.0.1", "localhost", "127.0.0.2"):
        check_host(host, False)
        assert LocalServer([], tmp_path, host).address.startswith(f"http://{host}:")
    with pytest.raises(UserError, match="unencrypted"):
        check_host("0.0.0.0", False)
    with pytest.raises(UserError, match="known here"):
        check_host("nul\0in it", False)
    check_host("0.0.0.0", True)
    server = LocalServer([], tmp_path, "0.0.0.0")
    assert server._socket.getsockname()[0] == "0.0.0.0"
    names = server._server.config.app.names
    assert names[-2:] == ["127.0.0.1", "localhost"]
    assert server.address.startswith(f"http://{names[0]}:")
    monkeypatch.setattr(socket.socket, "getsockname", lambda _: ("10.0.0.7", 40123))
    assert LocalServer([], tmp_path, "0.0.0.0").address.startswith("http://10.0.0.7:40123/")
    with pytest.raises(UserError, match="192.0.2.1 is no address of this machine"):
        check_host("192.0.2.1", True)
