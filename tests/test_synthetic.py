"""The drawn pairs: what the demo, its truth and the levels promise."""

import json
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from datasets.clip import Clip
from synthetic import creatures, drawing, quadrupeds
from tests.conftest import refuse, succeed


def place(creature, gait, frame, root):
    return quadrupeds.joints(creature, quadrupeds.pose_at(gait, frame), root)


def bone(joints, start, end):
    return np.hypot(*(joints[end] - joints[start]))


def test_bones_keep_their_length_while_angles_change():
    root = quadrupeds.rigid(20, 2.0, (100, 50))
    frames = [place(creatures.FOX, creatures.FOX_GAIT, i, root) for i in range(12)]
    for leg in quadrupeds.LEGS:
        uppers = [bone(j, f"{leg}_root", f"{leg}_knee") for j in frames]
        assert uppers == pytest.approx([2 * creatures.FOX.upper_leg] * 12)
    feet = np.array([j["near_front_foot"] for j in frames])
    assert np.ptp(feet[:, 0]) > 20


def test_knees_bend_backwards_only():
    for gait in (creatures.CAT_GAIT, creatures.FOX_GAIT):
        for frame in range(40):
            for upper, lower in quadrupeds.pose_at(gait, frame).legs.values():
                assert lower > upper


def test_the_planted_affine_turns_and_scales_about_its_centre():
    true_affine = quadrupeds.TrueAffine(30, 0.5, centre=(10, 20)).matrix()
    assert true_affine @ [10, 20, 1] == pytest.approx([10, 20, 1])
    assert np.linalg.det(true_affine[:2, :2]) == pytest.approx(0.25)
    assert true_affine[1, 0] > 0
    mirrored = quadrupeds.TrueAffine(0, 1, (3, 4), mirrored=True, centre=(10, 20)).matrix()
    assert mirrored @ [12, 20, 1] == pytest.approx([11, 24, 1])


def test_a_drawing_covers_its_joints_and_has_soft_edges():
    root = quadrupeds.root_at(creatures.CAT_PATH, 3)
    joints = place(creatures.CAT, creatures.CAT_GAIT, 3, root)
    drawn = drawing.draw(creatures.CAT, joints, root, quadrupeds.CANVAS, 0)
    picture, mask = drawn.picture(), drawn.mask()
    assert picture.shape == (*mask.shape, 3) == (520, 640, 3)
    for x, y in joints.values():
        assert mask[round(y), round(x)] > 127
    assert 0 < ((mask > 0) & (mask < 255)).sum() < (mask == 255).sum() / 5
    assert picture[mask == 255].std(0).min() > 20  # light and dark fur
    assert (picture[mask == 0] == 0).all()


def drawn_with(root, creature=creatures.CAT):
    joints = place(creature, creatures.CAT_GAIT, 0, root)
    return drawing.draw(creature, joints, root, (521, 521), 0)


