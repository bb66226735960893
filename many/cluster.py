"""Ray, of which this is all that the project uses: calls of functions on one machine or many."""

import logging
import os
import secrets
from importlib.util import find_spec

from utils.errors import ROOT, UserError

LOST = 20  # times that a call is made again after the worker or its machine went away
STARTS = 3  # of Ray on this machine, which gives itself 30 seconds for each, busy or not
STORE = 80 * 2**20  # bytes for objects that are passed around, of which there are next to none


def refuse_missing(what):
    """UserError where Ray is not installed; `what` is the user's command."""
    if find_spec("ray") is None:
        raise UserError(
            f"{what} needs ray, not installed here: pip install -r requirements-many.txt"
        )


class Cluster:
    """Machines that calls are handed to; a context, with whose end all calls end.

    Args:
        address: of a Ray cluster; "" makes one of this machine, which ends with this process.
        cpus: cores of this machine that count, where it is the cluster; all if not given.

    Raises:
        UserError: there is no such cluster, or it has another version of Ray or Python.
    """

    def __init__(self, address="", cpus=None):
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would call its makers
        os.environ.setdefault("RAY_worker_niceness", "0")  # it would let all others go first
        local = {"include_dashboard": False, "object_store_memory": STORE, "num_cpus": cpus}
        if not address:  # its ports are open to the network, for those who know a secret
            os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"] = "token", secrets.token_hex()
        import ray  # which reads these as it is imported, and not again

        self.ray, self.call = ray, ray.remote(_call)
        more = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        more["runtime_env"] = {"env_vars": {"PYTHONPATH": str(ROOT)}}
        if address:
            self._begin(address, more)
        else:
            self._begin("local", more | local, STARTS)

    def _begin(self, address, settings, starts=1):
        for _ in range(starts):
            try:
                return self.ray.init(address, **settings)
            except Exception as error:  # nearly every kind, bare ones too
                found = [*str(error).strip().splitlines(), type(error).__name__][0]
                self.ray.shutdown()
        if address == "local":
            raise UserError(f"Ray does not start ({found}); try again when this machine is idle")
        raise UserError(
            f"Ray cannot use {address} ({found}); see that the cluster is up, has the same "
            "versions of Ray and Python, and its token is known here, if it has one (docs/many.md)"
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ray.shutdown()

    def nodes(self):
        """Machines that are there: dict of id -> (name, CPUs, GPUs)."""
        return {
            node["NodeID"]: (
                node["NodeManagerHostname"],
                node["Resources"].get("CPU", 0),
                node["Resources"].get("GPU", 0),
            )
            for node in self.ray.nodes()
            if node["Alive"]
        }

    def submit(self, function, *arguments, cpus=1, gpus=0, node=None):
        """Have a function called where there is room for it, and elsewhere if that is lost.

        Args:
            function: of a module of the project, or a method of an object that can be pickled.
            cpus, gpus: that are set aside for it.
            node: id of the machine where it must be called.

        Returns:
            a handle for `finished`, `result` and `cancel`.
        """
        place = {}
        if node:
            from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

            place["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node, soft=False)
        settings = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": LOST, **place}
        return self.call.options(**settings).remote(function, *arguments)

    def finished(self, handles, seconds=None):
        """Those of some calls that have ended, after so many seconds at most, or one at least."""
        if not handles:
            return []
        if not self.ray.wait(handles, num_returns=1, timeout=seconds)[0]:
            return []
        return self.ray.wait(handles, num_returns=len(handles), timeout=0)[0]

    def result(self, handle):
        """What a call returned.

        Raises:
            UserError: as the function raised it; or the worker was lost too often.
        """
        try:
            return self.ray.get(handle)
        except self.ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise error.cause from None
            raise
        except self.ray.exceptions.RayError as error:
            found = str(error).strip().splitlines()[0]
            raise UserError(f"the worker was lost {LOST + 1} times ({found})") from None

    def cancel(self, handles, seconds):
        """End calls, which have so many seconds for it."""
        for handle in handles:
            self.ray.cancel(handle)
        if handles:
            self.ray.wait(handles, num_returns=len(handles), timeout=seconds)


def _call(function, *arguments):
    return function(*arguments)
