"""--precision fp16: its loss scale, steps that overflow, and runs that go on from checkpoints.

These tests are slow: they train in a type that a CPU has no arithmetic for.
"""

import pytest
import torch

from engine import checkpoint
from tests.conftest import SMALL, succeed
from utils import loss_log, runtime

pytestmark = pytest.mark.slow

FIRST, SECOND = "train_first_stage.py", "train_second_stage.py"
TOLD = "of the steps since the last entry skipped: gradients overflowed in float16"


@pytest.fixture
def flags(roots):
    return f"{roots} {SMALL} --bs 2 --ema 0.5 --print_loss 1 --save_check 2 --save_img 99"


def run(script, flags, out, iters, more=""):
    return succeed(script, f"{flags} --precision fp16 --out {out} --iters {iters} {more}")


def scale_from(monkeypatch, scale):
    """Let loss scales begin at `scale`."""

    def loss_scaler(dtype, device):
        return torch.amp.GradScaler(device.type, scale) if dtype == torch.float16 else None

    monkeypatch.setattr(runtime, "loss_scaler", loss_scaler)


def test_a_run_in_fp16_goes_on_as_if_never_cut(flags, tmp_path):
    run(FIRST, flags, tmp_path / "whole", 5)
    (tmp_path / "interrupted").mkdir()
    (tmp_path / "interrupted/checkpoint_2").write_bytes(
        (tmp_path / "whole/checkpoint_2").read_bytes()
    )
    run(FIRST, flags, tmp_path / "interrupted", 5, "--resume")
    curves = [loss_log.curves(tmp_path / name / "log.csv") for name in ("whole", "interrupted")]
    assert {k: (x[3:], y[3:]) for k, (x, y) in curves[0].items()} == curves[1]
    ends = [checkpoint.read(tmp_path / name / "checkpoint") for name in ("whole", "interrupted")]
    assert ends[0]["scaler"] == ends[1]["scaler"]
    assert 0 < ends[0]["scaler"]["_growth_tracker"] <= 5  # steps since the last overflow
    assert ends[0]["G_A"].keys() == ends[1]["G_A"].keys()
    for name, value in ends[0]["G_A"].items():
        assert value.dtype == torch.float32
        assert torch.equal(value, ends[1]["G_A"][name]), name


def test_precisions_open_each_others_checkpoints(flags, tmp_path):
    """And a stage-one checkpoint of fp16 serves stage two, whose scale is its own."""
    succeed(FIRST, f"{flags} --precision fp32 --out {tmp_path} --iters 1")
    assert "scaler" not in checkpoint.read(tmp_path / "checkpoint")
    assert "at iteration 1" in run(FIRST, flags, tmp_path, 2, "--resume")
    assert checkpoint.read(tmp_path / "checkpoint")["scaler"]["scale"] <= 2.0**16
    succeed(FIRST, f"{flags} --precision fp32 --out {tmp_path} --iters 3 --resume")
    more = f"--lambda_vgg 0 --load {tmp_path}/checkpoint_2"
    run(SECOND, flags, tmp_path / "second", 1, more)
    assert checkpoint.read(tmp_path / "second/checkpoint")["scaler"]["_growth_tracker"] <= 1


def test_an_overflow_skips_the_step_and_says_so_once(flags, tmp_path, monkeypatch):
    """The scale is far too large, and is halved until gradients fit."""
    scale_from(monkeypatch, 2.0**60)
    text = run(FIRST, flags.replace("--print_loss 1", "--print_loss 3"), tmp_path, 7)
    lines = [line for line in text.splitlines() if TOLD in line]
    assert lines == [
        f"[0] 1 {TOLD}; the loss is now multiplied by {2.0**59:g}",
        f"[3] 3 {TOLD}; the loss is now multiplied by {2.0**56:g}",
        f"[6] 3 {TOLD}; the loss is now multiplied by {2.0**53:g}",
    ]
    start, end = (checkpoint.read(tmp_path / name) for name in ("checkpoint_0", "checkpoint"))
    assert end["g_opt"]["state"][0]["step"] == 0
    assert end["d_opt"]["state"][0]["step"] == 7  # its float32 needs no scale
    for name, value in end["G_A"].items():
        assert torch.equal(value, start["G_A"][name]), name
    text = run(FIRST, flags, tmp_path, 8, "--resume")
    assert f"[7] 1 {TOLD}" in text  # what was skipped before is not counted again
