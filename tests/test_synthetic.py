"""The drawn pair: what its truth promises."""

import json

import numpy as np
import pytest
from PIL import Image

from datasets import drawing, synthetic
from datasets.clip import Clip
from tests.conftest import refuse, succeed


def place(creature, gait, frame, root):
    return synthetic.joints(creature, synthetic.pose_at(gait, frame), root)


def bone(joints, start, end):
    return np.hypot(*(joints[end] - joints[start]))


def test_bones_keep_their_length_while_angles_change():
    root = synthetic.rigid(20, 2.0, (100, 50))
    frames = [place(synthetic.FOX, synthetic.FOX_GAIT, i, root) for i in range(12)]
    for leg in synthetic.LEGS:
        uppers = [bone(j, f"{leg}_root", f"{leg}_knee") for j in frames]
        assert uppers == pytest.approx([2 * synthetic.FOX.upper_leg] * 12)
    feet = np.array([j["near_front_foot"] for j in frames])
    assert np.ptp(feet[:, 0]) > 20


def test_knees_bend_backwards_only():
    for gait in (synthetic.CAT_GAIT, synthetic.FOX_GAIT):
        for frame in range(40):
            for upper, lower in synthetic.pose_at(gait, frame).legs.values():
                assert lower > upper


def test_the_planted_affine_turns_and_scales_about_its_centre():
    planted = synthetic.planted_affine(30, 0.5, (10, 20))
    assert planted @ [10, 20, 1] == pytest.approx([10, 20, 1])
    assert np.linalg.det(planted[:2, :2]) == pytest.approx(0.25)
    assert planted[1, 0] > 0


def test_a_drawing_covers_its_joints_and_has_soft_edges():
    joints = place(synthetic.CAT, synthetic.CAT_GAIT, 3, synthetic.root_at(synthetic.CAT_PATH, 3))
    picture, mask = drawing.draw(synthetic.CAT, joints, 1.5, synthetic.CANVAS, 0)
    assert picture.shape == (*mask.shape, 3) == (520, 640, 3)
    for x, y in joints.values():
        assert mask[round(y), round(x)] > 127
    assert 0 < ((mask > 0) & (mask < 255)).sum() < (mask == 255).sum() / 5
    assert picture[mask == 255].std(0).min() > 20  # light and dark fur
    assert (picture[mask == 0] == 0).all()


def test_texture_moves_with_the_body():
    """Turned by a quarter, the same fur is where the body is (light apart)."""
    pose = synthetic.pose_at(synthetic.CAT_GAIT, 0)
    upright = synthetic.joints(synthetic.CAT, pose, synthetic.rigid(0, 1.5, (260, 260)))
    turned = synthetic.joints(synthetic.CAT, pose, synthetic.rigid(90, 1.5, (260, 260)))
    one, _ = drawing.draw(synthetic.CAT, upright, 1.5, (521, 521), 0)
    two, _ = drawing.draw(synthetic.CAT, turned, 1.5, (521, 521), 0)
    back = np.rot90(two).astype(float)
    seen = one.sum(2) > 0
    assert np.corrcoef(one[seen].ravel(), back[seen].ravel())[0, 1] > 0.9


def test_the_pair_opens_as_clips_cut_to_their_masks(pair):
    for name in "ab":
        clip = Clip(pair / name / "train_seg")
        assert len(clip) == 8
        boxes = json.loads((pair / name / "crops.json").read_text())["boxes"]
        for index, box in enumerate(boxes):
            frame, mask = clip.read(index)
            assert list(frame.size) == box[2:]
            inside = np.asarray(mask) > 127
            assert inside.any(0).all() and inside.any(1).all() or inside.mean() > 0.2
            assert (
                inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()
            )


def test_the_truth_wears_one_and_acts_the_other(pair):
    joints = np.load(pair / "truth/joints.npz")
    affine = json.loads((pair / "truth/affine.json").read_text())
    linear = np.array(affine["matrix"])[:, :2]
    assert list(joints["names"]) == list(synthetic.JOINTS)
    assert joints["ab"].shape == (8, len(synthetic.JOINTS), 2)
    hip, shoulder = (list(synthetic.JOINTS).index(name) for name in ("hip", "shoulder"))
    trunk = {k: joints[k][:, shoulder] - joints[k][:, hip] for k in ("a", "b", "ab", "ba")}
    # The trunk's direction and size are the root's: A's path and B's differ by the planted affine.
    assert trunk["ab"] @ linear.T == pytest.approx(trunk["a"])
    assert trunk["b"] @ linear.T == pytest.approx(trunk["ba"])
    leg, knee = (list(synthetic.JOINTS).index(f"near_front_{n}") for n in ("root", "knee"))
    upper = {k: np.hypot(*(joints[k][:, knee] - joints[k][:, leg]).T) for k in trunk}
    size = {k: np.hypot(*trunk[k].T) / 100 for k in trunk}
    assert upper["ab"] / size["ab"] == pytest.approx([synthetic.FOX.upper_leg] * 8)
    assert upper["a"] / size["a"] == pytest.approx([synthetic.CAT.upper_leg] * 8)
    for name in ("ab", "ba"):
        mask = np.asarray(Image.open(pair / f"truth/{name}_seg/3.png"))
        x, y = joints[name][3].round().astype(int).T
        assert (mask[y, x] > 127).all()


def test_the_same_seed_draws_the_same_files(pair, tmp_path):
    succeed("data/make_demo.py", f"--out {tmp_path}/again --frames 8")
    for path in sorted(pair.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(pair)).read_bytes(), path


def test_foreign_files_are_left_alone(pair, tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    refuse("data/make_demo.py", f"--out {tmp_path} --overwrite", "holds other files")
    assert (tmp_path / "note.txt").read_text() == "mine"
    assert "holds the demo already" in succeed("data/make_demo.py", f"--out {pair} --frames 8")
    refuse("data/make_demo.py", f"--out {tmp_path}/note.txt/x", "cannot be written")
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth/mine.txt").touch()
    refuse("data/make_demo.py", f"--out {tmp_path}", "holds other files")
    assert (tmp_path / "truth/mine.txt").exists()
    refuse("data/make_demo.py", f"--out {pair} --frames 9", "other --frames or --seed")


def test_a_drawing_that_was_cut_is_drawn_anew(tmp_path):
    out = tmp_path / "demo"
    succeed("data/make_demo.py", f"--out {out} --frames 2")
    (out / "overview.png").unlink()
    (out / "a/note.txt").write_text("mine")
    succeed("data/make_demo.py", f"--out {out} --frames 2")
    assert (out / "overview.png").is_file()
    assert (out / "a/note.txt").read_text() == "mine"
