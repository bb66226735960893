"""The page of a run: its text and structure, its parts, and how a real browser shows it.

These tests are slow: they start a browser.
"""

import base64
import io
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from PIL import Image

from report import charts, gauge, media
from report.page import Curves, Page, Picture, Tracks, Video, render, write
from tests import browser
from utils.errors import UserError

pytestmark = pytest.mark.slow

HOSTILE = "<script>alert('x')</script> & \"quoted\""
SIZES = {"desktop": (1280, 900, False), "phone": (390, 844, True)}
FILMS = "[...document.querySelectorAll('video')]"
SECTIONS = ("videos", "pictures", "keypoints", "measures", "losses", "options", "versions")


@dataclass
class Row:
    """Stands in for a row of the metric table."""

    group: str = "Against the truth"
    name: str = "silhouette IoU"
    case: str = "ab, decoded"
    value: float | None = 0.6
    better: str = "higher"
    baselines: dict = field(default_factory=lambda: {"same frame": 0.2, "mean mask": 0.4})
    upper_bounds: dict = field(default_factory=lambda: {"own frame": 0.8, "look-up": 0.7})
    why: str = ""
    verdict: str = "above every baseline"
    definition: str = "Intersection over union."


class Parsed(HTMLParser):
    """The page's tags with their attributes, its text outside style and script, its headings."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.headings, self._open = [], "", [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open = tag
        self.text += " "  # what stands in boxes of its own is not one word
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        self._open = None

    def handle_data(self, data):
        if self._open not in ("style", "script"):
            self.text += data

    def all(self, tag):
        """Attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


def film(count=12, height=48, width=64):
    """A bright square that crosses a grey picture: (N, H, W, 3) uint8."""
    frames = np.full((count, height, width, 3), 128, np.uint8)
    for number, frame in enumerate(frames):
        frame[10:30, number * 3 : number * 3 + 20] = (230, 120, 40)
    return frames


def full_page(text="plain"):
    """A page with every section, `text` wherever a user's text can stand."""
    wave = np.sin(np.arange(12) / 3)[:, None, None] * np.linspace(0.1, 0.8, 10).reshape(5, 2)
    steps = list(range(0, 1000, 50))
    return Page(
        title=text,
        summary=[text, "The result follows the motion."],
        videos=[Video(text, film(), 10), Video("a strip", film(width=192), 10)],
        pictures=[Picture(text, Image.fromarray(np.concatenate(film(8), 1)), text)],
        tracks=[Tracks(text, wave, film(), 10), Tracks("no frames", wave)],
        losses=[Curves(text, {text: (steps, [1 / (1 + step) for step in steps])})],
        rows=[
            Row(text, text, text, 0.6, "higher", {text: 0.4}, {text: 0.8}, "", text, text),
            Row(case="ba", value=0.1),
            Row(name="LPIPS", value=None, why=text),
            Row(name="accuracy", better=text, baselines={}, upper_bounds={}),
        ],
        options={text: {text: text, "bs": 4, "a_rather_long_name_of_an_option": "x" * 120}},
        defaults={text: {text: "", "bs": 4}},
        versions={text: text},
    )


@pytest.fixture(scope="module")
def html():
    return render(full_page())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "new" / "report.html"
    write(path, full_page("A: cat  B: fox"))
    return path


def only(**parts):
    return Parsed(render(Page("title", **parts)))


def decode(uri):
    return base64.b64decode(uri.split(",", 1)[1])


def test_page_needs_nothing_from_outside(html):
    assert not re.search("https?:|url\\(|@import", html)
    links = [
        value
        for _, attributes in Parsed(html).tags
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "poster", "data", "xlink:href")
    ]
    assert len(links) == 1 + len(SECTIONS) + 3 + 1  # icon, contents, videos, picture
    assert all(link.startswith(("data:", "#")) for link in links)


