"""run.py: from two videos to results in one command, cut at every step and continued."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests import films
from tests.conftest import ROOT, refuse, run_script, succeed
from video.reader import open_source

STEPS = ["clip A", "clip B", "stage one", "stage two", "frames ab", "frames ba", "video both",
         "video ab", "video ba", "measures"]  # fmt: skip
TINY = """
resize_w: 64
resize_h: 64
num_kp: 5
kp_width: 4
ngf: 4
train_first_stage: {bs: 2, iters: 3, save_check: 2, save_img: 2, eval_test: 2, print_loss: 1}
train_second_stage: {bs: 2, iters: 3, save_check: 2, save_img: 2, eval_test: 2, print_loss: 1}
"""


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Two green-screen videos; A's has sound."""
    folder = tmp_path_factory.mktemp("videos")
    for name, frames in (("a", 12), ("b", 9)):
        pictures, _ = films.scene(frames, "green", name)
        films.write_video(folder / f"{name}.mp4", pictures, fps=6)
    films.ffmpeg("-i", folder / "a.mp4", "-f", "lavfi", "-i", "sine=duration=2", "-c:v", "copy",
                 "-shortest", folder / "loud a.mp4")  # fmt: skip
    (folder / "tiny.yaml").write_text(TINY)
    return folder


def words(videos, out, *more):
    """The command line of a small run."""
    given = [videos / "loud a.mp4", videos / "b.mp4", "--out", out, "--settings"]
    given += [videos / "tiny.yaml", "--mask_a", "chroma", "--mask_b", "chroma", "--device", "cpu"]
    return [str(word) for word in (*given, *more)]


def interrupt_at(step, argv):
    """Run until `step` begins, then Ctrl-C; returns what was printed."""
    command = [sys.executable, "-u", str(ROOT / "run.py"), *argv]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.startswith(f"{step}: ") and line.strip().endswith(".py"):
            process.send_signal(signal.SIGINT)
            break
    lines += process.stdout.read().splitlines()
    assert process.wait() == 130, lines
    return lines


@pytest.fixture(scope="module")
def finished(videos, tmp_path_factory):
    """Folder of a run that was cut in every step, and what the last call printed."""
    out = tmp_path_factory.mktemp("runs") / "it's mine"
    argv = words(videos, out)
    for number, step in enumerate(STEPS):
        lines = interrupt_at(step, argv)
        assert f"interrupted in {step}; the same command goes on from there" in lines
        assert sum(line.endswith("done before") for line in lines) >= number - 1
    return out, succeed("run.py", argv)


def test_a_run_cut_in_every_step_ends_with_results(finished):
    out, text = finished
    assert f"done: {out}/quick/6_both.mp4" in text
    results = out / "quick"
    both = np.stack(list(open_source(results / "6_both.mp4")))
    assert len(both) == 9
    for name, count in (("ab", 12), ("ba", 9)):
        video = open_source(results / f"6_{name}.mp4")
        pictures = np.stack(list(video))
        assert pictures.shape[0] == count
        assert pictures[:, :60].std() > 5
    assert (results / "evaluation/report.html").stat().st_size > 10000
    films.ffmpeg("-i", results / "6_ab.mp4", "-vn", results / "6_ab.wav")  # fails without sound
    assert (results / "6_ab.wav").stat().st_size > 100_000


def test_a_second_call_does_nothing(finished, videos):
    out, _ = finished
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    text = succeed("run.py", words(videos, out))
    assert text.count("done before") == len(STEPS)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before


def test_training_is_not_replaced_unasked(finished, videos):
    out, _ = finished
    refuse("run.py", words(videos, out, "--seed", "1"), "stage one", "--overwrite")
    record = json.loads((out / "quick/steps.json").read_text())
    assert record["stage one"]["done"]


def test_replaced_training_is_not_gone_on_from(finished, videos):
    """Cut right after --overwrite took hold: nothing of the former run is left to go on from."""
    out, _ = finished
    interrupt_at("stage one", words(videos, out, "--seed", "1", "--overwrite"))
    assert not (out / "quick/first/checkpoint").exists()
    record = json.loads((out / "quick/steps.json").read_text())
    assert not record["stage one"]["done"]


def test_prepared_clips_are_used_as_they_are(finished, videos, tmp_path):
    out, _ = finished
    argv = words(videos, tmp_path / "again")
    argv[:2] = [str(out / "a"), str(out / "b")]
    text = succeed("run.py", argv)
    assert "clip A" not in text
    assert (tmp_path / "again/quick/6_ab.mp4").is_file()


def test_mistakes_are_said_before_any_work(videos, tmp_path):
    (tmp_path / "bad.yaml").write_text("train_first_stage: {iterz: 3}")
    out = tmp_path / "out"
    refuse("run.py", [*words(videos, out), "--settings", str(tmp_path / "bad.yaml")], "iterz")
    refuse("run.py", [str(videos / "a.mp4"), "--out", str(out)], "two clips")
    (tmp_path / "vgg.yaml").write_text("train_second_stage: {lambda_vgg: 1, vgg_weights: no.pth}")
    refuse("run.py", [*words(videos, out), "--settings", str(tmp_path / "vgg.yaml")], "no.pth")
    assert not out.exists()
    argv = words(videos, out)
    argv[1] = str(videos / "none.mp4")
    process = subprocess.run([sys.executable, str(ROOT / "run.py"), *argv], cwd=ROOT,
                             capture_output=True, text=True)  # fmt: skip
    assert process.returncode == 2
    assert "none.mp4 does not exist" in process.stderr
    assert "Traceback" not in process.stderr
    assert run_script("run.py", argv).returncode == 2
