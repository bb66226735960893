"""A session on a folder: begun, or gone on with where it was left."""

import hashlib
from functools import partial

import numpy as np

from editing import session as sessions
from editing.edits import History, parse_smoothing
from editing.session import Session
from finishing import track_files
from utils.errors import UserError

FOUND = "found.npz"
# What edits belong to, by name in their file; and how a sentence calls it, with {} for its text.
BELONGINGS = {
    "direction": "--direction {}",
    "rate": "--fps {}",
    "checkpoint": "another checkpoint",
    "clip": "another clip, or other sizes of its pictures",
    "keypoints": "another file of --keypoints",
}


def open_session(folder, of, domain, numbers, count, rate, find, smoothing=0.0, overwrite=False):
    """The `Session` of a folder.

    Args:
        folder: of the edits; it is there.
        of: dict of the names in `BELONGINGS` -> text; None for keypoints goes with any.
        domain: "a" or "b", of the driver.
        numbers: of its frames, a range.
        count: keypoints per frame.
        rate: frames per second.
        find: function that returns a `finishing.tracks.Track`, called where nothing was found yet.
        smoothing: seconds over which keypoints are smoothed at first.
        overwrite: drop what is there.

    Raises:
        UserError: what is there is damaged, or belongs to something else; or `smoothing` is too
            long.
    """
    path, place = folder / sessions.FILE, folder / FOUND
    if overwrite:
        path.unlink(missing_ok=True)
    refuse = partial(_refuse_others, path, of)
    former = sessions.read(path, len(numbers), count, refuse)
    if former is None:
        history = History()
        if smoothing:
            history = history.with_edit(parse_smoothing({"seconds": smoothing}))
        found = find()
        track_files.write(place, {domain: found}, "choose another --out")
        return Session(path, of, found, rate, history)
    way = "--out, or pass --overwrite to begin anew"
    found = track_files.read(place, {domain: numbers}, count, way)[domain]
    return Session(path, former["of"], found, rate, former["history"])


def check_keypoints(path, exported):
    """UserError where a file of keypoints cannot be read, or an export would replace it."""
    track_files.read(path, {}, 0, "--keypoints")
    if path.resolve() == exported.resolve():
        raise UserError(f"an export would replace --keypoints {path}; copy it, and name the copy")


def _refuse_others(path, of, former):
    for name, words in BELONGINGS.items():
        if former.get(name) != of[name] and (of[name] or name != "keypoints"):
            raise UserError(
                f"{path} belongs to {words.format(former.get(name))}; give what it was begun with, "
                "another --out, or --overwrite to begin anew"
            )


def digest(*parts):
    """Hash of arrays, and of whatever a text tells apart, as text."""
    found = hashlib.sha1()
    for part in parts:
        found.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return found.hexdigest()
