"""Scripts in processes of their own that end with the process that started them, even by kill -9.

A script's standard input is a pipe into which nobody writes: the system closes it together with the
process at its other end, whatever became of that, and a thread of the script waits for this. Unlike
Linux's PR_SET_PDEATHSIG, which looks at the thread that started it, that works on every system.
"""

import os
import runpy
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def start(script, *words, **more):
    """Begin a script, given by its path from the project's root, in a session of its own.

    A terminal's Ctrl-C does not reach it. When this process has ended, it ends at once, as if it
    was killed, so that what goes on in its place finds nobody there.

    Args:
        words: the script's arguments, texts.
        more: keywords of `subprocess.Popen`, but for stdin.

    Returns:
        `subprocess.Popen`.
    """
    command = [sys.executable, __file__, str(ROOT / script), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, **more)


def _watch():
    os.read(0, 1)  # returns when the other end is closed
    os._exit(1)


def _become_script():
    threading.Thread(target=_watch, daemon=True).start()
    sys.argv = sys.argv[1:]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    _become_script()
