"""The frame of a training loop: progress, due times, log, checkpoints, interruption."""

import shlex
import signal
import sys
from pathlib import Path

import torch

from datasets.clip import Clip
from datasets.pairs import ClipTensors, Pairs
from engine import checkpoint, run_folder
from engine.clock import AGREE, Clock
from engine.log import FiniteGuard, Log
from utils import arguments, options, parallel, runtime
from utils.errors import UserError


def print_once(text):
    """Print a line, once however many processes there are."""
    if parallel.is_main():
        print(text, flush=True)


def open_pairs(opt, device):
    """This process's share of the training data that the options name, in memory on `device`."""
    if opt.bs % parallel.size():
        raise UserError(
            f"--bs {opt.bs} cannot be shared by {parallel.size()} processes; "
            f"use a multiple of {parallel.size()}"
        )
    clips = [
        ClipTensors(Clip(**options.clip(opt, domain)), *options.canvas(opt, domain), device)
        for domain in "ab"
    ]
    share = parallel.share(opt.bs)
    return Pairs(*clips, opt.bs, opt.seed, opt.hflip, opt.augment, share)


def prepare_output(opt, given, clear, kept):
    """Make `--out` ready once nothing can go wrong any more: drop an earlier run, record options.

    Args:
        clear: whether `run_folder.clear` is due.
        kept: checkpoint that the run goes on from, which is spared; None where it starts.
    """
    parallel.wait()  # every process has read what it needs
    if parallel.is_main():
        if opt.resume and not kept:
            print(f"nothing to resume in {opt.out}; starting")
        if clear:
            run_folder.clear(opt.out, kept)
        print(arguments.record(opt, given, f"{opt.out}/config.yaml"), flush=True)


def compile_step(opt, device, networks, losses):
    """Compile networks as `--compile` says, and try a step through them; nothing learns from it.

    Args:
        networks: to compile in place.
        losses: function of nothing that computes a step's losses, a dict of scalar tensors.
    """

    def trial():
        sum(losses().values()).backward()

    try:
        runtime.compile_networks(opt.compile, device, *networks, trial=trial)
    except (RuntimeError, MemoryError) as error:
        runtime.explain_full_memory(error, device, opt)
        raise


def step(optimiser, terms, scaler=None):
    """One step down the sum of a dict of losses, averaged over the processes.

    Args:
        scaler: `GradScaler` where networks compute in float16. It skips the step and lowers its
            scale where a gradient overflows; all processes do, since each sees the mean of all
            gradients.
    """
    optimiser.zero_grad()
    loss = sum(terms.values())
    (scaler.scale(loss) if scaler else loss).backward()
    parallel.average_gradients(p for group in optimiser.param_groups for p in group["params"])
    if scaler:
        scaler.step(optimiser)
        scaler.update()
    else:
        optimiser.step()


