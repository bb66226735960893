"""Two processes on one batch compute what one process computes.

These tests are slow: they train on one and on two processes.
"""

import csv
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from torch import distributed, nn

from engine import run_folder
from engine.loop import AGREE, step
from tests.conftest import ROOT, SMALL
from tests.in_double import run_in_double
from tests.test_scripts import names
from tests.workers import Workers
from utils import loss_log

pytestmark = pytest.mark.slow

FIRST, SECOND = "train_first_stage.py", "train_second_stage.py"


@pytest.fixture(scope="module")
def two():
    with Workers(2) as workers:
        yield workers


def train(script, flags, workers=None):
    """Run a script in float64, on the two processes if they are given; returns what it printed."""
    ends = workers.run(run_in_double, script, flags) if workers else [run_in_double(script, flags)]
    assert all(end.returncode == 0 for end in ends), [end.stderr for end in ends]
    return "".join(end.stdout for end in ends)


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
def test_two_processes_train_stage_one_as_one_does(two, roots, tmp_path, changes):
    flags = f"{roots} {SMALL} {changes} --no_dropout --bs 4 --iters 3 --print_loss 1 --g_lr 1e-3 "
    flags += "--save_img 2 --save_check 2 --lambda_disc 1"
    for name, workers in (("1", None), ("2", two)):
        text = train(FIRST, f"{flags} --out {tmp_path}/{name}", workers)
        assert text.count("3 iterations done") == 1
    assert_same_losses(tmp_path / "1", tmp_path / "2", steps=3)
    assert {"checkpoint_2", "checkpoint", "2-kp.png"} <= names(tmp_path / "2")
    one, two = (torch.load(tmp_path / n / "checkpoint", weights_only=True) for n in "12")
    for network in ("G_A", "KP", "Disc"):
        for key, value in one[network].items():
            assert torch.allclose(value, two[network][key], rtol=1e-4, atol=1e-8), key
    if one["learned_t"] is not None:
        assert torch.allclose(one["learned_t"], two["learned_t"], rtol=1e-6)


def test_two_processes_train_stage_two_and_go_on_alone(two, roots, tmp_path):
    shape = f"{roots} {SMALL} --no_dropout --bs 4"
    train(FIRST, f"{shape} --iters 1 --out {tmp_path}/first")
    flags = f"{shape} --lambda_vgg 0 --print_loss 1 --load {tmp_path}/first/checkpoint"
    train(SECOND, f"{flags} --iters 3 --out {tmp_path}/1")
    train(SECOND, f"{flags} --iters 2 --out {tmp_path}/2", two)
    train(SECOND, f"{flags} --iters 3 --out {tmp_path}/2 --resume")
    assert_same_losses(tmp_path / "1", tmp_path / "2", steps=3)


def test_a_batch_that_cannot_be_shared_is_refused_once(two, roots, tmp_path):
    ends = two.run(run_in_double, FIRST, f"{roots} {SMALL} --bs 3 --out {tmp_path}")
    assert [end.returncode for end in ends] == [2, 2]
    sentence = "error: --bs 3 cannot be shared by 2 processes; use a multiple of 2\n"
    assert [end.stderr for end in ends] == [sentence, ""]


def test_processes_stop_together_when_one_is_interrupted(two, roots, tmp_path):
    flags = f"{roots} {SMALL} --bs 4 --save_img 9999 --save_check 7 --out {tmp_path}"
    two.start(run_in_double, FIRST, flags)
    two.wait_for(tmp_path / "checkpoint_7")
    os.kill(two.processes[1].pid, signal.SIGINT)
    ends = two.results()
    assert [end.returncode for end in ends] == [130, 130], ends
    assert [end.stdout.count("is saved. To go on: ") for end in ends] == [1, 0]
    assert max(run_folder.numbered(tmp_path)) % AGREE == 0  # the others are multiples of 7


def overflow_in_the_second():
    """Two steps in float16, of which the first one's gradient overflows in one process only.

    Returns:
        steps taken, the loss scale, and the weights.
    """
    distributed.init_process_group("gloo")
    torch.manual_seed(0)
    network, scaler = nn.Linear(3, 1), torch.amp.GradScaler("cpu")
    optimiser = torch.optim.Adam(network.parameters(), fused=True)
    for number in range(2):
        overflows = (distributed.get_rank(), number) == (1, 0)
        factor = float("inf") if overflows else 1.0
        step(optimiser, {"loss": (network(torch.ones(2, 3)) * factor).sum()}, scaler)
    taken = optimiser.state[network.weight]["step"].item()
    return taken, scaler.get_scale(), network.weight.flatten().tolist()


def test_processes_agree_on_skipping(two):
    one, other = two.run(overflow_in_the_second)
    assert one[:2] == (1.0, 2.0**15)
    assert one == other


def test_torchrun_interrupted_saves_one_checkpoint(roots, tmp_path):
    """The documented launcher and a terminal's Ctrl-C; slow, as it starts three interpreters."""
    flags = f"{roots} {SMALL} --bs 2 --save_img 9999 --save_check 7 --out {tmp_path}"
    flags += " --norm batch --precision bf16"
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    process = subprocess.Popen(
        [sys.executable, *torchrun, str(ROOT / FIRST), *flags.split()],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not (tmp_path / "checkpoint_7").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal's Ctrl-C does
    text, _ = process.communicate(timeout=60)
    assert text.count("is saved. To go on: ") == 1, text
    assert max(run_folder.numbered(tmp_path)) % AGREE == 0  # the others are multiples of 7
