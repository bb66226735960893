"""run.py: from two videos to results in one command, which can be interrupted and given again."""

import json
import os
import pickle
import shlex
import shutil
import signal
import sys
import time
from unittest import mock

import numpy as np
import pytest
from PIL import Image

import edit
from tests import films, forked
from tests.conftest import refuse, run_script, succeed
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


@pytest.fixture(scope="session")
def videos(shared):
    """Two green-screen videos; A's has sound."""

    def make(folder):
        folder.mkdir()
        for name, frames in (("a", 12), ("b", 9)):
            pictures, _ = films.scene(frames, "green", name)
            films.write_video(folder / f"{name}.mp4", pictures, fps=6)
        films.ffmpeg("-i", folder / "a.mp4", "-f", "lavfi", "-i", "sine=duration=2", "-c:v", "copy",
                     "-shortest", folder / "loud a.mp4")  # fmt: skip
        (folder / "tiny.yaml").write_text(TINY)

    return shared("green videos", make)


def words(videos, out, *more):
    """The command line of a small run."""
    given = [videos / "loud a.mp4", videos / "b.mp4", "--out", out, "--settings"]
    given += [videos / "tiny.yaml", "--mask_a", "chroma", "--mask_b", "chroma", "--device", "cpu"]
    return [str(word) for word in (*given, *more)]


def of_prepared(argv, out):
    """The command line `argv` for the clips that a run has prepared in `out`."""
    rest = [word for word in argv[2:] if word not in ("--mask_a", "--mask_b", "chroma")]
    return [str(out / "a"), str(out / "b"), *rest]


def calling(function):
    """Context in which a step's script is called by `function(step, arguments that are added)`.

    The processes in which steps run otherwise are for tests/test_steps.py.
    """
    return mock.patch("engine.steps._call", function)


@pytest.fixture(scope="session")
def finished(videos, shared):
    """Folder of a run with every script's real work, the steps it took, and what it printed."""

    def run(folder):
        taken = []

        def call(step, extra):
            taken.append(step)
            succeed(step.script, [*step.argv, *extra])

        with calling(call), mock.patch("engine.log.plot_losses", lambda log, path: path.touch()):
            text = succeed("run.py", words(videos, folder / "it's mine"))
        (folder / "taken").write_bytes(pickle.dumps((taken, text)))

    folder = shared("finished run", run)
    return folder / "it's mine", *pickle.loads((folder / "taken").read_bytes())


def stand_in(finished, stops_in=None):
    """What does the work of scripts: a function for `calling`, and the list of steps it took.

    Clips are copied from the finished run, other products are empty files.
    """
    taken = []

    def call(step, _):
        taken.append(step)
        if step.name == stops_in:
            sys.exit(130)
        if step.script == "prepare_data.py":
            folder = step.products[0].parent
            shutil.copytree(finished[0] / folder.name, folder)
        for path in step.products:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    return call, taken


@pytest.mark.slow
def test_a_run_ends_with_results(finished, tmp_path):
    """Slow: two clips go through all ten steps, the one run of the suite that does all the work."""
    out, taken, text = finished
    assert [step.name for step in taken] == STEPS
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
    films.ffmpeg("-i", results / "6_ab.mp4", "-vn", tmp_path / "ab.wav")  # fails without sound
    assert (tmp_path / "ab.wav").stat().st_size > 100_000


@pytest.mark.slow
def test_a_second_call_does_nothing(finished, videos):
    """Slow: it needs the finished run."""
    out, *_ = finished
    files = [path for path in out.rglob("*") if path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in files}
    text = succeed("run.py", words(videos, out))
    assert text.count("done before") == len(STEPS)
    assert {path: path.stat().st_mtime_ns for path in files} == before


@pytest.mark.slow
def test_a_run_interrupted_in_every_step_goes_on_from_there(finished, videos, tmp_path):
    """Slow: it needs the clips of the finished run."""
    argv = words(videos, tmp_path / "run")
    for number, step in enumerate(STEPS):
        call, taken = stand_in(finished, step)
        with calling(call):
            done = run_script("run.py", argv)
        assert done.returncode == 130
        # Each begins with the step in which the one before was interrupted.
        assert [one.name for one in taken] == STEPS[max(0, number - 1) : number + 1]
        assert done.stdout.count("done before") == max(0, number - 1)
    call, taken = stand_in(finished)
    with calling(call):
        text = succeed("run.py", argv)
    assert [step.name for step in taken] == STEPS[-1:]
    assert f"done: {tmp_path}/run/quick/6_both.mp4" in text


