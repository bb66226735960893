"""The page of many pairs: what it says, and how a real browser shows it."""

import json

import pytest
from selenium.webdriver.common.keys import Keys

from many import jobs, rows, sparing
from many.index import Index
from tests import browser, films

HOSTILE = "<script>alert('x')</script> & \"quoted\" </td>\x1b[31m"
MANY = 40  # queued rows, so that the page is far longer than a window
FILM = "document.querySelectorAll('video')"


def done(out, name, seed, iou, seconds):
    """The row of a pair whose folder holds a video, measures, a report and a log."""
    job = jobs.Job(name, seed, (), out, out / name / f"seed{seed}", "quick")
    here = job.out / "quick"
    (here / "evaluation").mkdir(parents=True)
    films.write_video(here / "12_both.mp4", films.scene(12, size=(64, 48))[0])
    found = [{"name": "own silhouette IoU", "case": "A", "value": iou}]
    (here / "evaluation/metrics.json").write_text(json.dumps({"metrics": found}))
    (here / "evaluation/report.html").write_text(f"<title>report of {name}</title>")
    (job.out / "log.txt").touch()
    row = rows.Row(name, seed)
    rows.finish(row, job, jobs.Outcome(0, "", seconds))
    return row


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    shown = [done(out, "Kätze", 10, 0.5, 61.0), done(out, "kätze2", 9, 0.25, 3600.0)]
    failed = rows.Row("W" * 60, 2)
    missing = jobs.Job("none", 0, (), out, out / "none/seed0", "quick")
    rows.finish(failed, missing, jobs.Outcome(2, HOSTILE + "x" * 200, 5.0))
    running = rows.Row("b", 1, "running", "node7", "stage one", 10, 40, ("loss", 0.5), 60.0)
    page = Index(out, [*shown, failed, running, *[rows.Row("c", n) for n in range(MANY)]])
    page.write()
    return page


def test_the_page_tells_how_each_pair_is(index):
    text = index.path.read_text()
    assert text.count('<tr role="row" class="') == 4 + MANY
    assert "5 pairs, 44 runs" in text and "2 of 44 done" in text
    assert "K%C3%A4tze/seed10/quick/12_both.mp4" in text and ">0.500<" in text and "0:01:01" in text
    assert "stage one 10/40, loss 0.5, 0:01:00 left in it, on node7" in text
    assert "&lt;script&gt;" in text and "alert('x')" not in text and "\\x1b[31m" in text
    assert text.count("<script>") == 1 and "http" not in text.replace("http-equiv", "")


def test_what_takes_long_is_done_seldom(monkeypatch):
    now, begun = [0.0], []
    monkeypatch.setattr(sparing.time, "monotonic", lambda: now[0])

    def work(seconds):
        begun.append(now[0])
        now[0] += seconds

    seldom = sparing.Sparing(work, 5, 20)
    for second in range(100):
        now[0] = max(now[0], second)
        seldom(0 if second < 10 else 2)
    assert begun == [0, 5, 10, 50, 90]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1200, 1201, 1280])
def test_nothing_overflows(driver, index, width, scheme):
    """Slow: it starts a browser."""
    browser.show(driver, index.path, width, 900, scheme, phone=width < 400)
    assert driver.execute_script("return document.scrollingElement.scrollWidth") <= width
    boxes = driver.execute_script(
        "return [...document.querySelectorAll('th, td, a, video, button, progress')].map(x => "
        "[x.outerHTML.slice(0, 80), x.getBoundingClientRect()])"
    )
    assert all(box["left"] >= 0 and box["right"] <= width for _, box in boxes)
    assert not browser.complaints(driver)


def column(driver, name):
    """The first rows' texts in a column."""
    return driver.execute_script(
        "const n = [...document.querySelectorAll('thead th')].findIndex("
        "x => x.textContent.trim() === arguments[0]);"
        "return [...document.querySelectorAll('tbody tr')].slice(0, 4).map("
        "x => x.cells[n].textContent.trim())",
        name,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, ascending, descending",
    [
        ("pair", ["b", "c", "c", "c"], ["W" * 60, "kätze2", "Kätze", "c"]),
        ("seed", ["0", "1", "1", "2"], ["39", "38", "37", "36"]),
        ("IoU A", ["0.250", "0.500", "", ""], ["0.500", "0.250", "", ""]),
        ("time", ["0:00:05", "0:01:01", "1:00:00", ""], ["1:00:00", "0:01:01", "0:00:05", ""]),
    ],
)
def test_a_head_sorts_by_its_column(driver, index, name, ascending, descending):
    """Slow: it starts a browser."""
    browser.show(driver, index.path, 1280, 900)
    listed = column(driver, name)
    head = next(h for h in driver.find_elements("css selector", "thead th") if h.text == name)
    button = head.find_element("tag name", "button")
    button.click()
    assert (column(driver, name), head.get_attribute("aria-sort")) == (ascending, "ascending")
    button.send_keys(Keys.ENTER)
    assert (column(driver, name), head.get_attribute("aria-sort")) == (descending, "descending")
    driver.refresh()  # the order outlives it
    assert column(driver, name) == descending
    driver.find_element("css selector", "[aria-sort=descending] button").send_keys(Keys.SPACE)
    assert column(driver, name) == listed


@pytest.mark.slow
def test_failures_come_first_by_state_and_links_lead_to_reports(driver, index):
    """Slow: it starts a browser."""
    browser.show(driver, index.path, 1280, 900)
    driver.find_element("xpath", "//button[text()='state']").click()
    states = [text.split()[0].rstrip(":") for text in column(driver, "state")]
    assert states == ["failed", "running", "queued", "queued"]
    driver.find_element("link text", "report").click()
    assert driver.title == "report of Kätze"


@pytest.mark.slow
def test_only_videos_in_view_are_loaded_and_play(driver, index):
    """Slow: it starts a browser."""
    browser.show(driver, index.path, 1280, 900)
    playing = f"{FILM}.length == 2 && [...{FILM}].every(x => !x.paused && x.videoWidth == 64)"
    browser.wait_for(driver, f"{playing} && [...{FILM}].every(x => x.currentTime > 0.1)")
    driver.execute_script("scrollTo(0, document.body.scrollHeight)")
    browser.wait_for(driver, f"{FILM}.length == 0")
    driver.execute_script("scrollTo(0, 0)")
    browser.wait_for(driver, playing)
    driver.execute_script("sort(heads[1], 'descending')")  # moves them
    browser.wait_for(driver, playing)
    browser.show(driver, index.path, 1280, 900, still=True)
    driver.refresh()
    browser.wait_for(driver, f"[...{FILM}].some(x => x.readyState > 1)")
    assert driver.execute_script(f"return [...{FILM}].every(x => x.paused)")
    assert not browser.complaints(driver)
