"""Run a training script in float64: python -m tests.in_double SCRIPT FLAGS."""

import runpy
import sys
from unittest import mock

import torch

from datasets.pairs import Batch, Pairs
from utils import runtime


def then(owner, name, convert):
    """Let `owner.name` pass its result through `convert`."""
    function = getattr(owner, name)
    return mock.patch.object(owner, name, lambda *args: convert(function(*args)))


def main():
    sys.argv = sys.argv[1:]
    torch.set_default_dtype(torch.float64)
    with (
        then(Pairs, "batch", lambda pair: [Batch(*(x.double() for x in batch)) for batch in pair]),
        then(Pairs, "warps", lambda pair: [x.double() for x in pair]),
        then(Pairs, "stills", lambda clips: [[x.double() for x in clip] for clip in clips]),
        then(runtime, "channels_last", lambda network: network.double()),
    ):
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
