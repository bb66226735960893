"""The drawn clips of many kinds: what their list promises, and what is to be seen in them."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from synthetic import footage

CLIP = footage.Clip(
    "one", 5, (160, 120), 8, "fine", "still", "across", "quadruped", "plain", "clean", "medium"
)


def levels(clip):
    return tuple(getattr(clip, axis) for axis in list(footage.AXES)[: footage.APART])


def film(**changes):
    pictures, masks = zip(*footage.film(replace(CLIP, **changes)))
    return np.stack(pictures), np.stack(masks)


def test_the_halves_share_no_combination_and_no_seed():
    tuning, measuring = (footage.clips(half) for half in footage.HALVES)
    assert min(len(tuning), len(measuring)) >= 64
    for of in levels, lambda clip: clip.seed, lambda clip: clip.name:
        own = [
            {of(clip) for clip in half if clip.moves and not clip.screen}
            for half in (tuning, measuring)
        ]
        assert not own[0] & own[1]
    assert len({clip.seed for clip in tuning + measuring}) == len(tuning + measuring)


@pytest.mark.parametrize("half", footage.HALVES)
def test_every_level_is_as_frequent_as_the_others_of_its_axis(half):
    designed = footage.clips(half)[:64]
    for axis, names in footage.AXES.items():
        counts = Counter(getattr(clip, axis) for clip in designed)
        assert set(counts) == set(names)
        assert max(counts.values()) - min(counts.values()) <= 2


@pytest.mark.parametrize("shape", footage.AXES["shape"])
@pytest.mark.parametrize("way", (*footage.AXES["way"], footage.STATIC))
def test_the_object_is_wholly_in_the_picture(shape, way):
    _, masks = film(shape=shape, way=way, camera="hand_held")
    assert (masks.sum((1, 2)) > 60).all()
    for edge in (masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]):
        assert not edge.any()


@pytest.mark.parametrize("half", footage.HALVES)
def test_no_object_has_its_screens_colour(half):
    for clip in footage.clips(half):
        if not clip.screen:
            continue
        ((picture, mask),) = footage.film(replace(clip, size=(160, 120), frames=1))
        channel = ["red", "green", "blue"].index(clip.backdrop)
        screen, own = (np.median(picture[where], 0) for where in (~mask, mask))
        assert screen.argmax() == channel
        assert screen[channel] - np.delete(screen, channel).max() > 40
        assert own[channel] - np.delete(own, channel).max() < 10


def test_a_clip_is_the_same_at_every_time():
    assert all((one == other).all() for one, other in zip(film(), film()))
    assert (film()[0] != film(seed=6)[0]).any()


def test_ways_uncover_what_they_are_called():
    shares = {}
    for way in (*footage.AXES["way"], footage.STATIC):
        shares[way] = replace(CLIP, way=way, frames=48).uncovers
    assert shares["across"] == 1
    assert 0.3 < shares["drifts"] < 0.5
    assert shares[footage.STATIC] == 0
