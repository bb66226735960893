"""A headless Chromium, and a mouse that leads a keypoint about on the page of edit.py."""

import math
import shutil
import time
from contextlib import contextmanager

from utils.errors import UserError

RADIUS, TURN = 16, 24  # of the spiral, CSS pixels; moves that go once around it
GROWTH = 0.06  # CSS pixels a move, so that no place comes again: edit.py keeps its pictures
FLAGS = "headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1280,800"
PATIENCE = 120  # seconds without a picture after which the page counts as hung
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
        raise UserError("selenium is missing: pip install -r requirements-dev.txt") from None
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not (browser and driver):
        raise UserError("Chromium or its driver is missing: make browser installs both")
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
