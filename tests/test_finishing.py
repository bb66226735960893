"""Finished results of inference.py: by which driver, from which keypoints, where and over what."""

import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from finishing import matte, tracks
from finishing.backdrop import CleanPlate, Plain
from finishing.crop_boxes import CropBoxes
from finishing.final import Finish
from segmentation import motion
from tests import films
from tests.conftest import refuse, succeed
from utils.errors import UserError

SCRIPT = "inference.py"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Folder of a prepared clip of twelve frames, 160 x 120, and its frames and masks."""
    folder = tmp_path_factory.mktemp("clip")
    frames, masks = films.scene(12, "panning")
    films.write_video(folder / "video.mp4", frames, fps=6)
    films.write_folder(folder / "masks", masks)
    succeed("prepare_data.py", f"{folder}/video.mp4 --out {folder}/clip --mask file "
                               f"--mask_file {folder}/masks")  # fmt: skip
    return folder / "clip", frames, masks


@pytest.fixture
def infer(clip, pair, second, tmp_path):
    """Call the script on the prepared clip as A and a drawn one as B; more words are added."""
    flags = f"--root_a {clip[0]}/train_seg --root_b {pair}/b/train_seg --device cpu --affine "
    flags += f"--load {second}/checkpoint --splitted --out"

    def call(name, words="", ends=succeed):
        return ends(SCRIPT, f"{flags} {tmp_path / name} {words}")

    call.folder = tmp_path
    return call


def pictures(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_one_direction_needs_one_clip(clip, second, tmp_path):
    succeed(SCRIPT, f"--root_a {clip[0]}/train_seg --device cpu --load {second}/checkpoint "
                    f"--splitted --direction ab --out {tmp_path}/out")  # fmt: skip
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"{prefix}{n}.jpg" for n in range(12)
                     for prefix in ("a_", "seg_a_", "refined_ab_", "decoded_ab_")}  # fmt: skip
    succeed(SCRIPT, f"--root_b {clip[0]}/train_seg --device cpu --load {second}/checkpoint "
                    f"--direction ba --data_size 2 --out {tmp_path}/sheets")  # fmt: skip
    names = {path.name for path in (tmp_path / "sheets").iterdir()}
    assert names == {f"{prefix}{n}.jpg" for n in range(2)
                     for prefix in ("recon_b_", "bab_", "kp_test_b", "kp_")}  # fmt: skip


@pytest.mark.parametrize("ending", ["npz", "json"])
def test_keypoints_out_and_in_give_the_same_pictures(infer, ending):
    path = infer.folder / f"out/points.{ending}"  # where nothing is yet
    infer("plain")
    infer("out", f"--keypoints_out {path}")
    infer("in", f"--keypoints_in {path}")
    path.rename(path.parent.parent / path.name)
    assert pictures(infer.folder / "plain") == pictures(infer.folder / "out")
    assert pictures(infer.folder / "plain") == pictures(infer.folder / "in")


def test_an_edited_keypoint_changes_its_frame_only(infer):
    path = infer.folder / "points.npz"
    infer("out", f"--keypoints_out {path}")
    with np.load(path) as file:
        content = dict(file)
    assert content["a"].shape == (8, 5, 2)  # as many as the shorter clip has
    content["a_moved"][3, 2] += 0.4
    np.savez(path, **content)
    infer("in", f"--keypoints_in {path}")
    before, after = pictures(infer.folder / "out"), pictures(infer.folder / "in")
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"refined_ab_3.jpg", "decoded_ab_3.jpg"}
    assert changed
    del content["a_moved"]  # then those before the affine map count
    content["a"][5] += 0.3
    np.savez(path, **content)
    infer("again", f"--keypoints_in {path}")
    for number in range(8):
        name = f"refined_ab_{number}.jpg"
        pair = (
            np.asarray(Image.open(infer.folder / x / name)).astype(int) for x in ("out", "again")
        )
        assert (np.abs(np.subtract(*pair)).max() > 8) == (number == 5)


def test_keypoints_that_do_not_fit_are_refused_before_any_work(infer):
    path = infer.folder / "points.npz"
    infer("out", f"--keypoints_out {path}")
    said = lambda words: lambda script, argv: refuse(script, argv, words)  # noqa: E731
    infer("in", f"--keypoints_in {path} --data_size 4", said("where 4 are wanted, 0 to 3"))
    with np.load(path) as file:
        content = dict(file)
    np.savez(path, **{**content, "b": content["b"][:, :3]})
    infer("in", f"--keypoints_in {path}", said("checkpoint has 5 keypoints"))
    np.savez(path, **{**content, "b": content["b"] * np.inf})
    infer("in", f"--keypoints_in {path}", said("NaN or infinite"))
    infer("in", "--keypoints_out points.csv", said("ends in .npz or .json"))
    assert not (infer.folder / "in").exists()


def test_smoothing_steadies_what_was_found(infer):
    for name, words in (("raw", ""), ("smooth", "--smooth 0.8")):
        text = infer(name, f"--keypoints_out {infer.folder}/{name}.npz {words}")
    found = re.search(r"of A, smoothed over 0.8 s at 6 frames .*: jitter (\S+) before, (\S+)", text)
    before, after = float(found[1]), float(found[2])
    assert 0 < after < before / 2
    with np.load(infer.folder / "raw.npz") as raw, np.load(infer.folder / "smooth.npz") as smooth:
        assert 50 * tracks.jitter(raw["a"]) == pytest.approx(before, abs=1e-3)
        assert np.allclose(smooth["a"], tracks.smooth(raw["a"], 0.8, 6), atol=1e-6)
        assert np.allclose(smooth["a_moved"], tracks.smooth(raw["a_moved"], 0.8, 6), atol=1e-6)


def test_results_return_to_their_frames(infer, clip):
    infer("out", "--restore --background #102030 --direction ab")
    boxes = json.loads((clip[0] / "crops.json").read_text())["boxes"]
    for number, (left, top, width, height) in enumerate(boxes):
        final = np.asarray(Image.open(infer.folder / f"out/final_ab_{number}.jpg")).astype(int)
        assert final.shape == (120, 160, 3)
        away = np.ones((120, 160), bool)
        away[max(0, top - height // 2) : top + 3 * height // 2,
             max(0, left - width // 2) : left + 3 * width // 2] = False  # fmt: skip
        assert np.abs(final[away] - (0x10, 0x20, 0x30)).max() < 12
        assert np.abs(final - (0x10, 0x20, 0x30)).max() > 30


def test_a_cropped_frame_is_pasted_back_where_it_was(clip):
    folder = clip[0]
    boxes = CropBoxes(folder / "train_seg", 12, 128, 128, 0.2)
    for number in (0, 7):
        # A point of the tight picture, where it is drawn, and where that is put back.
        spot = torch.tensor([[[0.3, -0.2]]])
        stable = boxes.to_stable_box(spot, torch.tensor([number]))
        x, y = ((stable[0, 0] + 1) / 2 * 127).tolist()
        drawn = np.zeros((128, 128), np.float32)
        grid_y, grid_x = np.mgrid[:128, :128]
        drawn[:] = np.exp(-((grid_x - x) ** 2 + (grid_y - y) ** 2) / 8)
        restored = boxes.paste_back(drawn, number)
        rows, columns = np.mgrid[:120, :160]
        found = [(restored * axis).sum() / restored.sum() for axis in (columns, rows)]
        expected = restored_place(folder, number, spot[0, 0].tolist())
        assert np.abs(np.subtract(found, expected)).max() < 0.3
    points = 2 * torch.rand(12, 5, 2, generator=torch.Generator().manual_seed(0)) - 1
    every = slice(12)
    back = boxes.to_tight_box(boxes.to_stable_box(points, every), every)
    assert torch.allclose(back, points, atol=1e-5)


def test_results_that_are_made_smaller_hold_no_finer_detail_than_pixels_can(tmp_path):
    """Against the mean over each pixel's area, from eight times as many pixels a side."""
    fine = 8
    for factor, size in ((1, (160, 120)), (fine, (160 * fine, 120 * fine))):
        box = [factor * x for x in (50, 30, 60, 40)]
        (tmp_path / f"{factor}").mkdir()
        (tmp_path / f"{factor}/crops.json").write_text(json.dumps({"boxes": [box], "canvas": size}))
    noise = np.random.default_rng(0).uniform(0, 255, (256, 256)).astype(np.float32)
    small, large = (
        CropBoxes(tmp_path / f"{factor}/train_seg", 1, 256, 256, 0.2).paste_back(noise, 0)
        for factor in (1, fine)
    )
    expected = large.reshape(120, fine, 160, fine).mean((1, 3))
    inside = np.s_[30:70, 50:110]
    assert expected[inside].std() > 10
    assert np.abs(small - expected)[inside].mean() < 0.3 * expected[inside].std()


