"""A random track, what edits do to it, and its session on disk, for tests."""

import numpy as np

from editing.edits import History
from editing.motion import Motions
from editing.opening import open_session
from finishing.tracks import Track

COUNT, POINTS, RATE = 12, 3, 10.0
OF = {"checkpoint": "c", "clip": "d", "direction": "ab", "keypoints": "", "rate": "10"}


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


def message(**values):
    return {"kind": "add", "frame": 3, "points": [1], "x": [0.1], "y": [0.2], "reach": 0, **values}


def begin(folder, of=OF, found=None, **more):
    numbers = range(5, 5 + COUNT)
    return open_session(folder, of, "a", numbers, POINTS, RATE, found or track, **more)
