"""edit.py as a page sees it: pictures, state, exports; who and what is refused."""

import io
import json
import signal
import sys
import threading
import time
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

import edit
from editing import export
from editing.page import FOLDER
from engine.steps import Steps
from finishing import tracks
from server.guard import LIMIT
from server.local import LocalServer, check_host, guarded
from tests.browser import serving
from tests.conftest import refuse, succeed
from utils.errors import UserError

HOST, TOKEN = "127.0.0.1:8000", "sesame"
ORIGIN = {"origin": f"http://{HOST}"}
COUNT, POINTS = 8, 5
LIVE = f"ws://{HOST}/{TOKEN}/live"


@pytest.fixture(scope="module")
def clips(pair, shared):
    """The flags that name both clips of the pair, as PNG, which keeps every pixel of results."""

    def convert(out):
        for path in pair.glob("[ab]/train*/*.jpg"):
            place = out / path.relative_to(pair).with_suffix(".png")
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.open(path).save(place)

    out = shared("edited_clips", convert)
    roots = f"--root_a {out}/a/train_seg/ --root_b {out}/b/train_seg/"
    return f"{roots} --ext_a .png --ext_b .png --device cpu --affine"


@pytest.fixture(scope="module")
def copying(roots, first, shared):
    """Folder of a stage two whose refiners copy from real frames."""

    def train(out):
        words = f"--load {first}/checkpoint_4 --lambda_vgg 0 --exemplar --iters 2 --bs 2"
        succeed("train_second_stage.py", f"{roots} {words} --device cpu --out {out}")

    return shared("edited_copying", train)


class Editor:
    """A page without a browser.

    Args:
        words: of edit.py.
    """

    def __init__(self, words):
        asked, given = edit.settled(words.split())
        self.out = Path(asked.out)
        self.out.mkdir(exist_ok=True)
        self.page = edit.open_page(asked, given)
        self.client = TestClient(guarded(self.page.routes, FOLDER, TOKEN, [HOST]), f"http://{HOST}")

    def get(self, path):
        return self.client.get(f"/{TOKEN}/{path}")

    def picture(self, path):
        answer = self.get(path)
        assert answer.status_code == 200, path
        return pixels(answer.content)

    def draw(self, content, **headers):
        content = content if isinstance(content, bytes) else json.dumps(content)
        return self.client.post(f"/{TOKEN}/draw", content=content, headers={**ORIGIN, **headers})

    def tracks(self):
        version = self.page.state()["track"]["version"]
        return self.get(f"tracks/{version}").json()

    def do(self, what, **values):
        self.page.receive({"do": what, **values})

    def edit(self, kind="add", frame=3, **values):
        usual = {"points": [1], "x": [0.3], "y": [-0.2], "reach": 1}
        self.do("edit", kind=kind, frame=frame, **{**usual, **values})

    def settled(self):
        """Wait until the frames to copy from are chosen."""
        wait_for(lambda: not self.page.results._choosing)

    def export(self, what):
        """Export, wait for the end, and return how it was."""
        self.page.export.begin(what)
        wait_for(lambda: self.page.export.phase not in ("frames", "video"))
        return self.page.export.state()


