"""The frame of a training loop: progress, due times, log, checkpoints, interruption."""

import shlex
import signal
import sys
from pathlib import Path

import torch

from datasets.clip import Clip
from datasets.pairs import Footage, Pairs
from utils import checkpoint, options, runtime
from utils.errors import UserError
from utils.log import FiniteGuard, Log


def go_on(path, state, parts, affine, device, rates):
    """Restore all that checkpoint `path` (read as `state`) holds; returns the next iteration.

    `rates` maps optimisers' keys to the learning rates that the user gave anew.

    One of the reference, without `iteration` and `rng`, gives weights and optimisers only.
    """
    checkpoint.restore(path, state, parts, affine)
    iteration = state.get("iteration", 0)
    try:
        if "rng" in state:
            runtime.set_rng_state(state["rng"], device)
        if not (isinstance(iteration, int) and iteration >= 0):
            raise TypeError
    except (TypeError, LookupError, AttributeError, RuntimeError):
        raise UserError(f"checkpoint {path} has a broken iteration or rng; give another") from None
    for key, rate in rates.items():
        for group in parts[key].param_groups:
            group["lr"] = rate
    print(f"going on from {path} at iteration {iteration}")
    return iteration


def open_pairs(opt, device):
    """The training data that the options name, in memory on `device`."""
    clips = [
        Footage(Clip(**options.clip(opt, domain)), *options.canvas(opt, domain), device)
        for domain in "ab"
    ]
    return Pairs(*clips, opt.bs, opt.seed, mirror_a=opt.hflip)


def step(optimiser, terms):
    """One step down the sum of a dict of losses."""
    optimiser.zero_grad()
    sum(terms.values()).backward()
    optimiser.step()


class Run:
    """Iterate over it to train; a context manager.

    Ctrl-C or SIGTERM (once) lets the iteration finish, saves a checkpoint and ends the process
    with the code that shells expect. `checkpoint` is written after the last iteration.

    Args:
        out: folder for results.
        start, total: first iteration, and how many there are in all.
        pack: function of the iteration, returning the dict to save.
        device: its random state goes into checkpoints.
    """

    def __init__(self, out, start, total, pack, device):
        self.out, self.start, self.total = Path(out), start, total
        self.iteration, self.pack, self.device = start, pack, device
        self.guard = FiniteGuard()
        self.signal = None

    def __enter__(self):
        self.former = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        self.log = Log(self.out, self.start, self.total)
        return self

    def __exit__(self, kind, error, trace):
        self.log.close()
        for number, handler in self.former.items():
            signal.signal(number, handler)

    def _note(self, number, _):
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    def __iter__(self):
        for iteration in range(self.start, self.total):
            self.iteration = iteration
            yield iteration
            self.log.bar.update()
            if self.signal is not None:
                self._stop()
        if self.start < self.total or not (self.out / "checkpoint").exists():
            self.save("checkpoint")
        self.log.close()
        print(f"{self.total} iterations done; {self.out} holds checkpoint, pictures and losses.png")

    def due(self, every):
        """Whether something that happens each `every` iterations, 0 included, happens now."""
        return self.iteration % every == 0

    def watch(self, terms):
        """Look for NaN in this iteration's losses, a dict of scalar tensors, without waiting."""
        self.guard.watch(self.iteration, terms)

    def write(self, values, affine=None):
        """Log this iteration's values, a dict of scalar tensors, and theta; stops at a NaN."""
        self.guard.check()
        if affine is not None:
            values = {**values, **{f"theta_{i}": t for i, t in enumerate(affine.theta.flatten())}}
        numbers = torch.stack([value.detach() for value in values.values()]).cpu()
        self.log.write(self.iteration, dict(zip(values, numbers.tolist())))

    def save(self, name=None):
        """Write a checkpoint, `checkpoint_<iteration>` by default; never one with NaN in it."""
        self.guard.check()
        state = self.pack(self.iteration)
        if not all(torch.isfinite(t).all() for t in _tensors(state) if t.is_floating_point()):
            raise UserError(
                f"weights became NaN or infinite at iteration {self.iteration}; stopped, and the "
                "last good checkpoint in --out kept: lower --g_lr"
            )
        path = self.out / (name or f"checkpoint_{self.iteration}")
        extra = {"iteration": self.iteration + 1, "rng": runtime.rng_state(self.device)}
        checkpoint.save(path, {**state, **extra})
        return path

    def _stop(self):
        path = self.save()
        words = [w for w in sys.argv if w not in ("--overwrite", "--resume")]
        self.log.close()
        print(
            f"interrupted; {path} is saved. To go on: python {shlex.join(words)} --resume",
            flush=True,
        )
        sys.exit(128 + self.signal)


def _tensors(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _tensors(entry)
