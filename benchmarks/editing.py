"""How long a user of edit.py waits for the picture when a keypoint is dragged, in real Chromium.

    python benchmarks/editing.py
    python benchmarks/editing.py --config configs/demo.yaml --load second/checkpoint

Words that are not its own go to edit.py. Without any, a pair is drawn, and the demo's networks are
trained for one iteration at two sizes: how long drawing takes does not depend on the weights.

The mouse leads a keypoint along a spiral. The page itself measures the milliseconds from the time
stamp of a move to the frame of the screen in which its picture is drawn. "one by one" each move
waits for its picture; in a stream only the newest does, while another picture is under way, and
those before it are dropped.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from utils import errors

errors.guard(__name__)

from benchmarks.mouse import AWAITED, Hand, chromium
from utils import kinds

SIZES = 64, 128  # pixels of a side
RATE = 60  # moves a second in a stream: browsers report no more than the screen shows
FRAMES = 16  # of the drawn pair; how long one is drawn does not depend on how many there are
ROW = "{:26}{:>8}{:>10}{:>9}{:>12}{:>17}"


@contextmanager
def served(words, out):
    """Address of the page that edit.py serves; UserError where it serves none."""
    command = [sys.executable, str(ROOT / "edit.py"), *words, "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = next((line for line in process.stdout if "http://" in line), None)
            if line is None:
                raise errors.UserError("edit.py serves no page; it says above why")
            yield line.split()[-1]
        finally:
            process.terminate()


def one_by_one(hand, pictures):
    """Milliseconds of `pictures` moves that each wait for their picture."""
    found = []
    for _ in range(pictures):
        hand.forget()
        hand.move()
        found.append(hand.page.execute_async_script(AWAITED))
    return found


def streamed(hand, pictures):
    """Milliseconds of at least `pictures` pictures in a steady stream, and its moves a second."""
    measured = "return performance.getEntriesByType('measure').map(({ duration }) => duration)"
    hand.forget()
    found, sent, begun = [], hand.moves, time.perf_counter()
    while len(found) < pictures:
        for _ in range(RATE // 2):
            due = begun + (hand.moves - sent) / RATE
            time.sleep(max(0, due - time.perf_counter()))
            hand.move()
        found = hand.page.execute_script(measured)
    return found, (hand.moves - sent) / (time.perf_counter() - begun)


def report(name, moves, found):
    """Print a row: `found` are the milliseconds of the pictures that `moves` moves brought."""
    figures = statistics.median(found), statistics.quantiles(found, n=10)[-1]
    cells = moves, len(found), moves - len(found), *(f"{figure:.0f}" for figure in figures)
    print(ROW.format(name, *cells), flush=True)


def measure(page, name, words, pictures, folder):
    """Print the rows of one checkpoint, which edit.py is given by `words`."""
    with served(words, folder / "edited") as address:
        page.get(address)
        hand = Hand(page)
        one_by_one(hand, 5)  # networks and browser are warm then
        report(f"{name}, one by one", pictures, one_by_one(hand, pictures))
        before = hand.moves
        found, rate = streamed(hand, pictures)
        report(f"{name}, {rate:.0f} a second", hand.moves - before, found)


def call(script, *words):
    """Run one of the project's scripts."""
    command = [sys.executable, ROOT / script, *words]
    subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL)


def train(folder, size):
    """Words for a checkpoint of the demo's networks, barely trained on the pair in `folder`."""
    shared = ["--config", str(ROOT / "configs/demo.yaml")]
    shared += [f"--resize_w={size}", f"--resize_h={size}"]
    shared += [f"--root_{domain}={folder / domain / 'train_seg'}" for domain in "ab"]
    first, second = folder / f"first_{size}", folder / f"second_{size}"
    call("train_first_stage.py", *shared, "--iters", 1, "--out", first)
    load = "--load", first / "checkpoint"
    call("train_second_stage.py", *shared, "--iters", 1, *load, "--out", second)
    return [*shared, f"--load={second / 'checkpoint'}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--pictures", type=kinds.count, default=100, help="of every row (100)")
    opt, words = parser.parse_known_args()
    print(f"load before, average of a minute: {os.getloadavg()[0]:.1f}")
    heads = "moves", "pictures", "dropped", "median, ms", "90th percentile"
    print(ROW.format("from move to picture", *heads), flush=True)
    with tempfile.TemporaryDirectory() as name, chromium() as page:
        folder = Path(name)
        if words:
            return measure(page, "edit.py", words, opt.pictures, folder)
        call("data/make_demo.py", "--frames", FRAMES, "--out", folder / "pair")
        for size in SIZES:
            trained = train(folder / "pair", size)
            measure(page, f"{size} px", trained, opt.pictures, folder / str(size))


if __name__ == "__main__":
    errors.run(main)
