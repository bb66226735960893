"""Time the real training steps, their data, and inference; print tables and write them as JSON.

By default one accelerated row per stage; --plain turns every acceleration off, --ladder adds them
one by one. `data` times batches alone, `compute` steps on a batch that is there, `loop` both; every
row is measured in turn in every round, and ratios are to the first row of the table.
"""

import json
import runpy
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from utils import errors

errors.guard(__name__)

import torch

import train_second_stage
from benchmarks.subject import ACCELERATIONS, COMPILED, Subject, synchronise
from benchmarks.sweep import sweep
from benchmarks.tables import measure, show, table
from datasets.clip import Clip
from engine import checkpoint, loop, run_folder
from utils import arguments, kinds, options, runtime

DRAWN = "data/demo/{}/train_seg"
BENCH = (
    arguments.option(
        "stages",
        str,
        "all",
        "what to time; all is first, second and inference; sweep_* is memory and speed of a stage, "
        "uncompiled, over batch sizes, picture sizes, widths and, on GPUs, precisions",
        ("all", "first", "second", "inference", "sweep_first", "sweep_second"),
    ),
    arguments.option("rounds", kinds.count, 5, "times that every row is measured, in turn"),
    arguments.option("steps", kinds.count, 4, "iterations of one measurement"),
    arguments.option("json", str, "output/speed.json", "file for all figures"),
    arguments.flag("plain", "every acceleration off"),
    arguments.flag("ladder", "plain, then one acceleration more in every row"),
)
GROUPS = (
    options.CLIPS, options.RUN, options.NETWORKS, options.REFINERS, options.FIRST_STAGE,
    options.SECOND_STAGE, options.TRAINING, BENCH,
)  # fmt: skip


def read_options(stage):
    """The stage's options: flags, over --config, over the documented or the demo's settings."""
    argv = sys.argv[1:]
    if not any(word.split("=")[0] == "--config" for word in argv):
        name = "cat_fox" if torch.cuda.is_available() else "demo"
        argv = ["--config", str(ROOT / f"configs/{name}.yaml"), *argv]
    script = f"train_{stage}_stage"
    opt, _ = arguments.parse(__doc__, *GROUPS, argv=argv, script=script)
    if not (Path(opt.root_a).is_dir() and Path(opt.root_b).is_dir()):
        subprocess.run([sys.executable, ROOT / "data/make_demo.py"], cwd=ROOT, check=True)
        opt.root_a, opt.root_b = (str(ROOT / DRAWN.format(domain)) for domain in "ab")
    opt.exemplar, opt.lambda_gan = False, 0.0  # what is timed is the reference's method
    return opt


def product_rate(device):
    """FLOP/s of one large matrix product, in bf16 on CUDA and float32 elsewhere; best of 5."""
    size, dtype = (8192, torch.bfloat16) if device.type == "cuda" else (2048, torch.float32)
    x, y = (torch.randn(size, size, device=device, dtype=dtype) for _ in "xy")
    times = []
    for _ in range(6):
        synchronise(device)
        begin = time.perf_counter()
        x @ y
        synchronise(device)
        times.append(time.perf_counter() - begin)
    return 2 * size**3 / min(times)


def ladder(stage, opt, device):
    """`Subject` by name of the row, as the flags ask for."""
    compiled = opt.compile == "on" or (opt.compile == "auto" and device.type == "cuda")
    useful = [name for name, kinds in ACCELERATIONS.items() if device.type in kinds]
    useful = [name for name in useful if compiled or name != COMPILED]
    if opt.ladder:
        rows = {"plain": []}
        rows.update({f"+ {name}": useful[: i + 1] for i, name in enumerate(useful)})
    else:
        rows = {"plain": []} if opt.plain else {"accelerated": useful}
    clips = [Clip(**options.clip(opt, domain)) for domain in "ab"]
    pairs = loop.open_pairs(opt, device)
    return {name: Subject(stage, opt, device, on, clips, pairs) for name, on in rows.items()}


