"""Train and evaluate recipes on drawn pairs with known truth: every recipe x level x seed.

A recipe is a file of configs/recipes/ on top of --base. Runs whose rows are in quality.csv are not
made again, and an interrupted one goes on. At the end there are a table of means and spreads over
the seeds, and a plot.

With --minutes every recipe trains for the same time, instead of for its iterations. The recipes of
a pair take turns: each trains a slice of its time, then the next one, so that whatever else
happens on the machine hits all alike. Only the time of training counts, not that of starting and of
measuring. On a CPU that others use too, --processor_time is fairer still: a job that gets half of a
core then trains twice as long. Checkpoints at the ends of slices give quality over time,
quality_time.png.
"""

import sys
from itertools import groupby, product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

from tqdm import tqdm

from benchmarks import quality_runs, quality_tables, quality_time
from engine import run_folder
from many import cluster, jobs
from utils import arguments
from utils.arguments import flag, option
from utils.kinds import count, nonnegative

BENCHMARK = (
    option("recipes", str, "", "names of recipes, with commas; empty: all in configs/recipes"),
    option("levels", str, "2,3", "levels of difficulty, with commas"),
    option("seeds", str, "0,1,2", "seeds of pair and training, with commas"),
    option("frames", count, 48, "frames of each clip"),
    option("base", str, "configs/quality.yaml", "settings that all runs share"),
    option("out", str, "output/quality", "folder for pairs, runs, quality.csv and plots"),
    option("jobs", count, 1, "trainings at a time, which share the cores evenly"),
    option("minutes", nonnegative, 0.0, "training of each run, both stages; 0: stage one, --iters"),
    flag("processor_time", "--minutes are of the CPU's time, all threads of a job together"),
    option("slices", count, 4, "turns of each stage with --minutes; each end is measured"),
)


def wanted(opt):
    """The runs asked for; UserError for an unknown recipe, or one that cannot be."""
    present = {path.stem for path in quality_runs.recipe_file("").parent.glob("*.yaml")}
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
    order = product(seeds, levels, recipes)
    runs = [quality_runs.Run(opt, recipe, level, seed) for seed, level, recipe in order]
    for run in runs:
        run.check()
    return runs


def _faithful_first(name):
    return name != "faithful", name == "recommended", name


def take_turns(opt, machine, runs):
    """Train the runs of one pair by the clock, a slice of each in turn.

    Each round begins with another run: with an odd number of them one always has the machine to
    itself at a round's end.
    """
    turns = [(run, run.stages) for run in runs]
    for index, share in product(range(2), quality_runs.shares(opt)):
        due = [(run, stages[index]) for run, stages in turns if index < len(stages)]
        list(results(machine, [machine.submit(run.train, stage, share) for run, stage in due]))
        turns = [*turns[1:], turns[0]]


def make(opt, runs, table):
    """Train and measure runs; their rows go into the file `table`."""
    print(f"{opt.jobs} at a time, {opt.threads} threads each", flush=True)
    bar = tqdm(desc="runs", total=len(runs), unit="run", disable=None)
    pairs = [list(group) for _, group in groupby(runs, lambda run: (run.level, run.seed))]
    with cluster.Cluster(cpus=opt.jobs) as machine:  # a core stands for a job
        for group in pairs if opt.minutes else [runs]:
            if opt.minutes:
                take_turns(opt, machine, group)
            for rows in results(machine, [machine.submit(run.rows) for run in group]):
                quality_runs.append(table, rows)
                bar.update()


def results(machine, due):
    """What calls return, as they end; where one fails, the others have time to save."""
    try:
        while due:
            for handle in machine.finished(due):
                due.remove(handle)
                yield machine.result(handle)
    finally:
        machine.cancel(due, jobs.LEAVING)


def main():
    opt, _ = arguments.parse(__doc__, BENCHMARK)
    opt.threads, out = quality_runs.threads(opt), Path(opt.out)
    runs = wanted(opt)
    run_folder.make_folder(out)
    table = out / "quality.csv"
    done = {quality_runs.key(row) for row in quality_runs.read(table)}
    due = [run for run in runs if run.key not in done]
    for level, seed in dict.fromkeys((run.level, run.seed) for run in due):
        quality_runs.draw_pair(opt, level, seed)
    if due:
        cluster.refuse_missing("benchmarks/quality.py")
        make(opt, due, table)
    current = {run.key for run in runs}
    rows = [row for row in quality_runs.read(table) if quality_runs.key(row) in current]
    print(quality_tables.text(rows))
    quality_tables.plot(rows, out / "quality.png")
    if opt.minutes:
        quality_time.plot(rows, out / "quality_time.png")
    print(f"{len(runs)} runs are in {table}, drawn in {out / 'quality.png'}")


if __name__ == "__main__":
    errors.run(main)