class Run:
    """Iterate over it to train; a context manager.

    Ctrl-C or SIGTERM (once) lets the iteration finish, saves a checkpoint and ends the process
    with the code that shells expect; so does `--stop_after`, with code 0. `checkpoint` is written
    after the last iteration.

    Args:
        opt: options; `out` is the folder for results, `seed` fixes every iteration's randomness.
        learner: `Learner`, whose content is saved.
        start: first iteration.
        epoch_length: iterations of an epoch.
        device: where the networks are.
    """

    def __init__(self, opt, learner, start, epoch_length, device):
        self.opt, self.out, self.start, self.device = opt, Path(opt.out), start, device
        self.total = None if opt.minutes else min(opt.iters, opt.epoch * epoch_length)
        self.iteration = start - 1  # the last one that is done
        self.learner, self.epoch_length = learner, epoch_length
        self.clock = Clock(learner.seconds, opt.processor_time)
        learner.plan(start, self.progress)
        ways = ["use --precision fp32"] if learner.scaler else []
        self.guard = FiniteGuard(", or ".join(["lower --g_lr or that loss's weight", *ways]))
        self.signal = 0

    def __enter__(self):
        self.former = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        place = self.out, self.start, self.total, self.device
        self.log = Log(*place) if parallel.is_main() else None
        return self

    def __exit__(self, kind, error, trace):
        if self.log:
            self.log.close()
        for number, handler in self.former.items():
            signal.signal(number, handler)
        runtime.explain_full_memory(error, self.device, self.opt)

    def _note(self, number, _):
        if self.signal and parallel.size() == 1:  # torchrun repeats what the terminal sent
            raise KeyboardInterrupt
        self.signal = number

    @property
    def progress(self):
        """Share of the training that is done after this iteration, in [0, 1]."""
        minutes = self.opt.minutes
        done = self.clock.seconds / 60 if minutes else self.iteration + 1
        return min(1.0, done / (minutes or self.total))

    def __iter__(self):
        self.clock.start()
        while self.progress < 1:
            self.iteration += 1
            runtime.seed(self.opt.seed, self.iteration, parallel.rank())
            yield self.iteration
            if self.log:
                self.log.bar.update()
            if self._asked_to_stop():
                self._stop("interrupted", 128 + self.signal)
            if 0 < 60 * self.opt.stop_after <= self.clock.since_start and self.progress < 1:
                self._stop("paused", 0)
        if self.log:
            self.log.close()
        if self.start <= self.iteration or not (self.out / "checkpoint").exists():
            self.save("checkpoint")  # last: where it is, nothing is missing
        print_once(
            f"{self.iteration + 1} iterations done; {self.out} holds checkpoint, pictures and "
            "losses.png"
        )
        parallel.leave()

    def advance(self):
        """This iteration has been learned: see what time it is, let rates and averages follow."""
        self.clock.tick(self.iteration, self.device)
        self.learner.advance(self.progress)

    def _asked_to_stop(self):
        """Whether a signal came; several processes agree on it every so many iterations."""
        if parallel.size() > 1 and self.iteration % AGREE == 0:
            self.signal = parallel.agree(self.signal, self.device)
            return self.signal
        return self.signal and parallel.size() == 1

    def due(self, every):
        """Whether something that happens each `every` iterations, 0 included, happens now."""
        return self.iteration % every == 0

    def saves_images(self, every):
        """Whether this process is to make pictures now."""
        return self.due(every) and parallel.is_main()

    def watch(self, terms):
        """Look for NaN in this iteration's losses, a dict of scalar tensors, without waiting."""
        self.guard.watch(self.iteration, terms)

    def write(self, values, affine=None):
        """Log this iteration's values, a dict of scalar tensors, and theta; stops at a NaN."""
        self.guard.check()
        if affine is not None:
            values = {**values, **{f"theta_{i}": t for i, t in enumerate(affine.theta.flatten())}}
        numbers = parallel.average(torch.stack([value.detach() for value in values.values()]))
        skipped = self.learner.skipped(self.iteration)
        if self.log:
            self.log.write(self.iteration, dict(zip(values, numbers.tolist())))
            if skipped:
                scale = self.learner.scaler.get_scale()
                self.log.tell(
                    f"[{self.iteration}] {skipped} of the steps since the last entry skipped: "
                    f"gradients overflowed in float16; the loss is now multiplied by {scale:g}"
                )

    def save(self, name=None):
        """Write a checkpoint, `checkpoint_<iteration>` by default; never one with NaN in it."""
        self.guard.check()
        path = self.out / (name or f"checkpoint_{self.iteration}")
        if not parallel.is_main():
            return path
        state = self.learner.pack(self.iteration // self.epoch_length)
        if not all(torch.isfinite(t).all() for t in _tensors(state) if t.is_floating_point()):
            raise UserError(
                f"weights became NaN or infinite at iteration {self.iteration}; stopped, and the "
                "last good checkpoint in --out kept: lower --g_lr"
            )
        if self.log:
            self.log.settle()
        reached = {"iteration": self.iteration + 1, "seconds": self.clock.seconds}
        checkpoint.save(path, {**state, **reached})
        return path

    def _stop(self, why, code):
        path = self.save()
        words = [w for w in sys.argv if w not in ("--overwrite", "--resume")]
        way = "the same command with" if parallel.size() > 1 else f"python {shlex.join(words)}"
        if self.log:
            self.log.close()
            print(f"{why}; {path} is saved. To go on: {way} --resume", flush=True)
        parallel.leave()
        sys.exit(code)


def _tensors(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for entry in value.values():
            yield from _tensors(entry)
