"""What a training run learns: networks, optimisers, their average and the loss scale."""

import math

import numpy as np
import torch
from torch.optim import Optimizer

from engine import checkpoint, schedule
from engine.loop import print_once
from utils import runtime
from utils.errors import UserError
from utils.kinds import LARGEST

AT_ONCE = 16  # frames in one pass of the detector
OPTIONAL = ("scaler", "D", "d_opt2")  # they begin anew where a checkpoint has none


class Learner:
    """Everything that a training run changes and a checkpoint holds.

    Args:
        jokr: the networks that inference uses.
        parts: networks, optimisers and statistics by their keys in a checkpoint; None is left out.
            The first optimiser is the one that `scaler` serves.
        opt: the run's options.
        pairs: `Pairs`, whose clips' mean poses a checkpoint holds.
        device: where the networks are.

    Attributes:
        scaler: `GradScaler` where networks compute in float16, else None.
        seconds: of training that lie behind it when the run begins.
    """

    def __init__(self, jokr, parts, opt, pairs, device):
        self.jokr, self.opt, self.pairs = jokr, opt, pairs
        self.scaler = runtime.loss_scaler(runtime.autocast_dtype(opt.precision, device), device)
        every = {**parts, "scaler": self.scaler}
        self.parts = {key: part for key, part in every.items() if part is not None}
        self.optimisers = {k: p for k, p in parts.items() if isinstance(p, Optimizer)}
        self.averaged = schedule.average(jokr, opt.ema)
        self.seconds = 0.0

    @property
    def inference_networks(self):
        """The networks to infer with: their average where there is one."""
        return self.averaged.module if self.averaged else self.jokr

    def resume(self, path, state, given):
        """Restore all that checkpoint `path` (read as `state`) holds.

        One of the reference, without `iteration`, gives weights and optimisers only. Learning rates
        named in `given` replace the checkpoint's.

        Returns:
            the next iteration.
        """
        held = {k: part for k, part in self.parts.items() if k in state or k not in OPTIONAL}
        checkpoint.restore(path, state, held, self.jokr.affine)
        iteration, self.seconds = (_amount(path, state, x) for x in ("iteration", "seconds"))
        if self.averaged:
            checkpoint.restore_networks(path, state, self.averaged.module)
            self.averaged.updates = iteration
        for key, optimiser in self.optimisers.items():
            if (name := f"{key[0]}_lr") in given:
                for group in optimiser.param_groups:
                    group["lr"] = group["initial_lr"] = getattr(self.opt, name)
        print_once(f"going on from {path} at iteration {iteration}")
        return iteration

    def plan(self, start, progress):
        """Set out from iteration `start`, where a share `progress` of the training is done."""
        self._set_rates(progress)
        self.uncounted = start - self._steps_taken()  # iterations without a step of this Adam
        self.reported = 0

    def advance(self, progress):
        """An iteration is over: rates follow progress, weights go into their average."""
        self._set_rates(progress)
        if self.averaged:
            self.averaged.update(self.jokr)

    def _set_rates(self, progress):
        factor = schedule.lr_factor(progress, self.opt.lr_decay, self.opt.lr_warmup)
        schedule.set_rates(self.optimisers.values(), factor)

    def skipped(self, iteration):
        """How many steps float16's overflows have cost since the last call; waits for the device.

        Adam counts on the device the steps that it takes, so that no step has to wait.
        """
        if self.scaler is None:
            return 0
        skipped = iteration + 1 - self.uncounted - self._steps_taken()
        new, self.reported = skipped - self.reported, skipped
        return new

    def _steps_taken(self):
        optimiser = next(iter(self.optimisers.values()))
        return max((int(entry["step"]) for entry in list(optimiser.state.values())[:1]), default=0)

    def pack(self, epoch):
        """The dict to save, without `iteration`."""
        values = vars(self.opt)
        state = checkpoint.pack(self.parts, self.jokr.affine, epoch, values, self.averaged)
        return {**state, "means": torch.stack([self._mean_pose(c) for c, _ in self.pairs.domains])}

    def _mean_pose(self, clip):
        """Keypoints (K, 2), mean over a clip of `ClipTensors`, as inference finds them."""
        jokr, frames = self.inference_networks, np.arange(len(clip.pictures))
        parts = np.array_split(frames, math.ceil(len(frames) / AT_ONCE))
        found = [jokr.find(jokr.view(*clip.still(part)), "a", False)[0] for part in parts]
        return torch.cat(found).mean(0).cpu()


def _amount(path, state, key):
    """A number from a checkpoint, 0 where it is not in there; whole if it counts iterations."""
    amount = state.get(key, 0)
    kinds = int if key == "iteration" else (int, float)
    if not (isinstance(amount, kinds) and 0 <= amount <= LARGEST):
        raise UserError(f"checkpoint {path} has broken {key}; give another")
    return amount
