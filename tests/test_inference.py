"""inference.py beyond the reference's: who drives, from which keypoints, finished in what place."""

import json
import re
from argparse import Namespace

import numpy as np
import pytest
import torch
from PIL import Image

from finishing import tracks
from inference import written_size
from tests.conftest import refuse, succeed

SCRIPT = "inference.py"


@pytest.fixture(scope="module")
def flags(prepared, pair, second):
    """Those of a run with the prepared clip as A, twelve frames, and a drawn one as B, eight."""
    return (
        f"--root_a {prepared}/train_seg --root_b {pair}/b/train_seg --device cpu --affine "
        f"--load {second}/checkpoint --splitted"
    )


@pytest.fixture
def infer(flags, tmp_path):
    """Call the script; returns what it printed. What it writes lies in `tmp_path / name`."""
    return lambda name, words="": succeed(SCRIPT, f"{flags} --out {tmp_path}/{name} {words}")


@pytest.fixture(scope="module")
def found(flags, shared):
    """Folder of a run's pictures and of the keypoints that it found, points.npz."""

    def run(out):
        succeed(SCRIPT, f"{flags} --out {out}/pictures --keypoints_out {out}/points.npz")

    return shared("found_keypoints", run)


def pictures(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read(path):
    return np.asarray(Image.open(path)).astype(int)


def load(path):
    with np.load(path) as file:
        return dict(file)


def test_one_direction_needs_one_clip(prepared, second, tmp_path):
    common = f"--device cpu --load {second}/checkpoint"
    succeed(SCRIPT, f"--root_a {prepared}/train_seg {common} --splitted --direction ab --out "
                    f"{tmp_path}/out")  # fmt: skip
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"{prefix}{n}.jpg" for n in range(12)
                     for prefix in ("a_", "seg_a_", "refined_ab_", "decoded_ab_")}  # fmt: skip
    succeed(SCRIPT, f"--root_b {prepared}/train_seg {common} --direction ba --data_size 2 --out "
                    f"{tmp_path}/sheets")  # fmt: skip
    names = {path.name for path in (tmp_path / "sheets").iterdir()}
    assert names == {f"{prefix}{n}.jpg" for n in range(2)
                     for prefix in ("recon_b_", "bab_", "kp_test_b", "kp_")}  # fmt: skip


def test_keypoints_out_and_in_give_the_same_pictures(infer, found, tmp_path):
    assert load(found / "points.npz")["a"].shape == (8, 5, 2)  # as many as the shorter clip has
    wanted = pictures(found / "pictures")
    infer("plain")
    assert pictures(tmp_path / "plain") == wanted
    # Where nothing is yet.
    infer("npz", f"--keypoints_in {found}/points.npz --keypoints_out {tmp_path}/new/points.json")
    assert pictures(tmp_path / "npz") == wanted
    infer("json", f"--keypoints_in {tmp_path}/new/points.json")
    assert pictures(tmp_path / "json") == wanted


def test_an_edited_keypoint_changes_its_frame_only(infer, found, tmp_path):
    before, content = pictures(found / "pictures"), load(found / "points.npz")
    content["a_moved"][3, 2] += 0.4
    np.savez(tmp_path / "points.npz", **content)
    infer("in", f"--keypoints_in {tmp_path}/points.npz")
    after = pictures(tmp_path / "in")
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"refined_ab_3.jpg", "decoded_ab_3.jpg"}
    assert changed
    del content["a_moved"]  # then those before the affine map count
    content["a"][5] += 0.3
    np.savez(tmp_path / "points.npz", **content)
    infer("again", f"--keypoints_in {tmp_path}/points.npz --direction ab --data_size 8")
    for number in range(8):
        name = f"refined_ab_{number}.jpg"
        change = read(found / "pictures" / name) - read(tmp_path / "again" / name)
        assert (np.abs(change).max() > 8) == (number == 5)


