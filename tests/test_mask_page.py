"""The page of masks in a real browser, by the real command.

These tests are slow: they start Chromium, and segment a clip.
"""

import shutil
import signal
from urllib.request import urlopen

import cv2
import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from preparation import record
from tests import films
from tests.browser import complaints, lose_message, serving, wait_for

pytestmark = pytest.mark.slow

PAGE = "prepare_data.py", "--interactive", "--out"
COUNT, SIZE = 20, (320, 240)
NAME = "<b onclick=x>cat & fox"  # of the clip; it is text and never markup
STATUS = "document.getElementById('status').textContent"
SAVED = f"{STATUS} == 'Everything is saved.'"


@pytest.fixture(scope="module")
def film():
    return films.scene(COUNT, "panning", size=SIZE)


class Page:
    """What a user does on the page, in pixels of the frame."""

    def __init__(self, driver, address):
        self.driver = driver
        driver.get(address)
        self.canvas = driver.find_element(By.ID, "view")
        self.wait()

    def wait(self):
        """Until all masks are there."""
        wait_for(self.driver, SAVED)

    def at(self, x, y):
        """Place on the canvas, from its middle."""
        area = self.canvas.size
        scale = 0.97 * min(area["width"] / SIZE[0], area["height"] / SIZE[1])
        return round((x - SIZE[0] / 2) * scale), round((y - SIZE[1] / 2) * scale)

    def drag(self, *points):
        hand = ActionChains(self.driver, duration=20)
        hand.move_to_element_with_offset(self.canvas, *self.at(*points[0])).click_and_hold()
        for point in points[1:]:
            hand.move_to_element_with_offset(self.canvas, *self.at(*point))
        hand.release().perform()

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def hold(self, *keys):
        """Press the last key while the others are held."""
        hand = ActionChains(self.driver)
        for key in keys[:-1]:
            hand.key_down(key)
        hand.send_keys(keys[-1])
        for key in keys[:-1]:
            hand.key_up(key)
        hand.perform()

    def click(self, name):
        self.driver.find_element(By.ID, name).click()

    def go(self, number):
        now = int(self.text("number").split()[1])
        self.press(*[Keys.ARROW_RIGHT if number > now else Keys.ARROW_LEFT] * abs(number - now))

    def text(self, name):
        return self.driver.find_element(By.ID, name).text

    def marks(self):
        """Of each frame, as the timeline tells those who do not see it."""
        self.go(0)
        found = []
        for _ in range(COUNT):
            value = self.driver.find_element(By.ID, "timeline").get_attribute("aria-valuetext")
            found.append(value.split(", ")[2:])
            self.press(Keys.ARROW_RIGHT)
        return found


def deepest(mask):
    """The point (x, y) farthest inside a mask."""
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    return int(x) - 1, int(y) - 1


def shown(session, number, edit):
    """A mask of the session's folder, as it is on disk."""
    path = session / f"masks/{number}-{edit}.png"
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 127


def mark(page, session, truth):
    """Draw a box around the object in frame 0; every frame gets a mask by it."""
    rows, columns = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
    page.drag((columns[0] - 3, rows[0] - 3), (columns[-1] + 3, rows[-1] + 3))
    page.wait()
    assert len(list((session / "masks").glob("*-1.png"))) == COUNT
    assert films.overlap([shown(session, 0, 1)], [truth]) > 0.6


def scribble(page, session, truth):
    """Scribble on object and background of frame 10; the mask obeys."""
    page.go(10)
    x, y = deepest(truth)
    page.press("o")
    page.drag((x - 8, y), (x, y + 1), (x + 8, y))
    page.press("x")
    page.drag((20, 12), (160, 14), (300, 12))
    page.wait()
    assert shown(session, 10, 3)[y, x]
    assert not shown(session, 10, 3)[10:16, 30:290].any()


def paint(page, session):
    """Paint and erase in frame 5, and nothing else changes; returns the mask."""
    page.go(5)
    page.press("p")
    page.drag((30, 30), (60, 30))
    page.press("e")
    page.drag((60, 30), (90, 30))
    page.wait()
    before, painted, erased = shown(session, 5, 1), shown(session, 5, 4), shown(session, 5, 5)
    assert painted[30, 28:62].all()
    assert erased[30, 28:50].all()
    assert not erased[28:33, 58:92].any()
    assert np.array_equal(erased[45:], before[45:])
    return erased


