"""One hostile file after the other for a reader, in a process of its own that is watched."""

import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from benchmarks.fuzz_cases import hostile
from utils.errors import UserError

LIMIT = 2**30  # bytes of memory that a file may cost
SECONDS, WAIT = 10, 100  # that a file may take of the processor, and in all
LONGEST = 1000  # letters of a sentence
ROOM = 2**32  # bytes of addresses beyond those in use, so that a bomb harms nobody else
LAST = "last"  # file of what is being read, should it end the process
BATCH = 100  # files after which the tally is told
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "pty.spawn")
CHANGING = {  # which words of a call are places that it changes
    "os.rename": (0, 1), "os.remove": (0,), "os.mkdir": (0,), "os.rmdir": (0,), "os.link": (1,),
    "os.symlink": (1,), "os.truncate": (0,),
}  # fmt: skip
PROGRAM = "ffmpeg"  # the only one that a reader may start


@dataclass
class Tally:
    """What a reader did with hostile files.

    Attributes:
        tried: how many there were.
        refused, read: how many of them were refused in a sentence, and how many read.
        findings: what went wrong -> the file that showed it first: its name and content.
        total, slowest: seconds of the processor that all files took, and that one did.
        memory: bytes by which memory grew at its peak, of this process or of one it started.
    """

    tried: int = 0
    refused: int = 0
    read: int = 0
    findings: dict = field(default_factory=dict)
    total: float = 0.0
    slowest: float = 0.0
    memory: int = 0

    def note(self, wrong, done, seconds, memory, case):
        """Add a file's `case`, of which `wrong` lists what went wrong."""
        if memory > max(LIMIT, self.memory):
            wrong = [*wrong, f"takes more than {LIMIT >> 20} MiB"]
        for finding in wrong:
            self.findings.setdefault(finding, case)
        self.tried, self.total = self.tried + 1, self.total + seconds
        self.read += done and not wrong
        self.refused += not (done or wrong)
        self.slowest, self.memory = max(self.slowest, seconds), max(self.memory, memory)


class Hung(BaseException):
    """A reader took too long."""


class Watch:
    """Calls readers, and tells what they do that they must not; there is one in a process.

    Args:
        folder: outside of which nothing may be written.
    """

    def __init__(self, folder):
        self.folder, self.active, self.seen = os.path.realpath(folder), False, []
        sys.addaudithook(self._audit)
        for number in (signal.SIGPROF, signal.SIGALRM):
            signal.signal(number, self._ring)

    def _ring(self, *_):
        raise Hung

    def _audit(self, event, words):
        if not self.active:
            return
        if event == "open":
            path, _, flags = words
            if isinstance(path, (str, bytes)) and flags & WRITING:
                self._check(event, path)
        elif event == "subprocess.Popen":
            if not os.path.basename(os.fsdecode(words[0])).startswith(PROGRAM):
                self.seen.append(f"did start {words[0]}")
        elif event in CHANGING:
            for index in CHANGING[event]:
                self._check(event, words[index])
        elif event in FORBIDDEN:
            self.seen.append(f"did {event}")

    def _check(self, event, path):
        place = os.path.realpath(os.fsdecode(path))
        if place != os.devnull and not f"{place}/".startswith(f"{self.folder}/"):
            self.seen.append(f"did {event} outside of its folder")

    def call(self, read, path):
        """What goes wrong when a reader is called, a list, and whether it reads the file."""
        self.seen, self.active = [], True
        self._limit(SECONDS, WAIT)
        try:
            read(path)
            return self.seen, True
        except UserError as error:
            long = len(str(error)) > LONGEST
            return [*self.seen, *([f"says too much: {str(error)[-60:]}"] if long else [])], False
        except Hung:
            return [*self.seen, f"takes more than {SECONDS} s, or waits for {WAIT} s"], False
        except BaseException as error:
            return [*self.seen, _where(error)], False
        finally:
            self._limit(0, 0)
            self.active = False

    def _limit(self, seconds, wait):
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, wait)


def _where(error):
    """The kind of an error, and the last of the project's lines that it passed."""
    root = Path(__file__).resolve().parent.parent
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if f.filename.startswith(str(root)) and ".venv" not in f.filename]
    name = Path(ours[-1].filename).relative_to(root)
    return f"{type(error).__name__} in {name}, line {ours[-1].lineno}"


def explore(reader, cases=None, seconds=None, start=0):
    """`Tally` of a reader's hostile files: `cases` of them, or as many as come in `seconds`.

    They are read in a process of its own; where that dies, its death is the finding.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        ours, theirs = multiprocessing.Pipe()
        words = reader, place, cases, seconds, start, theirs
        process = multiprocessing.get_context("fork").Process(target=_explore, args=words)
        process.start()
        theirs.close()
        tally = Tally()
        try:
            while True:
                tally = ours.recv()
        except EOFError:
            process.join()
        if process.exitcode:
            last = place / LAST
            if not last.exists():
                raise RuntimeError("a reader does not read its valid files; see above")
            name, content = last.read_bytes().split(b"\n", 1)
            tally.findings[f"dies with code {process.exitcode}"] = name.decode(), content
        return tally


def _explore(reader, folder, cases, seconds, start, pipe):
    files = reader.make(folder / "files")
    for path in files:
        reader.read(path)  # as it should be, which also imports and warms up
    _confine()
    whole, before = {path: path.read_bytes() for path in files}, _peaks()
    watch, tally, begun = Watch(folder / "files"), Tally(), time.monotonic()
    for number in count(start):
        if tally.tried == cases or (seconds and time.monotonic() - begun > seconds):
            break
        random = Random(number)
        path = random.choice(files)
        content = hostile(path, whole[path], random)
        (folder / LAST).write_bytes(path.name.encode() + b"\n" + content)
        path.write_bytes(content)
        then = _effort()
        wrong, done = watch.call(reader.read, path)
        took, grown = _effort() - then, max(b - a for a, b in zip(before, _peaks()))
        tally.note(wrong, done, took, grown, (path.name, content))
        path.write_bytes(whole[path])
        if tally.tried % BATCH == 0:
            pipe.send(tally)
    pipe.send(tally)


def _confine():
    """Keep this process from printing what libraries complain of, and from filling the memory."""
    warnings.simplefilter("ignore")
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))


def _effort():
    """Seconds of the processor that this process and those it started have taken."""
    return sum(os.times()[:4])


def _peaks():
    """Bytes of memory at their peak: of this process, and of the largest one it started."""
    processes = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return [1024 * resource.getrusage(which).ru_maxrss for which in processes]
