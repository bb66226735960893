"""How soon each script answers --help and has done its first step, in two checkouts side by side.

    python benchmarks/starts.py BEFORE AFTER [--repeats 3]

Both run by this Python, in turn, on one drawn pair. Prints medians of seconds on the clock and of
the processor's time, which other work on the machine disturbs less, and their ratios.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TINY = ["--device", "cpu", "--ngf", "4", "--resize_w", "128", "--resize_h", "128", "--bs", "2"]
ROOTS = ["--root_a", "a/train_seg", "--root_b", "b/train_seg"]
STAGE_TWO = [*TINY, *ROOTS, "--lambda_vgg", "0"]
# Script -> its words, and how the line begins that says that the first step is done (None: it is
# done when the script ends). {out} is a new folder for each run.
STEPS = {
    "train_first_stage.py": ([*TINY, *ROOTS, "--out", "{out}"], "[0]"),
    "train_second_stage.py": ([*STAGE_TWO, "--load", "one/checkpoint", "--out", "{out}"], "[0]"),
    "inference.py": (
        [*TINY, *ROOTS, "--load", "two/checkpoint", "--data_size", "1", "--out", "{out}"],
        None,
    ),
    "evaluate.py": ([*TINY, *ROOTS, "--load", "two/checkpoint", "--out", "{out}"], None),
    "gen_vid.py": (
        ["--img_path", "frames", "--columns", "a_", "--end_a", "1", "--out", "{out}"],
        None,
    ),
    "prepare_data.py": (["videos/a.mp4", "--max_frames", "2", "--out", "{out}"], None),
    "run.py": (
        ["a", "b", "--device", "cpu", "--settings", "settings.yaml", "--out", "{out}"],
        "stage one:",
    ),
    "data/make_demo.py": (["--frames", "1", "--out", "{out}"], None),
    "data/make_videos.py": (["--frames", "1", "--out", "{out}"], None),
}
TICKS = os.sysconf("SC_CLK_TCK")


def processor_time(process):
    """Seconds of processor time that a running process has used; Linux tells."""
    words = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS


def measure(checkout, script, words, sign, folder):
    """(seconds, processor's seconds) until a script ends, or prints a line that begins as `sign`.

    Args:
        folder: where it runs.
    """
    command = [sys.executable, str(checkout / script), *words]
    begun = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if sign and line.startswith(sign):
                found = time.perf_counter() - begun, processor_time(process)
                process.send_signal(signal.SIGTERM)
                process.communicate()
                return found
        complaint = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if sign or process.returncode:
            sys.exit(f"{' '.join(command)} failed: {''.join(lines[-3:])}{complaint}")
        return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime


def make_inputs(checkout, folder):
    """Clips, checkpoints of both stages, pictures and settings, by the scripts of one checkout."""

    def call(script, *words):
        command = [sys.executable, str(checkout / script), *words]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    call("data/make_demo.py", "--frames", "8", "--out", ".")
    call("data/make_videos.py", "--frames", "4", "--out", "videos")
    call("train_first_stage.py", *TINY, *ROOTS, "--iters", "1", "--out", "one")
    load = "--load", "one/checkpoint", "--iters", "1", "--out", "two"
    call("train_second_stage.py", *STAGE_TWO, *load)
    load = "--load", "two/checkpoint", "--data_size", "1", "--splitted", "--out", "frames"
    call("inference.py", *TINY, *ROOTS, *load)
    (folder / "settings.yaml").write_text("train_second_stage:\n  lambda_vgg: 0\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkouts", nargs=2, type=Path, metavar="CHECKOUT")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=STEPS, default=list(STEPS), metavar="SCRIPT")
    opt = parser.parse_args()
    before, after = (path.resolve() for path in opt.checkouts)
    print(f"{'':36}{'on the clock, s':>24}{'processor, s':>24}")
    print(f"{'':36}" + f"{'before':>8}{'after':>8}{'ratio':>8}" * 2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(before, folder)
        for script in opt.only:
            words, sign = STEPS[script]
            for kind, given, awaited in (
                ("--help", ["--help"], None),
                ("first step", words, sign),
            ):
                times = {before: [], after: []}
                for _ in range(opt.repeats + 1):  # the first one warms the disk's cache
                    for checkout, found in times.items():
                        with tempfile.TemporaryDirectory() as out:
                            filled = [word.format(out=f"{out}/x") for word in given]
                            found.append(measure(checkout, script, filled, awaited, folder))
                cells = ""
                for i in range(2):
                    medians = [statistics.median(t[i] for t in x[1:]) for x in times.values()]
                    cells += "".join(f"{m:8.2f}" for m in medians)
                    cells += f"{medians[1] / medians[0]:8.2f}"
                print(f"{script:24}{kind:12}{cells}", flush=True)


if __name__ == "__main__":
    main()
