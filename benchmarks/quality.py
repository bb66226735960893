"""Train and evaluate recipes on drawn pairs with known truth: every recipe x level x seed.

A recipe is a file of configs/recipes/ on top of --base. Every run is one row of quality.csv; runs
that have theirs are not made again, and an interrupted one goes on. At the end there are a table of
means and spreads over the seeds, and a plot.
"""

import csv
import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import product
from pathlib import Path
from threading import Lock

from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import quality_tables  # noqa: E402 - the project's root must be on the path first
from engine import run_folder  # noqa: E402
from utils import arguments, errors  # noqa: E402
from utils.arguments import count, option  # noqa: E402

BENCHMARK = (
    option("recipes", str, "", "names of recipes, with commas; empty: all in configs/recipes"),
    option("levels", str, "2,3", "levels of difficulty, with commas"),
    option("seeds", str, "0,1,2", "seeds of pair and training, with commas"),
    option("frames", count, 48, "frames of each clip"),
    option("base", str, "configs/quality.yaml", "settings that all runs share"),
    option("out", str, "output/quality", "folder for pairs, runs, quality.csv and quality.png"),
    option("jobs", count, 1, "runs at a time, which share the cores"),
)
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
}
BASELINES = {
    "iou_ab": "floor_iou_ab",
    "iou_ba": "floor_iou_ba",
    "landmark_a_to_b": "floor_landmark_a_to_b",
}
TRAINING = defaultdict(Lock)  # of every run's folder: one job at a time trains into it
KEYS = "recipe", "level", "seed", "settings"
COLUMNS = (*KEYS, *MEASURES, *BASELINES.values())


def settings(opt, recipe, training=False):
    """Short hash of what decides a run's result, or its training, besides level, seed and code."""
    contents = {}
    for path in (opt.base, recipe_file(recipe)):
        for name, value in arguments.read_config(path).items():
            section = isinstance(value, dict)
            contents[name] = {**contents.get(name, {}), **value} if section else value
    if training:  # several recipes may share it and differ in what is made of it
        contents.pop("evaluate", None)
    text = json.dumps([contents, opt.frames], sort_keys=True)
    return hashlib.sha1(text.encode()).hexdigest()[:8]


def recipe_file(name):
    return ROOT / "configs/recipes" / f"{name}.yaml"


def call(opt, log, script, *words):
    """Run one of the project's scripts, what it says in `log`; UserError with its last words."""
    command = [sys.executable, str(ROOT / script), *map(str, words)]
    share = {"OMP_NUM_THREADS": str(max(1, os.cpu_count() // opt.jobs)), **os.environ}
    with open(log, "a") as file:
        code = subprocess.call(command, stdout=file, stderr=file, env=share)
    if code:
        last = log.read_text().strip().splitlines()[-1:] or ["nothing was said"]
        raise errors.UserError(f"{script} ended with code {code}, see {log}: {last[0]}")


def draw_pair(opt, level, seed):
    """The folder of a drawn pair; drawn where it is not there yet."""
    folder = Path(opt.out) / f"pairs/{level}-{seed}-{opt.frames}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    words = "--level", level, "--seed", seed, "--frames", opt.frames
    call(opt, folder.with_suffix(".log"), "data/make_demo.py", "--out", folder, *words)
    return folder


def run(opt, recipe, level, seed):
    """Train and evaluate; returns a row of quality.csv."""
    pair = Path(opt.out) / f"pairs/{level}-{seed}-{opt.frames}"
    out = Path(opt.out) / f"runs/{settings(opt, recipe, training=True)}-{level}-{seed}"
    out.mkdir(parents=True, exist_ok=True)
    clips = "--root_a", pair / "a/train_seg", "--root_b", pair / "b/train_seg"
    configs = "--config", opt.base, "--config", recipe_file(recipe)
    log = out / "log.txt"
    with TRAINING[out]:
        trained = *configs, *clips, "--seed", seed, "--out", out, "--resume"
        if not (out / "checkpoint").is_file():
            call(opt, log, "train_first_stage.py", *trained)
    evaluated = *configs, *clips, "--load", out / "checkpoint", "--truth", pair / "truth"
    measured = out / f"evaluation-{recipe}"
    call(opt, log, "evaluate.py", *evaluated, "--out", measured)
    rows = json.loads((measured / "metrics.json").read_text())["metrics"]
    found = {(row["name"], row["case"]): row for row in rows}
    row = dict(zip(KEYS, (recipe, level, seed, settings(opt, recipe))))
    row.update({column: found.get(key, {}).get("value") for column, key in MEASURES.items()})
    better = {"higher": max, "lower": min}
    for column, baseline in BASELINES.items():
        measured = found[MEASURES[column]]
        row[baseline] = better[measured["better"]](measured["baselines"].values())
    return row


def read(path):
    """Rows of quality.csv, values as text; none where there is no file."""
    if not path.is_file():
        return []
    with open(path, newline="") as file:
        return [row for row in csv.DictReader(file) if row.keys() == set(COLUMNS)]


def key(row):
    return tuple(str(row[name]) for name in KEYS)


def append(path, row):
    new = not path.is_file()
    with open(path, "a", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerow(row)


def wanted(opt):
    """(recipe, level, seed) of every run asked for; UserError for an unknown recipe."""
    present = {path.stem for path in recipe_file("").parent.glob("*.yaml")}
    recipes = [name.strip() for name in opt.recipes.split(",") if name.strip()]
    recipes = list(dict.fromkeys(recipes)) or sorted(present, key=_faithful_first)
    for name in recipes:
        if name not in present:
            raise errors.UserError(
                f"recipe {name} is not in configs/recipes; there are {', '.join(sorted(present))}"
            )
    try:
        levels, seeds = ([int(x) for x in text.split(",")] for text in (opt.levels, opt.seeds))
    except ValueError:
        raise errors.UserError("--levels and --seeds are whole numbers with commas") from None
    # Seed by seed, so that a run that is interrupted has compared all recipes on fewer pairs.
    return [(recipe, level, seed) for seed, level, recipe in product(seeds, levels, recipes)]


def _faithful_first(name):
    return name != "faithful", name == "recommended", name


def main():
    opt, _ = arguments.parse(__doc__, BENCHMARK)
    out = Path(opt.out)
    runs = wanted(opt)
    run_folder.make_folder(out)
    table = out / "quality.csv"
    done = {key(row) for row in read(table)}
    due = [r for r in runs if (*map(str, r), settings(opt, r[0])) not in done]
    for level, seed in dict.fromkeys(r[1:] for r in due):
        draw_pair(opt, level, seed)
    pool = ThreadPoolExecutor(opt.jobs)
    futures = [pool.submit(run, opt, *r) for r in due]
    try:
        for future in tqdm(as_completed(futures), "runs", len(due), unit="run", disable=None):
            append(table, future.result())
    finally:
        pool.shutdown(cancel_futures=True)  # an error or Ctrl-C begins no other run
    current = {(*map(str, r), settings(opt, r[0])) for r in runs}
    rows = [row for row in read(table) if key(row) in current]
    print(quality_tables.text(rows))
    quality_tables.plot(rows, out / "quality.png")
    print(f"{len(rows)} runs are in {table}, drawn in {out / 'quality.png'}")


if __name__ == "__main__":
    errors.run(main)
