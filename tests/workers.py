"""Processes that meet over gloo as torchrun's do, started once and kept for every test."""

import multiprocessing
import os
import socket
import time
import traceback

import torch
from torch import distributed

PATIENCE = 120  # seconds that a case may take


class Workers:
    """`count` processes that call functions together; a context manager.

    They descend from a server that has imported torch and run nothing, because threads that
    autograd or OpenMP have started do not survive a fork of the test process itself.
    """

    def __init__(self, count):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["torch", "tests.in_double"])
        self.connections, self.processes = [], []
        for rank in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, rank, count), daemon=True)
            process.start()
            theirs.close()
            self.connections.append(ours)
            self.processes.append(process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()  # which ends the process
        for process in self.processes:
            process.join(5)
            process.kill()

    def start(self, function, *arguments):
        """Let every process call a function of a module; `results` waits for them."""
        port = _free_port()
        for connection in self.connections:
            connection.send((function, arguments, port))

    def results(self):
        """What the processes' calls returned, by rank; fails with their traceback if one raised."""
        found = []
        for rank, connection in enumerate(self.connections):
            assert connection.poll(PATIENCE), f"process {rank} has not answered"
            found.append(connection.recv())
        errors = [text for done, text in found if not done]
        assert not errors, "\n".join(errors)
        return [value for _, value in found]

    def wait_for(self, path):
        """Until the call that runs has made a file."""
        end = time.time() + PATIENCE
        while not path.exists():
            assert not any(c.poll() for c in self.connections), self.results()
            assert time.time() < end, f"no {path} after {PATIENCE} s"
            time.sleep(0.02)

    def run(self, function, *arguments):
        """Call `function(*arguments)` in every process; the list of results by rank."""
        self.start(function, *arguments)
        return self.results()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _serve(connection, rank, count):
    torch.set_num_threads(1)
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    os.environ.update({name: str(value) for name, value in places.items()})
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    while True:
        try:
            function, arguments, port = connection.recv()
        except EOFError:
            return
        os.environ["MASTER_PORT"] = str(port)
        try:
            answer = True, function(*arguments)
        except BaseException:
            answer = False, f"rank {rank}: {traceback.format_exc()}"
        if distributed.is_initialized():  # whoever still waits for this process then raises
            distributed.destroy_process_group()
        connection.send(answer)