def test_page_is_built_for_everyone(html):
    page = Parsed(html)
    assert page.all("html") == [{"lang": "en"}]
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    assert page.headings[0] == 1 and page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:]))
    assert all(image["alt"] for image in page.all("img"))
    assert all({"controls", "loop", "muted", "playsinline"} <= set(v) for v in page.all("video"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in page.all("a")} == set(SECTIONS) <= set(ids)


def test_texts_are_escaped(html):
    hostile, plain = Parsed(render(full_page(HOSTILE))), Parsed(html)
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert len(hostile.all("script")) == 1
    assert hostile.all("img")[0]["alt"] == HOSTILE
    assert hostile.text.count(HOSTILE) > 15


def test_sections_without_content_are_left_out():
    assert not only().all("section") and not only().all("a") and not only().all("video")
    found = full_page()
    attributes = ("videos", "pictures", "tracks", "rows", "losses", "options", "versions")
    for section, attribute in zip(SECTIONS, attributes):
        page = only(**{attribute: getattr(found, attribute)})
        assert [each["id"] for each in page.all("section")] == [section]
    assert not only(losses=[Curves("stage one", {})]).all("section")


def test_rows_gather_under_their_group_and_name():
    cases = [Row(case=case, name=name) for case in ("ab", "ba") for name in ("IoU", "F")]
    page = only(rows=[*cases, Row("Keypoints", "jitter", "A", None, why="too short")])
    assert page.headings == [1, 2, 3, 3]
    assert len(page.all("tbody")) == 3 and len(page.all("details")) == 3
    words = re.sub(r"\s+", " ", page.text)
    assert re.search("IoU.* ab 0.600 .* ba 0.600 .*F higher is better", words)
    assert "not measured: too short" in words
    assert "same frame 0.200" in words and "upper bound: own frame 0.800" in words
    assert "4 better than every baseline, 1 not measured." in words


def test_options_that_differ_are_marked():
    values = {"bs": 8, "affine": True, "unknown": 1}
    page = only(options={"stage one": values}, defaults={"stage one": {"bs": 4, "affine": True}})
    words = re.sub(r"\s+", " ", page.text)
    assert "stage one: 1 of 3 differs from the defaults" in words
    assert "Set for this run bs 8 default 4 As by default affine True unknown 1" in words


@pytest.mark.parametrize(
    "row, beats, words",
    [
        (Row(value=0.6), True, "better than every baseline, 50% of the way"),
        (Row(value=0.3), False, "no better than the baseline “mean mask”"),
        (Row(value=0.4), False, "no better than the baseline “mean mask”"),
        (Row(value=0.1, better="lower", upper_bounds={"x": 0.05}), True, "67% of the way"),
        (Row(value=0.3, better="lower", upper_bounds={}), False, "the baseline “same frame”"),
        (
            Row(value=0.6, better="near 0.5", baselines={"apart": 1.0}, upper_bounds={}),
            True,
            "80% of",
        ),
        (Row(value=0.6, baselines={}), None, "no baseline"),
    ],
)
def test_gauge_tells_baseline_from_gain(row, beats, words):
    (found,) = gauge.gauges([row])
    assert found.beats is beats and words in found.words
    if found.baselines:
        assert (found.value > max(found.baselines)) == beats
    marks = [found.value, *found.baselines, *found.upper_bounds]
    assert all(4 <= mark <= 96 for mark in marks)


def test_gauge_is_in_proportion():
    (found,) = gauge.gauges([Row(value=0.5)])
    low, best = found.baselines
    assert (low, *found.upper_bounds) == (4, 96, pytest.approx(96 - 92 / 6, abs=0.1))
    assert best - low == pytest.approx((96 - 4) / 3, abs=0.1)
    assert found.value - low == pytest.approx((96 - 4) / 2, abs=0.1)
    assert found.gain == (best, pytest.approx(96 - best))


def test_cases_of_a_metric_share_a_scale():
    one, two, three = gauge.gauges([Row(value=0.5), Row(value=0.9), Row(value=None)])
    assert one.upper_bounds == two.upper_bounds
    assert max(two.upper_bounds) < two.value == 96
    assert one.baselines == two.baselines
    assert three is None


def test_errors_without_an_upper_bound_end_at_zero():
    rows = [
        Row(value=x, better="lower", baselines={"mean pose": 10.0}, upper_bounds={}) for x in (5, 0)
    ]
    half, perfect = gauge.gauges(rows)
    assert (half.baselines, half.value, perfect.value) == ([4], 50, 96)
    (upwards,) = gauge.gauges([Row(upper_bounds={})])
    assert upwards.value < 90  # the best there is stays unknown


@pytest.mark.parametrize(
    "row",
    [
        Row(value=None),
        Row(value=float("nan")),
        Row(value=float("inf")),
        Row(better="the ground truth"),
        Row(baselines={}, upper_bounds={}),
        Row(baselines={"same frame": None}, upper_bounds={"x": float("nan")}),
    ],
)
def test_no_gauge_without_a_comparison(row):
    assert gauge.gauges([row]) == [None]
    assert only(rows=[row]).all("tbody")


def test_numbers_keep_three_digits_and_their_neighbours_decimals():
    shown = [gauge.number(x) for x in (0.4764, 17.84, 1234.5, 0.00213, 0, -0.5)]
    assert shown == ["0.476", "17.8", "1,234", "0.00213", "0", "-0.500"]
    assert gauge.number(0.06, 0.121) == "0.060"
    assert gauge.number(0.0184, 0) == "0.0184"


def test_pictures_pick_their_format():
    flat = Image.fromarray((film()[0] > 200).astype(np.uint8)[..., 0] * 255)
    uri = media.picture(flat)
    assert uri.startswith("data:image/png;base64,")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(decode(uri))).convert("L")), flat)
    noise = np.random.default_rng(0).integers(0, 256, (64, 3000, 3), np.uint8)
    uri = media.picture(Image.fromarray(noise))
    assert uri.startswith("data:image/jpeg;base64,")
    assert Image.open(io.BytesIO(decode(uri))).size == (2560, 55)


