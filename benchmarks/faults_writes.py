"""Each write, rename and the like of a script, killed at once and failed once, by strace.

strace sees what PyTorch, OpenCV, ffmpeg and Python do alike. Where a script writes hundreds of
files or blocks alike, the first, the middle and the last one of each kind stand for all.
"""

import os
import re
import shutil
import signal
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from benchmarks import faults_judge
from benchmarks.faults_kills import Progress
from utils.errors import UserError

OFTEN = "write", "writev", "pwrite64", "rename"  # of which more than the first one is tried
BROKEN = "fsync", "unlink", "unlinkat", "rmdir"  # which fail otherwise than by a full disk
CALLS = *OFTEN, *BROKEN, "openat", "mkdir", "ftruncate", "sendfile", "copy_file_range"
FAULTS = "kill", "fail"
HELD = 10  # seconds that a call is held, to be killed in it
LINE = re.compile(r"(?P<thread>\d+) +(?P<call>\w+)\((?P<words>.*)")
PATH = re.compile(r'\d<(/[^>]*)>|"(/[^"]*)"')  # of an open file, or given by name
FEWER = " --iters 11"  # of a training: three checkpoints by number, and the last one
STRACE = ["strace", "-f", "-qq", "-y", "-s", "0", "--seccomp-bpf", "-e", "signal=none"]


@dataclass(frozen=True)
class Event:
    """A call of the system that changes a file.

    Attributes:
        nth: of these calls by its thread on this path, from 1.
    """

    call: str
    path: str
    nth: int

    @property
    def kind(self):
        """What is written alike is of one kind."""
        path = Path(self.path)
        alike = path.suffix in (".png", ".jpg")
        name = f"*{path.suffix}" if alike else re.sub(r"\d+", "#", path.name)
        return self.call, path.name.startswith(".") and ".part" in path.name, name

    def wrap(self, fault, trace):
        """The words before a command that let this call "fail", or hold it for the "kill"."""
        error = "error=EIO" if self.call in BROKEN else "error=ENOSPC"
        what = f"delay_enter={HELD}s" if fault == "kill" else error
        inject = f"inject={self.call}:{what}:when={self.nth}"
        return *STRACE, "-e", f"trace={self.call}", "-P", self.path, "-e", inject, "-o", str(trace)


def events(place, job):
    """All `Event` of an unbroken run, in order."""
    trace = place.folder / "trace"
    wrap = *STRACE, "-e", f"trace={','.join(CALLS)}", "-o", str(trace)
    place.unbroken(job, wrap=wrap)
    seen, found = Counter(), []
    lines = [line for line in map(LINE.match, trace.read_text().splitlines()) if line]
    own = {line["thread"] for line in (lines[:1] if job.chain else lines)}
    for line in (line for line in lines if line["thread"] in own):
        if paths := changed(place, line["call"], line["words"]):
            keys = [(line["thread"], line["call"], path) for path in paths]
            seen.update(keys)
            found.append(Event(line["call"], paths[0], seen[keys[0]]))
    return found


def changed(place, call, words):
    """Paths in `out` that a call is about, or none where it only reads."""
    if call == "openat" and not re.search("O_WRONLY|O_RDWR|O_CREAT", words):
        return []
    paths = dict.fromkeys(a or b for a, b in PATH.findall(words))
    unforeseen = faults_judge.GROWING  # its name holds the time
    return [p for p in paths if f"{p}/".startswith(f"{place.out}/") and unforeseen not in p]