@pytest.mark.slow
def test_a_run_is_edited_by_its_folder(finished, tmp_path):
    """What was not edited is exported as the run drew it, in place and with its sound.

    Slow: it needs the finished run, and frames and a video are made anew.
    """
    run = finished[0] / "quick"
    words = [str(run), "--out", str(tmp_path), "--device", "cpu"]
    page = edit.open_page(*edit.settled(words))
    page.export.begin("video")
    page.export.wait()
    assert page.export.state()["files"][0] == str(tmp_path / "6_edited.mp4"), page.export.trouble
    for number in range(12):
        name = f"final_ab_{number}.jpg"
        paths = run / "frames" / name, tmp_path / "edited_frames" / name
        one, other = (np.asarray(Image.open(path)).astype(int) for path in paths)
        assert np.abs(one - other).mean() < 0.5
    assert len(list(open_source(tmp_path / "6_edited.mp4"))) == 12


@pytest.mark.slow
def test_training_is_not_replaced_unasked(finished, videos):
    """Slow: it needs the finished run."""
    out, *_ = finished
    refuse("run.py", words(videos, out, "--seed", "1"), "stage one", "--overwrite")
    record = json.loads((out / "quick/steps.json").read_text())
    assert record["stage one"]["done"]


@pytest.mark.slow
def test_replaced_training_is_not_gone_on_from(finished, videos, tmp_path):
    """Ctrl-C right after --overwrite took hold: the former run left nothing to resume.

    Until then nobody else trains in its folders.

    Slow: it needs the finished run, and two processes.
    """
    out = tmp_path / "run"
    shutil.copytree(finished[0], out)
    argv = of_prepared(words(videos, out, "--seed", "1", "--overwrite"), out)
    log = tmp_path / "log"
    process = forked.start("run.py", argv, log)
    while not (log.exists() and log.read_text()):
        assert process.is_alive()
        time.sleep(0.02)
    by_hand = ["--root_a", "a_seg", "--root_b", "b_seg", "--out", f"{out}/quick/first"]
    held = f"{out}/quick is in use by run.py (process {process.pid} on "
    refuse("train_first_stage.py", by_hand, held)
    os.kill(process.pid, signal.SIGINT)
    process.join(60)
    assert process.exitcode == 130
    lines = log.read_text().splitlines()
    assert lines[0] == "stage one: train_first_stage.py"
    assert lines[-1] == "interrupted in stage one; the same command goes on from there"
    assert not (out / "quick/first/checkpoint").exists()
    record = json.loads((out / "quick/steps.json").read_text())
    assert not record["stage one"]["done"]


@pytest.mark.slow
def test_prepared_clips_are_used_as_they_are(finished, videos, tmp_path):
    """The steps are those of the finished run, but for the clips and where they lie.

    Slow: it needs the finished run.
    """
    out, former, _ = finished
    argv = of_prepared(words(videos, tmp_path / "again"), out)
    refuse("run.py", [*argv, "--mask_a", "chroma"], "--mask_a is for a video", "prepared already")
    call, taken = stand_in(finished)
    with calling(call):
        text = succeed("run.py", argv)
    assert "clip A" not in text
    assert [step.name for step in taken] == STEPS[2:]
    for step, usual in zip(taken, former[2:]):
        moved = [word.replace(f"{tmp_path}/again/quick", f"{out}/quick") for word in step.argv]
        assert moved == list(usual.argv)


def test_another_clip_is_refused_before_it_is_prepared(prepared, videos, tmp_path):
    (tmp_path / "clips").mkdir()
    for name in "ab":
        (tmp_path / "clips" / name).symlink_to(prepared)
    clips, out = [tmp_path / "clips"], tmp_path / "run"
    call, taken = stand_in(clips)
    with calling(call):
        succeed("run.py", words(videos, out))
    assert [step.name for step in taken] == STEPS
    call, taken = stand_in(clips, "clip A")
    other = words(videos, out, "--end_a", "1")
    with calling(call):
        refuse("run.py", other, "clip A: ", "holds training with", "--overwrite")
        shutil.copy(out / "b/masks/1.png", out / "b/masks/0.png")
        refuse("run.py", words(videos, out), "clip B: ", "other masks", "--overwrite")
        assert not taken
        assert run_script("run.py", [*other, "--overwrite"]).returncode == 130
    assert [step.name for step in taken] == ["clip A"]


def test_a_refused_video_is_told_of_in_words_of_this_script(videos, tmp_path):
    def call(step, _):
        sys.exit(2)

    with calling(call):
        done = run_script("run.py", words(videos, tmp_path / "my run", "--fps_a", "3"))
    assert done.returncode == 2
    line = done.stdout.strip().splitlines()[-1]
    assert "--box is --box_a here" in done.stdout
    assert f"name {tmp_path}/my run/a in place of the video" in done.stdout
    assert shlex.split(line) == [
        "python", "prepare_data.py", str(videos / "loud a.mp4"), "--out", f"{tmp_path}/my run/a",
        "--fps", "3.0", "--interactive",
    ]  # fmt: skip


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
    process = forked.start("run.py", argv, tmp_path / "log")
    process.join(60)
    assert process.exitcode == 2
    said = (tmp_path / "log").read_text()
    assert "none.mp4 does not exist" in said
    assert "Traceback" not in said
    assert run_script("run.py", argv).returncode == 2
