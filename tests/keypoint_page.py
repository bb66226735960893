"""The page of keypoints as its tests use it: served by the real command, seen by a browser."""

import base64
import io
import json
import time
from urllib.request import urlopen

import numpy as np
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from tests.browser import wait_for

SIDE, COUNT, POINTS = 64, 8, 5  # pixels of pictures, frames, keypoints
UNIT = 2 / (SIDE - 1)  # a pixel, half widths of the picture
SAVED = "document.getElementById('status').textContent == 'Everything is saved.'"


def words(second, roots):
    """How the tiny networks of conftest.py are named on a command line, a list."""
    return f"--load {second}/checkpoint --device cpu {roots} --direction ab".split()


class Page:
    """What a user does on the page, and what is known behind it."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address
        driver.get(address)
        self.canvas = driver.find_element(By.ID, "result")
        wait_for(driver, SAVED)

    def tracks(self, *names):
        """Parts of what the program knows, as arrays (N, K, 2)."""
        known = json.load(urlopen(self.address + "tracks/0"))
        return [np.array(known[name]) for name in names]

    def moved(self):
        return self.tracks("moved")[0]

    def put_back(self):
        """All of it, if there is anything."""
        self.click("reset_all")
        self.until(lambda: np.array_equal(*self.tracks("moved", "found")))

    def until(self, condition):
        """Wait until a function returns something but None or False, and return that."""
        end = time.monotonic() + 20
        while (found := condition()) is None or np.array_equal(found, False):
            assert time.monotonic() < end, "it never came true"
            time.sleep(0.05)
        return found

    @property
    def scale(self):
        """CSS pixels of a pixel of the picture."""
        return 0.97 * min(self.canvas.size["width"], self.canvas.size["height"]) / SIDE

    def at(self, place):
        """Place on the canvas of one in [-1, 1], whole CSS pixels from its middle."""
        return [round(float(v) / UNIT * self.scale) for v in place]

    def press_at(self, place, held=()):
        hand = ActionChains(self.driver, duration=20)
        for key in held:
            hand.key_down(key)
        return hand.move_to_element_with_offset(self.canvas, *self.at(place)).click_and_hold()

    def drag(self, place, right, down, held=()):
        """Drag from a place in [-1, 1], by CSS pixels; returns by how much that is, in [-1, 1]."""
        hand = self.press_at(place, held).move_by_offset(right // 2, down // 2)
        hand.move_by_offset(right - right // 2, down - down // 2).release()
        for key in held:
            hand.key_up(key)
        hand.perform()
        wait_for(self.driver, SAVED)
        return np.array([right, down]) / self.scale * UNIT

    def press(self, *keys, held=()):
        hand = ActionChains(self.driver)
        for key in held:
            hand.key_down(key)
        hand.send_keys(*keys)
        for key in held:
            hand.key_up(key)
        hand.perform()

    def click(self, name):
        self.driver.find_element(By.ID, name).click()

    def text(self, name):
        return self.driver.find_element(By.ID, name).text

    def pressed(self, name):
        return self.driver.find_element(By.ID, name).get_attribute("aria-pressed") == "true"

    def touch(self, *moments, canvas=None):
        """Fingers touch a canvas, by default the result's, move and leave it.

        Args:
            moments: of each, the places of all fingers, (x, y) in CSS pixels from the middle.
        """
        area = (canvas or self.canvas).rect
        x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
        fingers = [[{"x": x + u, "y": y + v} for u, v in moment] for moment in moments]
        starts = [fingers[0][: count + 1] for count in range(len(fingers[0]))]  # one by one
        events = [("touchStart", some) for some in starts]
        events += [("touchMove", some) for some in fingers[1:]]
        for kind, places in [*events, ("touchEnd", [])]:
            event = {"type": kind, "touchPoints": places}
            self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)

    def painted(self):
        """Wait until all that is to be drawn is on the screen."""
        frame = "return new Promise((go) => requestAnimationFrame(() => setTimeout(go)))"
        self.driver.execute_script(frame)

    def picture(self):
        """The result without keypoints as it is on the screen, (S, S, 3) in [0, 1]."""
        self.press("h")
        script = "return document.getElementById('result').toDataURL('image/png')"
        self.painted()
        content = self.driver.execute_script(script)
        self.press("h")
        shown = Image.open(io.BytesIO(base64.b64decode(content.partition(",")[2]))).convert("RGB")
        middle, half = np.array(shown.size) / 2, self.scale * SIDE / 2
        box = [round(v) for v in (*(middle - half), *(middle + half))]
        return np.asarray(shown.crop(box).resize((SIDE, SIDE), Image.BOX)) / 255

    def drawn(self, frame):
        """A frame's result as the program draws it, (S, S, 3) in [0, 1]."""
        key = json.load(urlopen(self.address + "tracks/0"))["keys"][frame]
        return np.asarray(Image.open(urlopen(f"{self.address}result/{key}"))) / 255

    def settled(self, former=None):
        """`picture` of frame 0, as soon as it is what the program draws, and none of before."""

        def find():
            picture = self.picture()
            old = former is not None and like(picture, former, 0.002) is not None
            return None if old else like(picture, self.drawn(0))

        return self.until(find)

    def selected(self):
        chips = self.driver.find_elements(By.CSS_SELECTOR, "#keypoints [aria-pressed=true]")
        return [int(chip.text) for chip in chips]


def like(picture, other, tolerance=0.03):
    """The picture where it is like the other, by default but for scaling up and down; else None."""
    return picture if np.abs(picture - other).mean() < tolerance else None


def alone(places):
    """The keypoint of (K, 2) that is farthest from all others, so that no other is grabbed."""
    away = np.linalg.norm(places[:, None] - places[None], axis=-1) + 9 * np.eye(len(places))
    inside = np.abs(places).max(-1) < 0.9
    return int((away.min(1) * inside).argmax())


def near(places, radius=0.35):
    """Pixels (S, S) within `radius` half widths of any of places (P, 2); see benchmarks/drag.py."""
    y, x = np.mgrid[:SIDE, :SIDE] * UNIT - 1
    return np.min([np.hypot(x - u, y - v) for u, v in places], axis=0) < radius
