"""Two nodes of a Ray cluster on this machine, on addresses of their own of the loopback."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

from utils.errors import UserError

NODES = {"first": "127.0.0.1", "second": "127.0.0.2"}
PORT = 6399
PLACE = "MANY_NODE"  # variable by which a process knows its node
UP = "Ray runtime started"  # is among what ray says


@contextlib.contextmanager
def two_nodes(folder):
    """Context of a cluster whose nodes have a core each; its token is in the environment.

    Args:
        folder: for what Ray writes.

    Yields:
        address of the cluster, and a function that kills the second node (kill -9).
    """
    address, begun = f"{NODES['first']}:{PORT}", []
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex()}
    head = "--head", f"--port={PORT}", f"--temp-dir={folder}", "--include-dashboard=false"
    try:
        for name, words in {"first": head, "second": [f"--address={address}"]}.items():
            begun.append(_start(name, *words))
            if not any(UP in line for line in begun[-1].stdout):
                raise UserError(f"the {name} node of Ray does not start")
        yield address, lambda: _end(begun[1])
    finally:
        for process in begun[::-1]:
            _end(process)


def place(process):
    """Name of the node on which a process, given by its number, was started."""
    words = Path(f"/proc/{process}/environ").read_text().split("\0")
    return next(word.partition("=")[2] for word in words if word.startswith(PLACE))


def _start(name, *words):
    """Start a node, whose processes are in a session of their own, led by the one returned."""
    program = Path(sys.executable).parent / "ray"
    command = [program, "start", "--block", "--num-cpus=1", "--disable-usage-stats", *words]
    command += ["--object-store-memory=80000000", f"--node-ip-address={NODES[name]}"]
    more = {"stdout": subprocess.PIPE, "text": True, "env": {**os.environ, PLACE: name}}
    return subprocess.Popen(command, start_new_session=True, **more)


def _end(process):
    """Kill all processes of a node's session, whatever groups they are in."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[3]) == process.pid:
                os.kill(int(path.parent.name), signal.SIGKILL)
    process.wait()
