"""Edits of keypoints: what they do to the tracks, what is refused, what stays on disk."""

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from editing import session as sessions
from editing.edits import Edit, History, parse, parse_smoothing
from editing.motion import Motions, interpolated, smoothed, weights
from editing.opening import open_session
from editing.session import Session
from finishing.tracks import Track, jitter
from tests.conftest import ROOT
from utils.errors import UserError

COUNT, POINTS, RATE = 12, 3, 10.0
OF = {"checkpoint": "c", "clip": "d", "direction": "ab", "keypoints": ""}


def track(seed=0):
    places = np.random.default_rng(seed).uniform(-0.8, 0.8, (2, COUNT, POINTS, 2))
    return Track(np.arange(5, 5 + COUNT), *places.astype(np.float32))


FOUND = track().moved
MOTIONS = Motions(FOUND, RATE)


def moved(*edits):
    """Tracks after edits, and their keys."""
    history = History()
    for edit in edits:
        history = history.with_edit(edit)
    motion = MOTIONS.under(history)
    return motion.tracks, motion.keys


def changed(tracks):
    """Pairs of frame and keypoint that are elsewhere than they were found."""
    return {tuple(place) for place in np.argwhere(np.abs(tracks - FOUND).max(-1) > 1e-6).tolist()}


def test_weights_fall_off_as_a_raised_cosine():
    assert weights(5, 2, 0).tolist() == [0, 0, 1, 0, 0]
    assert weights(5, 1, 1) == pytest.approx([0.5, 1, 0.5, 0, 0])
    assert weights(6, 0, 2) == pytest.approx([1, 0.75, 0.25, 0, 0, 0])
    assert weights(3, 1, -1).tolist() == [1, 1, 1]
    assert (weights(9, 4, 9) > 0).all()


def test_adding_shifts_and_keeps_the_motion():
    tracks, _ = moved(Edit("add", 4, (1,), (0.2,), (-0.1,)))
    assert changed(tracks) == {(4, 1)}
    assert tracks[4, 1] == pytest.approx(FOUND[4, 1] + [0.2, -0.1])
    tracks, _ = moved(Edit("add", 4, (1, 2), (0.2, 0.0), (-0.1, 0.4), 1))
    assert tracks[3, 1] == pytest.approx(FOUND[3, 1] + [0.1, -0.05])
    assert tracks[5, 2] == pytest.approx(FOUND[5, 2] + [0, 0.2])
    assert changed(tracks) == {(n, k) for n in (3, 4, 5) for k in (1, 2)}
    tracks, _ = moved(
        Edit("add", 4, (0,), (0.2,), (0.0,), -1), Edit("add", 4, (0,), (0.1,), (0.0,))
    )
    assert tracks[:, 0] - FOUND[:, 0] == pytest.approx(
        np.array([[0.3 if n == 4 else 0.2, 0] for n in range(COUNT)]), abs=1e-6
    )


def test_setting_pins():
    tracks, _ = moved(Edit("set", 0, (2,), (0.5,), (0.25,), 1))
    assert tracks[0, 2].tolist() == [0.5, 0.25]
    assert tracks[1, 2] == pytest.approx((FOUND[1, 2] + [0.5, 0.25]) / 2)
    assert changed(tracks) == {(0, 2), (1, 2)}
    tracks, _ = moved(Edit("set", 3, (0, 1), (0.0, 0.1), (0.2, 0.3), -1))
    assert tracks[:, 1].tolist() == [[0.1, 0.3]] * COUNT


def test_between_key_frames_offsets_go_smoothly():
    first, last = Edit("key", 2, (0,), (0.4,), (0.0,)), Edit("key", 8, (0,), (0.0,), (0.2,))
    tracks, keys = moved(first)
    assert tracks[:, 0] - FOUND[:, 0] == pytest.approx(np.tile([0.4, 0], (COUNT, 1)), abs=1e-6)
    tracks, keys = moved(first, last)  # the second one is dragged from where the first holds it
    offsets = tracks[:, 0] - FOUND[:, 0]
    assert offsets[:3] == pytest.approx(np.tile([0.4, 0], (3, 1)), abs=1e-6)
    assert offsets[8:] == pytest.approx(np.tile([0.4, 0.2], (4, 1)), abs=1e-6)
    assert offsets[5] == pytest.approx([0.4, 0.1], abs=1e-6)
    assert (np.diff(offsets[2:9, 1]) > 0).all()
    assert offsets[3, 1] < offsets[4, 1] - offsets[3, 1]  # level at the ends
    assert changed(tracks) == {(n, 0) for n in range(COUNT)}
    assert [sorted(x) for x in keys] == [[2, 8], [], []]


