"""The jobs of a list on a cluster: which are handed in, and which have ended."""

import secrets
from contextlib import contextmanager

from many import jobs
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
    """

    def __init__(self, cluster, waiting, cpus, gpus, proof):
        self.cluster, self.waiting = cluster, list(reversed(waiting))
        self.cpus, self.gpus, self.proof = cpus, gpus, proof
        self.running = {}

    def __bool__(self):
        return bool(self.waiting or self.running)

    def room(self):
        """How many jobs the cluster has room for."""
        return sum(places(n, self.cpus, self.gpus) for n in self.cluster.nodes().values())

    def step(self, seconds):
        """Hand in what there is room for, and wait.

        Returns:
            list of (`Job`, `Outcome`) that ended, within so many seconds.
        """
        most = 2 * max(1, self.room())  # the next ones are with the machines before they are free
        while self.waiting and len(self.running) < most:
            job = self.waiting.pop()
            self.running[self._submit(job)] = job
        done = self.cluster.finished(list(self.running), seconds)
        return [(self.running.pop(handle), self._outcome(handle)) for handle in done]

    def stop(self):
        """End all that is running, which saves checkpoints."""
        self.cluster.cancel(list(self.running), jobs.LEAVING)

    def _submit(self, job):
        call = jobs.run, job, self.cpus, self.proof
        return self.cluster.submit(*call, cpus=self.cpus, gpus=self.gpus)

    def _outcome(self, handle):
        try:
            return self.cluster.result(handle)
        except UserError as error:
            return jobs.Outcome(2, str(error))


def places(node, cpus, gpus):
    """How many jobs a machine (name, CPUs, GPUs) has room for at a time."""
    _, all_cpus, all_gpus = node
    by_gpus = int(all_gpus / gpus + 1e-6) if gpus else float("inf")
    return int(min(all_cpus // cpus, by_gpus))


def share(nodes, cpus, gpus):
    """CPUs and GPUs of each job, where the user leaves them open (0, None).

    A GPU each, where there are any; and an even share of the cores, one where there are no GPUs.

    Raises:
        UserError: no machine has room for a job.
    """
    if gpus is None:
        gpus = 1 if any(node[2] for node in nodes) else 0
    if not cpus:
        shares = [c * gpus / g for _, c, g in nodes if g] if gpus else []
        cpus = max(1, int(min(shares, default=1)))
    if not any(places(node, cpus, gpus) for node in nodes):
        _, c, g = max(nodes, key=lambda node: (node[2], node[1]))
        raise UserError(
            f"no machine has {cpus} CPUs and {gpus:g} GPUs for a pair; the largest has {c:g} and "
            f"{g:g}: give other --cpus_per_pair and --gpus_per_pair"
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
    handles = {cluster.submit(proof.lacking, cpus=0, node=node): node for node in nodes}
    while handles:
        done = cluster.finished(list(handles), PROOF)
        if not done:
            name = nodes[next(iter(handles.values()))][0]
            raise UserError(
                f"{name} did not answer within {PROOF} seconds; take it off the cluster"
            )
        for handle in done:
            handles.pop(handle)
            if sentence := cluster.result(handle):
                raise UserError(sentence)
