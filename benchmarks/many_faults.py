"""Hurt run_many.py and its workers, give the same command again, and see what was lost.

Each case makes two pairs of a drawn one at tiny settings: one is hurt, and the other is to come to
its end as if nothing had been. `nodes` starts a cluster of two Ray nodes on this machine, and kills
one of them.
"""

import os
import re
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

from benchmarks.many_nodes import two_nodes
from benchmarks.tables import show
from engine import run_folder
from many import jobs, rows
from utils import arguments
from utils.arguments import option
from utils.kinds import count
from utils.lifeline import ROOT

SETTINGS = """
resize_w: 64
resize_h: 64
num_kp: 5
kp_width: 4
ngf: 4
train_first_stage: {bs: 2, iters: N, save_check: 5, save_img: N, eval_test: N, print_loss: 1}
train_second_stage: {bs: 2, iters: N, save_check: 5, save_img: N, eval_test: N, print_loss: 1}
"""
COMMON = "common: {settings: SETTINGS, mask_a: chroma, mask_b: chroma, device: cpu}\npairs:\n"
FILMS = ["--camera", "green", "--frames", "12", "--width", "96", "--height", "72"]
PATIENCE = 900  # seconds for a pair


class Case:
    """A list of two pairs, hurt and other, and the command that makes them."""

    def __init__(self, folder, name, hurt="", address=""):
        self.folder, self.out = folder, folder / name.replace(" ", "_")
        self.pairs, self.log = self.out.with_suffix(".yaml"), self.out.with_suffix(".log")
        clips = f"clip_a: {folder}/films/a.mp4, clip_b: {folder}/films/b.mp4"
        lines = [f"  - {{name: {n}, {clips}}}\n" for n in ("hurt", "other")]
        common = COMMON.replace("SETTINGS", f"{folder}/settings.yaml")
        self.pairs.write_text(common + lines[0].replace(*hurt.split(" -> ")) + lines[1]
                              if hurt else common + "".join(lines))  # fmt: skip
        self.address = ["--address", address] if address else []

    def begin(self):
        command = [sys.executable, str(ROOT / "run_many.py"), str(self.pairs), "--out"]
        words = [str(self.out), "--cpus_per_pair", "1", *self.address]
        with open(self.log, "a") as log:
            return subprocess.Popen([*command, *words], stdout=log, stderr=log)

    def job(self, name="hurt"):
        return jobs.Job(name, 0, (), self.out / name / "seed0", "quick")

    def wait_for(self, step, process):
        """Until the hurt pair is in a step, and in a training has come some way in it."""
        row = rows.Row("hurt", 0)
        while process.poll() is None:
            rows.follow(row, self.job())
            under_way = step not in rows.STAGES or (row.iteration or 0) > 7
            if row.step == step and under_way and rows.is_held(self.job()):
                return
            time.sleep(0.05)

    def found(self, code):
        """Cells of the table."""
        logs = {n: self.job(n).out / jobs.LOG for n in ("hurt", "other")}
        texts = {n: path.read_text() if path.is_file() else "" for n, path in logs.items()}
        return {
            "code": str(code),
            "hurt": _state(self.job()),
            "other": _state(self.job("other")),
            "iterations lost": str(lost(texts["hurt"])),
            "done twice": str(sum(map(twice, texts.values()))),
            "other begun": str(texts["other"].count("stage one: train_first_stage.py")),
        }


def _state(job):
    return "done" if (job.out / job.preset / rows.REPORT).is_file() else "not done"


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
        number = re.search(r'"pid": (\d+)', (case.job().out / ".lock").read_text())[1]
        stat = Path(f"/proc/{number}/stat").read_text()
        os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)  # its parent
        return case.found(process.wait(PATIENCE))

    return hurt


def head(number):
    """A signal to the head; after it nothing may be left, and the same command goes on."""

    def hurt(folder):
        case = Case(folder, f"head {number}")
        process = case.begin()
        case.wait_for("stage two", process)
        process.send_signal(number)
        process.wait(PATIENCE)
        time.sleep(10)
        left = sum(str(case.out) in _command(path) for path in Path("/proc").glob("[0-9]*"))
        return {**case.found(case.begin().wait(PATIENCE)), "left running": str(left)}

    return hurt


def _command(process):
    try:
        return (process / "cmdline").read_text()
    except OSError:
        return ""


def broken(folder):
    """A video that is none."""
    (folder / "broken.mp4").write_bytes(b"no video" * 1000)
    case = Case(folder, "broken video", f"{folder}/films/b.mp4 -> {folder}/broken.mp4")
    return case.found(case.begin().wait(PATIENCE))


def wrong(folder):
    """An option that no script takes."""
    case = Case(folder, "wrong option", "clip_b: -> fps_a: many, clip_b:")
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
    return {**again, "code": f"{first['code']}, {again['code']}"}


def nodes(folder):
    """kill -9 of one of two nodes: its pair moves to the other."""
    with two_nodes(folder / "ray") as (address, kill):
        case = Case(folder, "nodes", address=address)
        process = case.begin()
        case.wait_for("stage one", process)
        kill()
        return case.found(process.wait(PATIENCE))


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
    option("iters", count, 40, "iterations of each stage"),
    option("out", str, "output/many_faults", "folder to work in; of an earlier campaign it is not"),
)


def main():
    opt, _ = arguments.parse(__doc__, CAMPAIGN)
    folder = Path(opt.out).resolve()
    run_folder.make_folder(folder)
    (folder / "settings.yaml").write_text(SETTINGS.replace("N", str(opt.iters)))
    films = [sys.executable, str(ROOT / "data/make_videos.py"), "--out", str(folder / "films")]
    if not (folder / "films").is_dir():
        subprocess.run([*films, *FILMS], check=True, stdout=subprocess.DEVNULL)
    found = {}
    for name, hurt in CASES.items():
        if name.replace(",", "") in opt.only.split(","):
            found[name] = {"left running": "-", **hurt(folder)}
            print(f"{name}: {found[name]}", flush=True)
    show("faults", found)


if __name__ == "__main__":
    errors.run(main)
