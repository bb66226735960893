"""The parts of benchmarks/gpu.py: each a command of the project, and the figures that it leaves.

A part is a function of the options and of the time, by `time.monotonic`, at which it must be over.
It returns the command as one would type it, and its figures.
"""

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import yaml

from engine import checkpoint, run_folder
from models import weights
from utils import loss_log

ROOT = Path(__file__).resolve().parent.parent
GRACE = 20  # seconds in which an interrupted run saves its checkpoint


class Unfinished(Exception):
    """A part gave no figures; the message says why."""


def clip_folders():
    """Folders of the published clips, cat and fox, where they lie; else those of the drawn pair."""
    for folder in (Path("data"), Path("../shared/data")):
        if all((ROOT / folder / clip / "train_seg").is_dir() for clip in ("cat", "fox")):
            return folder / "cat", folder / "fox"
    if not (ROOT / "data/demo/overview.png").is_file():
        subprocess.run([sys.executable, "data/make_demo.py"], cwd=ROOT, check=True)
    return Path("data/demo/a"), Path("data/demo/b")


def call(words, end):
    """Run a command of the project until the time `end` at most.

    Returns:
        the command as one would type it, and its exit code, None where it ran out of time.
    """
    command = ["python", *map(str, words)]
    print(f"\n$ {shlex.join(command)}", flush=True)
    process = subprocess.Popen([sys.executable, *command[1:]], cwd=ROOT)
    try:
        return shlex.join(command), process.wait(max(1, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return shlex.join(command), None


def why(code):
    """In words, why a command whose exit code is `code`, as `call` returns it, gave no figures."""
    if code is None:
        return "did not end in its time; the same command begins it again, --minutes gives it more"
    return f"failed with exit code {code}"


def tests(opt, end):
    """Counts of tests/test_cuda.py by outcome, and the names of those that failed."""
    path = ROOT / opt.out / "tests.xml"
    path.unlink(missing_ok=True)
    words = "-m", "pytest", "-q", "-p", "no:xdist", "tests/test_cuda.py"
    command, code = call([*words, f"--junitxml={opt.out}/tests.xml"], end)
    if not path.is_file():
        raise Unfinished(why(code))
    cases = list(ElementTree.parse(path).iter("testcase"))
    failed = [x.get("name") for x in cases if {"failure", "error"} & {y.tag for y in x}]
    skipped = sum(x.find("skipped") is not None for x in cases)
    return command, {
        "passed": len(cases) - skipped - len(failed), "skipped": skipped, "failed": failed,
    }  # fmt: skip


def speed(stages, *more):
    """Function that measures what `--stages` of benchmarks/speed.py names."""

    def measured(opt, end):
        path, (clip_a, clip_b) = ROOT / opt.out / f"{stages}.json", clip_folders()
        path.unlink(missing_ok=True)
        words = ["benchmarks/speed.py", "--stages", stages, *more, "--device", opt.device]
        words += ["--root_a", clip_a / "train_seg", "--root_b", clip_b / "train_seg"]
        words += ["--config", opt.settings] if opt.settings else []
        command, code = call(
            [*words, "--rounds", opt.rounds, "--json", f"{opt.out}/{stages}.json"], end
        )
        if not path.is_file():
            raise Unfinished(why(code))
        return command, json.loads(path.read_text())

    return measured


def full_run(opt, end):
    """How far `run.py --preset full` has come, and its measures once it is through."""
    folder, given = Path(opt.out) / "run", (ROOT / opt.settings).read_text() if opt.settings else ""
    settings = yaml.safe_load(given) or {}
    if not weights.cached(weights.VGG_URL).is_file():
        settings.setdefault("train_second_stage", {})["lambda_vgg"] = 0
    words = ["run.py", *clip_folders(), "--out", folder, "--preset", "full", "--device", opt.device]
    if settings:
        path = Path(opt.out) / "settings.yaml"
        (ROOT / path).write_text(yaml.safe_dump(settings))
        words += ["--settings", path]
    command, code = call(words, end)
    found = {stage: reached(ROOT / folder / "full" / stage) for stage in ("first", "second")}
    measures = ROOT / folder / "full/evaluation/metrics.json"
    if measures.is_file():
        found["metrics"] = json.loads(measures.read_text())["metrics"]
    if code:
        print(f"run.py: {why(code)}", file=sys.stderr)
    return command, {**found, "finished": code == 0}


def reached(folder):
    """How far a training run has come, its rate and GPU memory; None without a checkpoint."""
    newest = run_folder.newest(folder)
    if newest is None:
        return None
    state, log = checkpoint.read(newest), loss_log.read(folder / "log.csv")
    last = log[-1] if log else {}
    return {
        "iterations": state["iteration"], "of": state["options"]["iters"],
        "it/s": last.get(loss_log.RATE), "GiB": last.get(loss_log.MEMORY),
    }  # fmt: skip


PARTS = {
    "tests": tests,
    "first": speed("first", "--ladder"),
    "second": speed("second", "--ladder"),
    "inference": speed("inference"),
    "memory_first": speed("sweep_first"),
    "memory_second": speed("sweep_second"),
    "run": full_run,
}
