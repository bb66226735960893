"""The page of keypoints in a real browser, by the real command.

These tests are slow: they train a tiny pair of networks, and start Chromium.
"""

import json
from functools import partial
from urllib.request import urlopen

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser import lose_message, prefer, resize, wait_for
from tests.keypoint_page import COUNT, POINTS, SAVED, UNIT, Page, alone, like, near

pytestmark = pytest.mark.slow
pytest_plugins = ["tests.edited"]


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
    assert page.text("width") == "± 2 frames"
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
    page.press(Keys.DELETE)  # the first one holds to the end
    held = np.tile([way[0], 0], (COUNT, 1))
    page.until(lambda: np.allclose((page.moved() - found)[:, k], held, atol=2e-3))


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
    ActionChains(page.driver).key_down("b").perform()
    assert page.pressed("before")
    page.driver.execute_script("window.dispatchEvent(new Event('blur'))")
    assert not page.pressed("before"), "who goes elsewhere releases the key there"
    ActionChains(page.driver).key_up("b").perform()
    page.click("before")
    page.press("b")
    assert page.pressed("before"), "what the button switched on stays"


def test_keypoints_that_do_not_come_are_asked_for_again(page):
    block = partial(page.driver.execute_cdp_cmd, "Network.setBlockedURLs")
    page.driver.execute_cdp_cmd("Network.enable", {})
    block({"urls": ["*/tracks/*"]})
    try:
        page.press("1", Keys.ARROW_DOWN)
        page.until(lambda: "asking again" in page.text("status"))
    finally:
        block({"urls": []})
    wait_for(page.driver, SAVED)


def let_fail(page, route):
    """Let all requests for pictures of a route fail."""
    page.driver.execute_script(f"""
        const whole = window.fetch;
        const full = async () => new Response("memory is full", {{ status: 503 }});
        const fails = (place) => String(place).startsWith("{route}");
        window.fetch = (place, ...more) => (fails(place) ? full() : whole(place, ...more));
    """)


def test_a_picture_that_cannot_be_drawn_is_said(page):
    let_fail(page, "result")
    page.press("2", Keys.ARROW_LEFT)  # as no other test, whose picture is there
    page.until(lambda: page.text("status") == "memory is full")
    page.until(lambda: not np.array_equal(*page.tracks("moved", "found")))


def test_a_drag_goes_on_without_its_picture(page):
    found = page.moved()
    let_fail(page, "draw")
    page.press("3")
    ActionChains(page.driver).key_down(Keys.ARROW_DOWN).perform()
    page.until(lambda: page.text("status") == "memory is full")
    ActionChains(page.driver).key_up(Keys.ARROW_DOWN).perform()
    page.until(lambda: not np.array_equal(page.moved(), found))
    wait_for(page.driver, SAVED)


def test_an_edit_that_is_lost_with_the_connection_is_said(page):
    lose_message(page.driver)
    found = page.moved()
    page.press("1", Keys.ARROW_DOWN)
    page.until(lambda: page.text("status").endswith("do it again."))
    assert np.array_equal(page.moved(), found)
    page.press(Keys.ARROW_DOWN)
    wait_for(page.driver, SAVED)
    assert not np.array_equal(page.moved(), found)


def test_frames_to_copy_from_that_cannot_be_chosen_are_said(page):
    script = """
        const [done] = arguments;
        const state = { online: true, edits: {}, track: { trouble: "not chosen" } };
        import(new URL("status.js", document.baseURI))
            .then(({ sentence }) => done(sentence({ state, ready: true, tracks: { sent: [] } })));
    """
    assert page.driver.execute_async_script(script) == ["not chosen", True]


