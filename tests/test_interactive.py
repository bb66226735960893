"""Masks made by hand: edits, what follows from them, what survives, and the clip in the end."""

import json
import shutil
from functools import partial

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from preparation import interactive, record
from preparation.carrying import Carrier
from preparation.clip_folder import Frames
from preparation.edits import History, owners, parse
from preparation.existing import Existing
from preparation.mask_page import FOLDER, MaskPage
from preparation.session import Session, read
from server.local import guarded
from tests import films
from tests.conftest import refuse
from utils.errors import UserError

pytest_plugins = ["tests.prepared"]

COUNT, WIDTH, HEIGHT = 9, 40, 30
CLIP = {
    "frames_of": {"video": "x.mp4"},
    "masks_of": {},
    "crop": "tight",
    "frames": COUNT,
    "fps": 6,
    "size": [WIDTH, HEIGHT],
}
BOX = {"tool": "box", "points": [[5, 5], [15, 12]]}
DOT, AREA = {"points": [[20, 20]], "radius": 2}, 13


class Copying:
    """Stands for `segmentation.follow.Follower`: boxes as they are, masks carried unchanged."""

    def __init__(self):
        self.calls = []

    def first(self, number, box=None, strokes=None, mask=None):
        self.calls.append(number)
        found = np.zeros((HEIGHT, WIDTH), bool) if mask is None else mask.copy()
        if box and mask is None:
            x, y, width, height = box
            found[y : y + height, x : x + width] = True
        if strokes is not None:
            found[strokes > 0], found[strokes < 0] = True, False
        return found

    def carry(self, number, other, mask, strokes=None):
        assert abs(number - other) == 1
        self.calls.append(number)
        return mask


class Worked:
    """A session whose wishes are met at once."""

    def __init__(self, session):
        self.session, self.follower = session, Copying()
        nothing = lambda: None  # noqa: E731
        self.carrier = Carrier(session, nothing, nothing, nothing, nothing)

    def do(self, frame, tool, **words):
        self.session.add({"frame": frame, "tool": tool, **words})
        return self.work()

    def work(self):
        """Make all masks; returns of which frames."""
        self.follower.calls.clear()
        while self.carrier.step(self.follower):
            pass
        return sorted(self.follower.calls)

    def masks(self):
        return [self.session.mask(n, edit) for n, edit in enumerate(self.session.shown())]

    def areas(self):
        return [int(mask.sum()) for mask in self.masks()]


@pytest.fixture
def fresh(tmp_path):
    films.write_folder(tmp_path / "frames", np.zeros((COUNT, HEIGHT, WIDTH, 3), np.uint8), "{}.jpg")
    return Worked(Session(tmp_path / "s", CLIP, History(), Frames(tmp_path / "frames", COUNT)))


def reopened(work, **words):
    """The session as another process finds it."""
    old = work.session
    found = read(old.folder)
    return Worked(Session(old.folder, found["clip"], found["history"], old.frames, **words))


@pytest.fixture
def mended(tmp_path, fresh):
    """A session on a clip that has masks of 10 pixels already; that of frame 6 was painted."""
    former = np.zeros((COUNT, HEIGHT, WIDTH), bool)
    former[:, 0, :10] = True
    return Worked(
        Session(tmp_path / "m", CLIP, History(), fresh.session.frames, former, frozenset({6}))
    )


def test_frames_hang_on_the_nearest_anchor():
    assert owners([2, 6], 9) == [2, 2, 2, 2, 2, 6, 6, 6, 6]
    assert owners([], 2) == [None, None]


def test_a_box_is_carried_both_ways(fresh):
    assert fresh.do(4, **BOX) == list(range(COUNT))
    assert fresh.areas() == [70] * COUNT
    assert fresh.session.anchors()[4].box == (5, 5, 10, 7)


def test_a_change_makes_only_its_span_anew(fresh):
    fresh.do(2, **BOX)
    assert fresh.do(6, "object", **DOT) == [5, 6, 7, 8]
    areas = fresh.areas()
    assert areas[:5] == [70] * 5
    assert set(areas[5:]) == {70 + AREA}
    assert fresh.do(6, "background", points=[[6, 6]], radius=1) == [5, 6, 7, 8]
    assert fresh.areas()[:5] == [70] * 5
    assert fresh.areas()[6] < 70 + AREA


