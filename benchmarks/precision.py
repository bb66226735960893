"""Compare the losses of training in fp32, bf16 and fp16: how far do the short types stray?

Both stages are trained from the same seeds in each precision; a line tells, per stage and seed, the
root mean square distance of the summed losses from fp32's, in % of fp32's mean, and the mean of
the last ten.
"""

import contextlib
import io
import runpy
import sys
import tempfile
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from utils import errors

errors.guard(__name__)

import numpy as np

from utils import arguments, kinds, loss_log

OPTIONS = (
    arguments.option("iters", kinds.count, 100, "iterations of each run"),
    arguments.option("seeds", kinds.count, 3, "runs of each precision, from seeds 0, 1, ..."),
    arguments.option("device", str, "cpu", "see train_first_stage.py"),
    arguments.option("frames", kinds.count, 12, "frames of the drawn pair"),
)
SIZE = "--resize_w 32 --resize_h 32 --scale_kp 1 --kp_width 4 --ngf 8 --bs 2 --no_dropout"
STAGES = {"first": "--affine", "second": "--lambda_vgg 0"}
PRECISIONS = ("fp32", "bf16", "fp16")


def call(script, flags):
    """Run a script of the project in this process; returns what it printed."""
    argv, printed = [str(ROOT / script), *flags.split()], io.StringIO()
    with mock.patch.object(sys, "argv", argv), contextlib.redirect_stdout(printed):
        runpy.run_path(argv[0], run_name="__main__")
    return printed.getvalue()


def summed_losses(folder):
    """Of a run's log.csv, the sum of the generators' terms at each iteration: (iterations,)."""
    curves = loss_log.curves(folder / "log.csv")
    others = "theta", "disc", "loss_d_"
    return sum(np.array(y) for name, (_, y) in curves.items() if not name.startswith(others))


def train(stage, flags, seed, precision, folder):
    """Train a stage; its `summed_losses`. Skipped steps are told."""
    out = Path(folder, stage, str(seed), precision)
    if stage == "second":  # all refine what one and the same stage one draws
        flags += f" --load {folder}/first/{seed}/fp32/checkpoint"
    flags += f" --seed {seed} --precision {precision} --out {out}"
    for line in call(f"train_{stage}_stage.py", flags).splitlines():
        if "skipped" in line:
            print(f"  {precision}: {line}")
    return summed_losses(out)


def main():
    opt, _ = arguments.parse(__doc__, OPTIONS)
    with tempfile.TemporaryDirectory() as folder:
        call("data/make_demo.py", f"--out {folder}/pair --frames {opt.frames}")
        roots = " ".join(f"--root_{d} {folder}/pair/{d}/train_seg" for d in "ab")
        never = f"--save_img {opt.iters} --eval_test {opt.iters} --save_check {opt.iters}"
        flags = f"{roots} {SIZE} {never} --print_loss 1 --iters {opt.iters} --device {opt.device}"
        for stage, more in STAGES.items():
            for seed in range(opt.seeds):
                exact, *short = (
                    train(stage, f"{flags} {more}", seed, precision, folder)
                    for precision in PRECISIONS
                )
                words = [f"fp32 ends at {exact[-10:].mean():.4f}"]
                for name, losses in zip(PRECISIONS[1:], short):
                    stray = 100 * np.sqrt(np.mean((losses - exact) ** 2)) / exact.mean()
                    words.append(f"{name} strays {stray:.3f}%, ends at {losses[-10:].mean():.4f}")
                print(f"stage {stage}, seed {seed}: {'; '.join(words)}", flush=True)


if __name__ == "__main__":
    errors.run(main)
