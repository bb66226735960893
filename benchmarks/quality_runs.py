"""One recipe on one drawn pair: trained by iterations or by the clock, then measured."""

import csv
import hashlib
import json
import os
from argparse import Namespace
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine import checkpoint, run_folder
from many import jobs
from utils import arguments, errors, lifeline

ROOT = Path(__file__).resolve().parent.parent
# Column of the table -> (name, case) of evaluate.py's rows.
MEASURES = {
    "iou_ab": ("silhouette IoU", "ab, decoded"),
    "iou_ba": ("silhouette IoU", "ba, decoded"),
    "boundary_ab": ("boundary F", "ab, decoded"),
    "boundary_ba": ("boundary F", "ba, decoded"),
    "landmark_within_a": ("landmark error, %", "within A"),
    "landmark_within_b": ("landmark error, %", "within B"),
    "landmark_a_to_b": ("landmark error, %", "fitted on A, tested on B"),
    "landmark_b_to_a": ("landmark error, %", "fitted on B, tested on A"),
    "own_iou_a": ("own silhouette IoU", "A"),
    "own_iou_b": ("own silhouette IoU", "B"),
    "domain_accuracy": ("domain accuracy", "after the affine map"),
    "l1_ab": ("foreground L1", "ab, refined"),
    "l1_ba": ("foreground L1", "ba, refined"),
    "sharpness_ab": ("sharpness", "ab, refined"),
    "sharpness_ba": ("sharpness", "ba, refined"),
}
BASELINES = {
    "iou_ab": "floor_iou_ab",
    "iou_ba": "floor_iou_ba",
    "landmark_a_to_b": "floor_landmark_a_to_b",
    "landmark_b_to_a": "floor_landmark_b_to_a",
    "l1_ab": "floor_l1_ab",
    "l1_ba": "floor_l1_ba",
}
# Those that no training has a part in, so that all recipes of a pair have the same.
TRIVIAL = "same frame", "nearest frame", "mean mask", "mean picture", "mean pose"
KEYS = "recipe", "level", "seed", "settings"
COLUMNS = (*KEYS, "minutes", "iterations", *MEASURES, *BASELINES.values())


