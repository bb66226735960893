"""The machine under a run: device, precision, compiler and seed."""

import importlib.util
import math
import os
import shutil
import sys
import sysconfig
from pathlib import Path

import numpy as np
import torch

from utils import memory, parallel
from utils.errors import UserError


def pick_device(name):
    """torch.device for auto, cpu, cuda, cuda:N or mps; UserError where it is not there.

    Of several processes on a host, each gets a GPU of its own.
    """
    available = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
    kind, _, index = name.partition(":")
    if parallel.launched() and kind == "cuda":
        if index:
            raise UserError(f"--device {name} is one GPU; under torchrun use --device cuda")
        if parallel.local_size() > available["cuda"]:
            raise UserError(
                f"{parallel.local_size()} processes need as many GPUs, and {available['cuda']} "
                "are here; lower --nproc_per_node or use --device cpu"
            )
        index = str(parallel.local_rank())
    if kind not in available or (":" in name and not index.isdecimal()):
        raise UserError(f"--device {name} is unknown; use auto, cpu, cuda, cuda:N or mps")
    if int(index or 0) >= available[kind]:
        found = ", ".join(f"{n} {k}" for k, n in available.items() if n)
        raise UserError(f"--device {name} is not there (found: {found}); use --device auto")
    return torch.device(f"cuda:{index or 0}" if kind == "cuda" else name)


def start(name, precision="auto", shared=False):
    """Prepare this process: pick its device, let that work at its best, join torchrun's others.

    Args:
        name: see `pick_device`.
        precision: see `autocast_dtype`.
        shared: whether several processes may work together.

    Returns:
        torch.device; UserError where `name` is not there or cannot compute in `precision`.
    """
    if parallel.launched() and not shared:
        raise UserError("this script is one process; start it without torchrun")
    torch.set_flush_denormal(True)  # before any thread starts, since threads inherit it
    device = pick_device(name)
    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True
    # TF32 rounds by less than the generators are rounded where they are. Products outside of
    # convolutions (soft-argmax, affine maps, grids, moments) are few, and exact by default.
    torch.backends.cudnn.allow_tf32 = autocast_dtype(precision, device) is not None
    parallel.join(device)
    return device


def seed(*numbers):
    """Seed torch on every device from one or more whole numbers."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]))


def autocast_dtype(precision, device):
    """In which type generators and VGG compute: None (float32), torch.bfloat16 or torch.float16.

    Args:
        precision: auto, fp32, bf16 or fp16; auto is bf16 on NVIDIA GPUs of compute capability 8.0
            and above, fp16 on those of 7.0 to 7.5, and fp32 elsewhere.

    Raises:
        UserError: the device cannot compute in the type asked for.
    """
    capability = torch.cuda.get_device_capability(device) if device.type == "cuda" else (0, 0)
    if precision == "auto":
        precision = "bf16" if capability >= (8, 0) else "fp16" if capability >= (7, 0) else "fp32"
    able = {"fp32": True, "fp16": device.type == "cpu" or capability >= (6, 0)}
    able["bf16"] = device.type == "cpu" or capability >= (8, 0)
    if not able[precision]:
        raise UserError(f"--precision {precision}: {device} cannot do it; use --precision fp32")
    return {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def loss_scaler(dtype, device):
    """`GradScaler` for networks that compute in `dtype`; None where gradients need no scaling.

    In float16 small gradients would become 0, so that the loss is multiplied for the backward pass.
    """
    return torch.amp.GradScaler(device.type) if dtype == torch.float16 else None


def check_memory(opt, device, items):
    """Raise UserError where networks and pictures of these sizes can never fit into the memory.

    Only what is certain counts: the weights of a generator's residual blocks, and of `items`
    pictures its input and its first feature map, in 16 bits. So nothing that works is refused.
    """
    weights = 4 * opt.blocks * 2 * 9 * (4 * opt.ngf) ** 2
    maps = items * opt.resize_w * opt.resize_h * (4 * opt.num_kp + 2 * opt.ngf)
    needed, there = ((size / 2**30) for size in (weights + maps, _memory(device)))
    if needed > there:
        raise UserError(
            f"{needed:.0f} GiB at least are needed at --bs {opt.bs}, {opt.resize_w} x "
            f"{opt.resize_h}, --ngf {opt.ngf}, --blocks {opt.blocks}, --num_kp {opt.num_kp}, and "
            f"{device} has {there:.0f}; lower them"
        )


def _memory(device):
    """Bytes of the device's memory, or of the machine's; infinite where that is not known."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return math.inf


