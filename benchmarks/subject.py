"""One stage of training with any set of the accelerations, to be timed."""

import contextlib
import functools
import time
from unittest import mock

import torch
from torch.utils.flop_counter import FlopCounterMode

import train_first_stage
import train_second_stage
from benchmarks import plain
from utils import errors, runtime

MEMORY = "clips in memory, warped in batches"
ONE_CALL = "one decoder call for both domains"
PROFILES = "keypoints redrawn from profiles"
FUSED = "fused Adam"
CUDNN = "cudnn.benchmark"
TF32 = "TF32 in convolutions"
BF16 = "16-bit generators"
LAYOUT = "channels last"
COMPILED = "compiled"
# In the order in which --ladder adds them, with the devices on which each means something.
ACCELERATIONS = {
    MEMORY: ("cpu", "cuda", "mps"),
    ONE_CALL: ("cpu", "cuda", "mps"),
    PROFILES: ("cpu", "cuda", "mps"),
    FUSED: ("cpu", "cuda", "mps"),
    CUDNN: ("cuda",),
    TF32: ("cuda",),
    BF16: ("cuda",),
    LAYOUT: ("cpu", "cuda"),
    COMPILED: ("cpu", "cuda"),
}


class Fixed:
    """`Pairs` that always give what they gave first, so that only the step is timed."""

    def __init__(self, pairs):
        batch, warps = pairs.batch(0), pairs.warps(0)
        self.batch, self.warps = lambda iteration: batch, lambda iteration: warps


class Subject:
    """One stage of training, ready to run.

    Args:
        stage: "first" or "second".
        opt: that stage's options.
        device: torch.device.
        names: which of `ACCELERATIONS` are on.
        clips: `datasets.clip.Clip` of A and of B.
        pairs: `datasets.pairs.Pairs` of them.
    """

    def __init__(self, stage, opt, device, names, clips, pairs):
        self.opt, self.device, self.names = opt, device, names
        torch.manual_seed(0)
        self.script = train_first_stage if stage == "first" else train_second_stage
        self.nets = self.script.build(opt, device)
        if stage == "second":
            self.nets = (self.nets[0], timing_lpips(opt, device), *self.nets[1:])
        self.jokr = self.nets[0]
        self.pairs = pairs if MEMORY in names else plain.Files(clips, pairs, device)
        self.fixed = Fixed(pairs)
        self._slow_down()
        self.scaler = runtime.loss_scaler(self.jokr.shape_decoder.autocast, device)

    def _slow_down(self):
        """Undo what `names` lacks of what building the networks has accelerated; compile."""
        networks = [net for net in self.nets if isinstance(net, torch.nn.Module)]
        for module in (module for network in networks for module in network.modules()):
            if LAYOUT not in self.names:
                module.to(memory_format=torch.contiguous_format)
            if hasattr(module, "autocast") and BF16 not in self.names:
                module.autocast = None
        for optimiser in (net for net in self.nets if isinstance(net, torch.optim.Optimizer)):
            for group in optimiser.param_groups:
                group["fused"] = True if FUSED in self.names else None  # None: PyTorch's choice
        if COMPILED in self.names:
            self.script.compile_networks(self.opt, self.device, self.fixed, *self.nets)

    @contextlib.contextmanager
    def settings(self):
        """The process-wide part of the accelerations."""
        torch.backends.cudnn.benchmark = CUDNN in self.names
        torch.backends.cudnn.allow_tf32 = TF32 in self.names
        with contextlib.ExitStack() as stack:
            if PROFILES not in self.names:
                stack.enter_context(mock.patch("models.jokr.redraw", plain.redraw))
            if ONE_CALL not in self.names:
                both = mock.patch("models.jokr.JOKR.decode_both", plain.decode_both)
                stack.enter_context(both)
            yield

    def step(self, pairs, iteration):
        self.script.train(*self.nets, pairs, iteration, self.opt, scaler=self.scaler)

    def seconds(self, what, steps):
        """Mean time of one iteration of `what`: data, compute or loop."""
        pairs = self.fixed if what == "compute" else self.pairs
        synchronise(self.device)
        begin = time.perf_counter()
        for iteration in range(steps):
            if what == "data":
                pairs.batch(iteration), pairs.warps(iteration)
            else:
                self.step(pairs, iteration)
        synchronise(self.device)
        return (time.perf_counter() - begin) / steps


def timing_lpips(opt, device):
    """LPIPS with VGG16's own weights, or random ones, which take as long."""
    try:
        return train_second_stage.load_lpips(opt, device)
    except errors.UserError as error:
        print(f"note: LPIPS is timed with random weights ({error})")
    with mock.patch("models.weights.vgg16_state", lambda path: random_vgg16()):
        return train_second_stage.load_lpips(opt, device)


@functools.cache
def random_vgg16():
    """State dict of a VGG16's features as they are before training."""
    from torchvision.models import vgg16  # slow to import, and seldom needed

    return vgg16(weights=None).state_dict()


def synchronise(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def flops(subject):
    """Floating-point operations of one step, counted from the convolutions and products in it."""
    eager = torch.compiler.set_stance("force_eager")
    with subject.settings(), eager, FlopCounterMode(display=False) as counter:
        subject.step(subject.fixed, 0)
    return counter.get_total_flops()


def peak_memory(subject):
    """GiB that one step and its networks take at their peak on a GPU; None elsewhere."""
    if subject.device.type != "cuda":
        return None
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(subject.device)
    held = torch.cuda.memory_allocated(subject.device)
    with subject.settings():
        subject.step(subject.fixed, 0)
    # A weight that learns brings its gradient and two moments.
    networks = sum(p.numel() * (16 if p.requires_grad else 4) for p in subject.jokr.parameters())
    return (torch.cuda.max_memory_allocated(subject.device) - held + networks) / 2**30
