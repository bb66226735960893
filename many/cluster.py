"""Ray, of which this is all that the project uses: calls of functions on one machine or many."""

import logging
import os
import re
import secrets
import signal
import socket
from importlib.util import find_spec
from typing import NamedTuple

from utils.errors import ROOT, UserError

LOST = 20  # times that a call is made again after the worker or its machine went away
STARVED = 2  # times likewise after Ray itself has ended it, where a machine's memory ran short
STARTS = 3  # of Ray on this machine, which gives itself 30 seconds for each, busy or not
ANSWER = 10  # seconds that a cluster has to answer at all
STORE = 80 * 2**20  # bytes for objects that are passed around, of which there are next to none
ADDRESS = re.compile(r"\bip=([^,)\s]+)")  # in what Ray says of where something was raised
PASSED = "PYTHONPATH", "TORCH_HOME"  # of this process's environment, to every machine's


class Machine(NamedTuple):
    """One of a cluster's: its name, its address, and how much of it Ray may set aside."""

    name: str
    address: str
    cpus: float
    gpus: float


class Unfit(UserError):
    """A machine cannot work for the head: raised by what is called there, or by the call itself.

    Attributes:
        address: of the machine, once it has come back.
    """

    address = ""


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
        os.environ.setdefault("RAY_task_oom_retries", str(STARVED))  # it would try without end
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # it would hide GPUs
        local = {"include_dashboard": False, "object_store_memory": STORE, "num_cpus": cpus}
        if not address:  # its ports are open to the network, for those who know a secret
            os.environ["RAY_AUTH_MODE"], os.environ["RAY_AUTH_TOKEN"] = "token", secrets.token_hex()
        import ray  # which reads these as it is imported, and not again

        self.ray, self.call, self.shunned = ray, ray.remote(_call), set()
        more = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        passed = {name: os.environ[name] for name in PASSED if os.environ.get(name)}
        paths = str(ROOT), passed.get("PYTHONPATH")
        passed["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        more["runtime_env"] = {"env_vars": passed}
        if address:
            _refuse_silent(address)
            self._begin(address, more)
        else:
            self._begin("local", more | local, STARTS)

    def _begin(self, address, settings, starts=1):
        for _ in range(starts):
            try:
                return self.ray.init(address, **settings)
            except Exception as error:  # nearly every kind, bare ones too
                found = _first_line(error)
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
        """Machines that are there and not shunned: dict of id -> `Machine`."""
        return {n: m for n, m in self._alive().items() if m.address not in self.shunned}

    def _alive(self):
        return {
            node["NodeID"]: Machine(
                node["NodeManagerHostname"],
                node["NodeManagerAddress"],
                node["Resources"].get("CPU", 0),
                node["Resources"].get("GPU", 0),
            )
            for node in self.ray.nodes()
            if node["Alive"]
        }

    def shun(self, address):
        """Hand nothing more to the machines of an address; whether that is new."""
        new = address not in self.shunned
        self.shunned.add(address)
        return new

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
        elif self.shunned and (left_out := sorted(self._alive().keys() - self.nodes().keys())):
            place["label_selector"] = {"ray.io/node-id": f"!in({','.join(left_out)})"}
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
            UserError: as the function raised it; or there was no way to have it called to its end.
            Unfit: likewise; or the machine could not load the function.
        """
        errors = self.ray.exceptions
        try:
            return self.ray.get(handle)
        except errors.RayTaskError as error:
            cause, place = error.cause, ADDRESS.search(str(error))
            address = place[1] if place else ""
            if isinstance(cause, (ImportError, errors.RaySystemError)):
                cause = Unfit(
                    f"the machine {address} cannot load the project ({_first_line(cause)}); it has "
                    f"to be at {ROOT} on all machines, with the same packages"
                )
            if isinstance(cause, Unfit):
                cause.address = address
            if isinstance(cause, UserError):
                raise cause from None
            raise
        except (errors.WorkerCrashedError, errors.NodeDiedError) as error:
            found = _first_line(error)
            raise UserError(f"the worker was lost {LOST + 1} times ({found})") from None
        except errors.OutOfMemoryError:
            raise UserError(
                f"the machine's memory ran short {STARVED + 1} times; have fewer at a time"
            ) from None
        except errors.RayError as error:
            found = _first_line(error)
            raise UserError(f"Ray cannot have it done ({found})") from None

    def cancel(self, handles, seconds):
        """End calls, which have so many seconds for it."""
        for handle in handles:
            self.ray.cancel(handle)
        if handles:
            self.ray.wait(handles, num_returns=len(handles), timeout=seconds)


def _call(function, *arguments):
    # A shell lets its background ignore Ctrl-C's signal, by which Ray cancels.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return function(*arguments)


def _refuse_silent(address):
    """UserError where nothing answers at a cluster's address: Ray would try for minutes."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        raise UserError(f"{address} is no address of a Ray cluster; give host:port, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise UserError(
            f"nothing answers at {address} ({error}); see that the cluster is up, and that its "
            "port can be reached from here"
        ) from None


def _first_line(error):
    return [*str(error).strip().splitlines(), type(error).__name__][0]