def test_keypoints_that_do_not_fit_are_refused_before_any_work(flags, found, tmp_path):
    path, out = tmp_path / "points.npz", f"{flags} --out {tmp_path}/in"
    content = load(found / "points.npz")
    refuse(SCRIPT, f"{out} --keypoints_in {found}/points.npz --data_size 4",
           "where 4 are wanted, 0 to 3")  # fmt: skip
    np.savez(path, **{**content, "b": content["b"][:, :3]})
    refuse(SCRIPT, f"{out} --keypoints_in {path}", "checkpoint has 5 keypoints")
    np.savez(path, **{**content, "b": content["b"] * np.inf})
    refuse(SCRIPT, f"{out} --keypoints_in {path}", "NaN or infinite")
    refuse(SCRIPT, f"{out} --keypoints_out points.csv", "ends in .npz or .json")
    assert not (tmp_path / "in").exists()


def test_smoothing_steadies_what_was_found(infer, found, tmp_path):
    text = infer("smooth", f"--smooth 0.8 --keypoints_out {tmp_path}/smooth.npz --data_size 8")
    said = re.search(r"of A, smoothed over 0.8 s at 6 frames .*: jitter (\S+) before, (\S+)", text)
    before, after = float(said[1]), float(said[2])
    assert 0 < after < before / 2
    raw, smooth = load(found / "points.npz"), load(tmp_path / "smooth.npz")
    assert 50 * tracks.jitter(raw["a"]) == pytest.approx(before, abs=1e-3)
    for name in ("a", "a_moved"):
        assert np.allclose(smooth[name], tracks.smooth(raw[name], 0.8, 6), atol=1e-6)