def wait_for(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


@pytest.fixture
def editor(clips, second, tmp_path):
    editor = Editor(f"{clips} --load {second}/checkpoint --out {tmp_path}/out")
    yield editor
    editor.page.export.close()


def test_the_state_says_what_there_is(editor):
    state = editor.page.state()
    assert state["clip"] == {
        "title": "a drives b", "direction": "ab", "width": 64, "height": 64, "frames": COUNT,
        "points": POINTS, "fps": 25.0, "first": 0, "colours": state["clip"]["colours"],
    }  # fmt: skip
    assert len(state["clip"]["colours"]) == POINTS
    edits = {"undo": None, "redo": None, "next": 1, "marks": {}, "smooth": 0.0, "saved": True}
    assert {k: v for k, v in state["edits"].items() if k in edits} == edits
    json.dumps(state)
    editor.edit()
    editor.edit("key", frame=5)
    editor.do("smooth", seconds=0.2)
    editor.do("undo")
    edits = editor.page.state()["edits"]
    assert (edits["undo"], edits["redo"], edits["next"]) == (5, -1, 4)
    assert edits["marks"] == {3: ["edited"], 5: ["key"]}


def test_only_frames_that_an_edit_touches_get_other_pictures(editor):
    before = editor.tracks()
    assert before["keys"] == before["found_keys"]
    old = editor.picture(f"result/{before['keys'][3]}")
    editor.edit(reach=1)
    after = editor.tracks()
    assert after["version"] > before["version"]
    pairs = zip(before["keys"], after["keys"])
    assert [n for n, (one, other) in enumerate(pairs) if one != other] == [2, 3, 4]
    assert after["moved"][3][1] == pytest.approx(np.add(before["moved"][3][1], [0.3, -0.2]))
    assert after["found"] == before["found"]
    assert np.abs(editor.picture(f"result/{after['keys'][3]}") - old).max() > 3
    assert np.array_equal(editor.picture(f"result/{before['keys'][3]}"), old)  # known yet
    editor.do("undo")
    assert editor.tracks()["keys"] == before["keys"]


def test_a_drag_shows_what_the_edit_will_show(editor):
    place = np.add(editor.tracks()["moved"][3][1], [0.3, -0.2]).tolist()
    drawn = editor.draw({"frame": 3, "points": {"1": place}})
    assert drawn.headers["content-type"] == "image/png"
    assert editor.page.session.history.edits == ()
    editor.edit(reach=0)
    shown = editor.picture(f"result/{editor.tracks()['keys'][3]}")
    assert np.abs(pixels(drawn.content) - shown).max() <= 1
    far = {str(k): [10, -10] for k in range(POINTS)}
    assert editor.draw({"frame": 0, "points": far}).status_code == 200


def test_a_drag_goes_before_what_is_to_be_shown(editor, monkeypatch):
    results, order = editor.page.results, []
    begun, go, picture = threading.Event(), threading.Event(), results.painter.picture

    def slowly(*pose):
        begun.set()
        assert go.wait(60)
        return picture(*pose)

    monkeypatch.setattr(results.painter, "picture", slowly)
    waiting = [results.picture(key) for key in results.shown.keys]
    assert begun.wait(60)
    drag = results.drag(0, {1: (0.1, 0.2)})
    for name, future in [*enumerate(waiting), ("drag", drag)]:
        future.add_done_callback(lambda _, name=name: order.append(name))
    go.set()
    wait_for(lambda: len(order) == COUNT + 1)
    assert order == [0, "drag", *range(1, COUNT)]


def test_the_drivers_frames_are_padded(editor):
    frame = editor.picture("driver/3")
    side = Image.open(editor.page.read_frame.__self__.clip.frames / "3.png").width
    assert frame.shape[1] == side + 2 * int(0.2 * side)
    assert editor.get(f"driver/{COUNT}").status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["second", "copying"])
def test_exports_are_what_the_page_shows(clips, kind, request, tmp_path):
    """To the last bit for --bs 1. Slow: it starts inference.py and gen_vid.py as processes."""
    load = f"{clips} --load {request.getfixturevalue(kind)}/checkpoint"
    editor = Editor(f"{load} --fps 12.5 --out {tmp_path}/out")
    editor.edit(reach=2)
    editor.edit("key", frame=6, points=[0, 4], x=[0.2, -0.4], y=[0.1, 0.3])
    editor.do("smooth", seconds=0.3)
    editor.settled()
    state, out = editor.export("video"), editor.out
    names = ("keypoints.npz", "edited_frames", "12_edited.mp4")
    assert (state["phase"], state["files"]) == ("done", [str(out / name) for name in names])
    with np.load(out / "keypoints.npz") as points:
        assert np.array_equal(points["a_moved"], editor.page.session.moved)
        assert np.array_equal(points["a"], editor.page.session.found.keypoints)
    words = f"{load} --splitted --direction ab --keypoints_in {out}/keypoints.npz"
    succeed("inference.py", f"{words} --out {tmp_path}/hand")
    assert contents(out / "edited_frames") == contents(tmp_path / "hand")
    for number, key in enumerate(editor.tracks()["keys"]):
        shown, written = editor.picture(f"result/{key}"), tmp_path / f"hand/refined_ab_{number}.png"
        assert np.array_equal(shown, pixels(written.read_bytes())), number
    video = "--columns refined_ab_*.png --fps 12.5 --name edited.mp4"
    succeed("gen_vid.py", f"--img_path {tmp_path}/hand {video} --out {tmp_path}")
    assert (tmp_path / names[2]).read_bytes() == (out / names[2]).read_bytes()
    assert not (out / ".export").exists()


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_frames_are_copied_from_where_the_whole_path_says(clips, copying, tmp_path):
    editor = Editor(f"{clips} --load {copying}/checkpoint --out {tmp_path}/out --direction ba")
    editor.settled()
    results, session = editor.page.results, editor.page.session
    told = []
    results.listeners.append(lambda: told.append(results.shown.version))
    editor.do("smooth", seconds=2)
    editor.settled()
    painter, tracks = results.painter, (session.moved, session.found.moved)
    for track, chosen in zip(tracks, results._chosen):
        outlines = painter.ask(0, painter.outlines, track).result(60)
        assert painter.ask(0, painter.path, track, outlines).result(60) == chosen
    assert not told or told[-1] == editor.tracks()["version"]