def restored_place(folder, number, point):
    """Pixel of the whole frame that a point of the networks' picture shows, step by step."""
    crops = json.loads((folder / "crops.json").read_text())
    left, top, width, height = crops["boxes"][number]
    frame = Image.open(folder / f"train/{number}.jpg")
    place = []
    for unit, size, side, corner in zip(point, frame.size, (width, height), (left, top)):
        margin = int(size * 0.2)
        padded = ((unit + 1) / 2 * 127 + 0.5) / 128 * (size + 2 * margin)
        place.append((padded - margin) / size * side + corner - 0.5)
    return place


def test_jumping_boxes_do_not_move_results(clip, tmp_path):
    """Where mask errors move boxes, what stands still in the frame is drawn standing still."""
    rng = np.random.default_rng(0)
    boxes = np.tile([60, 40, 50, 30], (30, 1)) + rng.integers(-3, 4, (30, 4))
    crops = {"boxes": boxes.tolist(), "canvas": [160, 120]}
    (tmp_path / "crops.json").write_text(json.dumps(crops))
    crop_boxes = CropBoxes(tmp_path / "train_seg", 30, 64, 64, 0.2)
    # The frame's pixel (85, 55) as the detector finds it in each tight picture.
    margin = (boxes[:, 2:] * 0.2).astype(int)
    cropped = (85, 55) - boxes[:, :2] + 0.5 + margin
    tight = 2 * (cropped / (boxes[:, 2:] + 2 * margin) * 64 - 0.5) / 63 - 1
    tight = torch.tensor(tight, dtype=torch.float32)[:, None]
    stable = crop_boxes.to_stable_box(tight, slice(30)).numpy()
    pixels = (stable[:, 0] + 1) / 2 * 63
    assert tracks.jitter(stable) < 0.5 * tracks.jitter(tight.numpy())
    # What `paste_back` does with them.
    back = [(pixels[n] - crop_boxes._shift[n]) / crop_boxes._gain[n] for n in range(30)]
    assert np.abs(np.array(back) - (85, 55)).max() < 0.01