def some(found):
    """First, middle and last `Event` of each kind of writing, and the first of each other kind."""
    kinds = defaultdict(list)
    for event in found:
        kinds[event.kind].append(event)
    for alike in kinds.values():
        more = (alike[len(alike) // 2], alike[-1]) if alike[0].call in OFTEN else ()
        yield from dict.fromkeys((alike[0], *more))


def kill_held(process, trace):
    """Wait until strace holds a call, whose line in `trace` stands there half, and kill it.

    Returns:
        whether that came to pass.
    """
    before = ""
    while process.poll() is None:
        time.sleep(0.05)
        text = trace.read_text() if trace.exists() else ""
        if text == before and text and not text.endswith("\n"):
            kill_at_once(process, text.splitlines()[-1].split()[0])
            return True
        before = text
    return False


def kill_at_once(process, thread):
    """Kill the process of a thread that strace, `process`, holds, and strace if it is the script.

    If it is ffmpeg, say, strace goes on with the script when it holds no longer.
    """
    status = Path(f"/proc/{thread}/status").read_text()
    killed = re.search(r"^Tgid:\s+(\d+)", status, re.MULTILINE)[1]
    os.kill(int(killed), signal.SIGKILL)
    if killed in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        process.kill()


class Trial:
    """A run in which one `Event` goes wrong, and the call by which its user goes on.

    Attributes:
        first, then: `Ended` of both.
        unreadable, leftovers, differences: names, see `faults_judge`.
        lost: iterations that were done again, or None.
    """

    def __init__(self, place, job, wanted, event, fault):
        self.event, self.fault, progress = event, fault, Progress()
        trace = place.folder / "hit"
        trace.unlink(missing_ok=True)
        place.clear()
        process = place.begin(job, wrap=event.wrap(fault, trace))
        held = fault == "kill" and kill_held(process, trace)
        self.first = place.finish(process)
        self.hit = held or "INJECTED" in trace.read_text()
        self.unreadable = faults_judge.unreadable(place.out)
        progress.note(self.first.text)
        progress.stopped = True
        self.then = place.finish(place.begin(job, again=True))
        progress.note(self.then.text)
        self.lost = progress.lost[-1] if progress.lost else None
        found = {} if self.then.code else faults_judge.contents(place.out)
        self.differences = faults_judge.differences(found, wanted)
        self.leftovers = faults_judge.leftovers(place.out)

    @property
    def killed(self):
        return self.first.code in (-signal.SIGKILL, 128 + signal.SIGKILL)

    @property
    def survived(self):
        """Whether the promise held: one sentence at most, and nothing lost in the end."""
        said = self.killed or self.first.refused or not self.first.code
        return said and not (self.then.code or self.unreadable or self.differences)

    def __str__(self):
        return (
            f"  {'ok' if self.survived else 'BROKEN'} {self.fault} {self.event}: {self.first.code}"
            f" {self.first.last[:150]} | {self.then.code} {self.then.last[:150]} | "
            f"{self.unreadable} {self.differences} {self.leftovers}"
        )


def campaign(place, job, seconds=0, only=""):
    """Let each kind of write of a `Job` go wrong; dict of what came of it.

    Args:
        seconds: no more of them after these; 0: no limit.
        only: part of a file's name, to leave out others.
    """
    if not shutil.which("strace"):
        raise UserError("faults are injected by strace; install it (Debian: apt install strace)")
    if job.trains:
        job = replace(job, words=job.words + FEWER)
    found = [event for event in events(place, job) if only in event.path]
    if not found:
        raise UserError(f"strace saw {job.script} write nothing; see {place.folder / 'trace'}")
    wanted, trials = faults_judge.contents(place.out), []
    end = time.monotonic() + (seconds or float("inf"))
    for event, fault in product(some(found), FAULTS):
        if time.monotonic() < end:
            trials.append(Trial(place, job, wanted, event, fault))
            print(trials[-1], flush=True)
    return summary(job, found, trials)


def summary(job, found, trials):
    """One row of the table."""
    hit = [trial for trial in trials if trial.hit]
    lost = [trial.lost for trial in hit if trial.lost is not None] if job.trains else []
    names = ("unreadable", "leftovers", "differences")
    return {
        "writes": len(found),
        "kinds": len({event.kind for event in found}),
        "killed": sum(t.fault == "kill" for t in hit),
        "failed": sum(t.fault == "fail" for t in hit),
        "one sentence": sum(t.first.refused for t in hit),
        "no harm": sum(not t.first.code for t in hit),
        "tracebacks": sum(t.first.traceback for t in hit),
        "survived": sum(t.survived for t in hit),
        "lost, most": max(lost, default=None),
        **{name: sorted({n for trial in hit for n in getattr(trial, name)}) for name in names},
        "broken": [f"{t.fault} {t.event.call} {t.event.path}" for t in hit if not t.survived],
    }
