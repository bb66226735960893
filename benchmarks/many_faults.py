"""Hurt run_many.py and its workers, give the same command again, and see what was lost.

Each case makes two pairs of a drawn one at tiny settings, of so few frames that nothing is
measured: one is hurt, and the other is to come to its end as if nothing had been. `a node of two`
starts a cluster of two Ray nodes on this machine, and kills one of them. It needs Linux, and for
`full disk` the right to mount.
"""

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

import yaml

from benchmarks import many_pairs
from benchmarks.many_nodes import place, two_nodes
from benchmarks.tables import show
from engine import run_folder
from many import jobs, rows
from utils import arguments, lifeline
from utils.arguments import option

ITERS = 40  # of each stage
PATIENCE = 900  # seconds for a pair


class Case:
    """A list of two pairs, hurt and other, and the command that makes them."""

    def __init__(self, folder, name, hurt=None, address=""):
        self.names = ["hurt", "other"]
        self.out = folder / name.replace(" ", "_")
        self.pairs, self.log = self.out.with_suffix(".yaml"), self.out.with_suffix(".log")
        common, clips = many_pairs.common(folder, ITERS), many_pairs.draw(folder / "films")
        pairs = [{"name": "hurt", **clips, **(hurt or {})}, {"name": "other", **clips}]
        self.pairs.write_text(yaml.safe_dump({"common": common, "pairs": pairs}))
        self.address = ["--address", address] if address else []

    def begin(self):
        """Give the command; its processes, and theirs, have `mark` in their environment."""
        self.mark = f"MANY_FAULTS={secrets.token_hex()}"
        name, _, value = self.mark.partition("=")
        words = str(self.pairs), "--out", str(self.out), "--cpus_per_pair", "1", *self.address
        with open(self.log, "a") as log:
            more = {"stdout": log, "stderr": log, "env": {**os.environ, name: value}}
            return lifeline.start("run_many.py", *words, **more)

    def job(self, name=""):
        name = name or self.names[0]
        return jobs.Job(name, 0, (), self.out, self.out / name / "seed0", "quick")

    def holder(self, name=""):
        """Number of the process that makes a pair."""
        return json.loads((self.job(name).out / ".lock").read_text())["pid"]

    def wait_for(self, step, process):
        """Until the hurt pair is in a step, and in a training has come some way in it."""
        job, row = self.job(), rows.Row("hurt", 0)
        while process.poll() is None:
            rows.follow(row, job)
            under_way = step not in rows.STAGES or (row.iteration or 0) > 7
            if row.step == step and under_way and rows.is_held(job):
                return
            time.sleep(0.05)

    def found(self, code):
        """Cells of the table."""
        logs = [self.job(name).out / jobs.LOG for name in self.names]
        hurt, other = (path.read_text() if path.is_file() else "" for path in logs)
        reasons = re.findall(r"^(?:error|hurt.*failed): (.*)$", self.log.read_text(), re.MULTILINE)
        return {
            "code": str(code),
            "hurt": _state(self.job()),
            "other": _state(self.job(self.names[1])),
            "iterations lost": str(lost(hurt)),
            "done twice": str(twice(hurt) + twice(other)),
            "other begun": str(other.count("stage one: train_first_stage.py")),
            "reason": "".join(reasons[-1:]),
        }


def _state(job):
    row = rows.Row(job.name, job.seed)
    rows.finish(row, job)
    return "done" if set(rows.VIDEOS) <= set(row.links) else "not done"


def lost(text):
    """Iterations that run.py's log says were done and then done again."""
    reached, gone, step = {}, 0, ""
    for line in text.splitlines():
        step = next(iter(re.findall(r"^(stage \w+): \S+\.py$", line)), step)
        begun = re.search(r"^going on from .* at iteration (\d+)", line)
        if begun or "; starting" in line:
            gone += max(0, reached.get(step, 0) - (int(begun[1]) if begun else 0))
        if done := re.match(r"\[(\d+)\]", line):
            reached[step] = int(done[1]) + 1
    return gone