def test_masks_are_made_mended_kept_and_finished(film, driver, tmp_path):
    frames, truth = film
    video = films.write_video(tmp_path / "x.mp4", frames, fps=6)
    out = tmp_path / NAME
    session = out / ".interactive"
    with serving(*PAGE, str(out), str(video)) as (process, address):
        page = Page(driver, address)
        assert page.text("title") == NAME
        mark(page, session, truth[0])
        scribble(page, session, truth[10])
        erased = paint(page, session)
        assert complaints(driver) == []
        marks = page.marks()
        named = {n: sorted(words) for n, words in enumerate(marks) if words}
        assert named == {0: ["box"], 5: ["painted"], 10: ["scribble"]}
        driver.refresh()
        page = Page(driver, address)
        assert page.marks() == marks
        process.kill()
    with serving(*PAGE, str(out)) as (process, address):
        page = Page(driver, address)
        assert page.marks() == marks
        page.hold(Keys.CONTROL, "z")
        page.hold(Keys.CONTROL, Keys.SHIFT, "z")
        assert page.text("number") == f"Frame 5 of 0–{COUNT - 1}"
        page.wait()
        driver.find_element(By.ID, "finish").click()
        assert process.wait(60) == 0
        wait_for(driver, f"{STATUS}.startsWith('The clip is finished')")
        assert f"{COUNT} frames and masks are in {out}" in process.stdout.read()
    assert not session.exists()
    masks = films.read_masks(out / "masks", COUNT)
    assert np.array_equal(masks[5], erased)
    assert films.overlap(masks, truth) > 0.7
    assert record.read(out)["edited"] == [5]


def test_a_prepared_clip_is_mended_by_keys_alone(prepared, driver, tmp_path):
    out = tmp_path / "clip"
    shutil.copytree(prepared, out)
    before = films.read_masks(out / "masks")
    with serving(*PAGE, str(out)) as (process, address):
        page = Page(driver, address)
        lose_message(driver)
        page.press("k")
        wait_for(driver, f"{STATUS}.endsWith('lost with the connection; do it again.')")
        assert not driver.find_element(By.ID, "undo").is_enabled()
        page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, "p", "]", "]")
        page.canvas.send_keys("")
        driver.execute_script("arguments[0].focus()", page.canvas)
        page.hold(Keys.SHIFT, Keys.ARROW_UP)
        page.press(Keys.ENTER)
        page.hold(Keys.SHIFT, Keys.ALT, Keys.ARROW_RIGHT)
        page.press(Keys.ENTER)
        page.wait()
        page.press(Keys.SPACE)
        wait_for(driver, "document.getElementById('number').textContent != 'Frame 2 of 0–11'")
        page.press(Keys.SPACE)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "--interactive --out" in process.stdout.read()
        wait_for(driver, "document.getElementById('status').className == 'alarm'")
        assert "kept" in page.text("status")
    assert np.array_equal(films.read_masks(out / "masks"), before)
    painted = shown(out / ".interactive", 2, 1)
    assert painted[59, 80:90].all()
    assert (painted & ~before[2]).sum() < 16 * 30
    with serving(*PAGE, str(out)) as (process, address):
        page = Page(driver, address)
        page.click("finish")
        assert process.wait(60) == 0
    after = films.read_masks(out / "masks")
    assert np.array_equal(after[2], painted)
    assert [n for n in range(12) if not np.array_equal(after[n], before[n])] == [2]


def test_nobody_else_gets_in(prepared, tmp_path):
    out = tmp_path / "clip"
    shutil.copytree(prepared, out)
    with serving(*PAGE, str(out)) as (process, address):
        with serving(*PAGE, str(out)) as (second, _):
            assert second.wait(30) == 2
        with pytest.raises(OSError, match="403"):
            urlopen(address.rsplit("/", 2)[0] + "/")
        assert urlopen(address).status == 200
