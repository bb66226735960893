"""Scripts in float64, where two ways of summing a batch agree to the last digits that matter."""

import contextlib
from unittest import mock

import torch

from datasets.pairs import Batch, ClipTensors, Pairs
from tests.conftest import run_script
from utils import runtime


def then(owner, name, convert):
    """Let `owner.name` pass its result through `convert`."""
    function = getattr(owner, name)
    return mock.patch.object(owner, name, lambda *args: convert(function(*args)))


@contextlib.contextmanager
def in_double():
    """Inside, networks are built, and batches and warps are given out, in float64."""
    former = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with (
            then(Pairs, "batch", lambda pair: [Batch(*(x.double() for x in b)) for b in pair]),
            then(Pairs, "warps", lambda pair: [x.double() for x in pair]),
            then(ClipTensors, "still", lambda pictures: [x.double() for x in pictures]),
            then(runtime, "channels_last", lambda network: network.double()),
            mock.patch("engine.log.plot_losses", lambda log, path: path.touch()),  # as conftest's
        ):
            yield
    finally:
        torch.set_default_dtype(former)


def run_in_double(script, flags):
    """`tests.conftest.run_script` in float64."""
    with in_double():
        return run_script(script, flags)
