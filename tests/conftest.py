"""Shared fixtures: a drawn pair of clips, and real command lines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SMALL = "--resize_w 64 --resize_h 64 --scale_kp 0.5 --kp_width 4 --ngf 4 --num_kp 5 --device cpu"


def run_script(name, flags, cwd=ROOT, **environment):
    """Run a script of the project as a user would; returns the finished process."""
    command = [
        sys.executable,
        str(ROOT / name),
        *(flags.split() if isinstance(flags, str) else flags),
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "2", **environment}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


def succeed(name, flags, **keywords):
    """`run_script` that must end well; returns what it printed."""
    done = run_script(name, flags, **keywords)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refuse(name, flags, *words, **keywords):
    """`run_script` that must end with exit code 2 and one sentence holding `words`."""
    done = run_script(name, flags, **keywords)
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), done.stderr
    for word in words:
        assert word in lines[0], (word, lines[0])


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
