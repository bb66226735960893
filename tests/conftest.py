"""Shared fixtures: a drawn pair of clips, and real command lines."""

import contextlib
import io
import os
import runpy
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest

ROOT = Path(__file__).resolve().parent.parent
SMALL = "--resize_w 64 --resize_h 64 --scale_kp 0.5 --kp_width 4 --ngf 4 --num_kp 5 --device cpu"


class Finished(NamedTuple):
    """How a script ended: exit code and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run_script(name, flags):
    """Run a script of the project with its real command line, in this process for speed."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    argv = [str(ROOT / name), *(flags.split() if isinstance(flags, str) else flags)]
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


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """Folder of a drawn pair: a/train, a/train_seg, b/train, b/train_seg, truth."""
    out = tmp_path_factory.mktemp("pair") / "demo"
    succeed("data/make_demo.py", f"--out {out} --frames 8")
    return out


@pytest.fixture
def roots(pair):
    """The flags that name both clips."""
    return f"--root_a {pair}/a/train_seg/ --root_b {pair}/b/train_seg/"


@pytest.fixture(scope="session")
def first(pair, tmp_path_factory):
    """A finished stage one with --affine."""
    out = tmp_path_factory.mktemp("first")
    flags = f"--root_a {pair}/a/train_seg/ --root_b {pair}/b/train_seg/ {SMALL} --affine --bs 2 "
    text = succeed(
        "train_first_stage.py",
        flags + f"--out {out} --iters 5 --save_check 2 --print_loss 1 --save_img 4",
    )
    assert "[4] loss_pred_a:" in text
    assert "theta_5:" in text
    return out


@pytest.fixture(scope="session")
def second(pair, first, tmp_path_factory):
    """A finished stage two."""
    out = tmp_path_factory.mktemp("second")
    flags = f"--root_a {pair}/a/train_seg/ --root_b {pair}/b/train_seg/ --device cpu --bs 2 "
    flags += f"--load {first}/checkpoint_4 --lambda_vgg 0 --iters 4 --save_check 3 --print_loss 1 "
    succeed("train_second_stage.py", flags + f"--save_img 3 --eval_test 3 --out {out}")
    return out