def test_an_export_can_be_cancelled_and_fails_in_words(editor, monkeypatch):
    assert editor.export("keypoints")["phase"] == "done"
    sleeping = ["inference.py", "--help"]
    monkeypatch.setattr(export.sys, "executable", "/bin/sh")
    commands = export.Commands(lambda points, out: sleeping, None, "*", 8)
    script = editor.out / "script"
    monkeypatch.setattr(editor.page.export, "commands", commands)
    script.write_text(f"mkdir {editor.out}/.export; sleep 600 & echo $! > {editor.out}/child; wait")
    sleeping[0] = str(script)
    editor.page.export.begin("frames")
    with pytest.raises(UserError, match="under way"):
        editor.page.export.begin("keypoints")
    wait_for((editor.out / "child").exists)
    wait_for((editor.out / "child").read_text)
    editor.do("cancel")
    wait_for(lambda: editor.page.export.phase == "cancelled")
    child = int((editor.out / "child").read_text())
    wait_for(lambda: ended(child))
    assert not (editor.out / ".export").exists()
    script.write_text("echo 'error: the disk is full; make room' >&2; exit 2")
    state = editor.export("frames")
    assert (state["phase"], state["files"]) == ("failed", [])
    assert state["trouble"].endswith("failed: the disk is full; make room")
    script.write_text("kill -9 $$")
    assert "ended from outside (signal 9)" in editor.export("frames")["trouble"]
    with pytest.raises(UserError, match="nothing known"):
        editor.page.export.begin("everything")


