"""Keypoints over time: smoothing, and files in which people can edit them."""

import json
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scipy.ndimage import gaussian_filter1d

from utils.errors import UserError
from utils.files import replacing

ENDINGS = (".npz", ".json")
# In what ways NumPy and JSON say that a file is not what it should be.
BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, BadZipFile)
BROKEN += (RecursionError,)
FWHM = 2 * np.sqrt(2 * np.log(2))  # full width at half maximum of a Gaussian, in sigmas


@dataclass
class Track:
    """Keypoints of a driving clip, xy in [-1, 1] of the networks' picture.

    Attributes:
        frames: (N,) numbers in the names of the frames.
        keypoints: (N, K, 2) float32, as detected.
        moved: (N, K, 2) float32, in the proportions of the object that is driven (after the
            affine map): what draws the result. None where it is still to be computed.
    """

    frames: np.ndarray
    keypoints: np.ndarray
    moved: np.ndarray = None


def smooth(points, seconds, rate):
    """Points (N, K, 2) smoothed in time by a Gaussian, which delays nothing.

    It is a local line with Gaussian weights (Fan and Gijbels 1996): a plain Gaussian wherever the
    window is whole, and at the clip's ends, where that would hold motion back, still the line.

    Args:
        seconds: the Gaussian's full width at half maximum, above 0.
        rate: frames per second.
    """
    sigma = min(seconds * rate / FWHM, 2 * len(points))  # wider ones are one line anyway
    time = np.arange(len(points), dtype=np.float64)[:, None, None]
    whole = gaussian_filter1d(np.ones_like(time), sigma, axis=0, mode="constant")

    def mean(values):
        return gaussian_filter1d(values, sigma, axis=0, mode="constant") / whole

    points, centre = points.astype(np.float64), mean(time)
    spread = np.maximum(mean(time**2) - centre**2, 1e-6)  # 0 where the window is one frame
    slope = (mean(time * points) - centre * mean(points)) / spread
    return (mean(points) + slope * (time - centre)).astype(np.float32)


def jitter(points):
    """Mean length of the second difference of points (N, K, 2) in time; 0 below three frames."""
    if len(points) < 3:
        return 0.0
    return float(np.linalg.norm(np.diff(points.astype(np.float64), n=2, axis=0), axis=-1).mean())


def check_name(path):
    """UserError where a keypoint file could not have this name."""
    if Path(path).suffix.lower() not in ENDINGS:
        raise UserError(f"{path}: a file of keypoints ends in {' or '.join(ENDINGS)}")


def write(path, tracks):
    """Write a dict of domain ("a", "b") -> `Track`, whole or not at all.

    .npz holds arrays a, a_moved (N, K, 2) and a_frames (N,), likewise b. .json holds, under "a" and
    "b", a list of {"frame", "index", "x", "y", "moved_x", "moved_y"}.
    """
    with replacing(path, "choose another --keypoints_out") as part:
        if part.suffix.lower() == ".json":
            part.write_text(json.dumps({domain: _rows(track) for domain, track in tracks.items()}))
            return
        arrays = {}
        for domain, track in tracks.items():
            arrays |= {domain: track.keypoints, f"{domain}_moved": track.moved}
            arrays[f"{domain}_frames"] = track.frames
        with part.open("wb") as file:  # by its name, NumPy would add another ending to .NPZ
            np.savez(file, **arrays)


def _rows(track):
    rows = []
    for number, points, moved in zip(track.frames.tolist(), track.keypoints, track.moved):
        for index, ((x, y), (moved_x, moved_y)) in enumerate(zip(points.tolist(), moved.tolist())):
            row = {"frame": number, "index": index, "x": x, "y": y}
            rows.append({**row, "moved_x": moved_x, "moved_y": moved_y})
    return rows


