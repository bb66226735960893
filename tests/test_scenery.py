"""The drawn videos: what a scene promises, and the script that writes two."""

import json

import numpy as np
import pytest
from PIL import Image

from synthetic import CAMERAS, scenery
from tests.conftest import refuse, succeed
from video.reader import open_source

SCRIPT = "data/make_videos.py"


def film(camera, frames=24, name="a", **conditions):
    actor = scenery.actors(0)[name]
    shots = scenery.film(actor, camera, frames, (160, 120), 3, scenery.Conditions(**conditions))
    pictures, masks = zip(*shots)
    return np.stack(pictures), np.stack(masks)


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_creature_walks_inside_the_picture(camera):
    pictures, masks = film(camera, 48)
    assert pictures.shape == (48, 120, 160, 3)
    assert pictures.dtype == np.uint8
    assert masks.shape == (48, 120, 160)
    assert masks.dtype == bool
    for edge in (masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]):
        assert not edge.any()
    middles = [np.nonzero(mask)[1].mean() for mask in masks]
    assert np.ptp(middles) > 0.15 * 160
    assert masks.sum((1, 2)).min() > 0.02 * 160 * 120
    # Legs swing: what stays after the walk is taken out differs from frame to frame.
    assert len({mask.sum() for mask in masks}) > 10


def test_a_still_camera_sees_one_background_and_a_panning_one_slides():
    for camera, still in (("still", True), ("panning", False)):
        pictures, masks = film(camera, 12, noise=0.0, shadow=0.0)
        free = ~(masks[0] | masks[-1])
        free[80:] = False  # soft edges of the creature
        away = np.abs(pictures[0].astype(int) - pictures[-1])[free].mean()
        assert away < 0.5 if still else away > 10


def test_a_green_screen_is_green_and_mildly_uneven():
    pictures, masks = film("green")
    screen = pictures[0][:30].reshape(-1, 3).astype(float)
    assert (screen.argmax(1) == 1).all()
    assert 3 < screen[:, 1].std() < 25


def test_conditions_do_what_they_are_called():
    plain, masks = film("still", 2, noise=0.0, shadow=0.0)
    dark, _ = film("still", 2, noise=0.0, shadow=0.5)
    below = ~masks[0]
    assert (dark[0][below] <= plain[0][below]).all()
    assert (dark[0] != plain[0]).any()
    assert (dark[0][masks[0]] == plain[0][masks[0]]).mean() > 0.9  # soft edges only
    noisy, _ = film("still", 2, noise=6.0, shadow=0.0)
    assert 5 < (noisy[0].astype(float) - plain[0])[20:40].std() < 7
    bright, _ = film("still", 11, noise=0.0, shadow=0.0, exposure=0.2)
    assert bright[10].mean() > 1.1 * bright[0].mean()


def test_a_seed_draws_the_same_again_and_two_creatures_differ():
    first, again = film("panning", 3), film("panning", 3)
    assert (first[0] == again[0]).all()
    assert (first[1] != film("panning", 3, "b")[1]).any()
    coats = {actor.creature.coat for actor in scenery.actors(0).values()}
    assert len(coats) == 2


def test_the_box_is_around_the_mask():
    mask = np.zeros((20, 30), bool)
    mask[5:9, 2:12] = True
    assert scenery.box_of(mask, margin=0) == (2, 5, 10, 4)
    assert scenery.box_of(mask, margin=4) == (0, 1, 16, 12)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    out = tmp_path_factory.mktemp("videos") / "pair"
    return out, succeed(SCRIPT, f"--out {out} --frames 3 --width 96 --height 64")


def test_the_script_writes_videos_masks_and_boxes(videos):
    out, text = videos
    boxes = json.loads((out / "boxes.json").read_text())["boxes"]
    for name in "ab":
        frames = list(open_source(out / f"{name}.mp4"))
        assert [frame.shape for frame in frames] == [(64, 96, 3)] * 3
        files = sorted((out / "truth" / name).iterdir())
        assert [file.name for file in files] == ["0.png", "1.png", "2.png"]
        mask = np.asarray(Image.open(files[0]).convert("L")) > 127
        assert list(scenery.box_of(mask)) == boxes[name]
        assert f"--box_{name}={','.join(map(str, boxes[name]))}" in text


def test_the_script_keeps_what_is_there(videos, tmp_path):
    out, _ = videos
    refuse(SCRIPT, f"--out {out} --frames 3", "--overwrite")
    (tmp_path / "mine.txt").write_text("precious")
    refuse(SCRIPT, f"--out {tmp_path} --overwrite", "other files", "--out")
    refuse(SCRIPT, f"--out {tmp_path / 'new'} --width 97", "--width 97", "even")
    assert (tmp_path / "mine.txt").read_text() == "precious"
    assert not (tmp_path / "new").exists()


def test_the_script_draws_anew(tmp_path):
    out = tmp_path / "pair"
    flags = f"--out {out} --width 64 --height 64 --camera green"
    succeed(SCRIPT, f"{flags} --frames 3")
    succeed(SCRIPT, f"{flags} --frames 2 --seed 1 --overwrite")
    assert len(list((out / "truth/a").iterdir())) == 2
    (out / "boxes.json").unlink()  # as an interrupted run leaves it
    succeed(SCRIPT, f"{flags} --frames 2")
    assert (out / "boxes.json").is_file()
