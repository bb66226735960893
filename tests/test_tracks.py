"""Keypoint tracks: smoothing without delay, and files that come back as they went."""

import json

import numpy as np
import pytest

from finishing import track_files, tracks
from finishing.tracks import Track
from utils.errors import UserError

RATE = 25.0


def walk(frames=120, count=4, noise=0.0, seed=0):
    """Points that swing at different paces, (N, K, 2) float32."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames)[:, None, None] / RATE
    pace, phase = rng.uniform(0.2, 0.5, (count, 2)), rng.uniform(0, 6, (count, 2))
    points = 0.5 * np.sin(2 * np.pi * pace * time + phase)
    return (points + rng.normal(0, noise, points.shape)).astype(np.float32)


def delay(found, clean):
    """By how many frames `found` comes after `clean`: where their cross-correlation peaks."""
    found, clean = (x.reshape(len(x), -1) - x.mean(0).ravel() for x in (found, clean))
    shifts = range(-10, 11)
    inner = slice(20, -20)
    scores = [(np.roll(found, -shift, 0)[inner] * clean[inner]).sum() for shift in shifts]
    return shifts[int(np.argmax(scores))]


def test_smoothing_halves_jitter_without_delay():
    clean, noisy = walk(), walk(noise=0.02)
    smoothed = tracks.smooth(noisy, 0.2, RATE)
    assert tracks.jitter(smoothed) < 0.5 * tracks.jitter(noisy)
    assert delay(smoothed, clean) == 0
    assert delay(np.roll(smoothed, 2, 0), clean) == 2  # the measure sees a delay
    assert np.abs(smoothed - clean).mean() < 0.7 * np.abs(noisy - clean).mean()
    assert smoothed.dtype == np.float32


def test_smoothing_lasts_as_long_as_said():
    """The response to a single step aside is half as high half the time away."""
    points = np.zeros((101, 1, 2), np.float32)
    points[50] = 1
    response = tracks.smooth(points, 0.4, RATE)[:, 0, 0]
    assert response.argmax() == 50
    assert response[55] == pytest.approx(response[50] / 2, rel=0.02)
    assert np.allclose(response, response[::-1], atol=1e-6)


def test_smoothing_holds_nothing_back_at_the_ends():
    """Even motion stays what it is, to the last frame; noise falls there too."""
    line = np.linspace(-0.5, 0.7, 40)[:, None, None] * np.ones((1, 3, 2))
    assert np.allclose(tracks.smooth(np.float32(line), 0.4, RATE), line, atol=1e-6)
    assert np.allclose(tracks.smooth(np.float32(line), 1e9, RATE), line, atol=1e-6)
    assert np.allclose(tracks.smooth(np.float32(line[:1]), 0.4, RATE), line[:1])
    ends, before, after = [0, 1, -2, -1], [], []
    for seed in range(20):
        clean, noisy = walk(60, seed=seed), walk(60, noise=0.02, seed=seed)
        before.append(np.abs(noisy - clean)[ends].mean())
        after.append(np.abs(tracks.smooth(noisy, 0.2, RATE) - clean)[ends].mean())
    assert np.mean(after) < 0.8 * np.mean(before)


def test_jitter_is_the_mean_second_difference():
    points = np.zeros((4, 2, 2), np.float32)
    points[:, 0, 0] = [0, 1, 2, 3]  # even motion counts nothing
    points[:, 1, 1] = [0, 1, 0, 1]  # differences -2 and 2
    assert tracks.jitter(points) == pytest.approx(1.0)
    assert tracks.jitter(points[:2]) == 0


@pytest.fixture
def both():
    return {
        "a": Track(np.arange(5, 11), walk(6), walk(6, seed=1)),
        "b": Track(np.arange(4), walk(4, seed=2), walk(4, seed=3)),
    }


SPANS = {"a": range(5, 11), "b": range(4)}


@pytest.mark.parametrize("ending", ["npz", "json"])
def test_files_come_back_to_the_last_digit(both, tmp_path, ending):
    path = tmp_path / f"points.{ending}"
    track_files.write(path, both)
    found = track_files.read(path, SPANS, 4)
    for domain, track in both.items():
        assert np.array_equal(found[domain].keypoints, track.keypoints)
        assert np.array_equal(found[domain].moved, track.moved)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert set(track_files.read(path, {"a": SPANS["a"]}, 4)) == {"a"}


def test_moved_points_may_be_left_out(both, tmp_path):
    np.savez(tmp_path / "p.npz", a=both["a"].keypoints, a_frames=both["a"].frames)
    assert track_files.read(tmp_path / "p.npz", {"a": SPANS["a"]}, 4)["a"].moved is None
    track_files.write(tmp_path / "p.json", both)
    content = json.loads((tmp_path / "p.json").read_text())
    for row in content["b"]:
        del row["moved_x"], row["moved_y"]
    content["b"].reverse()  # any order will do
    (tmp_path / "p.json").write_text(json.dumps(content))
    found = track_files.read(tmp_path / "p.json", SPANS, 4)
    assert found["b"].moved is None
    assert np.array_equal(found["b"].keypoints, both["b"].keypoints)


def changed(track, **values):
    return Track(*(values.get(name, getattr(track, name)) for name in vars(track)))


@pytest.mark.parametrize("ending", ["npz", "json"])
def test_what_does_not_fit_is_refused(both, tmp_path, ending):
    path, a = tmp_path / f"p.{ending}", both["a"]

    def refused(track, words, count=4):
        track_files.write(path, {"a": track})
        with pytest.raises(UserError, match=words):
            track_files.read(path, {"a": SPANS["a"]}, count)

    refused(a, "where the checkpoint has 5 keypoints", count=5)
    short = {name: value[:5] for name, value in vars(a).items()}
    refused(Track(**short), "holds 5 frames of clip A, 5 to 9, where 6 are wanted, 5 to 10")
    refused(changed(a, frames=a.frames + 1), "6 to 11, where 6 are wanted")
    broken = a.moved.copy()
    broken[3, 1, 0] = np.nan
    refused(changed(a, moved=broken), "NaN or infinite keypoints, first in row 3")
    refused(changed(a, frames=a.frames + 0.5), "no list of whole numbers")
    track_files.write(path, {"b": both["b"]})
    with pytest.raises(UserError, match="no keypoints of clip A"):
        track_files.read(path, SPANS, 4)


def test_damaged_files_are_refused(both, tmp_path):
    track_files.write(tmp_path / "p.json", both)
    rows = json.loads((tmp_path / "p.json").read_text())
    first, *others = rows["a"]
    for edited, words in (
        (others, "keypoint 0 of frame 5 is missing"),
        ([*rows["a"], rows["a"][6]], "keypoint 2 of frame 6 is twice"),
        ([*others, {**first, "index": 10**12}], "keypoint 0 of frame 5 is missing"),
        ([*rows["a"], {**first, "index": -1}], "keypoint .* of frame .* is"),
        ([*others, dict(list(first.items())[:4])], "23 of 24 rows have moved_x and moved_y"),
        ([{**first, "x": None}, *others], "NaN or infinite"),
    ):
        (tmp_path / "p.json").write_text(json.dumps({"a": edited}))
        with pytest.raises(UserError, match=words):
            track_files.read(tmp_path / "p.json", {"a": SPANS["a"]}, 4)
    for content in ("", "[]", "{", '{"a": 3}', "null", '{"a": []}', "[" * 100000):
        (tmp_path / "p.json").write_text(content)
        with pytest.raises(UserError, match="p.json is no file of keypoints|has no keypoints"):
            track_files.read(tmp_path / "p.json", SPANS, 4)
    np.savez(tmp_path / "p.npz", a=both["a"].keypoints, a_frames=SPANS["a"],
             a_moved=both["a"].moved[:3])  # fmt: skip
    with pytest.raises(UserError, match="not as many moved"):
        track_files.read(tmp_path / "p.npz", {"a": SPANS["a"]}, 4)
    whole = (tmp_path / "p.npz").read_bytes()
    (tmp_path / "p.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="p.npz is no file of keypoints"):
        track_files.read(tmp_path / "p.npz", SPANS, 4)
    with pytest.raises(UserError, match="does not exist"):
        track_files.read(tmp_path / "none.npz", SPANS, 4)
    with pytest.raises(UserError, match="ends in .npz or .json"):
        track_files.check_name("points.csv")
    with pytest.raises(UserError, match="cannot be written"):
        track_files.write(tmp_path / "p.npz/in a file.npz", both)
