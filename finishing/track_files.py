"""Files of keypoints, which people can edit: .npz or .json.

An .npz file holds arrays `a`, `a_moved` (N, K, 2) and `a_frames` (N,), likewise `b`. A .json file
holds, under "a" and "b", a list of {"frame", "index", "x", "y", "moved_x", "moved_y"}.
"""

import json
from pathlib import Path

import numpy as np

from finishing.tracks import Track
from utils.errors import UserError
from utils.files import replacing
from utils.reading import load_arrays, load_json, refusing

ENDINGS = (".npz", ".json")


def check_name(path):
    """UserError where a keypoint file could not have this name."""
    if Path(path).suffix.lower() not in ENDINGS:
        raise UserError(f"{path}: a file of keypoints ends in {' or '.join(ENDINGS)}")


def write(path, tracks, advice="choose another --keypoints_out"):
    """Write a dict of domain ("a", "b") -> `Track`, whole or not at all.

    Raises:
        UserError: it cannot be written; its sentence ends in `advice`.
    """
    with replacing(path, advice) as part:
        if part.suffix.lower() == ".json":
            part.write_text(json.dumps({domain: _rows(track) for domain, track in tracks.items()}))
            return
        with part.open("wb") as file:  # by its name, NumPy would add another ending to .NPZ
            np.savez(file, **_arrays(tracks))


def _arrays(tracks):
    arrays = {}
    for domain, track in tracks.items():
        arrays |= {domain: track.keypoints, f"{domain}_moved": track.moved}
        arrays[f"{domain}_frames"] = track.frames
    return arrays


def _rows(track):
    rows = []
    for number, points, moved in zip(track.frames.tolist(), track.keypoints, track.moved):
        for index, ((x, y), (moved_x, moved_y)) in enumerate(zip(points.tolist(), moved.tolist())):
            row = {"frame": number, "index": index, "x": x, "y": y}
            rows.append({**row, "moved_x": moved_x, "moved_y": moved_y})
    return rows


def read(path, expected, count, option="--keypoints_in"):
    """Read what `write` wrote, perhaps edited.

    Moved keypoints draw the result. Where the file leaves them out, so do the tracks.

    Args:
        expected: dict of domain -> numbers of the frames that are wanted, in order.
        count: keypoints per frame.
        option: that named the file.

    Returns:
        dict of domain -> `Track`.

    Raises:
        UserError: unreadable, other frames, another number of keypoints, NaN or infinite.
    """
    path = Path(path)
    check_name(path)
    if not path.exists():
        raise UserError(f"keypoint file {path} does not exist; check {option}")
    with refusing(f"{path} is no file of keypoints, or a damaged one; --keypoints_out writes one"):
        found = _from_json(path) if path.suffix.lower() == ".json" else _from_npz(path)
    for domain, frames in expected.items():
        if domain not in found:
            raise UserError(f"{path} has no keypoints of clip {domain.upper()}, which drives")
        _check_points(path, f"clip {domain.upper()}", found[domain], count)
        _check_frames(path, f"clip {domain.upper()}", found[domain], frames)
    return {domain: found[domain] for domain in expected}


def _from_npz(path):
    file = load_arrays(path)
    return {
        domain: Track(
            file[f"{domain}_frames"],
            _numbers(file[domain]),
            _numbers(file[f"{domain}_moved"]) if f"{domain}_moved" in file else None,
        )
        for domain in "ab"
        if domain in file
    }


def _numbers(array):
    if array.dtype.kind not in "fiu":
        raise ValueError("it holds other values than numbers")
    return np.float32(array)


def _from_json(path):
    content = load_json(path)
    return {
        domain: _from_rows(f"{path}: of clip {domain.upper()},", content[domain])
        for domain in "ab"
        if domain in content
    }


def _from_rows(clip, rows):
    """The `Track` that a list of rows gives, in whatever order they come.

    Args:
        clip: how a sentence about them begins.

    Raises:
        UserError: a row is missing or there twice, or only some rows have moved keypoints.
    """
    rows = sorted(rows, key=lambda row: (row["frame"], row["index"]))
    frames, count = np.unique([row["frame"] for row in rows]), 1 + max(r["index"] for r in rows)
    _check_rows(clip, [(row["frame"], row["index"]) for row in rows], frames.tolist(), count)
    have = sum("moved_x" in row and "moved_y" in row for row in rows)
    if have < len(rows) and any("moved_x" in row or "moved_y" in row for row in rows):
        raise UserError(
            f"{clip} {have} of {len(rows)} rows have moved_x and moved_y; give both in all rows, "
            "or leave them out of all"
        )

    def points(x, y):
        return np.float32([(row[x], row[y]) for row in rows]).reshape(len(frames), count, 2)

    return Track(frames, points("x", "y"), points("moved_x", "moved_y") if have else None)


def _check_rows(clip, places, frames, count):
    """UserError unless sorted `places` are each (frame, index) once, with indices 0..count-1."""
    most = min(count, len(places) // len(frames) + 1)  # an index may be any number
    wanted = [(number, index) for number in frames for index in range(most)]
    if places == wanted:
        return
    twice = [place for place, following in zip(places, places[1:]) if place == following]
    number, index = min(twice or set(wanted) - set(places) or places[-1:])
    what = "twice" if twice else "missing" if (number, index) not in places else "odd"
    raise UserError(
        f"{clip} keypoint {index} of frame {number} is {what}; give each of the same keypoints "
        "from 0 on once in each frame"
    )


def _check_points(path, clip, track, count):
    """UserError unless a track's keypoints are (N, count, 2) finite numbers."""
    for points in [track.keypoints] if track.moved is None else [track.keypoints, track.moved]:
        if points.ndim != 3 or points.shape[1:] != (count, 2):
            shape = "x".join(map(str, points.shape))
            raise UserError(
                f"{path} holds {shape} numbers for {clip} where the checkpoint has {count} "
                f"keypoints (frames x {count} x 2); use the checkpoint that it was written with"
            )
        if not np.isfinite(points).all():
            bad = int(np.flatnonzero(~np.isfinite(points).all((1, 2)))[0])
            raise UserError(f"{path} holds NaN or infinite keypoints, first in row {bad} of {clip}")
    if track.moved is not None and track.moved.shape != track.keypoints.shape:
        raise UserError(f"{path}: of {clip}, there are not as many moved keypoints as others")


def _check_frames(path, clip, track, frames):
    """UserError unless a track is of frames with these numbers, in this order."""
    if track.frames.ndim != 1 or not np.issubdtype(track.frames.dtype, np.integer):
        raise UserError(f"{path}: the frames of {clip} are no list of whole numbers")
    if len(track.frames) != len(track.keypoints) or list(track.frames) != list(frames):
        raise UserError(
            f"{path} holds {len(track.keypoints)} frames of {clip}"
            + (f", {track.frames[0]} to {track.frames[-1]}" if len(track.frames) else "")
            + f", where {len(frames)} are wanted, {frames[0]} to {frames[-1]}; make them the same"
        )