def test_alpha_keeps_only_the_object(infer):
    infer("out", "--alpha --restore --direction ab --data_size 2")
    final = np.asarray(Image.open(infer.folder / "out/final_ab_1.png"))
    assert final.shape == (120, 160, 4)
    assert not final[:5, :, 3].any()
    infer("small", "--alpha --w 90 --h 40 --direction ab --data_size 2")
    assert Image.open(infer.folder / "small/final_ab_1.png").size == (90, 40)


def test_an_edge_has_the_objects_colours():
    """A grey surrounding mixed into the edge is gone from the colours; alpha runs 0 to 1."""
    silhouette = np.clip((20 - np.hypot(*np.mgrid[-32:32, -32:32])) / 4 + 0.5, 0, 1)
    red = np.array([220.0, 20, 20])
    picture = silhouette[..., None] * red + (1 - silhouette[..., None]) * 128
    found = matte.extract_foreground(np.uint8(picture), np.uint8(255 * silhouette), lambda x: x)
    seen = found[..., 3] > 20
    assert np.abs(found[seen][:, :3] - red).max() < 12
    assert found[32, 32, 3] == 255
    assert found[2, 2, 3] == 0
    solid = found[..., 3] / 255
    assert abs(solid.sum() / silhouette.sum() - 1) < 0.03