def test_painting_is_exact_and_carried(fresh):
    fresh.do(0, **BOX)
    before = fresh.masks()
    assert fresh.do(4, "brush", **DOT) == [3, 5, 6, 7, 8]  # frame 4 needs no segmentation
    after = fresh.masks()
    assert np.array_equal(after[0], before[0])
    added = after[4] & ~before[4]
    y, x = np.nonzero(added)
    assert np.hypot(y - 20, x - 20).max() <= 2.5
    assert added.sum() == AREA
    fresh.do(4, "eraser", points=[[0, 20], [39, 20]], radius=5)
    assert not (fresh.masks()[4] & added).any()
    assert np.array_equal(fresh.masks()[4], before[4])


def test_on_a_clip_with_masks_painting_changes_one_frame(mended):
    assert mended.do(3, "brush", **DOT) == []
    assert mended.areas() == [10, 10, 10, 10 + AREA, *[10] * 5]
    assert mended.do(2, "object", **DOT) == [0, 1, 2]  # 3 is painted
    assert mended.areas() == [10 + AREA] * 4 + [10] * 5
    mended.do(7, "object", **DOT)
    assert mended.areas() == [10 + AREA] * 4 + [
        10,
        10,
        10,
        10 + AREA,
        10 + AREA,
    ]  # 6 was painted before
    assert mended.do(8, "keep") == []
    mended.do(7, "clear")
    assert mended.areas()[7:] == [10, 10 + AREA]


def test_what_was_changed_last_is_made_first(fresh):
    fresh.session.add({"frame": 0, **BOX})
    fresh.session.add({"frame": 6, **BOX})
    fresh.work()
    assert fresh.follower.calls == [0, 6, 5, 7, 4, 8, 1, 2, 3]


def test_undo_and_redo_need_no_work(fresh):
    fresh.do(0, **BOX)
    first = fresh.areas()
    fresh.do(4, "object", **DOT)
    second = fresh.areas()
    fresh.session.move(-1)
    assert (fresh.work(), fresh.areas()) == ([], first)
    fresh.session.move(1)
    assert (fresh.work(), fresh.areas()) == ([], second)
    for _ in range(5):
        fresh.session.move(-1)
    assert fresh.areas() == [0] * COUNT
    fresh.session.move(1)
    fresh.do(8, "eraser", **DOT)  # what was undone is gone
    fresh.session.move(1)
    assert {edit.tool for edit in fresh.session.history.edits} == {"box", "eraser"}
    assert [edit.id for edit in fresh.session.history.edits] == [1, 3]
    assert reopened(fresh).areas() == fresh.areas()
    assert not list(fresh.session.folder.glob("masks/*-2.png"))


def test_another_process_goes_on_where_one_was_killed(fresh):
    fresh.do(0, **BOX)
    fresh.session.move(-1)
    fresh.session.move(1)
    fresh.session.add({"frame": 5, "tool": "object", **DOT})
    fresh.session.add({"frame": 5, "tool": "brush", "points": [[30, 25]], "radius": 2})
    again = reopened(fresh)  # nobody has made the masks of the last two
    assert again.areas() == [70] * COUNT
    assert again.work() == [3, 4, 5, 6, 7, 8]
    assert again.areas()[5] == 70 + 2 * AREA
    again.session.move(-1)
    again.work()
    assert again.areas()[5] == 70 + AREA


def test_masks_made_late_are_those_of_their_edits(fresh):
    fresh.session.add({"frame": 0, "tool": "object", **DOT})
    fresh.session.add({"frame": 0, "tool": "object", "points": [[30, 5]], "radius": 2})
    fresh.work()
    assert fresh.areas() == [2 * AREA] * COUNT
    fresh.session.move(-1)
    fresh.work()
    assert fresh.areas() == [AREA] * COUNT


