"""Training by the clock: --minutes and --stop_after, with a clock that goes six seconds a look."""

import itertools
from types import SimpleNamespace

import pytest
import torch

from engine import clock, run_folder
from engine.clock import AGREE, Clock
from tests.conftest import SMALL, refuse, succeed
from utils import loss_log, parallel

FIRST, SECOND = "train_first_stage.py", "train_second_stage.py"
HALF = "--bs 2 --minutes 0.5 --iters 2 --lr_decay 0.5 --print_loss 1 --save_img 99 --eval_test 99"


@pytest.fixture(autouse=True)
def six_seconds_a_look(monkeypatch):
    ticks = itertools.count(100, 6)
    fake = SimpleNamespace(perf_counter=lambda: next(ticks), process_time=lambda: next(ticks) / 2)
    monkeypatch.setattr(clock, "time", fake)


def reached(path):
    """Next iteration, seconds and learning rate in a checkpoint."""
    state = torch.load(path, weights_only=True)
    optimiser = state["g_opt"] if "g_opt" in state else state["g_opt2"]
    return state["iteration"], state["seconds"], optimiser["param_groups"][0]["lr"]


def test_minutes_count_those_before_a_resume_and_rates_follow_them(roots, tmp_path):
    flags = f"{roots} {SMALL} {HALF} --g_lr 0.001"
    assert "5 iterations done" in succeed(FIRST, f"{flags} --out {tmp_path}/whole")
    assert reached(tmp_path / "whole/checkpoint") == (5, 30, 0)
    out = tmp_path / "parts"
    for last, seconds, rate in ((1, 12, 1e-3), (3, 24, 0.4e-3)):
        text = succeed(FIRST, f"{flags} --stop_after 0.2 --out {out} --resume")
        assert f"paused; {out}/checkpoint_{last} is saved. To go on: python" in text
        assert not (out / "checkpoint").exists()
        at = reached(out / f"checkpoint_{last}")
        assert at == (last + 1, seconds, pytest.approx(rate))
    assert "5 iterations done" in succeed(FIRST, f"{flags} --stop_after 0.2 --out {out} --resume")
    assert reached(out / "checkpoint") == (5, 30, 0)
    curves = [loss_log.curves(folder / "log.csv") for folder in (tmp_path / "whole", out)]
    assert curves[0] == curves[1]
    assert "5 iterations done" in succeed(FIRST, f"{flags} --out {out} --resume")
    assert max(run_folder.numbered(out)) == 3


def test_stage_two_has_minutes_of_its_own(roots, first, tmp_path):
    flags = f"{roots} --device cpu --load {first}/checkpoint --lambda_vgg 0 {HALF}"
    assert "5 iterations done" in succeed(SECOND, f"{flags} --out {tmp_path}")
    assert reached(tmp_path / "checkpoint")[:2] == (5, 30)


def test_processor_time_is_another_clock(roots, tmp_path):
    flags = f"{roots} {SMALL} --bs 2 --minutes 0.1 --processor_time --out {tmp_path}"
    assert "2 iterations done" in succeed(FIRST, flags)
    assert reached(tmp_path / "checkpoint")[:2] == (2, 6)


def test_a_checkpoint_without_a_time_begins_at_none(roots, tmp_path):
    flags = f"{roots} {SMALL} --bs 2 --out {tmp_path} --resume"
    succeed(FIRST, f"{flags} --iters 1")
    state = torch.load(tmp_path / "checkpoint", weights_only=True)
    del state["seconds"]
    torch.save(state, tmp_path / "checkpoint")
    succeed(FIRST, f"{flags} --minutes 0.2")
    assert reached(tmp_path / "checkpoint")[:2] == (3, 12)
    torch.save({**state, "seconds": -1.0}, tmp_path / "checkpoint")
    refuse(FIRST, f"{flags} --minutes 0.2", "has broken seconds")


def test_processes_share_one_clock(monkeypatch):
    monkeypatch.setattr(parallel, "size", lambda: 2)
    monkeypatch.setattr(parallel, "agree", lambda number, device: max(number, 1000))
    watch = Clock(before=50)
    watch.start()
    watch.tick(AGREE + 1, "cpu")
    assert watch.seconds == 50
    watch.tick(2 * AGREE, "cpu")
    assert watch.seconds == 1050 and watch.since_start == 1000
