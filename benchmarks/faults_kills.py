"""kill -9 at random moments of a script's life, going on at once each time as its user would.

Moments are of the processor's time, so that other work on the machine does not shift them, and
lie between the first file and the end of an unbroken run: before that nothing can be lost.
"""

import contextlib
import os
import re
import signal
import time
from functools import partial
from random import Random

from benchmarks import faults_judge

IN_A_ROW = 5  # kills of a run at most, before it may come to its end


class Progress:
    """How far a training came before it was stopped, and where it went on.

    Attributes:
        lost: iterations done before a stop that the call after it did again, one number a stop.
    """

    def __init__(self):
        self.reached, self.lost, self.stopped = 0, [], False

    def note(self, text):
        """Read off what a call printed where it began and how far it came."""
        begun = re.search(r"^going on from .* at iteration (\d+)", text, re.MULTILINE)
        if self.stopped and (begun or "; starting" in text):
            self.lost.append(self.reached - (int(begun[1]) if begun else 0))
            self.stopped = False
        done = re.findall(r"^\[(\d+)\]", text, re.MULTILINE)
        self.reached = max(self.reached, *(int(x) + 1 for x in done), 0)


class Chain:
    """One run: killed, continued, killed again, and at last finished and compared.

    Attributes:
        kills: how many there were; `early` of them before a call had written anything.
        alone: processes that still run when the last call has ended.
        unreadable, leftovers, differences: names, see `faults_judge`.
        ended: `Ended` of the last call.
    """

    def __init__(self, place, job, wanted):
        self.place, self.job, self.wanted = place, job, wanted
        self.kills = self.early = self.alone = 0
        self.unreadable, self.progress = [], Progress()
        place.clear()

    def run(self, draw, most):
        """Kill the run at moments that `draw()` yields, `most` times at most."""
        code = -signal.SIGKILL
        while code == -signal.SIGKILL:
            begun = time.time()
            process = self.place.begin(self.job, again=self.kills > 0)
            if self.kills < most:
                moment = draw()
                while process.poll() is None and self.place.spent() < moment:
                    time.sleep(0.02)
                process.kill()  # does nothing to one that has ended
            self.ended = self.place.finish(process)
            self.progress.note(self.ended.text)
            if (code := self.ended.code) == -signal.SIGKILL:
                self._killed(begun)
        for number in faults_judge.survivors(self.place):
            self.alone += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        found = {} if code else faults_judge.contents(self.place.out)
        self.differences = faults_judge.differences(found, self.wanted)
        self.leftovers = faults_judge.leftovers(self.place.out)

    def _killed(self, begun):
        self.kills += 1
        self.progress.stopped = True
        self.early += faults_judge.untouched(self.place.out, begun)
        self.unreadable += faults_judge.unreadable(self.place.out)


def first_file(place, job):
    """Seconds of the processor's time after which a `Job` has written a file."""
    place.clear()
    process = place.begin(job)
    while process.poll() is None and not any(faults_judge.files(place.out)):
        time.sleep(0.02)
    spent = place.spent()
    process.kill()
    place.finish(process)
    return spent


def campaign(place, job, kills, seconds, seed):
    """Kill a `Job` so often, or for so long; dict of what came of it."""
    life, wanted = place.unbroken(job), faults_judge.contents(place.out)
    draw, chains = partial(Random(seed).uniform, first_file(place, job), life), []
    end = time.monotonic() + (seconds or float("inf"))
    while (due := kills - sum(chain.kills for chain in chains)) > 0 and time.monotonic() < end:
        chain = Chain(place, job, wanted)
        chain.run(draw, min(due, IN_A_ROW))
        chains.append(chain)
        print(
            f"  {chain.kills} kills, {chain.progress.lost} iterations lost, ended with code "
            f"{chain.ended.code}, differs in {chain.differences}", flush=True
        )  # fmt: skip
    return summary(job, chains)


def summary(job, chains):
    """One row of the table."""
    lost = [number for chain in chains for number in chain.progress.lost] if job.trains else []
    return {
        "kills": sum(chain.kills for chain in chains),
        "before writing": sum(chain.early for chain in chains),
        "continued": sum(chain.kills for chain in chains if not chain.ended.code),
        "lost, most": max(lost, default=None),
        "lost, mean": sum(lost) / len(lost) if lost else None,
        "unreadable": sorted({name for chain in chains for name in chain.unreadable}),
        "leftovers": sorted({name for chain in chains for name in chain.leftovers}),
        "differences": sorted({name for chain in chains for name in chain.differences}),
        "left running": sum(chain.alone for chain in chains),
    }
