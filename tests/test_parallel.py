"""Two processes on one batch compute what one process computes."""

import csv
import os
import signal
import subprocess
import sys

import pytest
import torch

from tests.conftest import ROOT, SMALL
from tests.test_scripts import names, wait_for
from utils import loss_log

FIRST, SECOND = "train_first_stage.py", "train_second_stage.py"


def launch(processes, *command, **keywords):
    """Start a script on so many processes, which meet over gloo."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    return subprocess.Popen(
        [sys.executable, *(torchrun if processes > 1 else []), *map(str, command)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **keywords,
    )


def in_double(processes, script, flags):
    """Run a script in float64 (tests/in_double.py) on so many processes; returns its output."""
    process = launch(processes, "-m", "tests.in_double", script, *flags.split())
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0, text
    return text


def losses(folder):
    with open(folder / "log.csv", newline="") as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    # Scores of single items are no means over the batch, and speed is no loss.
    others = "disc_", loss_log.RATE
    return [{k: v for k, v in row.items() if not k.startswith(others)} for row in rows]


def assert_same_losses(one, two, steps):
    one, two = losses(one), losses(two)
    assert len(one) == len(two) == steps
    for row, other in zip(one, two):
        assert row.keys() == other.keys()
        for name in row:
            assert other[name] == pytest.approx(row[name], rel=1e-4, abs=1e-12), (name, row)


@pytest.mark.parametrize("changes", ["--affine", "--norm batch --strong_kp"])
def test_two_processes_train_stage_one_as_one_does(roots, tmp_path, changes):
    flags = f"{roots} {SMALL} {changes} --no_dropout --bs 4 --iters 5 --print_loss 1 --g_lr 1e-3 "
    flags += "--save_img 4 --save_check 4 --lambda_disc 1"
    for count in (1, 2):
        text = in_double(count, FIRST, f"{flags} --out {tmp_path}/{count}")
        assert text.count("5 iterations done") == 1
    assert_same_losses(tmp_path / "1", tmp_path / "2", steps=5)
    assert {"checkpoint_4", "checkpoint", "4-kp.png"} <= names(tmp_path / "2")
    one, two = (torch.load(tmp_path / n / "checkpoint", weights_only=True) for n in "12")
    for network in ("G_A", "KP", "Disc"):
        for key, value in one[network].items():
            assert torch.allclose(value, two[network][key], rtol=1e-4, atol=1e-8), key


def test_two_processes_train_stage_two_and_go_on_alone(roots, tmp_path):
    shape = f"{roots} {SMALL} --no_dropout --bs 4"
    in_double(1, FIRST, f"{shape} --iters 1 --out {tmp_path}/first")
    flags = f"{shape} --lambda_vgg 0 --print_loss 1 --load {tmp_path}/first/checkpoint"
    in_double(1, SECOND, f"{flags} --iters 5 --out {tmp_path}/1")
    in_double(2, SECOND, f"{flags} --iters 3 --out {tmp_path}/2")
    in_double(1, SECOND, f"{flags} --iters 5 --out {tmp_path}/2 --resume")
    assert_same_losses(tmp_path / "1", tmp_path / "2", steps=5)


def test_a_batch_that_cannot_be_shared_is_refused_once(roots, tmp_path):
    process = launch(2, FIRST, *f"{roots} {SMALL} --bs 3 --out {tmp_path}".split())
    text, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert text.count("error: --bs 3 cannot be shared by 2 processes; use a multiple of 2") == 1


def test_interrupted_processes_save_one_checkpoint(roots, tmp_path):
    flags = f"{roots} {SMALL} --bs 3 --save_img 9999 --save_check 9999 --out {tmp_path}"
    flags += " --norm batch --precision bf16"
    process = launch(3, FIRST, *flags.split(), start_new_session=True)
    wait_for(tmp_path / "checkpoint_0", process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal's Ctrl-C does
    text, _ = process.communicate(timeout=60)
    assert text.count("is saved. To go on: ") == 1, text
    assert len([name for name in names(tmp_path) if name.startswith("checkpoint_")]) == 2