def test_videos_hold_their_frames():
    frames = film(height=47)
    uri, shape = media.video(iter(frames), 10)
    assert uri.startswith("data:video/mp4;base64,") and shape == (47, 64)
    decoded = iio.imread(decode(uri), extension=".mp4")[:, :47]
    assert decoded.shape == frames.shape
    assert np.abs(decoded.astype(int) - frames).mean() < 4


def test_overlay_puts_dots_on_keypoints():
    keypoints = np.array([[[-0.5, 0.0]], [[0.5, 0.5]]])
    grey = np.full((2, 129, 129, 3), 128, np.uint8)
    for frame, (x, y) in zip(media.with_keypoints(grey, keypoints), [(32, 64), (96, 96)]):
        assert frame[y, x, 0] == 255 and frame[y, x, 1] < 60  # the palette's first is a red
        assert (frame[5, 5] == 128).all()
    with pytest.raises(ValueError):
        list(media.with_keypoints(grey, keypoints[:1]))


def drawn(svg, name):
    """Points of each path in groups of a class: one array (N, 2) per path, broken at gaps."""
    groups = re.findall(rf'<g class="{name}">(.*?)</g>', svg, re.DOTALL)
    paths = [re.search(r' d="([^"]*)"', group)[1] for group in groups]
    return [np.array(re.findall(r"[ML] (\S+) (\S+)", path), float) for path in paths]


def test_tracks_follow_the_keypoints():
    positions = np.stack([np.linspace(-0.5, 0.5, 9), np.linspace(0.3, -0.3, 9)], 1)
    rising, falling = drawn(charts.track_chart(positions), "coloured")
    # An SVG's y points down.
    assert rising[0, 1] > rising[-1, 1] and falling[0, 1] < falling[-1, 1]
    turned = drawn(charts.track_chart(positions, upwards=True), "coloured")[0]
    assert turned[0, 1] < turned[-1, 1]


def test_numbers_at_the_ends_keep_apart():
    svg = charts.track_chart(np.zeros((6, 10)))
    labels = re.findall(r"<text[^>]*translate\(\S+ (\S+)\)[^>]*>(\d)</text>", svg)
    labels += re.findall(r'<text[^>]* y="(\S+)"[^>]*>(\d)</text>', svg)
    heights = {number: float(height) for height, number in labels}
    assert len(heights) == 10
    assert np.diff(sorted(heights.values())).min() > 7  # points; the letters have 8


