"""The real command lines on a small drawn pair, from training to frames, and users' mistakes.

These tests are slow: they train, interrupt and kill real runs.
"""

import csv
import errno
import itertools
import os
import shutil
import signal
import threading
import time
from unittest import mock
from urllib.error import URLError

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import gen_vid
from engine import run_folder
from tests import forked, weights
from tests.conftest import SMALL, refuse, succeed
from utils import loss_log, options

pytestmark = pytest.mark.slow

FIRST, SECOND = "train_first_stage.py", "train_second_stage.py"


def log(folder):
    """Rows of log.csv as text, so that equality is exact; without the speed, which varies."""
    with open(folder / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(float(row.pop(loss_log.RATE)) > 0 for row in rows)
    return rows


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_stage_one_writes_what_it_should(first):
    wanted = {"checkpoint_0", "checkpoint_2", "checkpoint_4", "checkpoint", "log.csv", "losses.png"}
    wanted |= {"config.yaml", "reconstruction_0.png", "4-kp.png", "test_4.png", "4-kp_test.png"}
    assert wanted <= names(first)
    assert any(name.startswith("events.out.tfevents") for name in names(first))
    rows = log(first)
    assert [row["iteration"] for row in rows] == list("01234")
    assert {"l2_rec", "loss_sill", "loss_d_a", "disc_B", "theta_0"} <= set(rows[0])
    state = torch.load(first / "checkpoint", weights_only=True)
    keys = {
        "G_A",
        "Disc",
        "KP",
        "g_opt",
        "d_opt",
        "learned_t",
        "epoch",
        "iteration",
        "seconds",
        "options",
        "means",
    }
    assert set(state) == keys
    assert state["iteration"] == 5
    assert state["learned_t"].shape == (1, 2, 3)
    assert yaml.safe_load((first / "config.yaml").read_text())["num_kp"] == 5
    assert Image.open(first / "test_4.png").size[0] > 128 * 2
    assert np.ptp(np.asarray(Image.open(first / "losses.png").convert("L"))) > 200


def test_stage_two_writes_what_it_should(first, second):
    wanted = {"checkpoint_0", "checkpoint_3", "checkpoint", "reconstruction_3.png", "3-kp.png"}
    wanted |= {"test_3.png", "3-kp_test_.png", "losses.png"}
    assert wanted <= names(second)
    state = torch.load(second / "checkpoint", weights_only=True)
    keys = {
        "G_A",
        "R_A",
        "R_B",
        "KP",
        "g_opt2",
        "learned_t",
        "epoch",
        "iteration",
        "seconds",
        "options",
        "means",
    }
    assert set(state) == keys
    before = torch.load(first / "checkpoint_4", weights_only=True)
    assert torch.equal(state["learned_t"], before["learned_t"])
    for network, moves in (("G_A", False), ("KP", True)):
        for key, value in state[network].items():
            statistic = "running" in key or "num_batches" in key
            assert torch.equal(value, before[network][key]) != (moves and statistic), key


def test_stage_two_goes_on_where_it_stopped(pair, second, tmp_path):
    flags = f"--root_a {pair}/a/train_seg/ --root_b {pair}/b/train_seg/ --device cpu --bs 2 "
    flags += "--lambda_vgg 0 --print_loss 1 --iters 4 --save_check 99"
    load = f"--load {second}/checkpoint_0 --load_second_stage --out {tmp_path}"
    assert "at iteration 1" in succeed(SECOND, f"{flags} {load}")
    assert log(tmp_path) == log(second)[1:]


def test_a_killed_run_goes_on_with_the_same_losses(roots, tmp_path):
    """kill -9 in mid-run, then --load: losses equal those of an unbroken run to the last digit."""
    flags = f"{roots} {SMALL} --bs 2 --seed 3 --affine --print_loss 1 --save_check 3 --save_img 99"
    killed, load = f"{flags} --out {tmp_path}/killed", f"--load {tmp_path}/killed/checkpoint_3"
    succeed(FIRST, f"{flags} --iters 8 --out {tmp_path}/unbroken")
    process = forked.start(FIRST, killed.split(), tmp_path / "log")
    wait_for(tmp_path / "killed/checkpoint_3", process)
    process.kill()
    process.join()
    if len(run_folder.numbered(tmp_path / "killed")) > 2:  # it got further before it died
        refuse(FIRST, f"{killed} --iters 8 {load}", "--overwrite to drop what came later")
        load += " --overwrite"
    succeed(FIRST, f"{killed} --iters 8 {load}")
    assert log(tmp_path / "killed") == log(tmp_path / "unbroken")


def wait_for(path, process, seconds=120):
    end = time.time() + seconds
    while not path.exists():
        assert process.is_alive(), f"ended with {process.exitcode}"
        assert time.time() < end, f"no {path} after {seconds} s"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_saves_and_resumes(roots, tmp_path, number):
    flags = f"{roots} {SMALL} --bs 2 --print_loss 1 --save_img 9999 --out {tmp_path}"
    process = forked.start(FIRST, flags.split(), tmp_path / "log")
    wait_for(tmp_path / "checkpoint_0", process)
    os.kill(process.pid, number)
    process.join(60)
    assert process.exitcode == 128 + number
    assert "--resume" in (tmp_path / "log").read_text().splitlines()[-1]
    last = max(run_folder.numbered(tmp_path))
    done = succeed(FIRST, f"{flags} --iters {last + 3} --resume")
    assert f"going on from {tmp_path}/checkpoint_{last} at iteration {last + 1}" in done
    assert [int(row["iteration"]) for row in log(tmp_path)] == list(range(last + 3))


def test_an_out_that_holds_a_run_is_safe(pair, first, roots, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(first, out)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    flags = f"{roots} {SMALL} --bs 2 --iters 2 --out {out}"
    refuse(FIRST, flags, "already holds checkpoint", "--resume", "--overwrite")
    refuse(FIRST, flags + " --overwrite --root_b nowhere_seg", "nowhere_seg does not exist")
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    succeed(FIRST, flags + " --overwrite")
    assert "checkpoint_4" not in names(out)
    assert len(log(out)) == 1


def test_a_new_learning_rate_wins_over_the_checkpoints(roots, tmp_path):
    flags = f"{roots} {SMALL} --bs 2 --out {tmp_path} --resume"
    succeed(FIRST, f"{flags} --iters 1")
    for given, wanted in (("--iters 2", 1e-4), ("--iters 3 --g_lr 0.003", 0.003)):
        succeed(FIRST, f"{flags} {given}")
        state = torch.load(tmp_path / "checkpoint", weights_only=True)
        assert state["g_opt"]["param_groups"][0]["lr"] == wanted
        assert state["d_opt"]["param_groups"][0]["lr"] == 1e-4


def test_resume_where_nothing_is_left_to_do(roots, tmp_path):
    """A missing checkpoint is written again, and a longer run goes on from it as if unbroken."""
    flags = f"{roots} {SMALL} --bs 2 --print_loss 1 --save_check 1 --out"
    succeed(FIRST, f"{flags} {tmp_path}/unbroken --iters 4")
    out = tmp_path / "stopped"
    succeed(FIRST, f"{flags} {out} --iters 2")
    (out / "checkpoint").unlink()
    for fewer in (2, 1):
        load = f"--load {out}/checkpoint_1"
        assert "2 iterations done" in succeed(
            FIRST, f"{flags} {tmp_path}/copy{fewer} --iters {fewer} {load}"
        )
        copy = torch.load(tmp_path / f"copy{fewer}/checkpoint", weights_only=True)
        assert copy["iteration"] == 2
    assert "2 iterations done" in succeed(FIRST, f"{flags} {out} --iters 2 --resume")
    assert "at iteration 2" in succeed(FIRST, f"{flags} {out} --iters 4 --resume")
    assert log(out) == log(tmp_path / "unbroken")


def test_resume_starts_where_there_is_nothing(roots, tmp_path):
    flags = f"{roots} {SMALL} --bs 2 --iters 1 --out {tmp_path}/new --resume"
    assert f"nothing to resume in {tmp_path}/new; starting" in succeed(FIRST, flags)
    assert "checkpoint" in names(tmp_path / "new")
    assert "nothing to resume" not in succeed(FIRST, flags)


def test_inference_is_the_same_for_any_batch_and_run(roots, second, tmp_path):
    flags = f"{roots} --load {second}/checkpoint --affine --splitted --data_size 5 --device cpu"
    for out, bs in (("one", 1), ("three", 3), ("again", 3)):
        succeed("inference.py", f"{flags} --bs {bs} --out {tmp_path}/{out}")
    kinds = ("a", "seg_a", "refined_ab", "decoded_ab", "b", "seg_b", "refined_ba", "decoded_ba")
    assert names(tmp_path / "one") == {f"{kind}_{i}.jpg" for kind in kinds for i in range(5)}
    for name in names(tmp_path / "one"):
        one, three, again = (
            np.asarray(Image.open(tmp_path / out / name), float)
            for out in ("one", "three", "again")
        )
        assert one.shape == (64, 64, 3)
        assert np.abs(one - three).mean() < 1
        assert (three == again).all()


def test_inference_sheets_sizes_and_wrapping(roots, second, tmp_path):
    sheets = (
        f"{roots} --load {second}/checkpoint --data_size 2 --device cpu --out {tmp_path}/sheets"
    )
    succeed("inference.py", sheets)
    kinds = ("recon_a_", "recon_b_", "aba_", "bab_", "kp_", "kp_test_a", "kp_test_b")
    assert names(tmp_path / "sheets") == {f"{kind}{i}.jpg" for kind in kinds for i in range(2)}
    sized = (
        f"{roots} --load {second}/checkpoint --data_size 10 --splitted --w 40 --h 30 --device cpu"
    )
    text = succeed("inference.py", f"{sized} --bs 4 --out {tmp_path}/sized")
    assert "8 frames of A and 8 frames of B done" in text
    assert Image.open(tmp_path / "sized/refined_ab_7.jpg").size == (40, 30)
    assert "a_8.jpg" not in names(tmp_path / "sized")  # eight frames, then round again


def test_inference_aligns_only_where_it_is_asked_to(roots, second, tmp_path):
    flags = f"{roots} --load {second}/checkpoint --data_size 1 --splitted --device cpu"
    for out, extra in (("aligned", "--affine"), ("plain", "")):
        succeed("inference.py", f"{flags} --out {tmp_path}/{out} {extra}")
    for name, same in (("a_0.jpg", True), ("decoded_ab_0.jpg", False)):
        files = (tmp_path / out / name for out in ("aligned", "plain"))
        assert len({file.read_bytes() for file in files}) == (1 if same else 2), name


def test_a_shorter_clip_goes_round(pair, roots, second, tmp_path, monkeypatch):
    """A has three frames, B eight: A's files are written once, at its last time round."""
    for name in (f"train{s}/{i}.jpg" for s in ("", "_seg") for i in range(3)):
        (tmp_path / "a" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pair / "a" / name, tmp_path / "a" / name)
    short = f"--root_a {tmp_path}/a/train_seg --root_b {pair}/b/train_seg"
    flags = f"--load {second}/checkpoint --affine --data_size 8 --device cpu"
    write, written = Image.Image.save, []

    def save(image, path, **keywords):
        written.append(path)
        write(image, path, **keywords)

    monkeypatch.setattr(Image.Image, "save", save)
    for mode in ("", "--splitted"):
        succeed("inference.py", f"{roots} {flags} {mode} --out {tmp_path}/long")
        succeed("inference.py", f"{short} {flags} {mode} --out {tmp_path}/short")
    assert len(set(written)) == len(written)
    for path in (tmp_path / "short").glob("*"):
        if not path.name.startswith("kp_") or path.name.startswith("kp_test"):
            assert path.read_bytes() == (tmp_path / "long" / path.name).read_bytes(), path.name
    assert len(names(tmp_path / "short")) == 3 * 4 + 8 * 4 + 3 * 4 + 8 * 3
    for own, other in ((0, 6), (1, 7), (2, 5)):
        both = np.asarray(Image.open(tmp_path / f"short/kp_{own}.jpg"))
        upper, lower = (np.asarray(Image.open(tmp_path / f"long/kp_{i}.jpg")) for i in (own, other))
        assert (both[:128] == upper[:128]).all()
        assert (both[192:] == lower[192:]).all()  # clear of what JPEG blends with the upper row


def test_a_full_disk_is_said_in_one_sentence(roots, second, tmp_path, monkeypatch):
    """It happens in a writing thread, in the middle of a picture."""
    write, threads = Image.Image.save, set()

    def fill(image, path, **keywords):
        threads.add(threading.current_thread())
        write(image, path, **keywords)
        if "refined_ba_5" in str(path):
            path.write_bytes(path.read_bytes()[:100])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fill)
    flags = f"{roots} --load {second}/checkpoint --splitted --device cpu"
    refuse("inference.py", f"{flags} --out {tmp_path}", "refined_ba_5.jpg cannot", "No space left")
    assert threading.main_thread() not in threads
    assert not {name for name in names(tmp_path) if name.startswith(".") or "refined_ba_5" in name}


@pytest.mark.parametrize("mode", ["--splitted", ""])
def test_an_interrupted_inference_leaves_whole_pictures_only(pair, second, tmp_path, mode):
    """Ctrl-C with hundreds of frames to go."""
    for name in (f"{clip}/train{s}" for clip in "ab" for s in ("", "_seg")):
        (tmp_path / name).mkdir(parents=True)
        for i in range(300):
            (tmp_path / name / f"{i}.jpg").symlink_to(pair / name / f"{i % 8}.jpg")
    out = tmp_path / "out"
    flags = f"--root_a {tmp_path}/a/train_seg --root_b {tmp_path}/b/train_seg --device cpu"
    flags += f" --load {second}/checkpoint --bs 3 --out {out} {mode}"
    process = forked.start("inference.py", flags.split(), tmp_path / "log")
    wait_for(out / ("a_2.jpg" if mode else "kp_2.jpg"), process)
    os.kill(process.pid, signal.SIGINT)
    process.join(20)
    assert process.exitcode == 130
    assert (tmp_path / "log").read_text() == "interrupted\n"
    assert len(names(out)) < 300 * 7
    for path in out.iterdir():
        assert not path.name.startswith(".")
        Image.open(path).load()


def test_stage_two_after_a_stage_one_without_affine(roots, tmp_path):
    strong = f"{roots} {SMALL} --strong_kp --bs 2 --iters 1 --out {tmp_path}/first"
    succeed(FIRST, strong)
    common = f"{roots} --device cpu --bs 2"
    load = f"--load {tmp_path}/first/checkpoint --lambda_vgg 0"
    succeed(SECOND, f"{common} {load} --iters 1 --out {tmp_path}/second")
    load = f"--load {tmp_path}/second/checkpoint"
    succeed("inference.py", f"{common} {load} --data_size 1 --out {tmp_path}/frames")
    refuse(
        "inference.py", f"{common} {load} --affine --out {tmp_path}/x", "--affine", "contradicts"
    )


def test_vgg_weights_from_a_file_and_from_the_cache(roots, first, tmp_path, monkeypatch):
    cache = tmp_path / "home/hub/checkpoints"
    cache.mkdir(parents=True)
    weights.vgg16_file(cache / "vgg16-397923af.pth")
    flags = f"{roots} --device cpu --bs 2 --load {first}/checkpoint --iters 1"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    succeed(SECOND, f"{flags} --out {tmp_path}/cache")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    given = f"--vgg_weights {cache}/vgg16-397923af.pth"
    succeed(SECOND, f"{flags} --out {tmp_path}/file {given}")
    values = [log(tmp_path / out)[0]["vgg_rec"] for out in ("cache", "file")]
    assert values[0] == values[1]
    assert float(values[0]) > 0


def test_missing_or_wrong_vgg_weights_stop_before_training(roots, first, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "urlopen", mock.Mock(side_effect=URLError("no network")))
    flags = f"{roots} --device cpu --bs 2 --load {first}/checkpoint --out {tmp_path}/out"
    ways = "--vgg_weights FILE", str(tmp_path), "--lambda_vgg 0"
    refuse(SECOND, flags, "no network", *ways)
    refuse(SECOND, f"{flags} --vgg_weights {tmp_path}/none.pth", "none.pth cannot be read", *ways)
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "other.pth")
    refuse(SECOND, f"{flags} --vgg_weights {tmp_path}/other.pth", "other.pth is no VGG16", *ways)
    assert not (tmp_path / "out").exists()