def test_a_key_frame_replaces_its_former_one_and_does_not_overshoot():
    tracks, keys = moved(
        Edit("key", 3, (1,), (0.0,), (0.0,)), Edit("key", 9, (1,), (0.0,), (0.0,)),
        Edit("key", 6, (1,), (0.3,), (0.0,)), Edit("key", 6, (1,), (0.1,), (-0.2,)),
    )  # fmt: skip
    assert keys[1][6] == pytest.approx([0.4, -0.2])
    offsets = tracks[:, 1] - FOUND[:, 1]
    assert offsets[6] == pytest.approx([0.4, -0.2], abs=1e-6)
    assert changed(tracks) == {(n, 1) for n in (4, 5, 6, 7, 8)}
    assert offsets[:, 0].max() <= 0.4 + 1e-6
    assert (
        np.diff(interpolated({0: np.zeros(2), 3: np.ones(2), 9: np.ones(2)}, 10)[3:], axis=0).max()
        == 0
    )


@pytest.mark.parametrize("kind", ["add", "set", "key"])
def test_every_move_ends_where_the_user_put_it(kind):
    """After any edits before it, which a drag must not know."""
    rng = random.Random(kind)
    edits = []
    for _ in range(40):
        motion, frame, point = moved(*edits)[0], rng.randrange(COUNT), rng.randrange(POINTS)
        place = np.array([rng.uniform(-1, 1), rng.uniform(-1, 1)])
        last = kind if len(edits) == 39 else rng.choice(["add", "set", "key", "reset"])
        x, y = place if last == "set" else place - motion[frame, point]
        edits.append(Edit(last, frame, (point,), (x,), (y,), rng.choice([-1, 0, 1, 5])))
    assert moved(*edits)[0][frame, point] == pytest.approx(place)


def test_resets_lead_back_to_what_was_found():
    done = [Edit("add", 4, (0, 1), (0.2, 0.2), (0, 0), -1), Edit("key", 6, (1,), (0.1,), (0.1,)),
            Edit("key", 9, (1,), (0.3,), (0.1,))]  # fmt: skip
    everywhere = {(n, k) for n in range(COUNT) for k in (0, 1)}
    tracks, keys = moved(*done)
    assert changed(tracks) == everywhere
    assert changed(moved(*done, Edit("reset", 3, (0,)))[0]) == everywhere - {(3, 0)}
    frame = Edit("reset", 3, (0, 1, 2), reach=1)
    assert changed(moved(*done, frame)[0]) == everywhere - {
        (n, k) for n in (2, 3, 4) for k in (0, 1)
    }
    tracks, keys = moved(*done, Edit("reset", 3, (1,), reach=-1))
    assert changed(tracks) == {(n, 0) for n in range(COUNT)}
    assert keys[1] == {}
    assert changed(moved(*done, Edit("reset", 0, (0, 1, 2), reach=-1))[0]) == set()


def test_a_reset_takes_its_key_frames_away():
    keys = [Edit("key", n, (0,), (x,), (0.0,)) for n, x in ((2, 0.2), (6, 0.4), (10, 0.1))]
    tracks, left = moved(*keys, Edit("reset", 6, (0,)))
    offsets = tracks[:, 0, 0] - FOUND[:, 0, 0]
    assert sorted(left[0]) == [2, 10]
    assert offsets[6] == pytest.approx(0, abs=1e-6)
    assert offsets[5] == pytest.approx(interpolated(left[0], COUNT)[5, 0], abs=1e-6)


def test_a_reset_takes_back_a_drag_of_the_same_reach():
    drag = Edit("add", 5, (1,), (0.3,), (0.2,), 3)
    assert changed(moved(drag, Edit("reset", 5, (1,), reach=3))[0]) == set()