def explain_full_memory(error, device, opt):
    """Raise UserError where an exception says that the memory of device or machine is full."""
    if memory.is_full(error):
        raise UserError(
            f"{device} is out of memory at --bs {opt.bs}, {opt.resize_w} x {opt.resize_h}, "
            f"--ngf {opt.ngf}: lower --bs first, then --resize_w and --resize_h; what is in --out "
            "is kept",
            alone=True,
        ) from None


def channels_last(network, device):
    """Lay a network's weights out as convolutions on `device` like them best."""
    if device.type in ("cpu", "cuda"):
        network.to(memory_format=torch.channels_last)
    return network


def compile_networks(choice, device, *networks, trial=None):
    """Compile networks in place for training, names in their state dicts unchanged.

    Args:
        choice: auto, on or off; auto compiles on NVIDIA GPUs, and says so where it cannot.
        trial: function that calls the networks as a step will, forwards and backwards. PyTorch
            compiles in the first call, so that this one tells whether it can; it leaves gradients
            behind and the networks' buffers unchanged.

    Raises:
        UserError: `on` where there is no compiler, or where it fails.
    """
    lacking = _lacks_for_compiling(device)
    if choice == "on" and lacking:
        raise UserError(f"--compile on: {lacking}; use --compile off")
    if choice == "off" or (choice == "auto" and device.type != "cuda"):
        return
    if lacking:
        print(f"warning: {lacking}; going on without --compile, slower", file=sys.stderr)
        return
    for network in networks:
        synchronised = any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
        if parallel.size() == 1 or not synchronised:  # graphs would break at every layer
            network.compile(dynamic=False)
    if trial and (failure := _failure(trial, device, networks)):
        if choice == "on":
            raise UserError(f"--compile on: {failure}; use --compile off")
        if parallel.is_main():
            print(f"warning: {failure}; going on without --compile, slower", file=sys.stderr)


def _failure(trial, device, networks):
    """Why compiled networks do not run, in words, or ""; they are uncompiled then in all processes.

    What fails uncompiled, too, is no fault of the compiler and is raised.
    """
    buffers = [(b, b.clone()) for network in networks for b in network.buffers()]
    failure = ""
    with parallel.alone():
        try:
            trial()
        except Exception as error:  # compilers, drivers and headers fail in many ways
            cause = getattr(error, "inner_exception", error)
            first, *_ = str(cause).strip().splitlines() or [""]
            failure = f"torch.compile failed ({type(cause).__name__}: {first[:200]})"
    failed = parallel.agree(int(bool(failure)), device)
    if failed:
        for network in networks:
            network._compiled_call_impl = None
    if failure:
        with parallel.alone():
            trial()
    for buffer, value in buffers:
        buffer.copy_(value)
    return failure or ("torch.compile failed in another process" if failed else "")


def _lacks_for_compiling(device):
    """What torch.compile misses here, in words; empty where it misses nothing."""
    if device.type == "mps":
        return "torch.compile is not used on Apple GPUs"
    wanted = "CC" if device.type == "cuda" else "CXX"
    names = [os.environ.get(wanted), *{"CC": ("gcc", "clang", "cc"), "CXX": ("g++",)}[wanted]]
    if not any(name and shutil.which(name) for name in names):
        return f"no {'C' if wanted == 'CC' else 'C++'} compiler ({names[1]}) is installed"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "Python's headers (Debian: python3-dev) are not installed"
    if device.type == "cuda" and not importlib.util.find_spec("triton"):
        return "the package triton is not installed"
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (7, 0):
        return f"{torch.cuda.get_device_name(device)} is too old to compile for"
    return ""