def test_a_nan_stops_the_run_and_names_the_term(roots, tmp_path):
    flags = f"{roots} {SMALL} --bs 2 --print_loss 1 --save_check 1 --iters 40 --out {tmp_path}"
    refuse(FIRST, f"{flags} --g_lr 1e12", "became NaN or infinite at iteration")
    for path in tmp_path.glob("checkpoint*"):
        state = torch.load(path, weights_only=True)
        assert all(torch.isfinite(t).all() for t in state["G_A"].values())


def test_users_mistakes_in_training(roots, pair, first, second, tmp_path):
    out = f"--out {tmp_path}/out --device cpu"
    small = f"{roots} {SMALL} --out {tmp_path}/out"
    refuse(FIRST, f"--root_a {pair}/a/train_seg {out}", "--root_b")
    refuse(FIRST, f"{roots} {out} --resize_w 100", "--resize_w 100 does not fit", "multiple of 128")
    refuse(FIRST, f"{small} --bs 8", "clip A has 8 frames", "--bs")
    refuse(FIRST, f"{small} --bs 2 --device cuda:99", "cuda:99")
    refuse(FIRST, f"{small} --bs 2 --load {tmp_path}/none", "none is no file")
    refuse(FIRST, f"{small} --bs 2 --load {second}/checkpoint", "train_second_stage.py")
    refuse(SECOND, f"{small} --bs 2", "no checkpoint of stage one")
    inside = f"--load {first}/checkpoint --out {first} --overwrite"
    refuse(SECOND, f"{small} --bs 2 {inside}", "lies in --out itself")
    refuse(SECOND, f"{small} --bs 2 --load {second}/checkpoint", "train_first_stage.py is needed")
    refuse(
        SECOND, f"{small} --bs 2 --load {first}/checkpoint --num_kp 14", "--num_kp", "contradicts"
    )
    (tmp_path / "file").touch()
    refuse(FIRST, f"{roots} {SMALL} --out {tmp_path}/file/out", "cannot be written")


def test_users_mistakes_in_inference(roots, first, second, tmp_path):
    out = f"{roots} --device cpu --out {tmp_path}/frames"
    refuse("inference.py", f"{out} --load {first}/checkpoint", "is of train_first_stage.py")
    refuse("inference.py", f"{out} --load {second}/checkpoint --ngf 64", "--ngf 64 contradicts")
    refuse("inference.py", f"{out} --load {second}/checkpoint --data_size 0", "--data_size")
    refuse("inference.py", f"{out} --load {second}/checkpoint --resize_w 72", "--resize_w 72")
    refuse("inference.py", out, "(none) is no file")
    assert not (tmp_path / "frames").exists()


@pytest.mark.parametrize(
    ("script", "groups"), [*options.SCRIPTS.items(), ("gen_vid", [gen_vid.VIDEO])]
)
def test_help_names_every_option(script, groups):
    text = succeed(f"{script}.py", "--help").split()
    named = {word.strip(",.;()[]") for word in text}
    assert "--config" in named
    for option in itertools.chain(*groups):
        assert f"--{option.name}" in named
        assert not option.opposite or f"--{option.opposite}" in named