def test_edits_lie_on_smoothed_keypoints():
    history = History().with_edit(Edit("add", 4, (1,), (0.2,), (0.0,)))
    history = history.with_edit(Edit("smooth", seconds=0.4))
    base = smoothed(FOUND, 0.4, RATE)
    assert jitter(base) < jitter(FOUND) / 2
    tracks = MOTIONS.under(history).tracks
    assert tracks[4, 1] == pytest.approx(base[4, 1] + [0.2, 0])
    assert np.delete(tracks, 4, 0) == pytest.approx(np.delete(base, 4, 0))
    assert np.array_equal(MOTIONS.under(history.moved(-2)).tracks, FOUND)
    assert np.array_equal(smoothed(FOUND, 0, RATE), FOUND)


def test_300_steps_are_undone_and_redone(tmp_path, monkeypatch):
    """Whatever was done, each step back and forth is exactly what was there."""
    monkeypatch.setattr(Session, "_write", lambda *_: None)  # 900 files take seconds
    rng, session = random.Random(0), Session(tmp_path / "edits.json", OF, track(), RATE)
    seen = [session.moved]
    for _ in range(300):
        if rng.random() < 0.02:
            session.smooth({"seconds": rng.random()})
        else:
            kind, points = rng.choice(["add", "set", "key", "reset"]), rng.sample(range(POINTS), 2)
            places = {"x": [rng.random(), 0.1], "y": [0.2, -0.3], "reach": rng.randint(-1, 5)}
            number = rng.randrange(COUNT)
            session.add(message(kind=kind, frame=number, points=points, **places))
        seen.append(session.moved)
    for step, states in ((-1, seen[-2::-1]), (1, seen[1:])):
        for state in states:
            session.move(step)
            assert np.array_equal(session.moved, state)
        session.move(step)
        assert np.array_equal(session.moved, states[-1])
    session.move(-1)
    session.add(message())
    session.move(1)
    assert len(session.history.edits) == session.history.done == 300
    assert session.history.next == 302


def message(**values):
    return {"kind": "add", "frame": 3, "points": [1], "x": [0.1], "y": [0.2], "reach": 0, **values}


def test_messages_become_edits():
    assert parse(message(), COUNT, POINTS) == Edit("add", 3, (1,), (0.1,), (0.2,), 0)
    reset = {"do": "edit", "kind": "reset", "frame": 3, "points": [], "reach": -1}
    assert parse(reset, COUNT, POINTS) == Edit("reset", 3, (0, 1, 2), (), (), -1)
    assert parse_smoothing({"seconds": 1}) == Edit("smooth", seconds=1.0)


NAN, HUGE = float("nan"), 10**400
MALFORMED = [
    {}, message(kind="drag"), message(kind=None), message(kind=["add"]), message(kind="smooth"),
    *(message(frame=x) for x in (-1, COUNT, 1.0, True, "3", None, NAN, HUGE, [3])),
    *(message(reach=x) for x in (-2, COUNT + 1, 1.5, False, "all", None, HUGE)),
    *(message(points=x) for x in ([], [POINTS], [-1], [1, 1], [True], ["1"], [1.0], "1", None, 1,
                                  {"1": 1}, [[1]], list(range(100_000)), [HUGE])),
    *(message(x=x) for x in ([], [1, 1], [NAN], [float("inf")], [True], ["1"], [None], 0.1, None,
                             [11.0], [HUGE], [[0.1]], {"0": 0.1}, [0.1] * 100_000)),
    message(y=[NAN]), message(kind="set", y=[]), message(kind="key", x=[]),
    message(kind="reset", points=[7]), message(kind="reset", frame=99),
]  # fmt: skip


