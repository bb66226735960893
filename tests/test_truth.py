"""The truth of drawn pairs, read back in the networks' coordinates, and what is no truth."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from synthetic import quadrupeds
from synthetic.flow_files import write_flow
from synthetic.truth import NAMES, Truth
from tests.conftest import succeed
from utils import geometry, images, tensors
from utils.errors import UserError

FRAMES = 5
CLIP = [f"{i}.jpg" for i in range(FRAMES)]
SIZE = 96, 80, 0.2  # width, height, padding


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Folder of a pair of level 5: everything is moved, mirrored and hidden there."""
    out = tmp_path_factory.mktemp("level") / "pair"
    succeed("data/make_demo.py", f"--out {out} --frames {FRAMES} --level 5 --seed 1")
    return out


@pytest.fixture(scope="module")
def truth(drawn):
    return Truth(drawn / "truth", CLIP, CLIP)


def sizes(folder):
    return [images.size_of(folder / name) for name in CLIP]


@pytest.mark.parametrize("name", NAMES)
def test_the_flow_warps_the_next_picture_onto_this_one(truth, drawn, name):
    flow, valid = truth.flow(name, *SIZE)
    if name in ("ab", "ba"):
        pictures, masks = truth.pictures(name, *SIZE)
    else:
        files = [drawn / name / f"train{kind}" for kind in ("", "_seg")]
        fitted = [
            images.fit(
                images.read(files[0] / file, "RGB"), images.read(files[1] / file, "L"), *SIZE
            )
            for file in CLIP
        ]
        pictures, masks = tensors.to_batch(fitted)
    assert flow.shape == (FRAMES - 1, 2, 80, 96) and valid.dtype == torch.bool
    assert valid.sum() > 0.9 * masks[:-1].sum()
    assert (valid & (masks[:-1] == 0)).sum() < 0.01 * valid.sum()  # edges, where masks are halved
    step = torch.tensor([2 / 95, 2 / 79]).view(2, 1, 1)
    grid = geometry.coordinate_grid(80, 96, flow) + (flow * step).permute(0, 2, 3, 1)
    warped = torch.nn.functional.grid_sample(pictures[1:], grid, align_corners=True)
    still, moved = (((x - pictures[:-1]).abs() * valid).sum() for x in (pictures[1:], warped))
    assert moved < 0.35 * still


def test_joints_and_flow_agree_on_the_networks_picture(truth):
    width, height, _ = SIZE
    index = truth.joint_names.index("near_front_knee")
    checked = 0
    for name in NAMES:
        flow, valid = truth.flow(name, *SIZE)
        joints = (truth.joints(name, *SIZE)[:, index] + 1) * torch.tensor([width - 1, height - 1])
        pixels = joints / 2
        for frame in range(FRAMES - 1):
            x, y = pixels[frame].round().int()
            if valid[frame, 0, y, x]:
                found = pixels[frame] + flow[frame, :, y, x]
                assert (found - pixels[frame + 1]).norm() < 0.6
                checked += 1
    assert checked > FRAMES


def test_coordinates_agree_with_how_pictures_are_fitted(drawn, truth):
    """A joint marked on the cropped picture is found where `joints` says."""
    index = truth.joint_names.index("shoulder")
    place = np.load(drawn / "truth/joints.npz")["b"][2, index]
    w, h = sizes(drawn / "b/train")[2]
    x, y = np.meshgrid(np.arange(w), np.arange(h))
    spot = 255 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 50)
    marked = Image.fromarray(spot.round().astype(np.uint8))
    for width, height, pad in (SIZE, (200, 300, 0.37)):
        fitted = images.fit(marked.convert("RGB"), marked, width, height, pad)[3].astype(float)
        grid = geometry.coordinate_grid(height, width, torch.zeros(1)).numpy()
        found = (fitted[..., None] * grid).sum((0, 1)) / fitted.sum()
        told = truth.joints("b", width, height, pad)[2, index].numpy()
        assert np.abs(found - told).max() < 0.25 / min(width, height)


def test_joints_lie_on_the_true_silhouettes(truth):
    for name in ("ab", "ba"):
        _, masks = truth.pictures(name, *SIZE)
        joints = truth.joints(name, *SIZE)[:, :, None]
        on = torch.nn.functional.grid_sample(masks, joints, align_corners=True)
        assert on.shape == (FRAMES, 1, len(quadrupeds.JOINTS), 1) and on.mean() > 0.97


