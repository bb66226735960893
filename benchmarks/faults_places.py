"""Scripts in places that fail them: full, read-only, gone, without handles, locks or true time.

A place is a generator of a `Place` and of how many bytes an unbroken run writes: it yields the
keywords with which the script is begun, takes the running process, yields while that runs, then
puts things right and yields while the next call goes on.
"""

import os
import resource
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks import faults_judge
from benchmarks.faults_writes import STRACE

JUMPS = """\
import random, time

draw, now = random.Random(0).uniform, time.time
time.time = lambda: now() + draw(-1e8, 1e8)
"""


def mount(*words):
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True)


def unmount(folder):
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def wait_for_files(place, process):
    """Until the script has written something whole, or has ended."""
    while process.poll() is None and not any(True for _ in faults_judge.files(place.out)):
        time.sleep(0.01)


def full_disk(place, size):
    """Half of what an unbroken run writes fits on it."""
    place.out.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size // 2}", "tmpfs", place.out)
    try:
        yield {}
        yield
        mount("-o", f"remount,size={10 * size}", place.out)
        yield
    finally:
        unmount(place.out)


def read_only(place, _):
    place.out.mkdir()
    mount("--bind", place.out, place.out)
    mount("-o", "remount,ro,bind", place.out)
    try:
        yield {}
        yield
    finally:
        unmount(place.out)


def removed(place, _):
    process = yield {}
    wait_for_files(place, process)
    shutil.rmtree(place.out, ignore_errors=True)
    yield


def limited_files(place, size):
    """No file may be larger than a tenth of them all."""
    most = size // 10
    yield {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))}
    yield


def no_handles(place, _):
    """No file can be opened any more once the first one is written."""
    process = yield {}
    wait_for_files(place, process)
    if process.poll() is None:
        used = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used, used))
    yield


def injected(call, error):
    """A place in which a call of the system always fails."""

    def fails(place, _):
        words = "-e", f"trace={call}", "-e", f"inject={call}:error={error}", "-o", os.devnull
        yield {"wrap": (*STRACE, *words)}
        yield

    return fails


def jumping_clock(place, _):
    """The time of day jumps by years, back and forth, whenever Python asks for it."""
    folder = place.folder / "clock"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(JUMPS)
    yield {"variables": {"PYTHONPATH": str(folder)}}
    yield


PLACES = {
    "full disk": full_disk,
    "read-only folder": read_only,
    "folder removed meanwhile": removed,
    "limit of a file's size": limited_files,
    "no file handles left": no_handles,
    "no renaming": injected("rename", "EXDEV"),
    "no locks": injected("flock", "ENOLCK"),
    "jumping clock": jumping_clock,
}


def attempt(place, job, fault, wanted, size):
    """Run a `Job` in a failing place, then go on in a good one; dict of what came of it."""
    place.clear()
    steps = fault(place, size)
    try:
        process = place.begin(job, **next(steps))
        steps.send(process)
        first = place.finish(process)
        unreadable = faults_judge.unreadable(place.out)
        kept = sum(name.startswith("checkpoint") for name, _ in faults_judge.files(place.out))
        next(steps, None)
        then = place.finish(place.begin(job, again=True))
        found = {} if then.code else faults_judge.contents(place.out)
    finally:
        steps.close()
    return {
        "code": str(first.code),
        "one sentence": str(first.refused),
        "checkpoints kept": float(kept) if job.trains else None,
        "unreadable": unreadable,
        "continued": str(not then.code),
        "differences": faults_judge.differences(found, wanted),
        "said": first.last,
    }


def campaign(place, job):
    """Dict of place -> `attempt` with a `Job`."""
    place.unbroken(job)
    wanted, rows = faults_judge.contents(place.out), {}
    size = sum(path.stat().st_size for _, path in faults_judge.files(place.out))
    for name, fault in PLACES.items():
        try:
            rows[name] = attempt(place, job, fault, wanted, size)
        except (subprocess.CalledProcessError, OSError) as error:  # not root, or no strace
            print(f"  {name}: left out, since that is not allowed here ({error})", flush=True)
            continue
        print(f"  {name}: {rows[name]}", flush=True)
    return rows
