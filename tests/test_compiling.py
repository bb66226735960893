"""Compiling that fails in the first call: said in a sentence, and nothing of the run is lost.

These tests are slow: they trace the networks of both stages.
"""

import functools

import pytest
import torch
from torch import nn

import train_first_stage
from engine.loop import open_pairs
from tests.conftest import SMALL, refuse
from utils import arguments, options, parallel, runtime
from utils.errors import UserError

pytestmark = pytest.mark.slow

CPU, CUDA = map(torch.device, ("cpu", "cuda"))
FAILURE = "torch.compile failed (RuntimeError: ptxas is too old)"


def broken(*_):
    raise RuntimeError("ptxas is too old\nand more lines")


@pytest.fixture
def use_backend(monkeypatch):
    """Function that lets torch.compile use a backend of one's own, whatever the machine has."""

    def use(backend):
        torch._dynamo.reset()
        compile_with = functools.partial(torch.compile, backend=backend)
        monkeypatch.setattr(torch, "compile", compile_with)
        monkeypatch.setattr(runtime, "_lacks_for_compiling", lambda device: "")

    yield use
    torch._dynamo.reset()


def first_stage(roots, compile):
    """Options, `Pairs` and networks of a stage one."""
    argv = f"{roots} {SMALL} --bs 2 --no_dropout --compile {compile}".split()
    opt, _ = arguments.parse("", *options.STAGES["stage one"], argv=argv)
    torch.manual_seed(0)
    return opt, open_pairs(opt, CPU), train_first_stage.build(opt, CPU)


def losses_and_weights(pairs, networks, opt):
    losses = [train_first_stage.train(*networks, pairs, i, opt)[0] for i in range(2)]
    flat = [torch.stack([*terms.values()]).detach() for terms in losses]
    return torch.cat([*flat, *(x.float().flatten() for x in networks[0].state_dict().values())])


def test_auto_goes_on_uncompiled_with_one_warning(roots, use_backend, capsys):
    opt, pairs, networks = first_stage(roots, "off")
    wanted = losses_and_weights(pairs, networks, opt)
    use_backend(broken)
    opt, pairs, networks = first_stage(roots, "auto")
    train_first_stage.compile_networks(opt, CUDA, pairs, *networks)
    warning = f"warning: {FAILURE}; going on without --compile, slower\n"
    assert capsys.readouterr().err == warning
    assert all(module._compiled_call_impl is None for module in networks[0].modules())
    assert torch.equal(losses_and_weights(pairs, networks, opt), wanted)


def test_on_ends_in_one_sentence_and_leaves_the_folder_alone(roots, use_backend, tmp_path):
    use_backend(broken)
    (tmp_path / "checkpoint_5").write_text("of an earlier run")
    flags = f"{roots} {SMALL} --bs 2 --compile on --overwrite --out {tmp_path}"
    refuse("train_first_stage.py", flags, f"--compile on: {FAILURE}; use --compile off")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint_5"]


def test_a_trial_changes_nothing_and_compiles_all_that_a_step_needs(roots, use_backend):
    opt, pairs, networks = first_stage(roots, "off")
    wanted = losses_and_weights(pairs, networks, opt)
    use_backend("aot_eager")
    opt, pairs, networks = first_stage(roots, "on")
    train_first_stage.compile_networks(opt, CPU, pairs, *networks)
    assert networks[0].shape_decoder._compiled_call_impl
    with torch._dynamo.config.patch(error_on_recompile=True):
        found = losses_and_weights(pairs, networks, opt)
    # Where a gradient is but rounding, Adam's first steps go either way by the learning rate.
    assert torch.allclose(found, wanted, rtol=1e-4, atol=4.1 * opt.g_lr)


def test_what_fails_uncompiled_too_is_raised(use_backend):
    use_backend("eager")

    def trial():
        raise ValueError("a mistake in the code")

    with pytest.raises(ValueError, match="a mistake in the code"):
        runtime.compile_networks("on", CPU, nn.Linear(1, 1), trial=trial)


def test_a_failure_in_another_process_counts(use_backend, monkeypatch, capsys):
    use_backend("eager")
    network = nn.Linear(1, 1)
    monkeypatch.setattr(parallel, "agree", lambda number, device: max(number, 1))
    runtime.compile_networks("auto", CUDA, network, trial=lambda: network(torch.zeros(1)))
    assert "torch.compile failed in another process; going on" in capsys.readouterr().err
    assert network._compiled_call_impl is None
    with pytest.raises(UserError, match="--compile on: torch.compile failed in another process"):
        runtime.compile_networks("on", CPU, network, trial=lambda: network(torch.zeros(1)))
