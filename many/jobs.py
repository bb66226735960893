"""One pair with one seed: the command that makes it, and how a worker gives it."""

import os
import platform
import signal
import subprocess
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from many.cluster import Unfit
from utils import lifeline
from utils.errors import UserError
from utils.locks import locked

LOG = "log.txt"  # in a job's folder: what run.py says
SPENT = "seconds.txt"  # likewise: that were spent on the job, by however many commands
FOREVER = 1e9  # seconds: no file of ours tells more
LINES = 20  # of it that are kept in memory, where the disk may be full
LOOK = 0.2  # seconds between two looks at a process
DYING = 120  # seconds that a former attempt, perhaps on another node, has to let its folder go
LEAVING = 60  # seconds that a script has to save a checkpoint
ATTEMPTS = 3  # of a run that the system kills
SIGNALS = {-number: number.name for number in signal.Signals}  # by a process's exit code
THREADS = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"


@dataclass(frozen=True)
class Job:
    """One pair with one seed.

    Attributes:
        name, seed: of the pair, and of the run.
        argv: words of run.py; all paths among them are absolute.
        place: folder that paths in the user's settings are relative to.
        out: folder of its results, which argv names, too.
        preset: in whose folder there the results are.
    """

    name: str
    seed: int
    argv: tuple
    place: Path
    out: Path
    preset: str


@dataclass(frozen=True)
class Outcome:
    """How a job ended: exit code, why if that is not 0, and the seconds that it took in all."""

    code: int
    sentence: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Proof:
    """A file that the head wrote, by which a machine shows that it sees the same storage."""

    path: Path
    text: str

    def check(self):
        """`Unfit` where this machine cannot work for the head."""
        with suppress(OSError, ValueError):
            if self.path.read_text() == self.text:
                return
        raise Unfit(
            f"{platform.node()} does not see what was written to {self.path.parent}; --out has to "
            "be on storage that all machines share under the same path"
        )


def environment(threads, hidden=False):
    """This process's environment, in which a script computes with so many threads.

    Args:
        hidden: whether it sees no NVIDIA GPU.
    """
    gpus = {"CUDA_VISIBLE_DEVICES": ""} if hidden else {}
    return {**os.environ, **dict.fromkeys(THREADS, str(threads)), **gpus}


def run(job, share, proof):
    """Make a job, here: all that is lacking of it, going on from its last checkpoint.

    Args:
        share: its "cpus" and "gpus".
        proof: `Proof`.

    Returns:
        `Outcome`.

    Raises:
        Unfit: the storage is not there.
    """
    proof.check()
    try:
        _wait_for(job.out)
        job.out.mkdir(parents=True, exist_ok=True)
        with _counted(job.out / SPENT):
            for _ in range(ATTEMPTS):
                code, told = _attempt(job, share)
                if not _killed(code):
                    break
    except (UserError, OSError) as error:  # the latter of a system that starts no process
        return Outcome(2, str(error))
    return Outcome(code, _reason(told, code) if code else "", _spent(job.out / SPENT))


@contextmanager
def _counted(path):
    """Context whose seconds are added to those that a file tells."""
    begun = time.monotonic()
    try:
        yield
    finally:
        with suppress(OSError):  # the disk may be full
            path.write_text(f"{_spent(path) + time.monotonic() - begun:.1f}")


def _spent(path):
    with suppress(OSError, ValueError):
        found = float(path.read_text())
        return found if 0 <= found < FOREVER else 0.0
    return 0.0


def _killed(code):
    return code in (-9, 247, 137)  # 247: of a step of run.py


def _wait_for(out):
    """Wait until a former attempt, which is dying, has let a folder go; else UserError."""
    end = time.monotonic() + DYING
    while True:
        try:
            with locked(out):
                return
        except UserError:
            if time.monotonic() > end or not out.is_dir():
                raise
        time.sleep(LOOK)


def _attempt(job, share):
    """Run run.py to its end: exit code, and the last lines that it said."""
    told = deque(maxlen=LINES)
    more = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    more |= {"text": True, "encoding": "utf-8", "errors": "replace"}
    more["env"] = environment(share["cpus"], hidden=not share["gpus"])
    more["cwd"] = job.place if job.place.is_dir() else None
    process = lifeline.start("run.py", *job.argv, **more)
    keeper = threading.Thread(target=_keep, args=(process.stdout, job.out / LOG, told), daemon=True)
    keeper.start()
    code = ended(process)
    keeper.join(LEAVING)
    return code, told


def ended(process):
    """Exit code of a script, once it has ended; Ray's interrupt ends it, too, in time to save."""
    try:
        while process.poll() is None:
            time.sleep(LOOK)  # the interrupt comes between two lines of Python, not into a wait
    except BaseException:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(LEAVING)
        process.kill()
        raise
    return process.returncode


def _keep(lines, path, told):
    """Note what a process says, in memory and as far as the disk takes it in a file."""
    for line in lines:
        told.append(line.rstrip("\n"))
        with suppress(OSError), open(path, "a", encoding="utf-8") as file:
            file.write(line)


def _reason(told, code):
    """Why a run ended with a code, in one sentence."""
    if _killed(code):
        return (
            f"the system killed it {ATTEMPTS} times, mostly for want of memory; give each pair more"
            " of the machine (--cpus_per_pair, --gpus_per_pair)"
        )
    if number := SIGNALS.get(code if code < 0 else code - 256):
        return f"{number} ended it; {LOG} holds what it said before"
    errors = [line for line in told if line.startswith("error: ")]
    said = [line for line in told if line.strip() and not line.startswith("stopped in ")]
    return [f"it ended with code {code}", *said, *errors][-1].removeprefix("error: ")
