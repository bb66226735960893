"""Scripts do not pay for what they do not use: which modules they have imported, and when.

These tests are slow: they import PyTorch and all the scripts.
"""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

TRAINING = "train_first_stage.py", "train_second_stage.py"
NETWORKS = *TRAINING, "inference.py", "evaluate.py"
WITHOUT_TORCH = "gen_vid.py", "prepare_data.py", "data/make_demo.py", "data/make_videos.py"
SLOW = {"torch", "torchvision", "torchmetrics", "matplotlib", "tensorboard", "scipy", "sklearn"}
SLOW |= {"skimage", "jinja2", "yaml", "numpy", "cv2", "PIL", "torch._dynamo"}
# What each script has imported, by the two ways to come to its end: answering --help, and having
# run all that is on its outermost level. A process of its own for each is forked: it begins with
# what this one has imported, which is nothing but the standard library, and for scripts that take
# torch anyway, torch.
PROBE = """
import contextlib, io, json, os, runpy, sys
sys.path.insert(0, os.getcwd())
for job in sys.argv[1:]:
    script, name = job.split(":")
    if script == "torch":
        import torch
        continue
    reader, writer = os.pipe()
    if not os.fork():
        sys.argv = [script, "--help"]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
            runpy.run_path(script, run_name=name)
        os.write(writer, json.dumps([script, name, sorted(sys.modules)]).encode())
        os._exit(0)
    os.close(writer)
    print(os.fdopen(reader, "rb").read().decode())
    os.wait()
"""


@pytest.fixture(scope="module")
def imported():
    """Dict of (script, "__main__" for --help or "imported") -> names of slow modules imported."""
    with_torch = *NETWORKS, "run.py"
    jobs = [f"{script}:__main__" for script in (*with_torch, *WITHOUT_TORCH, "edit.py")]
    jobs += [f"{script}:imported" for script in WITHOUT_TORCH]
    jobs += ["torch:", *(f"{script}:imported" for script in with_torch)]
    command = [sys.executable, "-c", PROBE, *jobs]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(jobs) - 1, done.stderr
    return {(script, name): SLOW & set(modules) for script, name, modules in lines}


def test_help_imports_nothing_slow(imported):
    assert {k: v for k, v in imported.items() if k[1] == "__main__" and v} == {}


def test_what_needs_no_network_starts_without_torch(imported):
    for script in WITHOUT_TORCH:
        assert imported[script, "imported"] <= {"numpy", "cv2", "PIL"}, script
    assert imported["prepare_data.py", "imported"]  # the probe looks


def test_networks_start_without_what_only_measures_and_pages_need(imported):
    for script in (*NETWORKS, "run.py"):
        assert imported[script, "imported"] <= {"torch", "numpy", "cv2", "PIL"}, script
