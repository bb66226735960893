"""Buttons and tracks of the page of keypoints in a real browser.

These tests are slow: they train a tiny pair of networks, and start Chromium.
"""

from functools import partial

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser import resize
from tests.keypoint_page import POINTS, Page, alone

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.edited"]


def test_space_plays_after_a_click_and_presses_what_the_tabulator_reached(page):
    found = page.moved()
    k = alone(found[0])
    page.drag(found[0, k], 30, 0)
    once = page.moved()
    page.drag(once[0, k], 0, 30)
    page.click("undo")
    page.press(" ")
    page.until(lambda: page.pressed("play"))
    assert np.array_equal(page.moved(), once)
    page.press(" ")
    page.driver.execute_script("document.getElementById('undo').focus()")
    page.press(" ")
    page.until(lambda: np.array_equal(page.moved(), found))
    assert not page.pressed("play")
    page.click("export")
    page.press(" ", Keys.ESCAPE, " ")
    assert page.pressed("play")
    assert page.text("outcome") == ""


def shown(page):
    """The keypoints whose tracks are shown."""
    words = page.driver.find_element(By.ID, "curves").get_attribute("aria-label")
    return [int(word.split()[0]) for word in words.split("keypoint ")[1:]]


def test_tracks_are_of_the_selected_and_of_the_one_under_the_pointer(page):
    k = alone(page.moved()[0])
    others = [other for other in range(POINTS) if other != k][:2]
    page.press(str(others[0]))
    hand = ActionChains(page.driver)
    hand.move_to_element_with_offset(page.canvas, *page.at(page.moved()[0, k])).perform()
    page.until(lambda: shown(page) == [others[0], k])
    page.press(str(others[1]))
    page.until(lambda: shown(page) == [others[1]])
    hand.move_by_offset(1, 0).perform()
    page.until(lambda: shown(page) == [others[1], k])
    page.press(".")
    page.until(lambda: shown(page) == [others[1]])


SPOTS = """
const canvas = document.getElementById("curves");
const { height } = canvas;
const column = Math.round(canvas.width / arguments[0] / 2);
const { data } = canvas.getContext("2d").getImageData(column, 0, 1, height);
const pixel = (y) => data.slice(4 * y, 4 * y + 3);
const saturated = (y) => Math.max(...pixel(y)) - Math.min(...pixel(y)) > 60;
const rows = [...Array(height).keys()].filter(saturated);
return rows.map((y) => y / height);"""


def test_what_is_farther_right_and_up_is_higher_in_the_tracks(page):
    found = page.moved()
    k = alone(found[0])
    page.drag(found[0, k], 70, -40)
    page.drag(page.moved()[0, k], 60, -40)
    page.painted()
    rows = np.array(page.driver.execute_script(SPOTS, len(found)))
    assert rows.min() < 0.12 < 0.5 < rows.max() < 0.62
    assert not ((rows > 0.2) & (rows < 0.5)).any()


def test_words_of_other_lengths_move_nothing(page):
    places = "return [...document.querySelectorAll('#tools h2')].map((one) => one.offsetTop)"
    seen = []
    for key in ("m", "p", "k", "a"):
        page.press(key)
        seen.append(page.driver.execute_script(places))
    page.driver.find_element(By.ID, "smooth").send_keys(Keys.ARROW_RIGHT)
    page.until(lambda: "→" in page.text("jitter"))
    seen.append(page.driver.execute_script(places))
    assert seen == seen[:1] * 5
    page.driver.find_element(By.ID, "smooth").send_keys(Keys.ARROW_LEFT)
    page.until(lambda: "→" not in page.text("jitter"))


def backs(page):
    """Which buttons put something back."""
    page.painted()
    buttons = page.driver.find_elements(By.CSS_SELECTOR, "[id^=reset_]")
    return [button.text for button in buttons if button.is_enabled()]


def test_only_what_was_edited_can_be_put_back(page):
    found = page.moved()
    k = alone(found[0])
    page.press(str(k))
    assert backs(page) == []
    page.press(Keys.DELETE, "]", "]")
    page.drag(found[0, k], 30, 0)
    page.until(lambda: backs(page) == ["Selected", "Track", "Frame", "Everything"])
    page.press(".", ".", ".", "[", "[")
    page.until(lambda: backs(page) == ["Track", "Everything"])
    page.press("]", "]")
    page.until(lambda: backs(page) == ["Selected", "Track", "Everything"])
    page.press(str((k + 1) % POINTS))
    page.until(lambda: backs(page) == ["Everything"])
    page.click("reset_all")
    page.until(lambda: backs(page) == [])


def test_a_finger_on_the_driver_or_beside_the_result_scrolls_the_page(page):
    touching = partial(page.driver.execute_cdp_cmd, "Emulation.setTouchEmulationEnabled")
    touching({"enabled": True})
    resize(page.driver, 844, 390, phone=True)
    try:
        for name, start, scrolls in [
            ("driver", 0, True),
            ("result", 10, True),
            ("result", 110, False),
        ]:
            Page(page.driver, page.address).press("1")
            canvas = page.driver.find_element(By.ID, name)
            assert canvas.rect["y"] + canvas.rect["height"] < 350, "the timeline is in reach"
            left = start - canvas.rect["width"] // 2 if start else 0
            page.touch(*[[(left, -step)] for step in range(0, 80, 10)], canvas=canvas)
            page.painted()
            assert (page.driver.execute_script("return scrollY") > 0) == scrolls
            assert page.selected() == ([1] if scrolls else [])
        page.driver.find_element(By.CSS_SELECTOR, "[popovertarget]").click()
        names = page.driver.find_elements(By.CSS_SELECTOR, "#keys dt")
        assert min(names, key=lambda one: one.rect["y"]).text == "fingers"
    finally:
        touching({"enabled": False})
        resize(page.driver, 1280, 900)
