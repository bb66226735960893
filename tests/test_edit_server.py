"""The page of edit.py, without a browser: its state, its pictures, what they copy from."""

import json
import threading
import tracemalloc

import numpy as np
import pytest
import torch
from PIL import Image

from finishing import tracks
from tests.conftest import succeed
from tests.editor import COUNT, POINTS, Editor, pixels, wait_for
from utils.overlap import thumbnails

pytest_plugins = ["tests.edited"]


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


def test_only_what_changed_is_sent(editor):
    editor.edit("key", frame=6)
    before = editor.tracks()
    version = before["version"]
    editor.edit(reach=1)
    after = editor.tracks()
    news = editor.get(f"tracks/{version + 1}?since={version}").json()
    assert (news["version"], news["frames"]) == (version + 1, [2, 3, 4])
    for name in ("moved", "keys", "found_keys"):
        assert news[name] == after[name][2:5]
        assert before[name][5:] == after[name][5:]
    assert news["keyframes"] == after["keyframes"] == [[], [6], [], [], []]
    assert not {"driver", "found"} & news.keys()
    for bad in ("-1", str(version + 2), "x", "1e0", ""):
        assert editor.get(f"tracks/{version}?since={bad}").status_code == 404
    editor.page.session.save()
    editor.do("redo")  # there is nothing to be redone
    assert editor.page.state()["track"]["version"] == version + 1


def test_tracks_take_no_more_memory_after_many_edits(editor):
    results = editor.page.results
    results.shown = results.shown._replace(version=10**6)
    tracemalloc.start()
    try:
        assert editor.tracks()["version"] == 10**6
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


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
    waiting = [results.picture(key) for key in results.shown.keys[0]]
    assert begun.wait(60)
    drag = results.drag(0, {1: (0.1, 0.2)})
    for name, future in [*enumerate(waiting), ("drag", drag)]:
        future.add_done_callback(lambda _, name=name: order.append(name))
    go.set()
    wait_for(lambda: len(order) == COUNT + 1)
    assert order == [0, "drag", *range(1, COUNT)]


def test_full_memory_is_said_and_costs_no_edit(editor, monkeypatch):
    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    drag = {"frame": 3, "points": {"1": [0.5, 0]}}
    with monkeypatch.context() as patch:
        patch.setattr(editor.page.results.painter, "picture", fail)
        editor.edit(reach=0)
        key = editor.tracks()["keys"][3]
        for answer in (editor.get(f"result/{key}"), editor.draw(drag)):
            assert (answer.status_code, answer.text[:14]) == (503, "memory is full")
    assert len(editor.page.session.history.edits) == 1
    assert editor.get(f"result/{key}").status_code == editor.draw(drag).status_code == 200


def test_the_drivers_frames_are_padded(editor):
    frame = editor.picture("driver/3")
    side = Image.open(editor.page.read_frame.__self__.clip.frames / "3.png").width
    assert frame.shape[1] == side + 2 * int(0.2 * side)
    assert editor.get(f"driver/{COUNT}").status_code == 404


def test_frames_are_copied_from_where_the_whole_path_says(clips, copying, tmp_path):
    editor = Editor(f"{clips} --load {copying}/checkpoint --out {tmp_path}/out --direction ba")
    editor.settled()
    results, session = editor.page.results, editor.page.session
    before, told = results.shown.chosen.tolist(), []
    results.listeners.append(lambda: told.append(results.shown.version))
    painter = results.painter
    x, y = painter.gallery.keypoints[5].T.tolist()
    editor.edit("set", points=[*range(POINTS)], x=x, y=y, reach=-1)  # all in one frame's pose
    wait_for(lambda: told)
    chosen = results.shown.chosen.tolist()
    assert before[0] != chosen[0] == [5] * COUNT
    assert before[1] == chosen[1]
    assert told == [editor.tracks()["version"]]
    for track, frames in zip((session.moved, session.found.moved), chosen):
        assert painter.ask(0, path, painter, torch.from_numpy(track)).result(60) == frames


def path(painter, track):
    """The frames to copy from for a track (N, K, 2), by the whole of it at once."""
    shapes = painter.jokr.decode(track, *painter.size, per_item=True)
    return painter.gallery.path(track, thumbnails(shapes["ba".index(painter.domain)])).tolist()


def test_jitter_is_what_inference_prints(editor, clips, second, tmp_path):
    editor.do("smooth", seconds=0.2)
    before, after = editor.page.state()["edits"]["jitter"]
    words = f"{clips} --load {second}/checkpoint --direction ab --splitted --smooth 0.2"
    text = succeed("inference.py", f"{words} --out {tmp_path}/x")
    assert f"jitter {before:.3f} before, {after:.3f} after" in text
    assert before == pytest.approx(50 * tracks.jitter(editor.page.session.found.keypoints))