def test_playing_fetches_each_picture_once(page):
    script = "return performance.getEntriesByType('resource').map((entry) => entry.name)"

    def fetched():
        names = page.driver.execute_script(script)
        return [name.rpartition("/")[2] for name in names if "/result/" in name]

    page.click("play")
    keys = set(json.load(urlopen(page.address + "tracks/0"))["keys"])
    page.until(lambda: keys <= set(fetched()))
    numbers = {page.text("number") for _ in range(30)}
    page.click("play")
    assert len(numbers) > 1
    known = fetched()
    assert len(known) == len(set(known))
    page.press(Keys.HOME, "0", Keys.ARROW_UP)
    page.until(lambda: not np.array_equal(*page.tracks("moved", "found")))
    page.until(lambda: len(fetched()) > len(known))
    page.click("play")
    numbers = {page.text("number") for _ in range(30)}
    page.click("play")
    assert len(numbers) > 1
    assert len(fetched()) == len(known) + 1


OUTSIDE = """
const { clientWidth, scrollWidth } = document.documentElement;
const seen = [...document.querySelectorAll("body *")].filter((one) => one.checkVisibility());
const out = seen.filter((one) => {
  const { left, right } = one.getBoundingClientRect();
  return left < 0 || right > clientWidth;
});
return [scrollWidth - clientWidth, ...out.map((one) => one.outerHTML)];"""


def test_nothing_is_cut_off(page):
    tall = page.canvas.size["height"]
    page.driver.find_element(By.CSS_SELECTOR, "[popovertarget]").click()
    assert page.driver.find_element(By.ID, "keys").is_displayed()
    assert page.canvas.size["height"] == tall, "the list of keys shrinks no picture"
    page.press(Keys.ESCAPE)
    try:
        for width in (320, 390, 768, 900, 1280):
            resize(page.driver, width, 800, phone=width < 600)
            assert page.driver.execute_script(OUTSIDE) == [0], width
            assert page.canvas.size["height"] > 200, width
    finally:
        resize(page.driver, 1280, 900)


def test_colours_follow_the_scheme_at_once(page):
    pictures = "return ['timeline', 'curves'].map((id) => document.getElementById(id).toDataURL())"
    page.press("0")
    page.painted()
    shown = partial(page.driver.execute_script, pictures)
    light = shown()
    prefer(page.driver, "dark")
    page.until(lambda: all(one != other for one, other in zip(shown(), light)))
    prefer(page.driver, "light")
    page.until(lambda: shown() == light)


def test_two_fingers_zoom_and_one_drags(page):
    before, found = page.settled(), page.moved()
    page.press("1")
    page.touch([(-20, 0), (20, 0)], [(-40, 0), (40, 0)], [(-60, 30), (60, 30)])
    page.until(lambda: like(page.picture(), before, 0.002) is None)
    assert page.selected() == [1], "the first finger selects nothing then"
    page.press("f")
    page.until(lambda: like(page.picture(), before, 0.002) is not None)
    assert np.array_equal(page.moved(), found)
    k = alone(found[0])
    x, y = page.at(found[0, k])
    page.touch([(x, y)], [(x + 15, y)], [(x + 30, y)])
    page.until(lambda: page.moved()[0, k, 0] != found[0, k, 0])
    assert page.moved()[0, k] - found[0, k] == pytest.approx([30 / page.scale * UNIT, 0], abs=2e-3)


def test_steps_of_the_smoothing_are_undone_together(page):
    found = page.moved()
    slider = page.driver.find_element(By.ID, "smooth")
    slider.send_keys(*[Keys.ARROW_RIGHT] * 3)
    page.until(lambda: page.text("seconds") == "0.06 s" and (page.moved() != found).any())
    page.click("undo")
    page.until(lambda: np.array_equal(page.moved(), found))


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
        way = other.drag(once[0, k], 0, 60)
        assert other.moved()[0, k] == pytest.approx(once[0, k] + way, abs=0.01)
    finally:
        page.driver.close()
        page.driver.switch_to.window(first)
    page.press("z", held=(Keys.CONTROL,))
    page.until(lambda: np.array_equal(page.moved(), once))