def read(path, expected, count):
    """Read what `write` wrote, perhaps edited.

    To edit the result, edit the moved ones; or leave those out, and edit the others.

    Args:
        expected: dict of domain -> numbers of the frames that are wanted, in order.
        count: keypoints per frame.

    Returns:
        dict of domain -> `Track`.

    Raises:
        UserError: unreadable, other frames, another number of keypoints, NaN or infinite.
    """
    path = Path(path)
    check_name(path)
    try:
        found = _from_json(path) if path.suffix.lower() == ".json" else _from_npz(path)
    except FileNotFoundError:
        raise UserError(f"keypoint file {path} does not exist; check --keypoints_in") from None
    except BROKEN:
        raise UserError(
            f"{path} is no file of keypoints, or a damaged one; --keypoints_out writes one"
        ) from None
    for domain, frames in expected.items():
        if domain not in found:
            raise UserError(f"{path} has no keypoints of clip {domain.upper()}, which drives")
        _check(path, domain, found[domain], frames, count)
    return {domain: found[domain] for domain in expected}


def _from_npz(path):
    with np.load(path) as file:
        return {
            domain: Track(
                file[f"{domain}_frames"],
                np.float32(file[domain]),
                np.float32(file[f"{domain}_moved"]) if f"{domain}_moved" in file else None,
            )
            for domain in "ab"
            if domain in file
        }


def _from_json(path):
    content = json.loads(path.read_text())
    return {
        domain: _from_rows(f"{path}: of clip {domain.upper()},", content[domain])
        for domain in "ab"
        if domain in content
    }


def _from_rows(clip, rows):
    """A `Track` of rows in any order; UserError, which `clip` begins, if not each is there once."""
    rows = sorted(rows, key=lambda row: (row["frame"], row["index"]))
    frames, count = np.unique([row["frame"] for row in rows]), 1 + max(r["index"] for r in rows)
    places = [(row["frame"], row["index"]) for row in rows]
    most = min(count, len(rows) // len(frames) + 1)  # an index may be any number
    wanted = [(n, index) for n in frames.tolist() for index in range(most)]
    if places != wanted:
        twice = [place for place, following in zip(places, places[1:]) if place == following]
        number, index = min(twice or set(wanted) - set(places) or places[-1:])
        what = "twice" if twice else "missing" if (number, index) not in places else "odd"
        raise UserError(
            f"{clip} keypoint {index} of frame {number} is {what}; give each of the same keypoints "
            "from 0 on once in each frame"
        )
    shape = len(frames), count, 2
    points = np.float32([(row["x"], row["y"]) for row in rows]).reshape(shape)
    have = sum("moved_x" in row and "moved_y" in row for row in rows)
    if have < len(rows) and any("moved_x" in row or "moved_y" in row for row in rows):
        raise UserError(
            f"{clip} {have} of {len(rows)} rows have moved_x and moved_y; give both in all rows, "
            "or leave them out of all"
        )
    if not have:
        return Track(frames, points)
    moved = np.float32([(row["moved_x"], row["moved_y"]) for row in rows]).reshape(shape)
    return Track(frames, points, moved)


def _check(path, domain, track, frames, count):
    clip = f"clip {domain.upper()}"
    if track.frames.ndim != 1 or not np.issubdtype(track.frames.dtype, np.integer):
        raise UserError(f"{path}: the frames of {clip} are no list of whole numbers")
    parts = [track.keypoints] if track.moved is None else [track.keypoints, track.moved]
    for part in parts:
        if part.ndim != 3 or part.shape[1:] != (count, 2):
            shape = "x".join(map(str, part.shape))
            raise UserError(
                f"{path} holds {shape} numbers for {clip} where the checkpoint has {count} "
                f"keypoints (frames x {count} x 2); use the checkpoint that it was written with"
            )
        if not np.isfinite(part).all():
            bad = int(np.flatnonzero(~np.isfinite(part).all((1, 2)))[0])
            raise UserError(f"{path} holds NaN or infinite keypoints, first in row {bad} of {clip}")
    if track.moved is not None and track.moved.shape != track.keypoints.shape:
        raise UserError(f"{path}: of {clip}, there are not as many moved keypoints as others")
    if len(track.frames) != len(track.keypoints) or list(track.frames) != list(frames):
        raise UserError(
            f"{path} holds {len(track.keypoints)} frames of {clip}"
            + (f", {track.frames[0]} to {track.frames[-1]}" if len(track.frames) else "")
            + f", where {len(frames)} are wanted, {frames[0]} to {frames[-1]}; make them the same"
        )