def test_results_return_to_their_frames(infer, prepared, tmp_path):
    infer("out", "--restore --background #102030 --direction ab")
    boxes = json.loads((prepared / "crops.json").read_text())["boxes"]
    assert len(boxes) == 12
    for number, (left, top, width, height) in enumerate(boxes):
        final = read(tmp_path / f"out/final_ab_{number}.jpg")
        assert final.shape == (120, 160, 3)
        away = np.ones((120, 160), bool)
        away[max(0, top - height // 2) : top + 3 * height // 2,
             max(0, left - width // 2) : left + 3 * width // 2] = False  # fmt: skip
        assert np.abs(final[away] - (0x10, 0x20, 0x30)).max() < 12
        assert np.abs(final - (0x10, 0x20, 0x30)).max() > 30


def test_restored_keypoints_out_and_in_give_the_same_pictures(infer, tmp_path):
    """Files hold keypoints of the clip's own pictures, smoothed in those of the stable boxes."""
    points, words = tmp_path / "points.npz", "--restore --alpha --direction ab --data_size 4"
    infer("out", f"{words} --smooth 0.5 --keypoints_out {points}")
    infer("in", f"{words} --keypoints_in {points}")
    for number in range(4):
        one, other = (read(tmp_path / f"{name}/final_ab_{number}.png") for name in ("out", "in"))
        assert one[..., 3].max() > 100
        assert np.abs(one - other).max() <= 2  # float32 on its way out and in


@pytest.mark.parametrize("words", ["", "--restore", "--restore --smooth 0.5"])
def test_sheets_without_the_affine_map_decode_once(flags, tmp_path, words, monkeypatch):
    """Both objects are drawn from the same keypoints then."""
    decoded, decode = [], torch.nn.Sigmoid.forward
    monkeypatch.setattr(torch.nn.Sigmoid, "forward", lambda *x: decoded.append(1) or decode(*x))
    flags = flags.replace("--affine", "").replace("--splitted", "")
    succeed(SCRIPT, f"{flags} --direction ab --data_size 2 --out {tmp_path} {words}")
    assert len(decoded) == 2


def test_alpha_keeps_only_the_object(infer, tmp_path):
    infer("out", "--alpha --restore --direction ab --data_size 2")
    final = read(tmp_path / "out/final_ab_1.png")
    assert final.shape == (120, 160, 4)
    assert not final[:5, :, 3].any()
    infer("small", "--alpha --w 90 --h 40 --direction ab --data_size 2")
    assert read(tmp_path / "small/final_ab_1.png").shape == (40, 90, 4)
    assert read(tmp_path / "small/decoded_ab_1.jpg").shape == (40, 90, 3)


@pytest.mark.parametrize(
    ("asked", "size"),
    [((96, 0), (96, 48)), ((0, 96), (192, 96)), ((50, 60), (50, 60)), ((0, 0), (64, 32))],
)
def test_one_side_alone_keeps_the_proportions(asked, size):
    w, h = asked
    assert written_size(Namespace(resize_w=64, resize_h=32, w=w, h=h)) == size


def test_backgrounds(infer, tmp_path):
    Image.new("RGB", (50, 50), (10, 200, 30)).save(tmp_path / "lawn.png")
    for name, background in {"lawn": tmp_path / "lawn.png", "black": "black"}.items():
        infer(name, f"--background {background} --direction ab --data_size 1")
    final, black = (read(tmp_path / name / "final_ab_0.jpg") for name in ("lawn", "black"))
    assert final.shape == (64, 64, 3)
    seen = final[:4, :4].mean((0, 1)) - black[:4, :4].mean((0, 1))
    red, green, blue = seen  # a young network's silhouette is nowhere 0
    assert green > 20 and green > 2 * max(red, blue)
    infer("driver", "--restore --background driver --direction ab --data_size 2")
    assert read(tmp_path / "driver/final_ab_1.jpg").shape == (120, 160, 3)


def test_a_driver_without_whole_frames_has_no_background(roots, second, tmp_path):
    flags = f"{roots} --load {second}/checkpoint --device cpu --restore --background driver"
    refuse(SCRIPT, f"{flags} --out {tmp_path}/out", "holds no folder frames/", "prepare_data.py")


def test_mistakes(flags, tmp_path):
    out = f"{flags} --out {tmp_path}/out"
    refuse(SCRIPT, f"{out} --background driver", "add --restore")
    refuse(SCRIPT, f"{out} --background nowhere.png", "--background nowhere.png is no picture")
    refuse(SCRIPT, f"{out} --background navy --alpha", "drop --background or --alpha")
    assert not (tmp_path / "out").exists()


def test_look_up_shows_the_target_s_own_frames_by_stage_one(prepared, pair, first, tmp_path):
    """Undeformed, each result is a frame of the target; data_size goes round the shorter clip."""
    flags = (
        f"--root_a {prepared}/train_seg --root_b {pair}/b/train_seg --device cpu --affine "
        f"--load {first}/checkpoint_4 --render lookup --deform 0 --data_size 12"
    )
    succeed(SCRIPT, f"{flags} --splitted --out {tmp_path}/out")
    assert len(list((tmp_path / "out").iterdir())) == 12 * 4 + 8 * 4
    frames = np.stack([read(tmp_path / f"out/b_{number}.jpg") for number in range(8)])
    for number in range(12):
        result = read(tmp_path / f"out/refined_ab_{number}.jpg")
        assert np.abs(frames - result).mean((1, 2, 3)).min() < 1
    succeed(SCRIPT, f"{flags} --out {tmp_path}/sheets")
    assert read(tmp_path / "sheets/aba_11.jpg").shape[1] >= 64
    assert (tmp_path / "sheets/recon_b_3.jpg").is_file()


def test_looked_up_results_are_finished_by_their_own_masks(infer, flags, found, tmp_path):
    words = f"--render lookup --bs 3 --keypoints_in {found}/points.npz --smooth 0.4 --data_size 8"
    infer("out", f"{words} --restore --alpha --keypoints_out {tmp_path}/again.npz --direction ab")
    final = [read(tmp_path / f"out/final_ab_{number}.png") for number in range(8)]
    assert final[0].shape == (120, 160, 4)
    for picture in final:
        alpha = picture[..., 3]
        assert ((alpha == 0) | (alpha == 255)).mean() > 0.95  # a mask, no young network's grey
        assert (alpha == 255).any()
    assert (tmp_path / "again.npz").is_file()
    infer("one", f"{words.replace('--bs 3', '')} --w 90 --background navy --direction ab")
    assert read(tmp_path / "one/final_ab_0.jpg").shape == (90, 90, 3)
    refuse(SCRIPT, f"{flags} --render lookup --deform 2 --out {tmp_path}/no", "number from 0 to 1")
    refuse(SCRIPT, f"{flags.replace('--root_b', '--ext_b .jpg --prefix_b')} --render lookup "
                   f"--direction ab --out {tmp_path}/no", "no mask folder given")  # fmt: skip