def test_the_planted_map_leads_joints_of_b_to_those_of_its_motion_at_a(drawn, tmp_path):
    """`ba` and `b` share path and pose, so trunks coincide under the affine, boxes and all."""
    width, height, pad_a, pad_b = 96, 80, 0.2, 0.35
    out = tmp_path / "truth"
    shutil.copytree(drawn / "truth", out)
    keep_frame(out, 3)
    truth = Truth(out, CLIP[:1], CLIP[:1])
    theta = truth.true_affine(width, height, pad_a, pad_b)[None]
    trunk = [truth.joint_names.index(name) for name in ("hip", "shoulder")]
    b, ba = truth.joints("b", width, height, pad_b), truth.joints("ba", width, height, pad_a)
    found = geometry.affine_apply(theta, b[:, trunk])
    assert found.numpy() == pytest.approx(ba[:, trunk].numpy(), abs=1e-5)
    assert torch.det(theta[0, :, :2]) < 0  # level 5 mirrors


def keep_frame(folder, number):
    """Leave one frame of a truth, for which the ground-truth map is exact and no mean."""
    for name in NAMES:
        path = folder / f"{name}_crops.json"
        boxes = json.loads(path.read_text())["boxes"]
        path.write_text(json.dumps({"boxes": boxes[number : number + 1]}))
    with np.load(folder / "joints.npz") as file:
        arrays = {k: v if k == "names" else v[number : number + 1] for k, v in file.items()}
    np.savez(folder / "joints.npz", **arrays)


def test_without_a_planted_affine_nothing_is_to_be_learned(tmp_path):
    succeed("data/make_demo.py", f"--out {tmp_path} --frames 2 --level 1")
    true_affine = Truth(tmp_path / "truth", CLIP[:2], CLIP[:2]).true_affine(64, 64, 0.2, 0.2)
    assert true_affine.numpy() == pytest.approx(np.eye(2, 3), abs=1e-6)


def refused(*words):
    return pytest.raises(UserError, match=".*".join(map(re.escape, words)))


def test_a_folder_without_truth_is_refused(drawn, tmp_path):
    with refused("gone", "no folder", "make_demo.py"):
        Truth(tmp_path / "gone", CLIP, CLIP)
    with refused("no joints.npz"):
        Truth(drawn, CLIP, CLIP)


def test_the_truth_of_other_clips_is_refused(drawn, pair):
    folder = drawn / "truth"
    own = [sizes(drawn / name / "train") for name in "ab"]
    Truth(folder, CLIP, CLIP, *own)
    with refused("b_crops.json", "5 frames", "clip B has 4"):
        Truth(folder, CLIP, CLIP[:4])
    with refused("im0.jpg"):
        Truth(folder, [f"im{name}" for name in CLIP], CLIP)
    with refused("frame 0 of clip A is", "a_crops.json"):
        Truth(folder, CLIP, CLIP, own[1], own[0])
    with refused("frame 0 of clip B is", "b_crops.json"):
        Truth(folder, CLIP, CLIP, own[0], sizes(pair / "b/train"))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("joints.npz", b"no archive"),
        ("affine.json", b"{}"),
        ("affine.json", b'{"matrix": [[1, 0, 0]]}'),
        ("ab_crops.json", b'{"boxes": [[1, 2, 0, 3]]}'),
        ("ab_crops.json", None),
        ("b_crops.json", b"\xff\xfe"),
        ("flow/a/1.png", b""),
        ("flow/a/1.png", b"no picture"),
        ("flow/a/1.png", None),
        ("ab/2.png", None),
        ("ab_seg/2.png", b"no picture"),
    ],
)
def test_a_broken_or_missing_file_is_named(drawn, tmp_path, file, content):
    folder = tmp_path / "truth"
    shutil.copytree(drawn / "truth", folder)
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with refused(file, "cannot be read"):
        truth = Truth(folder, CLIP, CLIP)
        truth.flow("a", *SIZE)
        truth.pictures("ab", *SIZE)


def test_a_joint_that_lacks_and_a_picture_of_another_size_are_refused(drawn, tmp_path):
    folder = tmp_path / "truth"
    shutil.copytree(drawn / "truth", folder)
    Image.new("L", (7, 9)).save(folder / "ba_seg/1.png")
    shutil.copy(folder / "ba_seg/0.png", folder / "flow/b/1.png")
    truth = Truth(folder, CLIP, CLIP)
    with refused("ba_seg/1.png is 7x9", "ba_crops.json"):
        truth.pictures("ba", *SIZE)
    with refused("flow/b/1.png", "16-bit"):
        truth.flow("b", *SIZE)
    write_flow(folder / "flow/b/1.png", np.zeros((4, 5, 2)), np.ones((4, 5), bool))
    with refused("flow/b/1.png is 5x4", "b_crops.json"):
        truth.flow("b", *SIZE)
    with np.load(folder / "joints.npz") as file:
        arrays = dict(file)
    np.savez(folder / "joints.npz", **{**arrays, "b": arrays["b"][:, :-1]})
    with refused("joints.npz", "are not"):
        Truth(folder, CLIP, CLIP)
