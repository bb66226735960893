"""What run_many.py's head needs for a thousand and ten thousand pairs: seconds, by part.

Folders of results are made up, with the files that a finished pair has; nothing is trained. With
the time that a pair takes, of which --gpus work at once, this tells where the head is the limit.
"""

import json
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

from benchmarks.tables import show
from many import cluster, jobs, listing, rows
from many.index import Index
from preparation.pair_options import GROUPS
from utils import arguments
from utils.arguments import flag, option
from utils.kinds import count, positive

SCALE = (
    option("pairs", str, "1000,10000", "numbers of pairs, with commas"),
    option("gpus", count, 100, "pairs that run at a time"),
    option("hours", positive, 0.15, "of a GPU that a pair takes (docs/many.md counts them)"),
    option("out", str, "output/many_scale", "folder for made-up results, removed in the end"),
    flag("ray", "also begin Ray here, and hand it so many calls that do nothing"),
)
LOG = "iteration,loss_pred_a,iterations_per_second\n" + "".join(
    f"{i},0.123456,7.5\n" for i in range(0, 45000, 50)
)


def make_up(job, finished):
    """Write what a pair leaves behind, or what it has in stage one."""
    here = job.out / job.preset
    (here / "first").mkdir(parents=True)
    steps = {"stage one": {"stamp": "", "done": finished, "argv": []}}
    (here / "steps.json").write_text(json.dumps(steps))
    if not finished:
        (here / "first/log.csv").write_text(LOG)
        (here / "first/config.yaml").write_text("bs: 8\niters: 45001\n")
        return (job.out / ".lock").write_text('{"host": "node"}')
    (here / "evaluation").mkdir()
    found = [{"name": n, "case": c, "value": 0.5} for n, c in rows.MEASURES.values()]
    (here / "evaluation/metrics.json").write_text(json.dumps({"metrics": found}))
    for name in ("evaluation/report.html", *(f"12_{video}.mp4" for video in rows.VIDEOS)):
        (here / name).touch()


def timed(function, *words):
    """(Seconds, what it returned)."""
    begun = time.perf_counter()
    result = function(*words)
    return time.perf_counter() - begun, result


def read_list(out, number):
    path = out / "pairs.yaml"
    line = "- {{name: pair{0}, clip_a: clips/a{0}.mp4, clip_b: clips/b{0}.mp4, mask_a: grabcut}}\n"
    path.write_text("pairs:\n" + "".join(line.format(i) for i in range(number)))
    known = {o.name: o for group in GROUPS for o in group}
    return listing.read(path, known)


def measure(opt, number):
    """A row of the table."""
    out = Path(opt.out)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    reading, pairs = timed(read_list, out, number)
    made = [jobs.Job(p.name, 0, (), (out / p.name / "seed0").resolve(), "quick") for p in pairs]
    for i, job in enumerate(made):
        make_up(job, i >= opt.gpus)
    table = {job: rows.Row(job.name, job.seed) for job in made}
    finding, _ = timed(lambda: [rows.finish(row, job) for job, row in table.items()])
    done = jobs.Outcome(0, "", 540.0)
    for job in made[opt.gpus :]:
        rows.finish(table[job], job, done)
    look, _ = timed(lambda: [rows.follow(table[job], job) for job in made[: opt.gpus]])
    index = Index(out, list(table.values()))
    page, _ = timed(index.write, True)
    cells = {"list": reading, "rows": finding, "a look": look, "page": page}
    cells["page, MB"] = index.path.stat().st_size / 1e6
    cells["pairs/s"] = opt.gpus / (3600 * opt.hours)
    cells["hours"] = number * opt.hours / opt.gpus
    cells["calls/s"] = calls(number) if opt.ray else None
    shutil.rmtree(out)
    return cells


def calls(number):
    """Calls that do nothing, a second, on this machine."""
    with cluster.Cluster() as machine:
        due = [machine.submit(int) for _ in range(8)]
        begun, left = time.perf_counter(), number
        while due:
            for handle in machine.finished(due):
                due.remove(handle)
                left -= 1
                if left >= 8:
                    due.append(machine.submit(int))
        return number / (time.perf_counter() - begun)


def main():
    opt, _ = arguments.parse(__doc__, SCALE)
    numbers = [int(text) for text in opt.pairs.split(",")]
    show("seconds of the head", {f"{number} pairs": measure(opt, number) for number in numbers})


if __name__ == "__main__":
    errors.run(main)