def test_a_clip_that_cannot_be_made_leaves_the_page_open(fresh):
    def fail():
        raise UserError("no object was found")

    fresh.carrier = Carrier(fresh.session, None, fail, lambda: None, None)
    fresh.do(0, **BOX)
    fresh.carrier.finish()
    fresh.work()
    assert (fresh.carrier.trouble, fresh.carrier.asked) == ("no object was found", False)
    assert fresh.do(0, "keep") != []


def test_a_full_disk_costs_nothing(fresh, monkeypatch):
    fresh.do(0, **BOX)
    before = films.snapshot(fresh.session.folder)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_text", full)
        with pytest.raises(UserError, match="No space left"):
            fresh.session.add({"frame": 5, "tool": "brush", **DOT})
    assert films.snapshot(fresh.session.folder) == before
    assert len(fresh.session.history.edits) == 1
    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full)
        fresh.do(5, "brush", **DOT)
        assert "No space left" in fresh.carrier.trouble
    fresh.work()
    assert fresh.areas()[5] == 70 + AREA


@pytest.mark.parametrize(
    "wrong",
    [
        {"frame": -1},
        {"frame": COUNT},
        {"frame": 1.0},
        {"frame": True},
        {"frame": "1"},
        {"frame": 10**30},
        {"tool": "../x"},
        {"tool": []},
        {"points": []},
        {"points": "12"},
        {"points": [[1, 2, 3]]},
        {"points": [[1, None]]},
        {"points": [[float("nan"), 1]]},
        {"points": [[1e300, 1]]},
        {"points": [[10**400, 1]]},
        {"points": [[1, 2]] * 20_000},
        {"radius": 0},
        {"radius": -1},
        {"radius": 1e9},
        {"radius": None},
        {"tool": "box", "points": [[1, 1]]},
        {"tool": "box", "points": [[1, 1], [2, 20]]},
        {"tool": "box", "points": [[-50, -50], [-5, -5]]},
    ],
)
def test_malformed_edits_change_nothing(fresh, wrong):
    with pytest.raises(UserError):
        fresh.session.add({"frame": 1, "tool": "object", **DOT, **wrong})
    assert fresh.session.history == History()


def test_a_box_is_kept_within_the_frame():
    points = parse({"frame": 0, "tool": "box", "points": [[60, 12], [-9, 1]]}, 1, (40, 30))
    assert points["points"] == [[40, 12], [0, 1]]


def test_a_damaged_session_is_said(fresh):
    for text in ("", "[]", '{"clip": {}, "history": {"edits": [{"id": 1}]}}', '{"history": 3}'):
        (fresh.session.folder / "session.json").write_text(text)
        with pytest.raises(UserError, match="damaged; pass --overwrite"):
            read(fresh.session.folder)


@pytest.fixture
def served(mended):
    page = MaskPage(mended.session, "<b>cat & fox</b>")
    page.carrier = mended.carrier
    app = guarded(page.routes, FOLDER, "token", ["localhost"])
    with TestClient(app, "http://localhost:1/token/") as client:
        yield client


def test_pictures_are_served_by_number_alone(served, mended):
    assert served.get("frames/8").headers["content-type"] == "image/jpeg"
    mended.do(3, "brush", **DOT)
    assert served.get("masks/3/1").headers["content-type"] == "image/png"
    assert served.get("masks/3/0").status_code == 200
    for name in ("frames/9", "frames/-1", "frames/08", "frames/..%2f0", "frames/" + "9" * 5000,
                 "masks/4/1", "masks/3/2", "masks/3/x", "masks/9/0", "masks/3/1.png"):  # fmt: skip
        assert served.get(name).status_code == 404, name


def test_the_page_is_told_all_it_shows(served, mended):
    headers = {"origin": "http://localhost:1"}
    with served.websocket_connect("ws://localhost:1/token/live", headers=headers) as page:
        told = page.receive_json()
        assert told["clip"]["frames"] == COUNT
        assert told["edits"]["marks"] == {"6": {"box": None, "scribbles": [], "painted": True}}
        assert told["masks"] == {"shown": [0] * COUNT, "missing": []}
        page.send_json({"do": "edit", "frame": 0, **BOX})
        told = page.receive_json()
        assert told["edits"]["marks"]["0"]["box"] == [5, 5, 10, 7]
        assert told["masks"]["missing"] == [0, 1, 2, 3]
        page.send_json({"do": "format the disk"})
        assert "error" in page.receive_json()
        mended.carrier.finish()
        page.send_json({"do": "undo"})
        assert "being finished" in page.receive_json()["error"]