def test_faint_tips_keep_the_objects_colour():
    """Far from all that is sure, where the networks' grey shows through most."""
    silhouette = np.zeros((64, 64), np.float32)
    silhouette[24:40, 8:24] = 1
    silhouette[28:36, 24:56] = 0.6
    red, grey = np.array([220.0, 30, 20]), 128
    picture = silhouette[..., None] * red + (1 - silhouette[..., None]) * grey
    found = matte.extract_foreground(
        np.uint8(picture), np.uint8(255 * silhouette), lambda array: array.astype(np.float32)
    )
    assert np.abs(found[28:36, 8:56, :3] - red).max() < 12


def test_the_driver_is_taken_out():
    """Before a moving camera the scene behind is found in other frames; else it is inpainted."""
    rng = np.random.default_rng(1)
    world = Image.fromarray(rng.integers(0, 255, (30, 90, 3), np.uint8)).resize((720, 240))
    world = np.asarray(world)
    scenes = [world[:120, 4 * n : 4 * n + 160] for n in range(40)]
    frames, masks = [], []
    for number, scene in enumerate(scenes):
        mask = np.zeros((120, 160), bool)
        mask[40:80, 60 + number // 2 : 100 + number // 2] = True
        frames.append(np.where(mask[..., None], np.uint8([255, 0, 255]), scene))
        masks.append(mask)
    backdrop = CleanPlate(frames, masks, motion.camera)
    for number in (0, 20, 39):
        found = backdrop(number, (160, 120))
        hole = masks[number]
        assert np.abs(found[hole].astype(int) - scenes[number][hole]).mean() < 12
        assert (found == (255, 0, 255)).all(2).sum() == 0
    alone = CleanPlate(frames[:1], masks[:1], None)(0, (160, 120))
    assert (alone == (255, 0, 255)).all(2).sum() == 0
    assert np.array_equal(alone[:30], frames[0][:30])


def test_backgrounds(infer, tmp_path):
    Image.new("RGB", (50, 50), (10, 200, 30)).save(tmp_path / "lawn.png")
    infer("file", f"--background {tmp_path}/lawn.png --direction ab --data_size 1")
    assert Image.open(infer.folder / "file/final_ab_0.jpg").size == (64, 64)
    assert (Plain(str(tmp_path / "lawn.png"))(3, (20, 10)) == (10, 200, 30)).all()
    finish = Finish(size=(8, 6), backdrop=Plain("navy"))
    silhouette = np.repeat(np.uint8([[0, 0, 255, 255]]), 3, 0)
    final = np.asarray(finish(np.full((3, 4, 3), 200, np.uint8), silhouette, 0))
    assert final.shape == (6, 8, 3)
    assert (final[:, 0] == (0, 0, 128)).all()
    assert (final[:, 7] == 200).all()
    infer("driver", "--restore --background driver --direction ab --data_size 2")
    assert Image.open(infer.folder / "driver/final_ab_1.jpg").size == (160, 120)
    assert Plain("navy")(0, (3, 2)).tolist() == [[[0, 0, 128]] * 3] * 2


def test_mistakes(infer, tmp_path):
    said = lambda *words: lambda script, argv: refuse(script, argv, *words)  # noqa: E731
    infer("x", "--background driver", said("add --restore"))
    infer("x", "--background nowhere.png", said("--background nowhere.png is no picture"))
    with pytest.raises(UserError, match="4 boxes for a clip of 5"):
        (tmp_path / "crops.json").write_text('{"boxes": [[0,0,5,5],[0,0,5,5],[0,0,5,5],[0,0,5,5]],'
                                             '"canvas": [9, 9]}')  # fmt: skip
        CropBoxes(tmp_path / "train_seg", 5, 64, 64, 0.2)
    (tmp_path / "crops.json").write_text("{}")
    with pytest.raises(UserError, match="is damaged"):
        CropBoxes(tmp_path / "train_seg", 5, 64, 64, 0.2)
    (tmp_path / "crops.json").unlink()
    with pytest.raises(UserError, match="--restore needs"):
        CropBoxes(tmp_path / "train_seg", 5, 64, 64, 0.2)
