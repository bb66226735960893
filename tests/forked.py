"""Scripts in a process of their own, forked: real ones, without the seconds of a fresh start."""

import multiprocessing
import runpy
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def start(name, flags, log):
    """Begin a script of the project with its real command line.

    Args:
        name: path of the script from the project's root.
        flags: its words.
        log: file for what it prints.

    Returns:
        `multiprocessing.Process`; its `exitcode` is None while it runs.
    """
    process = multiprocessing.get_context("fork").Process(target=_run, args=(name, flags, log))
    process.start()
    return process


@contextmanager
def serving(name, flags, log):
    """A script that serves a page, begun as by `start`; yields its process and the address."""
    log.unlink(missing_ok=True)
    process = start(name, flags, log)
    try:
        while not (log.exists() and "http://" in log.read_text()):
            assert process.is_alive(), log.read_text()
            time.sleep(0.02)
        yield process, "http://" + log.read_text().partition("http://")[2].split()[0]
    finally:
        process.kill()
        process.join()


def _run(name, flags, log):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [str(ROOT / name), *map(str, flags)]
    with open(log, "a", buffering=1) as sys.stdout:
        sys.stderr = sys.stdout
        runpy.run_path(sys.argv[0], run_name="__main__")
