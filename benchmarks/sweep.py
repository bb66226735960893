"""Peak memory and speed of training against batch size, picture size, width and precision."""

import functools
from argparse import Namespace

import torch

from benchmarks.subject import ACCELERATIONS, COMPILED, TF32, Subject
from datasets.clip import Clip
from datasets.pairs import ClipTensors, Pairs
from utils import options, runtime
from utils.errors import UserError

BATCHES = 1, 2, 4, 8, 16
LARGE_BATCHES = 1, 2, 4, 8  # at twice the picture size


def settings(opt):
    """Option changes, one dict per row: batch sizes, the same at twice the size, other widths."""
    rows = [{"bs": bs} for bs in BATCHES]
    large = {"resize_w": 2 * opt.resize_w, "resize_h": 2 * opt.resize_h}
    rows += [{**large, "bs": bs} for bs in LARGE_BATCHES]
    return [*rows, {"ngf": opt.ngf // 2}, {"ngf": 2 * opt.ngf}]


def precisions(opt, device):
    """Those to compare: the one asked for, or every one that the GPU has."""
    if opt.precision != "auto" or device.type != "cuda":
        return ["fp32" if opt.precision == "auto" else opt.precision]
    found = []
    for name in ("fp32", "bf16", "fp16"):
        try:
            runtime.autocast_dtype(name, device)
            found.append(name)
        except UserError:
            continue
    return found


def sweep(stage, opt, device):
    """Cost of a stage's uncompiled steps, dict of row -> dict of "GiB fp32", "it/s fp32" and so on.

    GiB are what the networks, their optimisers, the clips and one step hold at their peak; None
    but on NVIDIA GPUs. Words stand for both where memory does not suffice.
    """
    rows = {}
    clips = [Clip(**options.clip(opt, domain)) for domain in "ab"]

    @functools.cache
    def tensors(width, height):
        pads = opt.pad_factor_a, opt.pad_factor_b
        return [ClipTensors(c, width, height, pad, device) for c, pad in zip(clips, pads)]

    for change in settings(opt):
        row = Namespace(**{**vars(opt), **change, "compile": "off"})
        name = f"{row.resize_w} x {row.resize_h}, ngf {row.ngf}, bs {row.bs}"
        rows[name] = {}
        for precision in precisions(opt, device):
            row.precision = precision
            try:
                pairs = Pairs(*tensors(row.resize_w, row.resize_h), row.bs, row.seed)
                rates = cost(Subject(stage, row, device, accelerations(row, device), clips, pairs))
            except torch.OutOfMemoryError:
                rates = {"GiB": "out of memory", "it/s": "-"}
            rows[name] |= {f"{what} {precision}": value for what, value in rates.items()}
        print(f"  {stage}: {name}: {rows[name]}", flush=True)
    return rows


def accelerations(opt, device):
    """All that are of use but compiling, which would take minutes a row; fp32 means no TF32."""
    without = {COMPILED, TF32} if opt.precision == "fp32" else {COMPILED}
    return [
        name
        for name, kinds in ACCELERATIONS.items()
        if device.type in kinds and name not in without
    ]


def cost(subject):
    """Peak memory in GiB and steps per second of one `Subject`."""
    device, cuda = subject.device, subject.device.type == "cuda"
    if cuda:
        torch.cuda.empty_cache()
    with subject.settings():
        subject.seconds("compute", 3)  # cuDNN chooses, the optimisers make their moments
        if cuda:
            torch.cuda.reset_peak_memory_stats(device)
        seconds = subject.seconds("compute", subject.opt.steps)
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if cuda else None
    return {"GiB": peak, "it/s": 1 / seconds}