@pytest.mark.parametrize("bad", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_messages_are_refused(bad, tmp_path):
    session = Session(tmp_path / "edits.json", OF, track(), RATE)
    before = (tmp_path / "edits.json").read_bytes()
    with pytest.raises(UserError, match="had no effect"):
        session.add(bad)
    assert session.history == History()
    assert (tmp_path / "edits.json").read_bytes() == before


@pytest.mark.parametrize("seconds", [None, -0.1, NAN, True, "1", 61, HUGE, [1]])
def test_malformed_smoothing_is_refused(seconds):
    with pytest.raises(UserError, match="0 to 60 seconds"):
        parse_smoothing({"seconds": seconds})


def begin(folder, of=OF, found=None, overwrite=False):
    numbers = range(5, 5 + COUNT)
    return open_session(folder, of, "a", numbers, POINTS, RATE, found or track, overwrite)


def fail():
    raise AssertionError("what was found is in the folder")


def test_a_session_goes_on_where_it_was_left(tmp_path):
    session = begin(tmp_path)
    session.add(message())
    session.add(message(frame=7))
    session.smooth({"seconds": 0.3})
    session.move(-1)
    again = begin(tmp_path, {**OF, "keypoints": ""}, fail)
    assert again.history == session.history
    assert np.array_equal(again.moved, session.moved)
    again.move(1)
    assert again.history.seconds() == 0.3
    anew = begin(tmp_path, {**OF, "clip": "other"}, lambda: track(1), overwrite=True)
    assert anew.history == History()
    assert np.array_equal(anew.moved, track(1).moved)


@pytest.mark.parametrize(
    ("name", "words"),
    [("checkpoint", "another checkpoint"), ("clip", "another clip"), ("keypoints", "--keypoints"),
     ("direction", "--direction")],
)  # fmt: skip
def test_what_belongs_to_something_else_is_refused(tmp_path, name, words):
    begin(tmp_path).add(message())
    path = tmp_path / "edits.json"  # a frame that the other clip does not have is no damage
    path.write_text(path.read_text().replace('"frame": 3', '"frame": 1000'))
    with pytest.raises(UserError, match=f"{words}.*--overwrite"):
        begin(tmp_path, {**OF, name: "other"})


def test_a_damaged_file_is_one_sentence(tmp_path):
    session, path = begin(tmp_path), tmp_path / "edits.json"
    session.add(message())
    whole = path.read_text()
    content = json.loads(whole)
    bad = [whole[:-9], "", "[]", "{}", "[" * 100_000, whole.replace('"add"', '"odd"'), "\x00"]
    parts = {"done": 2}, {"done": -1}, {"edits": [1]}, {"edits": {}}, {"next": "x"}
    histories = [{**content["history"], **part} for part in parts]
    bad += [json.dumps({**content, "history": history}) for history in histories]
    for text in bad:
        path.write_text(text)
        with pytest.raises(UserError, match="damaged.*--overwrite"):
            begin(tmp_path, found=fail)
    path.write_text(whole)
    (tmp_path / "found.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"found.npz is no file of keypoints"):
        begin(tmp_path, found=fail)
    (tmp_path / "found.npz").unlink()
    with pytest.raises(UserError, match=r"found.npz does not exist; .*--overwrite"):
        begin(tmp_path, found=fail)
    assert begin(tmp_path, overwrite=True).history == History()


def test_no_edit_is_lost_where_nothing_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "AGAIN", 0.05)
    session, told = begin(tmp_path / "out"), []
    session.listeners.append(lambda: told.append(session.trouble))
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    (tmp_path / "out").write_text("in the way")
    session.add(message())
    session.add(message(frame=8))
    assert "cannot be written" in told[-1]
    assert "in memory" in told[-1]
    assert changed(session.moved) == {(3, 1), (8, 1)}
    with pytest.raises(UserError, match="do again"):
        session.close()
    session.add(message(frame=9))
    (tmp_path / "out").unlink()
    deadline = time.monotonic() + 20
    while told[-1] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert told[-1] == ""
    (tmp_path / "elsewhere/found.npz").rename(tmp_path / "out/found.npz")
    assert np.array_equal(begin(tmp_path / "out", found=fail).moved, session.moved)


def test_an_edit_survives_a_kill_right_after_it(tmp_path):
    """By a process that is killed as soon as it has said that the edit counts."""
    code = (
        "from tests import test_editing as t, conftest\nfrom pathlib import Path\n"
        f"session = t.begin(Path({str(tmp_path)!r}))\n"
        "session.listeners.append(lambda: print('counts', flush=True))\n"
        "for number in range(10_000):\n    session.add(t.message(frame=number % t.COUNT))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    for _ in range(25):
        assert process.stdout.readline() == b"counts\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    said = 25 + process.stdout.read().count(b"counts\n")
    process.stdout.close()
    assert said <= begin(tmp_path, found=fail).history.done <= said + 1
