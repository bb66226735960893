"""The page of keypoints in a real browser, by the real command.

These tests are slow: they train a tiny pair of networks, start Chromium, and export a clip.
"""

import base64
import io
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser import chromium, complaints, wait_for
from tests.conftest import ROOT, succeed

pytestmark = pytest.mark.slow

SIDE, COUNT, POINTS = 64, 8, 5  # pixels of pictures, frames, keypoints
UNIT = 2 / (SIDE - 1)  # a pixel, half widths of the picture
STATUS = "document.getElementById('status').textContent"
SAVED = f"{STATUS} == 'Everything is saved.'"


@pytest.fixture(scope="module")
def driver():
    with chromium() as driver:
        driver.set_window_size(1280, 900)
        yield driver


@contextmanager
def serving(out, *words):
    """The command in a process of its own; yields the process and the page's address."""
    command = [sys.executable, "edit.py", *words, "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        lines = iter(process.stdout.readline, "")
        line = next(line for line in lines if line.startswith("edit the keypoints at "))
        yield process, line.rpartition(" ")[2].strip()
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


@pytest.fixture(scope="module")
def words(second, roots):
    """How the tiny networks are named on a command line."""
    return [*f"--load {second}/checkpoint --device cpu {roots} --direction ab".split()]


@pytest.fixture(scope="module")
def served(words, tmp_path_factory):
    """Address of a page for tests that edit with the pointer; each puts all back at first."""
    with serving(tmp_path_factory.mktemp("edited") / "out", *words) as (_, address):
        yield address


@pytest.fixture
def page(driver, served):
    page = Page(driver, served)
    page.click("reset_all")
    page.until(lambda: np.array_equal(*page.tracks("moved", "found")))
    yield page
    assert complaints(driver) == []


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

    def until(self, condition):
        """Wait until a function returns something but None or False, and return that."""
        end = time.monotonic() + 20
        while (found := condition()) is None or found is False:
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

    def picture(self):
        """The result without keypoints as it is on the screen, (S, S, 3) in [0, 1]."""
        self.press("h")
        script = "return document.getElementById('result').toDataURL('image/png')"
        frame = "return new Promise((go) => requestAnimationFrame(() => setTimeout(go)))"
        self.driver.execute_script(frame)
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


def test_a_drag_changes_the_picture_near_it(page):
    before, places = page.settled(), page.moved()[0]
    k = alone(places)
    way = page.drag(places[k], -70, -40)
    moved = page.moved()
    assert moved[0, k] == pytest.approx(places[k] + way, abs=2e-3)
    assert np.array_equal(np.delete(moved[0], k, 0), np.delete(places, k, 0))
    assert np.array_equal(moved[1:], page.tracks("found")[0][1:])
    change = np.abs(page.settled(before) - before).mean(-1)
    inside = near([places[k], moved[0, k]])
    assert change[inside].mean() > 3 * change[~inside].mean() > 0


def test_the_picture_follows_while_the_button_is_held(page):
    before, places = page.settled(), page.moved()[0]
    k = alone(places)
    page.press_at(places[k]).move_by_offset(30, 20).move_by_offset(30, 20).perform()
    wait_for(page.driver, "performance.getEntriesByName('drag').length")
    change = np.abs(page.picture() - before).mean(-1)
    assert change[near([places[k]])].mean() > 0.01
    assert np.array_equal(page.moved()[0], places)
    page.press(Keys.ESCAPE)
    ActionChains(page.driver).release().perform()
    assert np.array_equal(page.moved()[0], places)
    page.settled()


def test_neighbours_follow_as_far_as_the_reach(page):
    page.press(".", ".", ".", "]", "]")
    assert page.text("width") == "2 frames either side"
    found = page.moved()
    k = alone(found[3])
    way = page.drag(found[3, k], 40, 0)
    share = (page.moved() - found)[:, k, 0] / way[0]
    assert share == pytest.approx([0, 0.25, 0.75, 1, 0.75, 0.25, 0, 0], abs=0.02)
    ActionChains(page.driver).double_click(page.canvas).perform()
    assert (page.moved() != found).any(), "a double click beside keypoints puts nothing back"
    hand = ActionChains(page.driver)
    place = page.moved()[3, k]
    hand.move_to_element_with_offset(page.canvas, *page.at(place)).double_click().perform()
    page.until(lambda: np.array_equal(page.moved(), found))


def test_pins_and_key_frames(page):
    found = page.moved()
    k = alone(found[0])
    page.press("p", "]", "]", "]", "]")
    way = page.drag(found[0, k], 30, 30)
    moved = page.moved()
    assert moved[0, k] == pytest.approx(found[0, k] + way, abs=2e-3)
    assert (np.abs(moved - moved[0])[1:, k] <= np.abs(found - moved[0])[1:, k] + 1e-5).all()
    page.click("reset_all")
    page.until(lambda: np.array_equal(page.moved(), found))
    page.press("k")
    way = page.drag(found[0, k], 30, 0)
    page.press(Keys.END)
    place = page.moved()[-1, k]
    page.drag(place, -30, 0)
    share = (page.moved() - found)[:, k, 0] / way[0]
    assert share[[0, -1]] == pytest.approx([1, 0], abs=0.02)
    assert (np.diff(share) < 0).all()
    value = page.driver.find_element(By.ID, "timeline").get_attribute("aria-valuetext")
    assert value == f"frame {COUNT - 1}, key frame"


def test_a_box_selects_and_shift_drags_all(page):
    found = page.moved()
    corner = page.at(found[0].min(0) - 0.08)
    hand = ActionChains(page.driver, duration=20)
    hand.move_to_element_with_offset(page.canvas, *corner).click_and_hold()
    hand.move_to_element_with_offset(page.canvas, *page.at(found[0].max(0) + 0.08)).release()
    hand.perform()
    assert page.selected() == [*range(POINTS)]
    way = page.drag(found[0, alone(found[0])], 20, 10, held=(Keys.SHIFT,))
    assert page.moved()[0] - found[0] == pytest.approx(np.tile(way, (POINTS, 1)), abs=2e-3)
    assert np.array_equal(page.moved()[1:], found[1:])


def test_undo_redo_reload_and_before(page):
    found, before = page.moved(), page.settled()
    k = alone(found[0])
    page.drag(found[0, k], 50, 30)
    edited = page.moved()
    after = page.settled(before)
    page.press("z", held=(Keys.CONTROL,))
    page.until(lambda: np.array_equal(page.moved(), found))
    page.press("z", held=(Keys.CONTROL, Keys.SHIFT))
    page.until(lambda: np.array_equal(page.moved(), edited))
    page = Page(page.driver, page.address)
    assert np.array_equal(page.moved(), edited)
    page.settled()
    ActionChains(page.driver).key_down("b").perform()
    page.until(lambda: like(page.picture(), before, 0.002) is not None)
    ActionChains(page.driver).key_up("b").perform()
    page.until(lambda: like(page.picture(), after, 0.002) is not None)


def test_playing_fetches_each_picture_once(page):
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"

    def fetched():
        names = page.driver.execute_script(script)
        return [name.rpartition("/")[2] for name in names if "/result/" in name]

    page.press(Keys.SPACE)
    keys = set(json.load(urlopen(page.address + "tracks/0"))["keys"])
    page.until(lambda: keys <= set(fetched()))
    numbers = {page.text("number") for _ in range(30)}
    page.press(Keys.SPACE)
    assert len(numbers) > 1
    known = fetched()
    assert len(known) == len(set(known))
    page.press(Keys.HOME, "0", Keys.ARROW_UP)
    page.until(lambda: not np.array_equal(*page.tracks("moved", "found")))
    page.until(lambda: len(fetched()) > len(known))
    page.press(Keys.SPACE)
    numbers = {page.text("number") for _ in range(30)}
    page.press(Keys.SPACE)
    assert len(numbers) > 1
    assert len(fetched()) == len(known) + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width, height", [(1280, 800), (390, 844)])
def test_nothing_is_cut_off(served, driver, width, height, scheme):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    try:
        page = Page(driver, served)
        for element in driver.find_elements(
            By.CSS_SELECTOR, "main button, main canvas, footer > *"
        ):
            left, right = element.rect["x"], element.rect["x"] + element.rect["width"]
            assert 0 <= left < right <= width, element.get_attribute("outerHTML")
        assert page.canvas.size["height"] > 200
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_two_tabs_see_each_others_edits(page):
    first, found = page.driver.current_window_handle, page.moved()
    k = alone(found[0])
    page.driver.switch_to.new_window("tab")
    try:
        other = Page(page.driver, page.address)
        before = other.settled()
        page.driver.switch_to.window(first)
        page.drag(found[0, k], 60, 0)
        once = page.moved()
        page.driver.switch_to.window(page.driver.window_handles[-1])
        other.settled(before)
        other.drag(once[0, k], 0, 60)
        twice = other.moved()
        assert twice[0, k] == pytest.approx(
            once[0, k] + once[0, k, ::-1] - found[0, k, ::-1], abs=0.01
        )
    finally:
        page.driver.close()
        page.driver.switch_to.window(first)
    page.press("z", held=(Keys.CONTROL,))
    page.until(lambda: np.array_equal(page.moved(), once))


def test_all_by_keys_alone(driver, words, tmp_path):
    with serving(tmp_path / "out", *words) as (_, address):
        page = Page(driver, address)
        found = page.moved()
        page.press("1", "]")
        page.press("2", held=(Keys.SHIFT,))
        assert page.selected() == [1, 2]
        page.press(Keys.ARROW_RIGHT)
        page.press(Keys.ARROW_DOWN, held=(Keys.SHIFT,))
        page.until(lambda: (page.moved()[0] != found[0]).sum() == 4)
        change = page.moved() - found
        assert change[0, 1:3] == pytest.approx(np.tile([UNIT, 10 * UNIT], (2, 1)), abs=1e-4)
        assert change[1, 1:3] == pytest.approx(change[0, 1:3] / 2, abs=1e-4)
        page.press(Keys.DELETE)
        page.until(lambda: np.array_equal(page.moved(), found))
        page.press("z", held=(Keys.CONTROL,))
        page.until(lambda: not np.array_equal(page.moved(), found))
        page.press(".", ".")
        assert page.text("number") == f"Frame 2 / {COUNT - 1}"
        page.press(Keys.PAGE_UP)
        assert page.text("number") == f"Frame 0 / {COUNT - 1}"
        names = tab_through(page)
        controls = driver.find_elements(By.CSS_SELECTOR, "button, input, select, canvas[tabindex]")
        reached = [one for one in controls if one.is_displayed() and one.is_enabled()]
        assert len(names) >= len(reached) >= 30
        assert all(names)
        driver.find_element(By.ID, "smooth").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        page.until(lambda: "→" in page.text("jitter"))
        driver.find_element(By.ID, "timeline").send_keys(Keys.ESCAPE, "e")
        page.press(Keys.ENTER)
        page.until(lambda: "finished" in page.text("outcome"))
        page.press(Keys.ESCAPE)
        assert (tmp_path / "out/keypoints.npz").is_file()
        assert complaints(driver) == []


def tab_through(page):
    """Names, as a screen reader tells them, of all that the tabulator leads to."""
    start = page.driver.find_element(By.ID, "undo")
    page.driver.execute_script("arguments[0].focus()", start)
    names = []
    while True:
        now = page.driver.switch_to.active_element
        names.append(now.accessible_name)
        page.press(Keys.TAB)
        if len(names) > 100 or page.driver.switch_to.active_element == start:
            return names
        if page.driver.switch_to.active_element.tag_name == "body":
            page.press(Keys.TAB)


def test_a_killed_program_loses_nothing_and_export_is_inference(driver, words, tmp_path):
    out = tmp_path / "out"
    with serving(out, *words) as (process, address):
        page = Page(driver, address)
        found = page.moved()
        page.drag(found[0, alone(found[0])], -40, 30)
        edited = page.moved()
        process.kill()
        wait_for(driver, "document.getElementById('status').className == 'alarm'")
        assert "kept" in page.text("status")
    with serving(out, *words) as (process, address):
        page = Page(driver, address)
        complaints(driver)  # of the first address, where nobody answered any more
        assert np.array_equal(page.moved(), edited)
        assert not np.array_equal(edited, found)
        export(page, "video")
        assert "edited.mp4" in page.text("files")
        page.click("close")
        assert complaints(driver) == []
    flags = f"{' '.join(words)} --keypoints_in {out}/keypoints.npz --splitted"
    succeed("inference.py", f"{flags} --out {tmp_path}/by_hand")
    names = sorted(path.name for path in (tmp_path / "by_hand").glob("*_ab_*"))
    assert names
    for name in names:
        by_hand = (tmp_path / "by_hand" / name).read_bytes()
        assert (out / "frames" / name).read_bytes() == by_hand, name


def export(page, what):
    page.click("export")
    page.driver.find_element(By.CSS_SELECTOR, f"[data-what={what}]").click()
    wait_for(page.driver, "/finished|failed/.test(document.getElementById('outcome').textContent)")
    assert page.text("outcome").startswith("The export is finished"), page.text("outcome")
