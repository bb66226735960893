"""Eight drawn pairs by run_many.py, two at a time, and by hand: two shells with four pairs each.

The same pairs at the same tiny settings, one way after the other; run_many.py comes first, while
nothing is in the system's memory yet. Nothing else should be running meanwhile.
"""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

import yaml

from benchmarks import many_pairs
from benchmarks.tables import show
from engine import run_folder
from many import jobs
from utils import arguments, lifeline
from utils.arguments import option
from utils.kinds import count

SHELLS = 2
CAMPAIGN = (
    option("pairs", count, 8, "how many"),
    option("iters", count, 100, "iterations of each stage"),
    option("out", str, "output/many_time", "folder to work in; of an earlier campaign it is not"),
)


def script(name, *words, log):
    """Run a script with one thread to its end, which has to be a good one."""
    with open(log, "a") as file:
        process = lifeline.start(
            name, *map(str, words), stdout=file, stderr=file, env=jobs.environment(1)
        )
        if code := process.wait():
            raise subprocess.CalledProcessError(code, name)


def by_run_many(folder, common, pairs):
    path = folder / "pairs.yaml"
    listed = [{"name": name, **clips} for name, clips in pairs.items()]
    path.write_text(yaml.safe_dump({"common": common, "pairs": listed}))
    words = path, "--out", folder / "many", "--cpus_per_pair", 1, "--gpus_per_pair", 0
    script("run_many.py", *words, log=folder / "many.log")


def by_hand(folder, common, pairs):
    flags = [f"--{name}={value}" for name, value in common.items()]

    def shell(number):
        for name, clips in list(pairs.items())[number::SHELLS]:
            words = *clips.values(), *flags, f"--out={folder / 'hand' / name}"
            script("run.py", *words, log=folder / f"shell{number}.log")

    with ThreadPoolExecutor(SHELLS) as pool:
        list(pool.map(shell, range(SHELLS)))


def main():
    opt, _ = arguments.parse(__doc__, CAMPAIGN)
    folder = Path(opt.out).resolve()
    run_folder.make_folder(folder)
    common = many_pairs.common(folder, opt.iters)
    pairs = {f"pair{i}": many_pairs.draw(folder / f"films{i}", i) for i in range(opt.pairs)}
    seconds = {}
    for way in (by_run_many, by_hand):
        begun = time.monotonic()
        way(folder, common, pairs)
        seconds[way.__name__] = time.monotonic() - begun
        print(f"{way.__name__}: {seconds[way.__name__]:.0f} s", flush=True)
    ratio = {n: {"seconds": s, "ratio": s / seconds["by_hand"]} for n, s in seconds.items()}
    show(f"{opt.pairs} pairs, {SHELLS} at a time", ratio)


if __name__ == "__main__":
    errors.run(main)
