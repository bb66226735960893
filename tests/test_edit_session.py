"""A session of edits: what it refuses, what is undone, what stays on disk."""

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from editing import later
from editing.edits import Edit, History, parse, parse_smoothing
from editing.motion import Motion
from editing.session import Session
from tests.conftest import ROOT
from tests.edits import COUNT, OF, POINTS, RATE, begin, changed, message, track
from utils.errors import UserError


def test_300_steps_are_undone_and_redone(tmp_path, monkeypatch):
    """Whatever was done, each step back and forth is exactly what was there."""
    monkeypatch.setattr(Session, "_write", lambda *_: None)  # 900 files take seconds
    rng, session = random.Random(0), Session(tmp_path / "edits.json", OF, track(), RATE)
    seen = [session.moved]
    for _ in range(300):
        if rng.random() < 0.02:
            session.smooth({"seconds": rng.random()})
        else:
            kind = rng.choice(["add", "set", "key", "reset", "unkey"])
            points = rng.sample(range(POINTS), 2)
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
     ("direction", "--direction ab"), ("rate", "--fps 10")],
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
    monkeypatch.setattr(later, "AGAIN", 0.05)
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


def test_an_edit_for_which_there_is_no_memory_had_no_effect(tmp_path, monkeypatch):
    def fail(*_):
        raise MemoryError

    session = begin(tmp_path)
    session.add(message())
    with monkeypatch.context() as patch:
        patch.setattr(Motion, "after", fail)
        with pytest.raises(MemoryError):
            session.add(message(frame=8))
    session.add(message(frame=9))
    assert changed(session.moved) == {(3, 1), (9, 1)}
    assert session.history.done == 2


def test_a_smoothing_takes_the_place_of_the_one_just_before(tmp_path):
    session = begin(tmp_path, smoothing=0.2)  # of the run, to which undo leads back
    for number in range(4):
        session.smooth({"seconds": 0.3 + number / 10, "again": number > 0})
    assert session.history.seconds() == 0.6
    session.move(-1)
    session.smooth({"seconds": 0.9, "again": True})  # after undo nothing is replaced
    assert [edit.seconds for edit in session.history.edits] == [0.2, 0.9]
    session.add(message())
    session.smooth({"seconds": 0.1, "again": True})
    assert [edit.kind for edit in session.history.edits] == ["smooth", "smooth", "add", "smooth"]


def test_a_session_that_is_closed_writes_nothing(tmp_path):
    session = begin(tmp_path)
    session.add(message())
    session.close()
    (tmp_path / "edits.json").unlink()  # the folder may belong to another program by now
    session.save()
    assert not (tmp_path / "edits.json").exists()


def test_a_session_can_begin_smoothed(tmp_path):
    assert begin(tmp_path, smoothing=0.3).history.seconds() == 0.3
    assert begin(tmp_path, found=fail, smoothing=0.5).history.seconds() == 0.3
    with pytest.raises(UserError, match="0 to 60 seconds"):
        begin(tmp_path, found=fail, smoothing=61, overwrite=True)


def test_a_place_that_cannot_be_written_is_no_beginning(tmp_path):
    (tmp_path / "edits.json").mkdir()
    with pytest.raises(UserError, match="edits.json is a folder"):
        Session(tmp_path / "edits.json", OF, track(), RATE)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="make room, or choose another --out$"):
        Session(tmp_path / "file/edits.json", OF, track(), RATE)


def test_an_edit_survives_a_kill_right_after_it(tmp_path):
    """By a process that is killed as soon as it has said that the edit counts."""
    code = (
        "from tests import edits as t\nfrom pathlib import Path\n"
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