def test_texture_moves_with_the_body():
    """Turned by a quarter, the same fur is where the body is (light apart)."""
    one = drawn_with(quadrupeds.rigid(0, 1.5, (260, 260))).picture()
    two = drawn_with(quadrupeds.rigid(90, 1.5, (260, 260))).picture()
    back = np.rot90(two).astype(float)
    seen = one.sum(2) > 0
    assert np.corrcoef(one[seen].ravel(), back[seen].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("creature", [creatures.CAT, creatures.FOX])
def test_a_mirrored_creature_is_its_picture_in_a_mirror(creature):
    root = quadrupeds.rigid(0, 1.5, (260, 260))
    flip = np.array([[-1, 0, 520], [0, 1, 0], [0, 0, 1]])
    one, two = drawn_with(root, creature), drawn_with(flip @ root, creature)
    # Light and its reflection in the eye stay where they were, and the edges of capsules round.
    assert np.abs(one.mask() - two.mask()[:, ::-1].astype(float)).max() <= 1
    seen = one.mask() > 127
    difference = np.abs(one.picture() - two.picture()[:, ::-1].astype(float))[seen]
    assert difference.mean() < 12
    # The markings are told apart: the far side up, as a plain flip would leave it, differs more.
    assert difference.mean() < np.abs(one.picture() - two.picture().astype(float))[seen].mean() / 3


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
    assert list(joints["names"]) == list(quadrupeds.JOINTS)
    assert joints["ab"].shape == (8, len(quadrupeds.JOINTS), 2)
    hip, shoulder = (list(quadrupeds.JOINTS).index(name) for name in ("hip", "shoulder"))
    trunk = {k: joints[k][:, shoulder] - joints[k][:, hip] for k in ("a", "b", "ab", "ba")}
    # The trunk's direction and size are the root's: the paths differ by the true affine.
    assert trunk["ab"] @ linear.T == pytest.approx(trunk["a"])
    assert trunk["b"] @ linear.T == pytest.approx(trunk["ba"])
    leg, knee = (list(quadrupeds.JOINTS).index(f"near_front_{n}") for n in ("root", "knee"))
    upper = {k: np.hypot(*(joints[k][:, knee] - joints[k][:, leg]).T) for k in trunk}
    size = {k: np.hypot(*trunk[k].T) / 100 for k in trunk}
    assert upper["ab"] / size["ab"] == pytest.approx([creatures.FOX.upper_leg] * 8)
    assert upper["a"] / size["a"] == pytest.approx([creatures.CAT.upper_leg] * 8)
    for name in ("ab", "ba"):
        mask = np.asarray(Image.open(pair / f"truth/{name}_seg/3.png"))
        x, y = joints[name][3].round().astype(int).T
        assert (mask[y, x] > 127).all()


def bodies(level, seed):
    """Proportions of both creatures, numbers in one row each."""
    scenes, _ = quadrupeds.scenes(level, seed)
    return [
        np.hstack([getattr(scenes[name].creature, field) for field in creatures.BUILD])
        for name in "ab"
    ]


@pytest.mark.parametrize("level", quadrupeds.LEVELS)
def test_the_levels_differ_as_promised(level):
    for seed in range(4):
        scenes, true_affine = quadrupeds.scenes(level, seed)
        a, b = (scenes[name] for name in "ab")
        one, two = bodies(level, seed)
        if level == 1:
            assert (one == two).all()
        else:
            ratios = one / two
            assert ratios.max() / ratios.min() > 1.2  # not one creature in two sizes
        assert a.creature.coat != b.creature.coat and a.creature.pattern != b.creature.pattern
        assert all(getattr(a.gait, f.name) != getattr(b.gait, f.name) for f in fields(a.gait))
        matrix = true_affine.matrix()
        assert np.isclose(matrix, np.eye(3)).all() == (level < 3)
        assert (np.linalg.det(matrix) < 0) == true_affine.mirrored == (level == 5)
        if level >= 3:
            assert 10 <= abs(true_affine.degrees) <= 25 and 0.8 <= true_affine.scale <= 1.2
        assert sum(bool(scene.creature.extra) for scene in (a, b)) == (level == 4)


@pytest.mark.parametrize("level", quadrupeds.LEVELS)
def test_everything_stays_on_the_canvas(level):
    for seed in range(3):
        scenes, _ = quadrupeds.scenes(level, seed)
        for scene in scenes.values():
            root, joints = scene.at(17 * seed)
            drawn = drawing.draw(scene.creature, joints, root, quadrupeds.CANVAS, scene.markings)
            mask = drawn.mask()
            assert not (mask[[0, -1]].any() or mask[:, [0, -1]].any())
            for x, y in joints.values():
                assert mask[round(y), round(x)] > 127


@pytest.mark.parametrize("extra", creatures.EXTRAS)
def test_an_extra_part_changes_the_mask_and_no_joint(extra):
    root = quadrupeds.rigid(0, 1.5, (260, 260))
    shares = np.full(len(creatures.BUILD), 0.5)
    bare, adorned = (
        creatures.creature(shares, creatures.COATS[0], "stripes", name) for name in ("", extra)
    )
    masks = [drawn_with(root, creature).mask() for creature in (bare, adorned)]
    more = (masks[1] > 127).sum() - (masks[0] > 127).sum()
    assert (masks[1] >= masks[0]).all() and more > 0.015 * (masks[0] > 127).sum()
    joints = [place(c, creatures.CAT_GAIT, 0, root) for c in (bare, adorned)]
    assert all((joints[0][name] == joints[1][name]).all() for name in joints[0])


def reach(level, name, *joints):
    """Depth below the trunk's middle, in percent, of joints of some seeds and frames."""
    depths = []
    for seed in range(4):
        scene = quadrupeds.scenes(level, seed)[0][name]
        for frame in range(0, 48, 3):
            root, place = scene.at(frame)
            points = np.array([[*place[joint], 1] for joint in joints])
            depths.append((np.linalg.inv(root) @ points.T)[1])
    return np.array(depths)


@pytest.mark.parametrize("name", ["a", "b"])
def test_in_level_5_head_and_tail_hang_before_the_legs(name):
    for joint in ("nose", "tail_tip"):
        assert reach(5, name, joint).mean() > 40 > 10 > reach(3, name, joint).mean()


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.*")}


def test_the_same_seed_draws_the_same_files(draw_pair, tmp_path):
    succeed("data/make_demo.py", f"--out {tmp_path}/again --frames 2")
    assert files(tmp_path / "again") == files(draw_pair("--frames 2"))


def test_a_level_follows_its_seed(tmp_path):
    for name, seed in (("one", 4), ("same", 4), ("other", 5)):
        succeed("data/make_demo.py", f"--out {tmp_path}/{name} --frames 1 --level 4 --seed {seed}")
    one, same, other = (files(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same and one.keys() == other.keys()
    assert not [path for path in one if path.suffix != ".json" and one[path] == other[path]]
    told = json.loads(one[next(path for path in one if path.name == "demo.json")])
    assert told == {"frames": 1, "seed": 4, "level": 4}
    refuse("data/make_demo.py", f"--out {tmp_path}/one --frames 1 --level 3 --seed 4", "--level")
    refuse("data/make_demo.py", f"--out {tmp_path}/one --frames 1 --seed 4", "--overwrite")
    succeed("data/make_demo.py", f"--out {tmp_path}/one --frames 1 --level 4 --seed 5 --overwrite")
    assert files(tmp_path / "one") == other


def test_an_unknown_level_is_refused(tmp_path):
    for level in ("6", "-1", "hard"):
        refuse("data/make_demo.py", f"--out {tmp_path}/x --level {level}", "level", level)
    assert not (tmp_path / "x").exists()


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
    refuse("data/make_demo.py", f"--out {pair} --frames 9", "other --frames, --seed")


def test_a_drawing_that_was_cut_is_drawn_anew(tmp_path):
    out = tmp_path / "demo"
    succeed("data/make_demo.py", f"--out {out} --frames 1")
    (out / "overview.png").unlink()
    (out / "a/note.txt").write_text("mine")
    succeed("data/make_demo.py", f"--out {out} --frames 1")
    assert (out / "overview.png").is_file()
    assert (out / "a/note.txt").read_text() == "mine"
