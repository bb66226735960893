"""The editor from start to export in a real browser: by keys alone, and through a kill -9.

These tests are slow: they train a tiny pair of networks, start Chromium, and export a clip.
"""

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser import complaints, wait_for
from tests.conftest import succeed
from tests.forked import serving
from tests.keypoint_page import COUNT, UNIT, Page, alone, words

pytestmark = pytest.mark.slow


def test_all_by_keys_alone(driver, second, roots, tmp_path):
    flags = ["--out", tmp_path / "out", *words(second, roots)]
    with serving("edit.py", flags, tmp_path / "log") as (_, address):
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
        assert page.text("number") == f"Frame 2 of 0–{COUNT - 1}"
        page.press(Keys.PAGE_UP)
        assert page.text("number") == f"Frame 0 of 0–{COUNT - 1}"
        names = tab_through(page)
        controls = driver.find_elements(By.CSS_SELECTOR, "button, input, select, canvas[tabindex]")
        reached = [one for one in controls if one.is_displayed() and one.is_enabled()]
        assert len(names) >= len(reached) >= 30
        assert all(names)
        driver.find_element(By.ID, "smooth").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
        page.until(lambda: "→" in page.text("jitter"))
        driver.find_element(By.ID, "timeline").send_keys(Keys.ESCAPE, "e")
        page.press(Keys.TAB, Keys.ENTER)
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


IN_NO_TIME = """
window.pauses = [];
window.setTimeout = (action, pause) => window.pauses.push(pause) < 20 && action();"""


def test_a_killed_program_loses_nothing_and_export_is_inference(driver, second, roots, tmp_path):
    out, given = tmp_path / "out", words(second, roots)
    with serving("edit.py", ["--out", out, *given], tmp_path / "log") as (process, address):
        page = Page(driver, address)
        found = page.moved()
        page.drag(found[0, alone(found[0])], -40, 30)
        edited = page.moved()
        page.click("export")
        begin_export(page, "frames")
        assert page.text("outcome") == "Starting the export …"
        process.kill()
        wait_for(driver, "document.getElementById('status').className == 'alarm'")
        assert "kept" in page.text("status")
        assert page.text("outcome").endswith("it changed nothing.")
        assert not driver.find_element(By.ID, "cancel").is_displayed()
        driver.execute_script(IN_NO_TIME)
        wait_for(driver, "window.pauses.at(-1) == 30000")
    with serving("edit.py", ["--out", out, *given], tmp_path / "log") as (process, address):
        page = Page(driver, address)
        complaints(driver)  # of the first address, where nobody answered any more
        assert np.array_equal(page.moved(), edited)
        assert not np.array_equal(edited, found)
        page.click("export")
        begin_export(page, "frames")
        page.click("cancel")
        wait_for(driver, "document.getElementById('outcome').textContent.includes('cancelled')")
        assert not (out / "edited_frames").exists()
        begin_export(page, "video")
        wait_for(driver, "document.getElementById('progress').hidden")
        assert page.text("outcome").startswith("The export is finished"), page.text("outcome")
        assert "edited.mp4" in page.text("files")
        page.click("close")
        assert complaints(driver) == []
    flags = f"{' '.join(given)} --keypoints_in {out}/keypoints.npz --splitted"
    succeed("inference.py", f"{flags} --out {tmp_path}/by_hand")
    names = sorted(path.name for path in (tmp_path / "by_hand").glob("*_ab_*"))
    assert names
    for name in names:
        by_hand = (tmp_path / "by_hand" / name).read_bytes()
        assert (out / "edited_frames" / name).read_bytes() == by_hand, name


def begin_export(page, what):
    page.driver.find_element(By.CSS_SELECTOR, f"[data-what={what}]").click()
    wait_for(page.driver, "!document.getElementById('progress').hidden")
