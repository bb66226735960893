"""Training's Adam is PyTorch's, and does not bring the compiler with it.

These tests are slow: they import PyTorch in fresh processes.
"""

import copy
import subprocess
import sys

import pytest
import torch

from engine import optimiser
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def train(kind, network, steps, state=None):
    """Weights, state and gradients after some steps of a class of optimiser on a network."""
    chosen = kind(network.parameters(), lr=0.01, betas=(0.5, 0.999), fused=True)
    if state:
        chosen.load_state_dict(copy.deepcopy(state))
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        chosen.zero_grad()
        network(torch.randn(8, 3, generator=generator)).square().mean().backward()
        chosen.step()
    return [p.detach().clone() for p in network.parameters()], chosen.state_dict()


def test_every_step_is_pytorchs_to_the_bit():
    torch.manual_seed(0)
    network = torch.nn.Linear(3, 2)
    ours, theirs = (
        train(kind, copy.deepcopy(network), 5) for kind in (optimiser.Adam, torch.optim.Adam)
    )
    assert not torch.equal(ours[0][0], network.weight)
    assert all(map(torch.equal, ours[0], theirs[0]))
    assert ours[1]["param_groups"] == theirs[1]["param_groups"]
    ours, theirs = (
        train(kind, copy.deepcopy(network), 3, state)
        for kind, state in ((optimiser.Adam, theirs[1]), (torch.optim.Adam, ours[1]))
    )
    assert all(map(torch.equal, ours[0], theirs[0]))
    assert ours[1]["state"][0]["step"] == 8


def test_no_step_imports_the_compiler():
    code = (
        "import sys, torch; from tests.test_optimiser import optimiser, train;"
        "train(optimiser.Adam, torch.nn.Linear(3, 2), 2);"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=120).returncode == 0