def test_a_page_needs_a_clip_or_a_video(tmp_path):
    out = tmp_path / "clip"
    refuse("prepare_data.py", ["--interactive", "--out", str(out)], "no clip yet; name a video")
    assert not out.exists()


def test_a_prepared_clip_keeps_what_is_painted(prepared, tmp_path):
    """The clip is made of the session's masks, and its record tells which ones to keep."""
    out = tmp_path / "clip"
    shutil.copytree(prepared, out)
    before = films.snapshot(out / "frames")
    former = films.read_masks(out / "masks")
    Image.new("L", (160, 120), 255).save(out / "masks/9.png")
    work = interactive.begin(out)
    worked = Worked(work.session)
    worked.do(1, "object", points=[[10, 10]], radius=3)
    worked.do(3, "brush", points=[[10, 10]], radius=3)
    worked.do(6, "keep")
    work.make_clip()
    after, content = films.read_masks(out / "masks"), record.read(out)
    changed = [n for n in range(12) if not np.array_equal(after[n], former[n])]
    assert changed == [0, 1, 2, 3, 9]
    assert after[9].all()
    assert content["edited"] == [3, 6, 9]
    assert content["redone"] == [0, 1, 2]
    assert films.snapshot(out / "frames") == before
    assert len(list((out / "train").iterdir())) == 12
    assert record.edited_masks(out, content) == {}


def test_other_frames_are_never_mixed_with_a_session(tmp_path, drawn):
    def decode(new):
        films.write_folder(new / "frames", drawn[0], "{}.jpg")
        return 12, 6.0

    asked = {"frames_of": {"video": "x.mp4"}, "masks_of": {}, "crop": "tight"}
    begin = partial(interactive.begin, tmp_path / "clip")
    Worked(begin(asked, decode).session).session.add({"frame": 5, **BOX})
    other = {**asked, "frames_of": {"video": "y.mp4"}}
    with pytest.raises(UserError, match="unfinished masks for other frames"):
        begin(other, decode)
    assert len(begin().session.history.edits) == 1  # goes on without the video
    assert begin(other, decode, overwrite=True).session.history == History()
    (tmp_path / "clip/.interactive/frames").rename(tmp_path / "clip/frames")  # another clip
    with pytest.raises(UserError, match="--overwrite"):
        begin()
    stored = json.loads((tmp_path / "clip/.interactive/session.json").read_text())
    assert stored["clip"]["frames_of"] == {"video": "y.mp4"}


@pytest.mark.parametrize("words", [["--mask", "chroma"], ["--redo", "3-4"], ["--box", "1,2,3,4"]])
def test_options_that_have_no_effect_in_the_page_are_refused(tmp_path, words):
    refuse("prepare_data.py", ["x.mp4", "--out", str(tmp_path / "x"), "--interactive", *words],
           f"{words[0]} cannot be combined with --interactive")  # fmt: skip


def test_what_fails_in_the_thread_is_said(fresh, monkeypatch):
    monkeypatch.setattr("threading.excepthook", lambda _: None)

    def broken():
        raise RuntimeError("out of <memory>")

    carrier = Carrier(fresh.session, broken, None, lambda: None, None)
    carrier.start()
    carrier.join(10)
    assert "out of <memory>" in carrier.trouble
    assert "on disk" in carrier.trouble
    page = MaskPage(fresh.session, "clip")
    page.carrier = carrier
    for _ in range(2):  # nobody would ever finish it
        with pytest.raises(UserError, match="out of <memory>"):
            page.receive({"do": "finish"})


def test_a_page_without_masks_says_so_in_its_own_words(fresh, tmp_path):
    fresh.do(3, "background", **DOT)
    work = interactive.Work(tmp_path / "clip", Existing(record=CLIP), fresh.session)
    with pytest.raises(UserError, match="no mask shows an object; mark it in one of the frames"):
        work.make_clip()
