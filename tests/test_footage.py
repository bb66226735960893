"""The drawn clips of many kinds: what their list promises, and what is to be seen in them."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks import filming
from synthetic import footage, takes
from tests.conftest import refuse, succeed

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


@pytest.mark.parametrize("shape", footage.AXES["shape"])
def test_ways_uncover_what_they_are_called(shape):
    clip = replace(CLIP, shape=shape, frames=32)
    shares = [replace(clip, way=way).uncovers for way in ("across", "drifts", footage.STATIC)]
    assert shares[0] == 1
    assert 0.2 < shares[1] < 0.5
    assert shares[2] == 0
    assert [replace(clip, way=way).moves for way in ("drifts", footage.STATIC)] == [True, False]


def placed(**changes):
    """Where the world's middle is seen, (frames, 2), and its size there, (frames,)."""
    views = takes.Take(replace(CLIP, frames=48, **changes)).views
    return views @ [80, 60, 1], np.linalg.det(views[:, :2, :2]) ** 0.5


def test_cameras_move_as_they_are_called():
    middles = {camera: placed(camera=camera) for camera in footage.AXES["camera"]}
    ways = {camera: np.ptp(places[:, :2], 0) for camera, (places, _) in middles.items()}
    sizes = {camera: scale.max() / scale.min() for camera, (_, scale) in middles.items()}
    assert not ways["still"].any()
    assert 0.1 < ways["tripod"].max() < 1.5
    assert 0.3 < ways["pan"][0] / 47 < 1.5  # pixels a frame, at half of 320
    assert 2 < ways["hand_held"].max() < 20
    assert 1.05 < sizes["zoom"] < 1.26
    assert sizes["still"] == sizes["pan"] == sizes["tripod"] == 1
    assert 1.002 < sizes["hand_held"] < 1.08


def test_a_still_camera_sees_one_background_and_others_do_not():
    def changed(camera):
        pictures, masks = film(camera=camera, way="on_the_spot", frames=12)
        free = ~masks.any(0)
        return np.abs(pictures[0].astype(int) - pictures[-1])[free].mean()

    assert changed("still") < 3  # noise
    assert changed("pan") > 6


def test_light_and_sensor_do_what_they_are_called():
    static = {"way": footage.STATIC, "frames": 20}
    plain, masks = film(**static)
    lit = {light: film(light=light, **static)[0].astype(int) for light in footage.AXES["light"]}
    brightness = {light: pictures.mean((1, 2, 3)) for light, pictures in lit.items()}
    assert np.ptp(brightness["plain"]) < 0.5
    assert np.ptp(brightness["exposure"]) > 5
    assert np.abs(np.diff(brightness["flicker"])).mean() > 1
    darker = (lit["plain"] - lit["shadow"])[0].min(2) > 15
    assert 40 < darker.sum() < 2000
    assert (darker & masks[0]).sum() < 0.1 * darker.sum()
    noisy = film(sensor="noisy", **static)[0]
    spread = [np.diff(pictures.astype(int), axis=0).std() for pictures in (plain, noisy)]
    assert spread[1] > 3 * spread[0]


def test_motion_blurs_the_object_and_not_a_still_background():
    sharp, blurred = (film(sensor=sensor, frames=3)[0] for sensor in ("clean", "motion_blur"))
    away = np.abs(sharp.astype(int) - blurred)[0].max(2) > 20
    assert 20 < away.sum() < 0.2 * away.size


def test_the_benchmark_measures_and_draws(tmp_path):
    flags = "--only t64 --methods chroma --sheet"
    text = succeed("benchmarks/footage.py", f"{flags} {tmp_path}/sheet.png")
    row, *_ = (line.split() for line in text.splitlines() if " chroma " in line)
    assert float(row[2]) > 0.5
    assert "backdrop green" in text
    assert re.search(r"IoU 0\.9 to 1\.0 +1 +0%|IoU 0\.7 to 0\.9 +1 ", text)
    assert Image.open(tmp_path / "sheet.png").size[0] == 320


@pytest.mark.slow
def test_a_prepared_clip_is_measured_within_borders(draw_pair):
    """Slow: grabcut goes through two videos of 640 pixels."""
    pair = draw_pair("--frames 2")
    text = succeed("benchmarks/footage.py", f"--clip {pair}/a --methods grabcut")
    assert "a plain" in text
    assert "a smeared" in text
    frames, masks = filming.pasted(pair / "a", "smeared")
    assert frames[0].shape == (498, 640, 3)
    assert len(frames) == len(masks)
    outside = frames[0][249, :3].astype(int)
    assert np.abs(outside - frames[0][249, 40]).max() < 12


def test_the_benchmark_names_clips_that_are_none():
    refuse("benchmarks/footage.py", "--only zebra", "zebra", "--only")
