"""Optical flow from the drawing itself, and its files."""

import shutil

import cv2
import numpy as np
import pytest

from synthetic import canvas, drawing, quadrupeds
from synthetic.flow_files import read_flow, write_flow
from tests.conftest import succeed


@pytest.mark.parametrize("level", [quadrupeds.DEMO, *quadrupeds.LEVELS])
def test_the_flow_leads_joints_to_their_next_place(level):
    scenes, _ = quadrupeds.scenes(level, 2)
    checked = 0
    for scene in scenes.values():
        canvases, joints = [], []
        for frame in (10, 11):
            root, place = scene.at(frame)
            seen = drawing.draw(scene.creature, place, root, quadrupeds.CANVAS, scene.markings)
            canvases.append(seen)
            joints.append(place)
        flow, valid = canvas.flow(*canvases)
        for name in ("near_front_knee", "near_front_foot"):  # drawn last, so never hidden
            x, y = joints[0][name].round().astype(int)
            if valid[y, x]:
                assert np.hypot(*(joints[0][name] + flow[y, x] - joints[1][name])) < 0.6
                checked += 1
    assert checked >= 4


def disc_over_bar(x, angle):
    """A bar that turns about its start, and a disc that passes before it."""
    root = np.diag([1.0, 1, 1])
    seen = canvas.Canvas((120, 80), root, 0)
    turn = np.array([np.cos(angle), np.sin(angle)])
    paint = lambda u, v, noise: canvas.flat(u, (200, 100, 50))  # noqa: E731
    start = np.array([20.0, 40.0])
    seen.part(start, start + 80 * turn, (10, 10), paint)
    seen.dot(np.array([float(x), 40.0]), 6, (0, 0, 255), turn)
    return seen


def test_the_flow_of_a_bar_that_turns_is_known():
    now, later = disc_over_bar(50, 0.0), disc_over_bar(58, 0.1)
    flow, valid = canvas.flow(now, later)
    turn = np.array([[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]])
    arm = np.array([70.0, 3.0])
    assert valid[43, 90] and flow[43, 90] == pytest.approx(turn @ arm - arm)
    assert valid[40, 50] and flow[40, 50] == pytest.approx([8, 0])
    assert not valid[5, 5] and (flow[~valid] == 0).all()


def test_what_gets_hidden_or_leaves_the_canvas_has_no_flow():
    _, valid = canvas.flow(disc_over_bar(50, 0.0), disc_over_bar(75, 0.0))
    assert not valid[40, 70:80].any()  # the disc comes to lie over it
    assert valid[40, 30] and valid[40, 50]
    _, valid = canvas.flow(disc_over_bar(50, 0.0), disc_over_bar(140, 0.0))
    assert not valid[37:44, 47:54].any()


def test_flow_files_keep_what_is_written(tmp_path):
    rng = np.random.default_rng(0)
    flow, valid = rng.uniform(-500, 500, (7, 9, 2)), rng.random((7, 9)) < 0.5
    write_flow(tmp_path / "0.png", flow, valid)
    found, seen = read_flow(tmp_path / "0.png")
    assert (seen == valid).all()
    assert np.abs(found - flow)[valid].max() <= 1 / 128
    raw = cv2.imread(str(tmp_path / "0.png"), cv2.IMREAD_UNCHANGED)[..., ::-1]  # as KITTI has it
    assert raw.dtype == np.uint16 and set(np.unique(raw[..., 2])) == {0, 1}
    y, x = np.argwhere(valid)[0]
    assert raw[y, x, 0] == round(flow[y, x, 0] * 64 + 2**15)
    assert (raw[~valid] == 0).all()


def test_a_pair_drawn_before_there_was_flow_is_drawn_anew(draw_pair, tmp_path):
    out = shutil.copytree(draw_pair("--frames 2"), tmp_path / "pair")
    shutil.rmtree(out / "truth/flow")
    flags = f"--out {out} --frames 2"
    assert "holds the demo already" not in succeed("data/make_demo.py", flags)
    assert (out / "truth/flow/ba/0.png").is_file()
    assert "holds the demo already" in succeed("data/make_demo.py", flags)
