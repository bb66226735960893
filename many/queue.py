"""The jobs of a list on a cluster: which are handed in, and which have ended."""

import secrets
from contextlib import contextmanager

from many import jobs
from many.cluster import Unfit
from utils.errors import UserError
from utils.files import replacing

PROOF = 60  # seconds that a machine has to show that it sees the storage


class Queue:
    """Keeps a cluster busy with jobs.

    Only as many are handed in as keep all machines busy, since the head looks at each of these.

    Args:
        cluster: `many.cluster.Cluster`.
        waiting: list of `Job`, in the order in which they are to begin.
        cpus, gpus: of each.
        proof: `many.jobs.Proof`.

    Attributes:
        running: handle -> `Job` of those that are handed in; some may wait for room.
        left_out: sentences on machines that turned out to be unfit, and get nothing more.
    """

    def __init__(self, cluster, waiting, cpus, gpus, proof):
        self.cluster, self.waiting = cluster, list(reversed(waiting))
        self.cpus, self.gpus, self.proof = cpus, gpus, proof
        self.running, self.left_out = {}, []

    def __bool__(self):
        return bool(self.waiting or self.running)

    def room(self):
        """How many jobs the cluster has room for."""
        return sum(places(n, self.cpus, self.gpus) for n in self.cluster.nodes().values())

    def step(self, seconds):
        """Hand in what there is room for, and wait.

        Returns:
            list of (`Job`, `Outcome`) that ended, within so many seconds.

        Raises:
            Unfit: the last machine is.
        """
        most = 2 * max(1, self.room())  # the next ones are with the machines before they are free
        while self.waiting and len(self.running) < most:
            job = self.waiting.pop()
            self.running[self._submit(job)] = job
        done = self.cluster.finished(list(self.running), seconds)
        ended = [(self.running.pop(handle), self._outcome(handle)) for handle in done]
        self.waiting += [job for job, outcome in reversed(ended) if not outcome]
        return [(job, outcome) for job, outcome in ended if outcome]

    def stop(self):
        """End all that is running, which saves checkpoints."""
        self.cluster.cancel(list(self.running), jobs.LEAVING)

    def _submit(self, job):
        share = {"cpus": self.cpus, "gpus": self.gpus}
        return self.cluster.submit(jobs.run, job, share, self.proof, **share)

    def _outcome(self, handle):
        """How a job ended; None where it has to be done by another machine."""
        try:
            return self.cluster.result(handle)
        except Unfit as error:
            new = self.cluster.shun(error.address)
            if not (error.address and self.cluster.nodes()):
                raise
            self.left_out += [str(error)] if new else []
        except UserError as error:
            return jobs.Outcome(2, str(error))


def places(node, cpus, gpus):
    """How many jobs a `Machine` has room for at a time; none gets parts of several GPUs."""
    by_gpus = float("inf")
    if gpus:
        by_gpus = node.gpus * int(1 / gpus + 1e-6) if gpus < 1 else node.gpus // gpus
    return int(min(node.cpus // cpus, by_gpus))


def share(nodes, cpus, gpus):
    """CPUs and GPUs of each job, where the user leaves them open (0, None).

    A GPU each, where there are any; and an even share of the cores, one where there are no GPUs.

    Raises:
        UserError: no machine has room for a job.
    """
    if gpus is None:
        gpus = 1 if any(node.gpus for node in nodes) else 0
    if not cpus:
        shares = [node.cpus * gpus / node.gpus for node in nodes if node.gpus] if gpus else []
        cpus = max(1, int(min(shares, default=1)))
    if not any(places(node, cpus, gpus) for node in nodes):
        largest = max(nodes, key=lambda node: (node.gpus, node.cpus))
        raise UserError(
            f"no machine has {cpus} CPUs and {gpus:g} GPUs for a pair; the largest has "
            f"{largest.cpus:g} and {largest.gpus:g}: give other --cpus_per_pair and --gpus_per_pair"
        )
    return cpus, gpus


@contextmanager
def proof(out):
    """Context with a `many.jobs.Proof` of the storage in a folder."""
    path, text = out / ".many", secrets.token_hex()
    with replacing(path, "choose another --out") as part:
        part.write_text(text)
    try:
        yield jobs.Proof(path, text)
    finally:
        path.unlink(missing_ok=True)


def check_storage(cluster, proof):
    """Let every machine show that it reads what the head wrote; UserError where one does not."""
    nodes = cluster.nodes()
    handles = {cluster.submit(proof.check, cpus=0, node=node): node for node in nodes}
    while handles:
        done = cluster.finished(list(handles), PROOF)
        if not done:
            name = nodes[next(iter(handles.values()))].name
            raise UserError(
                f"{name} did not answer within {PROOF} seconds; take it off the cluster"
            )
        for handle in done:
            handles.pop(handle)
            cluster.result(handle)
