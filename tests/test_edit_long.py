"""The editor on clips that are long: nothing waits, what is kept is bounded, little is sent."""

import gc
import random
import weakref
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from editing import later, motion
from editing.choosing import BATCH
from editing.drawing import Painter
from editing.kept import Kept
from editing.results import Results
from editing.session import Session
from exemplars.gallery import Gallery
from finishing.tracks import Track
from tests.editor import wait_for
from tests.edits import message
from utils.geometry import coordinate_grid
from utils.overlap import thumbnails

COUNT, FRAMES, POINTS, SIDE = 40, 12, 3, 16


class Discs:
    """In place of networks: silhouettes are discs about the keypoints."""

    def __init__(self, keypoints):
        masks = self.decode(keypoints, SIDE, SIDE)[1]
        self.galleries = {"b": Gallery(masks.expand(-1, 3, -1, -1), masks, keypoints)}

    def decode(self, keypoints, height, width, per_item=False):
        grid = coordinate_grid(height, width, keypoints)
        away = (grid - keypoints[:, :, None, None]).square().sum(-1).amin(1, keepdim=True)
        return [(away < 0.1).float()] * 2

    def draw(self, moved, _, domain, height, width, own, chosen):
        mask = self.decode(moved, height, width)[0]
        return SimpleNamespace(other_picture=mask.expand(-1, 3, -1, -1) * 2 - 1)


class Clip:
    """A clip that is edited, and what its painter does.

    Attributes:
        parts: how many parts of choosing were done.
        meanwhile: called after each of them, in the painter's thread.
    """

    def __init__(self, folder):
        rng = np.random.default_rng(0)
        steps = rng.normal(0, 0.1, (COUNT + FRAMES, POINTS, 2)).cumsum(0).astype(np.float32)
        found, own = np.split(np.sin(steps) * 0.8, [COUNT])
        self.painter = Painter(Discs(torch.from_numpy(own)), "a", (SIDE, SIDE), torch.device("cpu"))
        track = Track(np.arange(COUNT), found, found)
        self.session = Session(folder / "edits.json", {}, track, 10.0)
        self.results = Results(self.session, self.painter)
        chooser = self.results.chooser
        chooser._work = partial(self._watched, chooser._work)
        self.parts, self.meanwhile = 0, lambda: None

    def _watched(self, work):
        for _ in work():
            self.parts += 1
            self.meanwhile()
            yield

    def edit(self, frame, reach=0, **values):
        self.session.add(message(frame=frame, reach=reach, **values))

    def settle(self):
        """Wait until all is chosen; returns in how many parts since the last time."""
        wait_for(lambda: not self.results.chooser.busy)
        parts, self.parts = self.parts, 0
        return parts

    def chosen(self):
        return self.results.shown.chosen[0].tolist()

    def at_once(self):
        """The frames to copy from, chosen for the whole clip in one go."""
        moved = torch.from_numpy(self.session.moved)
        outlines = thumbnails(self.painter.jokr.decode(moved, SIDE, SIDE)[1])
        return self.painter.gallery.path(moved, outlines).tolist()


@pytest.fixture
def clip(tmp_path):
    clip = Clip(tmp_path)
    clip.painter.start()
    clip.settle()
    yield clip
    clip.painter.close()


def test_what_is_chosen_in_parts_is_what_is_chosen_at_once(clip):
    rng, seen = random.Random(0), set()
    for _ in range(30):
        places = {"x": [rng.uniform(-0.5, 0.5)], "y": [rng.uniform(-0.5, 0.5)]}
        clip.edit(rng.randrange(COUNT), rng.choice([-1, 0, 5, 20]), **places)
        if rng.random() < 0.5:  # the others are outdated before they are chosen for
            clip.settle()
            assert clip.chosen() == clip.at_once()
            seen.add(tuple(clip.chosen()))
    assert len(seen) > 5


def test_a_drag_gets_in_after_every_part(clip):
    order = []

    def drag():
        order.append("part")
        place = len(order) / 1000, 0  # a picture that is not known
        drawn = clip.results.drag(3, {1: place})
        drawn.add_done_callback(lambda _: order.append("drag"))

    clip.meanwhile = drag
    clip.edit(0, reach=-1)
    parts = clip.settle()
    assert parts >= COUNT / BATCH + 2 * COUNT - 1
    assert order == ["part", "drag"] * parts


def test_an_edit_ends_what_it_outdates(clip):
    before, told = clip.chosen(), []
    clip.results.listeners.append(lambda: told.append(1))
    clip.meanwhile = lambda: clip.parts == 5 and clip.session.move(-1)
    clip.edit(0, reach=-1, x=[0.5])
    assert clip.settle() < 5 + COUNT
    assert (clip.chosen(), told) == (before, [])


def test_little_is_left_to_be_done_after_an_edit(clip):
    clip.edit(COUNT - 2)
    assert clip.settle() == 1 + 2 + (COUNT - 1)  # a pose, sums of two frames, and back
    assert clip.chosen() == clip.at_once()


def test_choosing_that_failed_is_tried_again_with_the_next_edit(clip, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(clip.painter, "costs", lambda points: [][0])
        clip.edit(0, reach=-1, x=[0.5])
        clip.settle()
        assert clip.chosen() != clip.at_once()
        assert "IndexError" in clip.results.trouble
    clip.edit(1)
    clip.settle()
    assert clip.chosen() == clip.at_once()
    assert clip.results.trouble == ""


def test_choosing_that_failed_is_said_and_tried_again(clip, monkeypatch):
    def fail(_):
        raise MemoryError

    told = []
    clip.results.listeners.append(lambda: told.append(clip.results.trouble))
    monkeypatch.setattr(later, "AGAIN", 0.05)
    with monkeypatch.context() as patch:
        patch.setattr(clip.painter, "costs", fail)
        clip.edit(0, reach=-1, x=[0.5])
        wait_for(lambda: told)
        assert "memory is full" in told[0]
    wait_for(lambda: not clip.results.trouble)
    assert (clip.chosen(), told[-1]) == (clip.at_once(), "")


def test_what_was_not_used_for_longest_is_forgotten():
    kept = Kept(6, len)
    for name in ("one", "two"):
        kept.put(name, name)
    assert kept.get("one") == "one"
    kept.put("few", "few")
    assert [kept.get(name) for name in ("one", "two", "few")] == ["one", None, "few"]
    kept.put("one", "1")
    kept.put("two", "22")
    assert [kept.get(name) for name in ("one", "two", "few")] == ["1", "22", "few"]
    assert kept.put("many", "too many") == kept.get("many")
    assert [kept.get(name) for name in ("one", "two", "few")] == [None] * 3


def test_states_of_a_long_clip_do_not_stay(clip, monkeypatch):
    """Be it for undo, or for pictures that a page may still ask for."""
    monkeypatch.setattr(motion, "MEMORY", 5 * clip.session.motion.tracks.nbytes)
    session = Session(clip.session.path, {}, clip.session.found, 10.0)
    shown, states, seen = [], [], [session.moved]
    for number in range(40):
        session.add(message(frame=number))
        clip.edit(number)
        seen.append(session.moved)
        shown.append(weakref.ref(clip.results.shown.tracks))
        states.append(weakref.ref(session.motion.tracks))
    clip.settle()
    gc.collect()
    assert sum(state() is not None for state in states) <= 5
    assert sum(state() is not None for state in shown) <= 1
    for moved in seen[-2::-1]:
        session.move(-1)
        assert np.array_equal(session.moved, moved)
