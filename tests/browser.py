"""A real browser for tests: headless Chromium, its window and its colour scheme."""

import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.wait import WebDriverWait

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60  # seconds until a page or a script counts as hung
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # a container's root may not make one
    "--disable-dev-shm-usage",  # containers keep /dev/shm small
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--mute-audio",
)


@contextmanager
def chromium():
    """A headless Chromium; skips the test where none is installed."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        pytest.skip("no Chromium is installed; make browser installs it")
    driver_path = shutil.which("chromedriver")
    assert driver_path, "Chromium is installed without its driver, Debian's chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With the path given, Selenium does not look for a driver to download.
    driver = webdriver.Chrome(options, Service(driver_path))
    try:
        driver.set_page_load_timeout(PATIENCE)
        driver.set_script_timeout(PATIENCE)
        yield driver
    finally:
        driver.quit()


@contextmanager
def serving(script, *words):
    """A script that serves a page, in a process of its own; yields it and the page's address.

    The address is "" where the script ends without one.
    """
    command = [sys.executable, script, *words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        lines = iter(process.stdout.readline, "")
        line = next((line for line in lines if "http://" in line), "")
        yield process, line.rpartition(" ")[2].strip()
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


def show(driver, path, width, height, scheme="light", phone=False, still=False):
    """Open a local page as `resize` and `prefer` say."""
    resize(driver, width, height, phone)
    prefer(driver, scheme, still)
    driver.get(path.resolve().as_uri())


def resize(driver, width, height, phone=False):
    """Give the page a window of this size, as a phone's where asked for."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1 + phone, "mobile": phone}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def prefer(driver, scheme, still=False):
    """Tell the page that the user prefers "light" or "dark", and less motion where `still`."""
    motion = "reduce" if still else ""
    wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
    features = [{"name": name, "value": value} for name, value in wishes.items()]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def clear(driver):
    """An empty page in a window as on a desk, whatever was opened, shown and complained of."""
    driver.get("about:blank")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    driver.set_window_size(1280, 900)
    complaints(driver)


def wait_for(driver, condition):
    """Wait until a JavaScript expression holds in the page."""
    WebDriverWait(driver, PATIENCE).until(
        lambda page: page.execute_script(f"return {condition}"), f"never came true: {condition}"
    )


def lose_message(driver):
    """Let the next message of the page get lost, and its connection with it."""
    driver.execute_script("""
        const { send } = WebSocket.prototype;
        WebSocket.prototype.send = function () {
            WebSocket.prototype.send = send;
            this.close();
        };
    """)


def complaints(driver):
    """What the browser wrote to its console since the last call, as a list of texts."""
    return [entry["message"] for entry in driver.get_log("browser")]
