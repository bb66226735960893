"""Where run_many.py's head, its page and the storage become the limit: a simulation.

What the head does for one pair is timed on --probe made-up folders of results; nothing is trained.
With these costs its loop is then gone through, pass by pass, for each number of --pairs on --gpus,
on storage that answers each operation at once and in --latency milliseconds.
"""

import heapq
import json
import random
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

from benchmarks.tables import show
from many import cluster, index, jobs, listing, rows
from preparation.pair_options import GROUPS
from run_many import LOOK, SHARE
from utils import arguments
from utils.arguments import option
from utils.kinds import count, nonnegative, positive

SCALE = (
    option("pairs", str, "100,1000,10000", "numbers of pairs, with commas"),
    option("gpus", str, "100,1000", "numbers of pairs that run at a time, with commas"),
    option("hours", positive, 0.15, "of a GPU that a pair takes (docs/many.md counts them)"),
    option("probe", count, 300, "made-up pairs on which the costs are timed"),
    option("latency", nonnegative, 1.0, "milliseconds that shared storage takes per operation"),
    option("out", str, "output/many_scale", "folder for made-up results, removed in the end"),
)
# Operations on files that go to the storage, of those that strace shows.
FINISHING, FOLLOWING = 8, 15
LOG = "iteration,loss_pred_a,iterations_per_second\n" + "".join(
    f"{i},0.123456,7.5\n" for i in range(0, 45000, 200)
)


@dataclass
class Costs:
    """Seconds of the head for one pair, and bytes of its row in the page."""

    reading: float = 0.0
    finishing: float = 0.0
    following: float = 0.0
    rendering: float = 0.0
    calling: float = 0.0
    letters: float = 0.0


def make_up(job, finished):
    """Write what a pair leaves behind, or what it has in stage one."""
    here = job.out / job.preset
    (here / "first").mkdir(parents=True)
    steps = {"stage one": {"stamp": "", "done": finished, "argv": []}}
    (here / "steps.json").write_text(json.dumps(steps))
    (job.out / "log.txt").touch()
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


def measure(out, number):
    """`Costs`, timed on so many pairs, of which every tenth is running."""
    reading, pairs = timed(read_list, out, number)
    made = [jobs.Job(p.name, 0, (), out, out / p.name / "seed0", "quick") for p in pairs]
    for place, job in enumerate(made):
        make_up(job, place % 10)
    table = {job: rows.Row(job.name, job.seed) for job in made}
    done = jobs.Outcome(0, "", 540.0)
    finishing, _ = timed(lambda: [rows.finish(table[job], job, done) for job in made])
    running = {job: table[job] for job in made[::10]}
    following, _ = timed(rows.follow_all, running)
    page = index.Index(out, list(table.values()))
    page.write()  # the first compiles its template
    rendering, _ = timed(page.write)
    return Costs(
        reading / number, finishing / number, following / len(running), rendering / number,
        calls(number), page.path.stat().st_size / number,
    )  # fmt: skip


def calls(number):
    """Seconds of one call that does nothing, its worker's part included."""
    with cluster.Cluster() as machine:
        due = [machine.submit(int) for _ in range(8)]
        while due:  # until Ray has begun its workers
            due = [handle for handle in due if handle not in machine.finished(due)]
        begun, left = time.perf_counter(), number
        while left or due:
            more = min(left, 8 - len(due))
            due, left = due + [machine.submit(int) for _ in range(more)], left - more
            ended = machine.finished(due)
            due = [handle for handle in due if handle not in ended]
        return (time.perf_counter() - begun) / number


def simulate(costs, pairs, gpus, seconds, latency):
    """Cells of the table for so many pairs of so many seconds each; `latency` in seconds."""
    draw = random.Random(0)
    machines, waiting, left = Machines(gpus, lambda: seconds * draw.uniform(0.9, 1.1)), pairs, pairs
    finishing = costs.finishing + latency * FINISHING
    following = costs.following + latency * FOLLOWING
    page = pairs * costs.rendering
    now = due = look = oldest = busy = operations = 0.0
    while left:  # as run_many.work and Queue.step
        begun = now
        if now >= due:
            now, due = now + page, now + max(index.APART, index.SHARE * page)
        more = min(waiting, 2 * gpus - machines.held())
        now, waiting = now + more * costs.calling, waiting - more
        machines.hand_in(more, now)
        busy += now - begun
        now = begun = max(now, min(now + LOOK, machines.ends[0]))
        ended = machines.until(now)
        now, operations = now + ended * finishing, operations + ended * FINISHING
        if now >= look:
            running = len(machines.ends)
            took = running * following + machines.queued * latency
            now, look = now + took, now + max(LOOK, SHARE * took)
            operations, oldest = (
                operations + running * FOLLOWING + machines.queued,
                max(oldest, look - now),
            )
        left, busy = left - ended, busy + now - begun
    return {
        "hours": now / 3600,
        "GPUs wait, %": 100 * machines.idle / (gpus * now),
        "head works, %": 100 * busy / now,
        "a row's age, s": oldest,
        "page, s": page,
        "page, MB": pairs * costs.letters / 1e6,
        "page's age, s": max(index.APART, index.SHARE * page) + page,
        "operations/s": operations / now,
    }


class Machines:
    """GPUs that take what is handed in, and the next when one has ended; `duration` draws each."""

    def __init__(self, gpus, duration):
        self.duration, self.free, self.queued, self.ends = duration, [0.0] * gpus, 0, []
        self.idle = 0.0  # seconds of GPUs that waited for the head

    def held(self):
        return self.queued + len(self.ends)

    def hand_in(self, number, now):
        self.queued += number
        while self.queued and self.free:
            self.idle += now - self.free.pop()
            self._begin(now)

    def until(self, now):
        """How many end until then."""
        ended = 0
        while self.ends and self.ends[0] <= now:
            at, ended = heapq.heappop(self.ends), ended + 1
            if self.queued:
                self._begin(at)
            else:
                self.free.append(at)
        return ended

    def _begin(self, at):
        self.queued -= 1
        heapq.heappush(self.ends, at + self.duration())


def numbers(text):
    return [int(part) for part in text.split(",")]


def main():
    opt, _ = arguments.parse(__doc__, SCALE)
    cluster.refuse_missing("benchmarks/many_scale.py")
    out = Path(opt.out)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    costs = measure(out, opt.probe)
    shutil.rmtree(out)
    units = {name: f"{1000 * value:.3g} ms" for name, value in vars(costs).items()}
    units["letters"] = f"{costs.letters:.0f} bytes"
    show("the head's work for one pair", {"": units})
    for gpus in numbers(opt.gpus):
        for latency in (0.0, opt.latency):
            table = {
                f"{pairs} pairs": simulate(costs, pairs, gpus, 3600 * opt.hours, latency / 1000)
                for pairs in numbers(opt.pairs)
            }
            show(f"{gpus} GPUs, storage that answers in {latency:g} ms", table)


if __name__ == "__main__":
    errors.run(main)