def test_charts_bear_broken_and_short_runs():
    broken = charts.loss_chart(range(5), [1, float("nan"), 2, float("inf"), 3])
    assert 'class="curve"' in broken and "nan" not in broken.lower()
    for values in ([], [2.0], [float("nan")] * 3, [1.0, 1.0], [-1.0, 0.0]):
        assert charts.loss_chart(range(len(values)), values).startswith("<svg")
    assert charts.is_steep([100, 1]) and not charts.is_steep([100, 0]) and not charts.is_steep([])
    tracks = np.full((4, 3, 2), np.nan)
    assert len(only(tracks=[Tracks("broken", tracks), Tracks("one", np.zeros((1, 2, 2)))]).tags)


def test_places_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="cannot be written"):
        write(tmp_path / "file" / "report.html", Page("title"))
    with pytest.raises(UserError, match="is a folder"):
        write(tmp_path, Page("title"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failure_leaves_the_earlier_page(tmp_path):
    path = tmp_path / "report.html"
    write(path, Page("earlier"))
    with pytest.raises(ValueError, match="at least one frame"):
        write(path, Page("later", videos=[Video("none", [], 10)]))
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert "earlier" in path.read_text()


def screenshot(driver):
    return np.asarray(Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_a_browser_shows_the_page(driver, written, size, scheme):
    width, height, phone = SIZES[size]
    browser.show(driver, written, width, height, scheme, phone)
    picture = screenshot(driver)
    assert picture.std() > 10
    assert (picture[-3:, :3].mean() < 60) == (scheme == "dark")  # the margin's colour
    # A phone's browser widens its window to what overflows: compare with what was asked for.
    assert driver.execute_script("return document.scrollingElement.scrollWidth") <= width
    boxes = driver.execute_script(
        "return [...document.querySelectorAll('h1, h2, section, nav a, video, img, svg, dl, "
        "tr.case, figcaption, summary')].filter(x => !x.closest('details:not([open]) > dl'))"
        ".map(x => [x.outerHTML.slice(0, 80), x.getBoundingClientRect()])"
    )
    assert len(boxes) > 40
    for text, box in boxes:
        assert box["width"] > 0 and box["height"] > 0, text
        assert box["left"] >= 0 and (box["right"] <= width or "broad" in text), text
    assert driver.execute_script("return [...document.images].every(x => x.naturalWidth > 0)")
    assert not browser.complaints(driver)


@pytest.mark.parametrize("size", SIZES)
def test_nothing_overflows_with_all_details_open(driver, written, size):
    width, height, phone = SIZES[size]
    browser.show(driver, written, width, height, phone=phone)
    driver.execute_script("document.querySelectorAll('details').forEach(x => { x.open = true })")
    assert driver.execute_script("return document.scrollingElement.scrollWidth") <= width
    assert driver.execute_script("return document.querySelector('.changed').offsetHeight") > 0


def test_videos_play_in_place(driver, written):
    browser.show(driver, written, 1280, 900)
    played = driver.execute_async_script(
        """const done = arguments[0];
        Promise.all([...document.querySelectorAll("video")].map(film => new Promise(tell => {
          film.pause();
          film.currentTime = 0;
          film.play().then(() => { film.ontimeupdate = () => {
            if (film.currentTime > 0.1) tell([film.currentTime, film.videoWidth]);
          }; }, error => tell([0, String(error)]));
        }))).then(done)"""
    )
    assert [width for _, width in played] == [64, 192, 192]  # the overlay is enlarged
    assert all(0.1 < time < 1.3 for time, _ in played)
    assert not browser.complaints(driver)


def test_videos_start_alone_unless_less_motion_is_asked_for(driver, written):
    browser.show(driver, written, 1280, 900)
    browser.wait_for(driver, f"{FILMS}.every(film => !film.paused && film.currentTime > 0)")
    browser.show(driver, written, 1280, 900, still=True)
    browser.wait_for(driver, f"{FILMS}.every(film => film.readyState == 4)")
    assert driver.execute_script(f"return {FILMS}.every(film => film.paused)")
    driver.execute_script("document.querySelector('#together').click()")
    browser.wait_for(driver, f"{FILMS}.every(film => !film.paused && film.currentTime > 0)")


def test_without_chromium_the_reason_is_told(monkeypatch):
    monkeypatch.setenv("PATH", str(Path(__file__).parent))
    with pytest.raises(pytest.skip.Exception, match="make browser"), browser.chromium():
        pass
