"""Shared fixtures: a drawn pair of clips, and real command lines."""

import contextlib
import io
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest
from filelock import FileLock

# For this process, whose tests import NumPy and PyTorch later, and for every child: on two cores
# two workers of two threads each take longer, and sums must not round by who started whom.
os.environ["OMP_NUM_THREADS"] = "1"

ROOT = Path(__file__).resolve().parent.parent
SMALL = "--resize_w 64 --resize_h 64 --scale_kp 0.5 --kp_width 4 --ngf 4 --blocks 1 --num_kp 5 "
SMALL += "--device cpu"


class Finished(NamedTuple):
    """How a script ended: exit code and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run_script(name, flags):
    """Run a script of the project with its real command line, in this process for speed."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    argv = [str(ROOT / name), *(flags.split() if isinstance(flags, str) else flags)]
    interrupt = signal.getsignal(signal.SIGINT)
    with (
        mock.patch.object(sys, "argv", argv),
        mock.patch.dict(os.environ),  # what a script sets ends with it
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            runpy.run_path(argv[0], run_name="__main__")
        except SystemExit as end:
            code = end.code or 0
        finally:
            signal.signal(signal.SIGINT, interrupt)
    return Finished(code, out.getvalue(), err.getvalue())


def succeed(name, flags):
    """`run_script` that must end well; returns what it printed."""
    done = run_script(name, flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refuse(name, flags, *words):
    """`run_script` that must end with exit code 2 and one sentence holding `words`; what it did."""
    done = run_script(name, flags)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0], (word, lines[0])
    return done


def pytest_collection_modifyitems(items):
    """What is slow says why, and comes first, so that no worker is left with it at the end."""
    for item in items:
        if item.get_closest_marker("slow"):
            alone = any(mark.name == "slow" for mark in item.own_markers)
            reason = (item.function if alone else item.module).__doc__ or ""
            if "slow" not in reason.lower():
                raise pytest.UsageError(
                    f"{item.nodeid} is slow, and its docstring does not say why"
                )
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def no_curves(monkeypatch):
    """losses.png takes longer than a tiny training: it is drawn for `first` and `second` only."""
    monkeypatch.setattr("engine.log.plot_losses", lambda log, path: path.touch())


@pytest.fixture(scope="session")
def opened_browser():
    """A headless Chromium, started once for all modules."""
    from tests.browser import chromium  # imports Selenium

    with chromium() as driver:
        yield driver


@pytest.fixture(scope="module")
def driver(opened_browser):
    """A headless Chromium with nothing of other modules, its window as on a desk."""
    from tests.browser import clear

    clear(opened_browser)
    return opened_browser


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """Function (name, make) -> folder that `make(folder)` fills, once for all workers together."""
    common = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        common = common.parent

    def folder(name, make):
        path, whole = common / name, common / f"{name}.whole"
        with FileLock(common / f"{name}.lock"):
            if not whole.exists():
                make(path)
                whole.touch()
        return path

    return folder


@pytest.fixture(scope="session")
def draw_pair(shared):
    """Function of make_demo.py's flags -> folder of a drawn pair, to be read only."""

    def draw(flags):
        name = f"pair {flags}".replace(" --", "-").replace(" ", "_")
        return shared(name, lambda out: succeed("data/make_demo.py", f"--out {out} {flags}"))

    return draw


@pytest.fixture(scope="session")
def pair(draw_pair):
    """Folder of a drawn pair: a/train, a/train_seg, b/train, b/train_seg, truth."""
    return draw_pair("--frames 8")


@pytest.fixture(scope="session")
def roots(pair):
    """The flags that name both clips."""
    return f"--root_a {pair}/a/train_seg/ --root_b {pair}/b/train_seg/"


@pytest.fixture(scope="session")
def first(roots, shared):
    """Folder of a finished stage one with --affine, to be read only."""

    def train(out):
        flags = f"{roots} {SMALL} --affine --bs 2 --iters 5 --save_check 2 --print_loss 1"
        text = succeed("train_first_stage.py", f"{flags} --save_img 4 --out {out}")
        assert "[4] loss_pred_a:" in text
        assert "theta_5:" in text

    return shared("first", train)


@pytest.fixture(scope="session")
def second(roots, first, shared):
    """Folder of a finished stage two, to be read only."""

    def train(out):
        flags = f"{roots} --device cpu --bs 2 --load {first}/checkpoint_4 --lambda_vgg 0 --iters 4"
        flags += " --save_check 3 --print_loss 1 --save_img 3 --eval_test 3"
        succeed("train_second_stage.py", f"{flags} --out {out}")

    return shared("second", train)


@pytest.fixture(scope="session")
def prepared(shared):
    """Folder that prepare_data.py made of twelve frames, 160 x 120, at 6 per second; read only."""
    from tests import films  # imports NumPy

    def prepare(out):
        frames, masks = films.scene(12, "panning")
        video = films.write_video(out.parent / "panning.mp4", frames, fps=6)
        masks = films.write_folder(out.parent / "panning masks", masks)
        given = [video, "--out", out, "--mask", "file", "--mask_file", masks]
        succeed("prepare_data.py", list(map(str, given)))

    return shared("prepared", prepare)