def ended(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().split()[2] == "Z"
    except OSError:
        return True


CLIMBS = ["../edits.json", "..%2fedits.json", "%2e%2e%2fedits.json", "..%5cedits.json", "%2fetc"]
CLIMBS += ["-1", "%00", "%ff", "1e0", "01", "+1", " 1", "99", "x" * 5000]


@pytest.mark.parametrize("route", ["driver/", "result/", "tracks/", ""])
def test_no_parameter_leads_elsewhere(editor, route):
    for name in CLIMBS:
        answer = editor.get(f"{route}{name}")
        assert answer.status_code in (403, 404), (route, name)
        assert "history" not in answer.text
    other = editor.get(f"result/{editor.tracks()['keys'][0][:-1]}")
    assert other.status_code == 404


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/{}", {}),
        ("/wrong/{}", {}),
        (f"/{TOKEN}x/{{}}", {}),
        (f"/{TOKEN}/{{}}", {"host": "evil.example:8000"}),
        (f"/{TOKEN}/{{}}", {"host": "127.0.0.1:8001"}),
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


def test_jitter_is_what_inference_prints(editor, clips, second, tmp_path):
    editor.do("smooth", seconds=0.2)
    before, after = editor.page.state()["edits"]["jitter"]
    words = f"{clips} --load {second}/checkpoint --direction ab --splitted --smooth 0.2"
    text = succeed("inference.py", f"{words} --out {tmp_path}/x")
    assert f"jitter {before:.3f} before, {after:.3f} after" in text
    assert before == pytest.approx(50 * tracks.jitter(editor.page.session.found.keypoints))


SCRIPT = "edit.py"


def test_what_cannot_be_edited_is_one_sentence(clips, first, second, tmp_path):
    out = tmp_path / "out"
    words = f"{clips} --out {out}"
    good = f"{words} --load {second}/checkpoint"
    refuse(SCRIPT, words, "(none) is no file")
    refuse(SCRIPT, f"{words} --load {first}/checkpoint", "train_second_stage.py is needed")
    refuse(SCRIPT, f"--out {out} --load {second}/checkpoint", "no mask folder given")
    refuse(SCRIPT, f"{good} --root_a {tmp_path}/none_seg", "does not exist")
    refuse(SCRIPT, f"{good} --keypoints {out}.csv", "ends in .npz or .json")
    refuse(SCRIPT, f"{good} --keypoints {out}.npz", "does not exist", "--keypoints")
    for option in ("--keypoints_in x.npz", "--keypoints_out x.npz", "--smooth 1", "--data_size 2"):
        refuse(SCRIPT, f"{good} {option}", option.split()[0], "means nothing here")
    refuse(SCRIPT, f"{good} --direction both", "invalid choice")
    refuse(SCRIPT, f"{good} --render lookup", "invalid choice")
    refuse(SCRIPT, f"{good} {tmp_path}", "no folder of a finished run.py")
    refuse(SCRIPT, f"{good} --host 0.0.0.0", "unencrypted", "--allow_remote")
    refuse(SCRIPT, f"{good} --host no.such.host.invalid", "known here")
    assert not out.exists()
    Path(f"{out}.npz").write_bytes(b"PK")
    refuse(SCRIPT, f"{good} --keypoints {out}.npz", "no file of keypoints")


@pytest.mark.parametrize("name", ["starlette", "uvicorn", "websockets"])
def test_without_the_packages_one_sentence_says_what_to_install(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    refuse(SCRIPT, f"--out {tmp_path}/out", name, "pip install -r requirements-editor.txt")


def test_a_run_folder_gives_its_command(clips, second, tmp_path):
    steps = Steps(tmp_path)
    command = [*clips.split(), "--load", f"{second}/checkpoint", "--splitted", "--direction", "ba"]
    steps.known["frames ba"] = {"argv": [*command, "--out", str(tmp_path / "frames")]}
    steps._remember(type("Step", (), {"name": "other", "argv": ()}), "", True)
    asked, given = edit.settled([str(tmp_path), "--direction", "ba", "--bs", "3"])
    assert asked.out == str(tmp_path / "edited_ba")
    assert (asked.load, asked.bs, asked.affine) == (f"{second}/checkpoint", 3, True)
    assert edit.settled([str(tmp_path), "--direction", "ba", "--out", "x"])[0].out == "x"
    refuse(SCRIPT, f"{tmp_path}", "run.py's command again")
    with pytest.raises(UserError, match="keypoint file .* does not exist"):
        edit.open_page(*edit.settled([str(tmp_path), "--direction", "ba", "--keypoints", "n.npz"]))


def test_keypoints_of_a_file_are_the_beginning(editor, clips, second, tmp_path):
    editor.edit()
    assert editor.export("keypoints")["phase"] == "done"
    words = f"{clips} --load {second}/checkpoint --out {tmp_path}/other"
    words += f" --keypoints {editor.out}/keypoints.npz"
    again = Editor(words)
    assert np.array_equal(again.page.session.found.moved, editor.page.session.moved)
    again.edit()
    done = Editor(words.rpartition(" --keypoints")[0])  # goes on without it
    assert np.array_equal(done.page.session.moved, again.page.session.moved)
    with pytest.raises(UserError, match="another file of --keypoints"):
        Editor(words.replace("keypoints.npz", "found.npz"))


def test_others_come_in_only_where_they_are_let(tmp_path):
    (tmp_path / "index.html").write_text("hello")
    for host in ("127.0.0.1", "localhost", "127.0.0.2"):
        check_host(host, False)
        assert LocalServer([], tmp_path, host).address.startswith(f"http://{host}:")
    with pytest.raises(UserError, match="unencrypted"):
        check_host("0.0.0.0", False)
    check_host("0.0.0.0", True)
    server = LocalServer([], tmp_path, "0.0.0.0")
    assert server._socket.getsockname()[0] == "0.0.0.0"
    hosts = server._server.config.app.hosts
    port = server.address.split("/")[2].rpartition(":")[2]
    assert f"127.0.0.1:{port}" in hosts
    assert server.address.split("/")[2] == hosts[0]
    with pytest.raises(UserError, match="192.0.2.1 is no address of this machine"):
        LocalServer([], tmp_path, "192.0.2.1")


@pytest.mark.slow
def test_the_real_program(clips, second, tmp_path):
    """Slow: it starts edit.py as a process, twice, and an export with it."""
    from websockets.sync.client import connect

    out = tmp_path / "out"
    words = f"{clips} --load {second}/checkpoint --out {out}"
    with serving("edit.py", *words.split()) as (process, address):
        origin = address[: address.index("/", 8)]
        refuse(SCRIPT, words, "is open in another edit.py")
        with connect(address.replace("http", "ws") + "live", origin=origin) as page:
            page.recv()
            page.send(json.dumps({"do": "smooth", "seconds": 0.5}))
            assert json.loads(page.recv())["edits"]["smooth"] == 0.5
            page.send(json.dumps({"do": "export", "what": "frames"}))
            wait_for((out / ".export").exists)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 128 + signal.SIGTERM
    assert not (out / ".export").exists()
    with serving("edit.py", *words.split()) as (process, address):
        assert urlopen(address).status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert f"edits and exports are in {out}" in process.stdout.read()
    content = json.loads((out / "edits.json").read_text())
    assert [edit["kind"] for edit in content["history"]["edits"]] == ["smooth"]