def threads(opt):
    """Threads of each job: the cores, shared evenly, unless OMP_NUM_THREADS says otherwise."""
    return int(os.environ.get("OMP_NUM_THREADS", max(1, os.cpu_count() // opt.jobs)))


def call(opt, log, script, *words):
    """Run one of the project's scripts, what it says in `log`; UserError with its last words."""
    share = jobs.environment(opt.threads)
    with open(log, "a") as file:
        process = lifeline.start(script, *map(str, words), stdout=file, stderr=file, env=share)
        code = jobs.ended(process)
    if code:
        last = log.read_text().strip().splitlines()[-1:] or ["nothing was said"]
        raise errors.UserError(f"{script} ended with code {code}, see {log}: {last[0]}")


def pair_folder(opt, level, seed):
    return Path(opt.out) / f"pairs/{level}-{seed}-{opt.frames}"


def draw_pair(opt, level, seed):
    """Draw a pair where it is not there yet."""
    folder = pair_folder(opt, level, seed)
    folder.parent.mkdir(parents=True, exist_ok=True)
    words = "--level", level, "--seed", seed, "--frames", opt.frames
    call(opt, folder.with_suffix(".log"), "data/make_demo.py", "--out", folder, *words)


def recipe_file(name):
    return ROOT / "configs/recipes" / f"{name}.yaml"


def shares(opt):
    """Shares of a stage's training after which it is measured; by iterations only its end."""
    slices = opt.slices if opt.minutes else 1
    return [(part + 1) / slices for part in range(slices)]


@dataclass(frozen=True)
class Stage:
    """One stage of a run: its script, its folder, its minutes (0: by iterations), more words."""

    script: str
    folder: Path
    minutes: float
    words: tuple = ()


@dataclass(frozen=True)
class Run:
    """A recipe on a drawn pair, whose seed is the training's as well."""

    opt: Namespace
    recipe: str
    level: int
    seed: int

    @property
    def contents(self):
        """The base's options with the recipe's on top."""
        contents = {}
        for path in (self.opt.base, recipe_file(self.recipe)):
            for name, value in arguments.read_config(path).items():
                section = isinstance(value, dict)
                contents[name] = {**contents.get(name, {}), **value} if section else value
        return contents

    @property
    def key(self):
        """What names the run in quality.csv; the last part is a hash of what decides its result."""
        time = [self.opt.minutes, self.opt.slices, self.opt.processor_time]
        time = time if self.opt.minutes else []
        text = json.dumps([self.contents, self.opt.frames, *time], sort_keys=True)
        settings = hashlib.sha1(text.encode()).hexdigest()[:8]
        return self.recipe, str(self.level), str(self.seed), settings

    @property
    def share(self):
        """Stage two's share of the minutes, by the recipe; 0 where there are no minutes."""
        return self.contents.get("quality", {}).get("second_stage", 0) if self.opt.minutes else 0

    def check(self):
        """UserError where the recipe gives stage two no share of the minutes that can be."""
        if not (isinstance(self.share, (int, float)) and 0 <= self.share < 1):
            raise errors.UserError(
                f"recipe {self.recipe}: second_stage is {self.share}; give a share of the minutes, "
                "from 0 to below 1"
            )

    @property
    def stages(self):
        """The stages to train; stage two only by the clock, with the recipe's share of it."""
        out, minutes = Path(self.opt.out) / "runs" / "-".join(self.key), self.opt.minutes
        share = self.share
        first = Stage("train_first_stage.py", out / "first", (1 - share) * minutes)
        load = "--load", first.folder / "checkpoint"
        second = Stage("train_second_stage.py", out / "second", share * minutes, load)
        return [first, second] if share else [first]

    def _words(self):
        pair = pair_folder(self.opt, self.level, self.seed)
        clips = "--root_a", pair / "a/train_seg", "--root_b", pair / "b/train_seg"
        return "--config", self.opt.base, "--config", recipe_file(self.recipe), *clips

    def train(self, stage, share=1.0):
        """Train until so much of a stage's time is spent, or to its end; it may be so already."""
        before, goal = max(trained(stage.folder), default=0), share * stage.minutes
        if (stage.folder / "checkpoint").is_file() or (share < 1 and before >= goal - 1e-6):
            return
        stage.folder.mkdir(parents=True, exist_ok=True)
        clock = ["--minutes", stage.minutes] if stage.minutes else []
        clock += ["--processor_time"] if self.opt.processor_time else []
        pause = ("--stop_after", goal - before) if share < 1 else ()
        words = *self._words(), "--seed", self.seed, "--out", stage.folder, "--resume"
        log = stage.folder / "log.txt"
        call(self.opt, log, stage.script, *words, *stage.words, *clock, *pause)

    def rows(self):
        """Train what is left, and measure; rows of quality.csv in the order of time."""
        rows, before = [], 0.0
        for stage in self.stages:
            self.train(stage)
            for share in shares(self.opt):
                rows.append(self._measure(stage, share, before + share * stage.minutes))
            before += stage.minutes
        return rows

    def _measure(self, stage, share, minutes):
        """A row of quality.csv: what evaluate.py finds after a share of a stage."""
        path = reached(stage, share)
        state = checkpoint.read(path)
        out = stage.folder / f"evaluation_of_{path.name}"
        pair = pair_folder(self.opt, self.level, self.seed)
        words = "--load", path, "--truth", pair / "truth", "--out", out
        call(self.opt, stage.folder / "log.txt", "evaluate.py", *self._words(), *words)
        measured = json.loads((out / "metrics.json").read_text())["metrics"]
        found = {(row["name"], row["case"]): row for row in measured}
        row = dict(zip(KEYS, self.key)) | {"iterations": state["iteration"]}
        row["minutes"] = round(minutes or state["seconds"] / 60, 3)
        row |= {column: found.get(name, {}).get("value") for column, name in MEASURES.items()}
        better = {"higher": max, "lower": min}
        for column, floor in BASELINES.items():
            of = found[MEASURES[column]]
            trivial = [x for name, x in of["baselines"].items() if name in TRIVIAL]
            row[floor] = better[of["better"]](trivial, default=None)
        return row


def trained(folder):
    """Checkpoints of a training: dict of minutes trained -> path, in the order of time."""
    paths = [*run_folder.numbered(folder).values(), folder / "checkpoint"]
    return dict(sorted((_minutes(p, p.stat().st_mtime_ns), p) for p in paths if p.is_file()))


@lru_cache
def _minutes(path, _):
    """Minutes trained that a checkpoint tells, read once for each time of its last change."""
    return checkpoint.read(path)["seconds"] / 60


def reached(stage, share):
    """The first checkpoint after a share of a stage."""
    if share == 1:
        return stage.folder / "checkpoint"
    goal = share * stage.minutes - 1e-6  # what a pause was asked for is a rounded difference
    return next(path for minutes, path in trained(stage.folder).items() if minutes >= goal)


def read(path):
    """Rows of quality.csv, values as text; none where there is no file."""
    if not path.is_file():
        return []
    with open(path, newline="") as file:
        return [row for row in csv.DictReader(file) if row.keys() == set(COLUMNS)]


def key(row):
    return tuple(row[name] for name in KEYS)


def append(path, rows):
    """Add rows to quality.csv."""
    new = not path.is_file()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerows(rows)
