"""log.csv: what is learned, and the speed and memory that it takes."""

import csv
from unittest.mock import Mock

import pytest
import torch

from engine import checkpoint
from engine.log import Log
from engine.loop import Run
from utils import loss_log

CPU, CUDA = map(torch.device, ("cpu", "cuda"))


def write(folder, start, device, losses, monkeypatch):
    """Log one loss per iteration, each iteration a quarter of a second after the former."""
    clock = iter(range(start, start + 100))
    monkeypatch.setattr("time.perf_counter", lambda: next(clock) / 4)
    log = Log(folder, start, 100, device)
    for iteration, loss in enumerate(losses, start):
        log.write(iteration, {"l2_rec": loss})
    log.close()


def test_speed_and_memory_are_logged_and_are_no_losses(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 * 2**30)
    write(tmp_path, 0, CUDA, [1.0, 0.5], monkeypatch)
    rows = loss_log.read(tmp_path / "log.csv")
    assert [row[loss_log.RATE] for row in rows] == [4, 4]
    assert [row[loss_log.MEMORY] for row in rows] == [3, 3]
    assert loss_log.curves(tmp_path / "log.csv") == {"l2_rec": ([0, 1], [1.0, 0.5])}
    assert (tmp_path / "losses.png").is_file()


def test_a_log_without_speed_is_gone_on_with(tmp_path, monkeypatch):
    (tmp_path / "log.csv").write_text("iteration,l2_rec\n0,2.0\n1,1.5\n2,9.0\n")
    write(tmp_path, 2, CPU, [1.0], monkeypatch)
    assert loss_log.curves(tmp_path / "log.csv") == {"l2_rec": ([0, 1, 2], [2.0, 1.5, 1.0])}
    assert loss_log.MEMORY not in loss_log.read(tmp_path / "log.csv")[-1]


def test_a_kill_while_a_log_is_gone_on_with_leaves_it_as_it_was(tmp_path, monkeypatch):
    former = "iteration,l2_rec\n0,2.0\n1,1.5\n2,9.0\n"
    (tmp_path / "log.csv").write_text(former)

    def kill(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(csv.DictWriter, "writerows", kill)
        write(tmp_path, 2, CPU, [1.0], patch)
    assert (tmp_path / "log.csv").read_text() == former


def test_the_plot_of_a_run_killed_after_its_last_entry_is_made_by_the_call_that_ends_it(tmp_path):
    (tmp_path / "log.csv").write_text("iteration,l2_rec\n0,2.0\n1,1.5\n")
    log = Log(tmp_path, 2, 2, CPU)
    log.close()
    assert (tmp_path / "losses.png").is_file()
    (tmp_path / "losses.png").unlink()
    log.close()
    assert not (tmp_path / "losses.png").exists()


def test_a_log_is_on_the_disk_before_a_checkpoint_that_goes_on_from_it(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("engine.log.settle", seen.append)
    monkeypatch.setattr(checkpoint, "save", lambda path, state: seen.append(path))
    run = Run.__new__(Run)
    run.out, run.log, run.iteration, run.epoch_length = tmp_path, Log(tmp_path, 0, 9, CPU), 0, 1
    run.guard, run.clock, run.learner = Mock(), Mock(), Mock()
    run.learner.pack.return_value = {}
    run.save()
    run.log.write(0, {"l2_rec": 1.0})
    run.save()
    run.log.close()
    place = tmp_path / "checkpoint_0"
    assert seen == [place, tmp_path / "log.csv", place, tmp_path / "log.csv"]
