"""run_many.py as a whole, but for Ray and for what run.py does."""

import json
import subprocess
import sys
from itertools import count

import pytest

from many import cluster
from tests.conftest import run_script
from utils import lifeline

LIST = """
common: {preset: full, device: cpu, seeds: [0, 1], fps_a: 12, settings: mine.yaml}
pairs:
  - {name: good, clip_a: a.mp4, clip_b: b.mp4, overwrite: false}
  - {name: bad, clip_a: a.mp4, clip_b: b.mp4, seeds: 5, overwrite: true}
"""
# run.py's part: what it was given, a video, and an end by its name.
RUN = """
import json, pathlib, sys
out = pathlib.Path(next(w for w in sys.argv if w.startswith("--out=")).partition("=")[2])
(out / "full").mkdir(exist_ok=True)
(out / "full/12_both.mp4").touch()
(out / "argv.json").write_text(json.dumps(sys.argv[1:]))
if "bad" in str(out):
    sys.exit("error: <b>no</b> masks")
"""


class Inline:
    """Stands in for a cluster of this machine: calls are made when they are looked for."""

    def __init__(self, address):
        self.calls, self.numbers = {}, count()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def nodes(self):
        return {"here": cluster.Machine("here", "127.0.0.1", 1.0, 0.0)}

    def submit(self, function, *arguments, **_):
        number = next(self.numbers)
        self.calls[number] = function, arguments
        return number

    def finished(self, handles, seconds):
        return handles[:1]

    def result(self, handle):
        function, arguments = self.calls[handle]
        return function(*arguments)

    def cancel(self, handles, seconds):
        pass


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The command of a list of three runs, in a folder with the two clips."""
    for name in "ab":
        (tmp_path / f"{name}.mp4").touch()
    (tmp_path / "mine.yaml").write_text("train_second_stage: {lambda_vgg: 0}\n")
    (tmp_path / "pairs.yaml").write_text(LIST)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cluster, "Cluster", Inline)
    monkeypatch.setattr(cluster, "refuse_missing", lambda what: None)

    def start(script, *words, **more):
        assert script == "run.py"
        return subprocess.Popen([sys.executable, "-c", RUN, *words], **more)

    monkeypatch.setattr(lifeline, "start", start)
    return ["pairs.yaml", "--out", "results"]


def test_a_list_is_made_and_what_fails_says_why(command, tmp_path):
    done = run_script("run_many.py", command)
    assert done.returncode == 1, done.stderr
    assert "bad, seed 5: failed: <b>no</b> masks" in done.stdout
    assert f"2 of 3 done: {tmp_path}/results/index.html" in done.stdout
    page = (tmp_path / "results/index.html").read_text()
    assert "&lt;b&gt;no&lt;/b&gt; masks" in page and "good/seed1/full/12_both.mp4" in page
    for name, seed, last in (("good", 0, []), ("good", 1, []), ("bad", 5, ["--overwrite"])):
        out = tmp_path / f"results/{name}/seed{seed}"
        given = json.loads((out / "argv.json").read_text())
        assert given[:2] == [f"{tmp_path}/a.mp4", f"{tmp_path}/b.mp4"]
        assert {f"--settings={tmp_path}/mine.yaml", "--fps_a=12", "--preset=full"} < {*given}
        assert given[-2:] == [f"--out={out}", f"--seed={seed}"]
        assert [word for word in given if word.startswith("--overwrite")] == last
    assert not (tmp_path / "results/.many").exists()


def test_what_is_interrupted_is_told_and_the_page_knows(command, tmp_path, monkeypatch):
    start = lifeline.start

    def interrupted(script, *words, **more):
        if any("seed1" in word for word in words):
            raise KeyboardInterrupt
        return start(script, *words, **more)

    monkeypatch.setattr(lifeline, "start", interrupted)
    done = run_script("run_many.py", command)
    assert done.returncode == 130
    said = done.stdout.splitlines()
    assert said[-2].startswith("stops, once") and said[-1] == "the same command goes on from there"
    page = (tmp_path / "results/index.html").read_text()
    assert "1 done" in page and "2 queued" in page and "1 running" not in page
    monkeypatch.setattr(lifeline, "start", start)
    done = run_script("run_many.py", command)
    assert "2 of 3 done" in done.stdout and "good, seed 0: done" in done.stdout
