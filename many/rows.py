"""What the folder of a job tells: how far it is, what was measured, and what there is to see."""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from utils import loss_log
from utils.errors import on_one_line
from utils.reading import DAMAGE, load_json, load_text

STAGES = {"stage one": "first", "stage two": "second"}  # step -> folder of its training
# Column of the page -> (name, case) of evaluate.py's rows.
MEASURES = {
    "IoU A": ("own silhouette IoU", "A"),
    "IoU B": ("own silhouette IoU", "B"),
    "coverage A": ("coverage", "A"),
    "coverage B": ("coverage", "B"),
    "domain accuracy": ("domain accuracy", "after the affine map"),
    "jitter ab": ("jitter, relative to the driver's", "ab, refined"),
    "jitter ba": ("jitter, relative to the driver's", "ba, refined"),
}
STATES = "failed", "running", "queued", "done"  # in the order in which they want a look
VIDEOS = "both", "ab", "ba"
REPORT = "evaluation/report.html"
HOST = re.compile(r'"host": "([^"]*)"')
ITERS = re.compile(r"^iters: (\d+)$", re.MULTILINE)


@dataclass
class Row:
    """One job as the page and the terminal show it.

    Attributes:
        state: queued, running, done or failed.
        note: why it failed, or the machine where it runs.
        step: name of the step that runs or came last, "" before the first.
        iteration, iterations, loss, left: of a training that runs: done, in all, (name, value) of
            its first loss, and the seconds that it will still take; None if not known.
        seconds: that it took in all.
        measures: column -> number; see `MEASURES`.
        links: what -> path from the folder of all results.
    """

    name: str
    seed: int
    state: str = "queued"
    note: str = ""
    step: str = ""
    iteration: int | None = None
    iterations: int | None = None
    loss: tuple | None = None
    left: float | None = None
    seconds: float | None = None
    measures: dict = field(default_factory=dict)
    links: dict = field(default_factory=dict)

    def progress(self):
        """Step, iteration, loss and time left, in words."""
        parts = [self.step or "begins"]
        if self.iteration is not None:
            parts[0] += f" {self.iteration}/{self.iterations or '?'}"
        if self.loss:
            parts.append(f"{self.loss[0]} {self.loss[1]:.4g}")
        if self.left is not None:
            parts.append(f"{clock(self.left)} left in it")
        return ", ".join(parts)


def clock(seconds):
    """Seconds as h:mm:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def is_held(job, since=0.0):
    """Whether a process works in a job's folder, as far as a lock tells that is not older."""
    try:
        return (job.out / ".lock").stat().st_mtime >= since
    except OSError:
        return False


def follow_all(table, since=0.0):
    """Bring the rows of what runs up to date.

    Args:
        table: dict of `many.jobs.Job` -> `Row`.
        since: time of the storage's clock; who has held a folder for longer is of a former command.
    """
    for job, row in table.items():
        if is_held(job, since):
            follow(row, job)


def leave(table):
    """Note that none of the rows in a dict of `many.jobs.Job` -> `Row` is running any more."""
    for row in table.values():
        if row.state == "running":
            row.state, row.note = "queued", ""


def follow(row, job):
    """Bring the row of a running job up to date."""
    row.state, row.iteration, row.iterations, row.loss, row.left = "running", None, None, None, None
    _link_log(row, job)
    with suppress(*DAMAGE):
        row.note = HOST.search(load_text(job.out / ".lock", 4096))[1]
    row.step = step(job)
    if row.step in STAGES:
        _training(row, job.out / job.preset / STAGES[row.step])


def step(job, under_way=False):
    """Name of the step that runs or came last; of `under_way` ones alone, "" if there is none."""
    found = ""
    for folder in (job.out, job.out / job.preset):
        with suppress(*DAMAGE):
            known = load_json(folder / "steps.json")
            begun = [name for name, entry in known.items() if not entry["done"]]
            found = [found, *([] if under_way else known), *begun][-1]
    return found


def _training(row, folder):
    last = loss_log.last(folder / "log.csv")
    with suppress(*DAMAGE):
        row.iterations = int(ITERS.search(load_text(folder / "config.yaml"))[1])
    if not last:
        return
    row.iteration = last.pop("iteration")
    row.loss = next(iter(last.items()), None)
    rate = last.get(loss_log.RATE, 0)
    if rate > 0 and row.iterations:
        row.left = (row.iterations - row.iteration) / rate


def finish(row, job, outcome=None):
    """Bring a row up to date with what a job has left in its folder.

    Args:
        outcome: `many.jobs.Outcome`, if it has ended.
    """
    if outcome:
        row.state, row.seconds = "failed" if outcome.code else "done", outcome.seconds
        row.note = on_one_line(outcome.sentence)
        row.step = step(job, under_way=True) if outcome.code else ""
    row.iteration = row.loss = row.left = None
    place = f"{job.name}/{job.out.name}"
    here = job.out / job.preset
    row.measures = measures(here / "evaluation/metrics.json")
    films = {}
    with suppress(OSError):  # one is being replaced
        found = filter(Path.is_file, here.glob("*.mp4"))
        for path in sorted(found, key=lambda path: path.stat().st_mtime):
            films[path.stem.partition("_")[2]] = path.name
    shown = {name: f"{place}/{job.preset}/{films[name]}" for name in VIDEOS if name in films}
    if (here / REPORT).is_file():
        shown["report"] = f"{place}/{job.preset}/{REPORT}"
    row.links = shown
    _link_log(row, job)


def _link_log(row, job):
    if (job.out / "log.txt").is_file():
        row.links["log"] = f"{job.name}/{job.out.name}/log.txt"


def measures(path):
    """Column -> number of those `MEASURES` that a metrics.json holds."""
    try:
        found = {(m["name"], m["case"]): m["value"] for m in load_json(path)["metrics"]}
    except DAMAGE:
        return {}
    columns = {column: found.get(name) for column, name in MEASURES.items()}
    return {c: value for c, value in columns.items() if isinstance(value, (int, float))}
