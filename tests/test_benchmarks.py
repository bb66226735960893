"""The benchmark runs, and what it calls plain computes the same.

These tests are slow: they train to have something to time.
"""

import json
import shutil

import pytest
import torch
from PIL import Image

from benchmarks import plain
from benchmarks.tables import show
from datasets.clip import Clip
from datasets.pairs import ClipTensors, Pairs
from tests.conftest import SMALL, succeed
from utils import geometry

pytestmark = pytest.mark.slow


def test_plain_data_are_the_same_items(pair):
    clips = [Clip(pair / domain / "train_seg") for domain in "ab"]
    pairs = Pairs(*(ClipTensors(clip, 64, 64, 0.2, "cpu") for clip in clips), 2, seed=0)
    files = plain.Files(clips, pairs, "cpu")
    for iteration in (0, 5):
        for ours, wanted in zip(files.batch(iteration), pairs.batch(iteration)):
            for x, y in zip(ours, wanted):
                assert x.shape == y.shape
                assert (x - y).abs().mean() < 0.01  # one resampling against two


@pytest.mark.parametrize("per_item", [False, True])
def test_plain_redraw_is_the_same(per_item):
    torch.manual_seed(0)
    keypoints = (torch.rand(3, 5, 2, dtype=torch.float64) * 2 - 1).requires_grad_()
    pictures = [f(keypoints, 20, 30, per_item) for f in (geometry.redraw, plain.redraw)]
    assert torch.allclose(*pictures, atol=1e-12)
    weights = torch.rand_like(pictures[0])
    gradients = [torch.autograd.grad((x * weights).sum(), keypoints)[0] for x in pictures]
    assert torch.allclose(*gradients, atol=1e-9)


def test_the_ladder_is_measured_and_written(roots, tmp_path):
    """Slow: every row trains networks of its own."""
    flags = f"{roots} {SMALL} --bs 2 --rounds 1 --steps 1 --affine --json {tmp_path}/speed.json"
    text = succeed("benchmarks/speed.py", f"{flags} --ladder --stages first")
    assert "+ channels last" in text
    found = json.loads((tmp_path / "speed.json").read_text())
    (rows,) = (value for name, value in found.items() if name.startswith("stage first"))
    assert rows["plain"]["compute ratio"] == 1
    assert all(row["data items/s"] > 0 < row["loop it/s"] for row in rows.values())
    assert len(rows) == 6


def test_a_table_leaves_out_what_nothing_was_measured_of(capsys):
    show(
        "title", {"one": {"x": 1.0, "y": None, "z": "2..3"}, "two": {"x": None, "y": None, "z": 4}}
    )
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [[], ["title"], ["x", "z"], ["one", "1", "2..3"], ["two", "-", "4"]]


def test_inference_is_measured(roots, tmp_path):
    """Slow: the script runs over a hundred frames and more, or its start would be all there is."""
    flags = f"{roots} {SMALL} --rounds 1 --json {tmp_path}/speed.json --stages inference"
    assert "inference.py --splitted" in succeed("benchmarks/speed.py", flags)


def test_dragging_a_keypoint_is_measured(roots, second, tmp_path):
    flags = f"{roots} --load {second}/checkpoint --affine --device cpu --frames 2 --out {tmp_path}"
    text = succeed("benchmarks/drag.py", flags)
    assert text.count("elsewhere") == 5
    assert float(text.split("median ")[1].split(" : 1")[0]) > 0
    assert Image.open(tmp_path / "drag.png").size[0] >= 2 * 128


def test_the_wait_for_a_dragged_keypoint_is_measured(roots, second):
    """Slow: the editor and Chromium start."""
    if not shutil.which("chromedriver"):
        pytest.skip("no Chromium is installed; make browser installs it")
    flags = f"--pictures 3 {roots} --load {second}/checkpoint --device cpu"
    single, stream = succeed("benchmarks/editing.py", flags).splitlines()[-2:]
    *_, moves, pictures, dropped, median, worse = single.split()
    assert (moves, pictures, dropped) == ("3", "3", "0")
    assert 0 < int(median) <= int(worse)
    moves, pictures, dropped = map(int, stream.split()[-5:-2])
    assert moves >= 30 and 3 <= pictures == moves - dropped


def test_ways_to_crop_are_compared(tmp_path):
    """Slow: draws two clips and their truths in whole frames."""
    words = f"--bound --levels 2 --seeds 0 --frames 4 --crops tight,square --out {tmp_path}"
    assert "2        square" in succeed("benchmarks/crops.py", words)
    rows = {row["crop"]: row for row in json.loads((tmp_path / "crops.json").read_text())}
    for pair in ("ab bound", "ba bound"):
        assert rows["square"][pair]["IoU aligned"] > rows["tight"][pair]["IoU aligned"] > 0.7