def twice(text):
    """How many steps were begun again after they had come to their end."""
    begun = re.findall(r"^([a-z]+ \w+|measures): \S+\.py$", text, re.MULTILINE)
    return sum(n - 1 for n in Counter(name for name, _ in groupby(begun)).values())


def worker(step):
    """kill -9 of the worker whose pair is in a step."""

    def hurt(folder):
        case = Case(folder, f"worker {step}")
        process = case.begin()
        case.wait_for(step, process)
        stat = Path(f"/proc/{case.holder()}/stat").read_text()
        os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)  # its parent
        return case.found(process.wait(PATIENCE))

    return hurt


def head(number):
    """A signal to the head, and the same command again at once, while the first one's end."""

    def hurt(folder):
        case = Case(folder, f"head {number}")
        process = case.begin()
        case.wait_for("stage two", process)
        process.send_signal(number)
        process.wait(PATIENCE)
        begun, mark = time.monotonic(), case.mark
        again = case.begin()
        while marked(mark):
            time.sleep(0.5)
        ended = f"{time.monotonic() - begun:.0f} s"
        return {**case.found(again.wait(PATIENCE)), "all ended after": ended}

    return hurt


def marked(mark):
    """Whether a process lives that has a text in its environment."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                return True
    return False


def broken(folder):
    """A video that is none."""
    (folder / "broken.mp4").write_bytes(b"no video" * 1000)
    case = Case(folder, "broken video", {"clip_b": str(folder / "broken.mp4")})
    return case.found(case.begin().wait(PATIENCE))


def wrong(folder):
    """An option that no script takes."""
    case = Case(folder, "wrong option", {"fps_a": "many"})
    return case.found(case.begin().wait(PATIENCE))


def full(folder):
    """A disk that is full for one pair, until the same command is given again."""
    case = Case(folder, "full disk")
    case.job().out.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o"]
    subprocess.run([*mount, "size=400k", "tmpfs", case.job().out], check=True)
    try:
        first = case.found(case.begin().wait(PATIENCE))
        subprocess.run([*mount, "remount,size=1g", "tmpfs", case.job().out], check=True)
        again = case.found(case.begin().wait(PATIENCE))
    finally:
        subprocess.run(["umount", "--lazy", case.job().out], check=True)
    return {**again, "code": f"{first['code']}, {again['code']}", "reason": first["reason"]}


def nodes(folder):
    """kill -9 of one of two nodes: its pair moves to the other."""
    with two_nodes(folder / "ray") as (address, kill):
        case = Case(folder, "nodes", address=address)
        process = case.begin()
        while not all(rows.is_held(case.job(name)) for name in case.names):
            time.sleep(0.05)
        case.names.sort(key=lambda name: place(case.holder(name)) == "first")
        case.wait_for("stage one", process)
        before = [place(case.holder(name)) for name in case.names]
        kill()
        case.wait_for("stage two", process)
        moved = f"on {' and '.join(before)} node, then on {place(case.holder())}"
        return {**case.found(process.wait(PATIENCE)), "reason": moved}


CASES = {
    "worker, stage one": worker("stage one"),
    "worker, stage two": worker("stage two"),
    "worker, inference": worker("frames ab"),
    "head, kill -9": head(signal.SIGKILL),
    "head, Ctrl-C": head(signal.SIGINT),
    "broken video": broken,
    "wrong option": wrong,
    "full disk": full,
    "a node of two": nodes,
}
CAMPAIGN = (
    option("only", str, ",".join(c.replace(",", "") for c in CASES), "which cases, with commas"),
    option("out", str, "output/many_faults", "folder to work in; of an earlier campaign it is not"),
)


def main():
    opt, _ = arguments.parse(__doc__, CAMPAIGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job of "&" ignores it, so its own
    folder = Path(opt.out).resolve()
    run_folder.make_folder(folder)
    found = {}
    for name, hurt in CASES.items():
        if name.replace(",", "") in opt.only.split(","):
            found[name] = {"all ended after": "-", **hurt(folder)}
            print(f"{name}: {found[name]}", flush=True)
    show("faults", found)


if __name__ == "__main__":
    errors.run(main)
