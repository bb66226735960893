"""Two nodes of a Ray cluster on this machine, on addresses of their own of the loopback."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HEAD, SECOND, PORT = "127.0.0.1", "127.0.0.2", 6399
START = 30  # seconds that a node has to come up, on a busy machine


@contextlib.contextmanager
def two_nodes(folder):
    """Context of a cluster whose nodes have a core each.

    Args:
        folder: for what Ray writes.

    Yields:
        address of the cluster, and a function that kills the second node (kill -9).
    """
    address = f"{HEAD}:{PORT}"
    head = f"--port={PORT}", f"--node-ip-address={HEAD}", f"--temp-dir={folder}"
    begun = [_start("--head", *head, "--include-dashboard=false")]
    try:
        time.sleep(START)
        begun.append(_start(f"--address={address}", f"--node-ip-address={SECOND}"))
        time.sleep(START)
        yield address, lambda: _end(begun[1], signal.SIGKILL)
    finally:
        for group in begun[::-1]:
            _end(group, signal.SIGKILL)


def _start(*words):
    """Start a node, whose processes are in a session of their own, led by the one returned."""
    program = Path(sys.executable).parent / "ray"
    command = [str(program), "start", "--block", "--num-cpus=1", "--disable-usage-stats", *words]
    command.append("--object-store-memory=80000000")
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)


def _end(process, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    process.wait()
