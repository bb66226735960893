"""Edits of keypoints: what they do to the tracks."""

import random

import numpy as np
import pytest

from editing.edits import Edit, History
from editing.motion import STEPS, Motions, interpolated, smoothed, weights
from finishing.tracks import jitter
from tests.edits import COUNT, FOUND, MOTIONS, POINTS, RATE, changed, moved


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
        last = kind if len(edits) == 39 else rng.choice(["add", "set", "key", "reset", "unkey"])
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
    tracks, keys = moved(*done, Edit("reset", 3, (0, 1, 2), reach=1))
    assert changed(tracks) == everywhere - {(n, 0) for n in (2, 3, 4)}
    assert tracks[2:5, 1] - FOUND[2:5, 1] == pytest.approx(np.full((3, 2), 0.1), abs=1e-6)  # keys
    tracks, keys = moved(*done, Edit("reset", 3, (1,), reach=-1))
    assert changed(tracks) == {(n, 0) for n in range(COUNT)}
    assert keys[1] == {}
    assert changed(moved(*done, Edit("reset", 0, (0, 1, 2), reach=-1))[0]) == set()


KEYS = [Edit("key", n, (0,), (x,), (0.0,)) for n, x in ((2, 0.2), (6, 0.4), (10, 0.1))]
ON_MOVES = [Edit("add", 6, (0,), (0.0,), (0.5,), -1), *KEYS]


@pytest.mark.parametrize("kind", ["reset", "unkey"])
@pytest.mark.parametrize("frame", [6, 10])
def test_a_key_frame_that_is_put_back_leaves_no_jump(kind, frame):
    tracks, left = moved(*KEYS, Edit(kind, frame, (0,)))
    assert sorted(left[0]) == [n for n in (2, 6, 10) if n != frame]
    assert tracks[:, 0] - FOUND[:, 0] == pytest.approx(interpolated(left[0], COUNT), abs=1e-6)


def test_where_only_other_key_frames_act_putting_back_makes_one_without_an_offset():
    tracks, left = moved(*KEYS, Edit("reset", 8, (0, 1), reach=1))
    assert sorted(left[0]) == [2, 6, 8, 10] and left[1] == {}
    offsets = tracks[:, 0] - FOUND[:, 0]
    assert offsets == pytest.approx(interpolated(left[0], COUNT), abs=1e-6)
    assert offsets[8] == pytest.approx([0, 0], abs=1e-6)


def test_taking_a_key_frame_away_keeps_moves_and_makes_one_where_there_is_none():
    tracks, left = moved(*ON_MOVES, Edit("unkey", 6, (0,)))
    assert sorted(left[0]) == [2, 10]
    assert tracks[:, 0, 1] == pytest.approx(FOUND[:, 0, 1] + 0.5)
    tracks, left = moved(*ON_MOVES, Edit("unkey", 4, (0, 1)))
    assert left[0][4].tolist() == left[1][4].tolist() == [0, 0]
    assert tracks[4, 0] == pytest.approx(FOUND[4, 0] + [0, 0.5])
    twice = [Edit("unkey", 4, (0,))] * 2
    assert moved(*ON_MOVES, *twice)[0] == pytest.approx(moved(*ON_MOVES)[0])


def test_frames_that_are_put_back_amid_others_are_marked():
    def marked(*edits):
        history = History()
        for edit in edits:
            history = history.with_edit(edit)
        return np.argwhere(MOTIONS.under(history).touched).tolist()

    drag = Edit("add", 5, (1,), (0.3,), (0.2,), 3)
    assert marked(drag, Edit("reset", 5, (1,))) == [[5, 1]]
    assert marked(drag, Edit("reset", 6, (1,), reach=1)) == [[6, 1]]
    assert marked(drag, Edit("reset", 5, (1,), reach=3)) == []
    assert marked(*ON_MOVES, Edit("reset", 0, (0,))) == [[0, 0], [6, 0]]
    assert marked(*KEYS, Edit("reset", 6, (0,))) == []


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


def test_a_long_history_is_opened_without_all_its_states():
    """Which took a time that grew with the square of its length; undo makes them again."""
    history, seen = History(), [FOUND]
    for number in range(3 * STEPS):
        history = history.with_edit(Edit("add", number % COUNT, (0,), (0.01,), (0.0,), 2))
        seen.append(MOTIONS.under(history).tracks)
    anew = Motions(FOUND, RATE)
    anew.under(history)
    assert len(anew._kept._values) == STEPS + 1
    for tracks in reversed(seen):
        assert np.array_equal(anew.under(history).tracks, tracks)
        history = history.moved(-1)