def training(stage, device, product):
    """The table of one training stage."""
    opt = read_options(stage)
    title = (
        f"stage {stage}: {opt.resize_w}x{opt.resize_h}, ngf {opt.ngf}, bs {opt.bs}, "
        f"{'no dropout' if opt.no_dropout else 'dropout'}, {opt.rounds} rounds of {opt.steps} steps"
    )
    print(title, flush=True)
    subjects = ladder(stage, opt, device)
    rows = table(subjects, measure(subjects, opt.rounds, opt.steps), product)
    show(title, rows)
    return {title: rows}


def inference(device):
    """Frames of both clips per second: the networks alone, and the whole script."""
    opt = read_options("second")
    jokr, optimiser = train_second_stage.build(opt, device)
    frames = torch.rand(16, 3, opt.resize_h, opt.resize_w, device=device) * 2 - 1
    times = []
    for _ in range(2 + opt.rounds):
        synchronise(device)
        begin = time.perf_counter()
        for domain in "ab":
            jokr.retarget(frames, domain, opt.affine, own=False)
        synchronise(device)
        times.append(time.perf_counter() - begin)
    rates = {"networks alone": len(frames) / statistics.median(times[2:])}
    with tempfile.TemporaryDirectory() as folder:
        parts = {**checkpoint.networks(jokr), "g_opt2": optimiser}
        checkpoint.save(f"{folder}/c", checkpoint.pack(parts, jokr.affine, 0, vars(opt)))
        few, many = 32, 32 + 64 * opt.rounds
        for domain in "ab":
            lengthen(Clip(**options.clip(opt, domain)), Path(folder, domain), many)
        seconds = [inference_seconds(opt, folder, count) for count in (few, many)]
        rates["inference.py --splitted"] = (many - few) / (seconds[1] - seconds[0])
    rows = {name: {"frames of A and B per second": rate} for name, rate in rates.items()}
    show(f"inference: {opt.resize_w}x{opt.resize_h}, ngf {opt.ngf}, bs 16", rows)
    return {"inference": rows}


def lengthen(clip, folder, count):
    """Links to a clip's files, over and over, as a clip of `count` frames."""
    for name, source in (("train", clip.frames), ("train_seg", clip.masks)):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            (folder / name / f"{i}.jpg").symlink_to((source / clip.names[i % len(clip)]).resolve())


def inference_seconds(opt, folder, count):
    """Time of the real script for `count` frames, its start included."""
    flags = f"--load {folder}/c --out {folder}/out --bs 16 --splitted --data_size {count}"
    flags += f" --root_a {folder}/a/train_seg --root_b {folder}/b/train_seg"
    flags += f" --device {opt.device} --precision {opt.precision}" + " --affine" * opt.affine
    begin = time.perf_counter()
    with mock.patch.object(sys, "argv", ["inference.py", *flags.split()]):
        runpy.run_path(str(ROOT / "inference.py"), run_name="__main__")
    return time.perf_counter() - begin


def main():
    opt = read_options("first")
    device = runtime.start(opt.device, opt.precision)
    product = product_rate(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    threads = f", {torch.get_num_threads()} threads" if device.type == "cpu" else ""
    print(f"{name}{threads}, torch {torch.__version__}; product: {product / 1e12:.3g} TFLOP/s")
    found = {"device": name, "torch": torch.__version__, "product TFLOP/s": product / 1e12}
    for stage in ("first", "second"):
        if opt.stages in ("all", stage):
            found.update(training(stage, device, product))
    if opt.stages in ("all", "inference"):
        found.update(inference(device))
    if opt.stages.startswith("sweep_"):
        stage = opt.stages.removeprefix("sweep_")
        rows = sweep(stage, read_options(stage), device)
        show(f"stage {stage}, uncompiled", rows)
        found[opt.stages] = rows
    run_folder.make_folder(Path(opt.json).parent)
    Path(opt.json).write_text(json.dumps(found, indent=1))
    print(f"\nall figures are in {opt.json}")


if __name__ == "__main__":
    errors.run(main)
