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
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from utils import arguments, errors  # noqa: E402 - the project's root must be on the path first

SIZES = 64, 128  # pixels of a side
RATE = 60  # moves a second in a stream: browsers report no more than the screen shows
RADIUS, TURN = 16, 24  # of the spiral, CSS pixels; moves that go once around it
GROWTH = 0.06  # CSS pixels a move, so that no place comes again: edit.py keeps its pictures
FRAMES = 16  # of the drawn pair; how long one is drawn does not depend on how many there are
FLAGS = "headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1280,800"
PATIENCE = 120  # seconds without a picture after which the page counts as hung
ROW = "{:26}{:>8}{:>10}{:>9}{:>12}{:>17}"
# All keypoints of the first frame, CSS pixels from the middle of the result (server/page/view.js).
PLACES = """
const end = arguments[0];
const { width, height } = document.getElementById("result").getBoundingClientRect();
fetch("tracks/0").then((answer) => answer.json()).then(({ moved, keys }) => {
  const picture = new Image();
  picture.onload = () => {
    const sides = [picture.width, picture.height];
    const scale = 0.97 * Math.min(width / sides[0], height / sides[1]);
    end(moved[0].map((place) => place.map((v, axis) => (v * scale * (sides[axis] - 1)) / 2)));
  };
  picture.src = `result/${keys[0]}`;
});"""
CENTRE = """
const box = document.getElementById("result").getBoundingClientRect();
return [box.x + box.width / 2, box.y + box.height / 2];"""
AWAITED = """
const end = arguments[0];
new PerformanceObserver((list, observer) => {
  observer.disconnect();
  end(list.getEntries()[0].duration);
}).observe({ type: "measure", buffered: true });"""


@contextmanager
def chromium():
    """A headless Chromium, by its driver; UserError where one of them is missing."""
    try:
        from selenium import webdriver
    except ImportError:
        raise errors.UserError("selenium is missing: pip install -r requirements-dev.txt") from None
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not (browser and driver):
        raise errors.UserError("Chromium or its driver is missing: make browser installs both")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in FLAGS:
        options.add_argument(f"--{flag}")
    page = webdriver.Chrome(options, webdriver.ChromeService(driver))
    try:
        page.set_script_timeout(PATIENCE)
        yield page
    finally:
        page.quit()


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


class Hand:
    """A mouse that has taken hold of the keypoint nearest to the middle of the result."""

    def __init__(self, page):
        self.page, self.moves = page, 0
        status = "return document.getElementById('status').textContent"
        while page.execute_script(status) != "Everything is saved.":
            time.sleep(0.1)
        middle = page.execute_script(CENTRE)
        place = min(page.execute_async_script(PLACES), key=lambda place: math.hypot(*place))
        self.start = [m + v for m, v in zip(middle, place)]
        self._send("mousePressed", *self.start, clickCount=1)

    def move(self):
        """Go on along the spiral."""
        self.moves += 1
        angle = 2 * math.pi * self.moves / TURN
        radius = RADIUS + GROWTH * self.moves
        x, y = self.start
        self._send("mouseMoved", x + radius * math.cos(angle), y + radius * math.sin(angle))

    def forget(self):
        """Have the page forget what it measured."""
        self.page.execute_script("performance.clearMeasures()")

    def _send(self, kind, x, y, **more):
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, **more}
        self.page.execute_cdp_cmd("Input.dispatchMouseEvent", event)


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
    parser.add_argument("--pictures", type=arguments.count, default=100, help="of every row (100)")
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
