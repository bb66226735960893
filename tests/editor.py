"""A page of edit.py without a browser, for tests."""

import io
import json
import time
from pathlib import Path

import numpy as np
from PIL import Image

import edit
from editing.page import FOLDER
from tests.local_page import ORIGIN, TOKEN, client

COUNT, POINTS = 8, 5


class Editor:
    """A page without a browser.

    Args:
        words: of edit.py.
    """

    def __init__(self, words):
        asked, given = edit.settled(words.split())
        self.out = Path(asked.out)
        self.out.mkdir(exist_ok=True)
        self.page = edit.open_page(asked, given)
        self.page.results.painter.start()
        self.client = client(self.page.routes, FOLDER)

    def get(self, path):
        return self.client.get(f"/{TOKEN}/{path}")

    def picture(self, path):
        answer = self.get(path)
        assert answer.status_code == 200, path
        return pixels(answer.content)

    def draw(self, content, **headers):
        content = content if isinstance(content, bytes) else json.dumps(content)
        return self.client.post(f"/{TOKEN}/draw", content=content, headers={**ORIGIN, **headers})

    def tracks(self):
        version = self.page.state()["track"]["version"]
        return self.get(f"tracks/{version}").json()

    def do(self, what, **values):
        self.page.receive({"do": what, **values})

    def edit(self, kind="add", frame=3, **values):
        usual = {"points": [1], "x": [0.3], "y": [-0.2], "reach": 1}
        self.do("edit", kind=kind, frame=frame, **{**usual, **values})

    def settled(self):
        """Wait until the frames to copy from are chosen."""
        chooser = self.page.results.chooser
        wait_for(lambda: not (chooser and chooser.busy))

    def export(self, what):
        """Export, wait for the end, and return how it was."""
        self.page.export.begin(what)
        wait_for(lambda: self.page.export.phase not in ("frames", "video"))
        return self.page.export.state()


def wait_for(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}
