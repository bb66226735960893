"""evaluate.py on a small drawn pair: the truth as result, tables, the page, users' mistakes.

These tests are slow: they measure whole clips.
"""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from datasets.clip import Clip
from metrics import against_truth, own, references
from metrics.clip_results import ClipResults
from metrics.pictures import lpips
from synthetic import quadrupeds
from synthetic.truth import Truth
from tests import browser, weights
from tests.conftest import refuse, run_script, succeed

pytestmark = pytest.mark.slow

SIZE = 64, 64, 0.2


@pytest.fixture(scope="module")
def truth(pair):
    return Truth(pair / "truth", *([f"{i}.jpg" for i in range(8)] for _ in "ab"))


@pytest.fixture(scope="module")
def perfect(pair, truth):
    """Sides as a faultless method would make them: true pictures, joints for keypoints."""
    results = {}
    for domain, name in (("a", "ab"), ("b", "ba")):
        clip = Clip(pair / domain / "train_seg")
        _, frames, masks = next(clip.stream(range(8), 8, *SIZE))
        pictures, silhouettes = truth.pictures(name, *SIZE)
        joints, moved = truth.joints(domain, *SIZE), truth.joints(name, *SIZE)
        results[domain] = ClipResults(
            frames, masks, joints, moved, masks, silhouettes, frames.clone(), pictures
        )
    return results


def values(rows):
    return {(row.name, row.case): row.value for row in rows}


def test_the_truth_as_result_is_perfect(perfect, truth):
    pictures, masks = truth.pictures("ab", *SIZE)
    a, b = perfect["a"], perfect["b"]
    joints = truth.joints("ab", *SIZE), truth.joints("b", *SIZE)
    beside = references.baselines(a, b), references.upper_bounds(b, masks, *joints)
    shapes = against_truth.shapes("ab", a, b, masks, beside)
    found = values(shapes)
    assert found["silhouette IoU", "ab, decoded"] == found["boundary F", "ab, decoded"] == 1
    assert found["silhouette IoU", "ab, refined"] > 0.97
    for row in shapes:
        assert max(row.baselines.values()) < 0.8
        assert max(row.baselines.values()) <= max(row.upper_bounds.values()) < 1
        assert "better than every baseline" in row.verdict
        plain, deformed = (
            row.upper_bounds[f"{x}ook-up by true joints"] for x in ("l", "deformed l")
        )
        assert plain + 0.1 < deformed
    looks = against_truth.looks("ab", a, b, pictures, masks, beside, why="none given")
    found = values(looks)
    assert found["foreground L1", "ab, refined"] == 0
    assert found["SSIM", "ab, refined"] == pytest.approx(1, abs=1e-5)
    assert found["PSNR", "ab, refined"] == 100
    assert looks[-1].value is None and looks[-1].why == "none given"
    (sharp,) = against_truth.sharpness("ab", a, b, pictures, masks, beside)
    assert sharp.value == 1 and sharp.verdict == "as sharp as the truth"
    assert sharp.baselines["mean picture"] < 0.85 < sharp.baselines["same frame"] < 1.5
    assert list(sharp.upper_bounds.values()) == pytest.approx([1] * 3, abs=0.2)
    flow = truth.flow("ab", *SIZE)
    (warp,) = against_truth.warping("ab", a, (pictures, masks), *flow, beside[0])
    assert warp.value == warp.upper_bounds["truth"] < 0.3 * min(warp.baselines.values())


def undrawn_truth(folder, level, frames):
    """`Truth` of a pair without its pictures, which only the joints are asked of."""
    scenes, true_affine = quadrupeds.scenes(level, 0)
    joints = {}
    for name, scene in scenes.items():
        places = np.array([list(scene.at(number)[1].values()) for number in range(frames)])
        corner = np.floor(places.min(1)) - 10
        size = np.ceil(places.max(1)) + 10 - corner
        boxes = np.hstack([corner, size]).astype(int).tolist()
        (folder / f"{name}_crops.json").write_text(json.dumps({"boxes": boxes}))
        joints[name] = places - corner[:, None]
    np.savez(folder / "joints.npz", names=np.array(quadrupeds.JOINTS), **joints)
    matrix = true_affine.matrix()[:2].tolist()
    (folder / "affine.json").write_text(json.dumps({"matrix": matrix}))
    names = [f"{number}.jpg" for number in range(frames)]
    return Truth(folder, names, names)


def test_the_joints_as_keypoints_mean_the_same_on_both(tmp_path):
    truth = undrawn_truth(tmp_path, level=2, frames=48)
    joints = {name: truth.joints(name, *SIZE) for name in ("a", "b", "ab", "ba")}
    nothing = dict.fromkeys(("frames", "masks", "own_mask", "other_mask"))
    nothing |= dict.fromkeys(("own_picture", "other_picture"))
    results = {
        domain: ClipResults(keypoints=joints[domain], moved_keypoints=joints[pair], **nothing)
        for domain, pair in (("a", "ab"), ("b", "ba"))
    }
    for row in against_truth.landmarks(results, joints)[2:]:
        assert (
            row.value < 0.15 * row.baselines["mean pose"]
            and row.value < row.upper_bounds["true joints"]
        )
        assert row.verdict == "keypoints mean the same on both"
    turned = results["b"].moved_keypoints.flip(1)  # every keypoint changes its body part
    shuffled = {**results, "b": replace(results["b"], moved_keypoints=turned)}
    worse = against_truth.landmarks(shuffled, joints)[2]
    assert worse.value > worse.baselines["mean pose"] and "change their meaning" in worse.verdict


def test_the_planted_map_is_without_error_and_none_is_told(truth):
    true_affine = truth.true_affine(64, 64, 0.2, 0.2)
    rows = against_truth.alignment(true_affine, true_affine, true_affine)
    assert [row.value for row in rows] == pytest.approx([0, 0, 0], abs=1e-5)
    assert [row.upper_bounds["best map of joints"] for row in rows] == pytest.approx(
        [0, 0, 0], abs=1e-5
    )
    assert all(row.baselines["no map"] > 0.03 for row in rows)
    identity = against_truth.alignment(torch.eye(2, 3), true_affine, true_affine)
    assert [row.value for row in identity] == [row.baselines["no map"] for row in identity]
    none = against_truth.alignment(None, true_affine, true_affine)
    assert none[0].value is None and "no affine map" in none[0].why
    flipped = true_affine @ torch.diag(torch.tensor([-1.0, 1, 1]))
    one, two = (
        against_truth.alignment(*maps, true_affine)[0]
        for maps in ((true_affine, flipped), (flipped, true_affine))
    )
    assert one.value is two.value is None
    assert "ground-truth map alone mirrors: mirror the frames" in one.why
    assert "learned map alone mirrors" in two.why


def test_what_needs_no_truth_of_a_perfect_reconstruction(perfect):
    found = values(own.reconstruction(perfect))
    assert found["own silhouette IoU", "A"] == 1
    assert found["own L1", "B"] == 0
    assert found["own sharpness", "A"] == 1
    found = values(own.points(perfect, delta=0.12))
    assert found["coverage", "A"] > 0.95  # joints lie on the body
    random = {
        d: replace(side, keypoints=2 * torch.rand_like(side.keypoints) - 1)
        for d, side in perfect.items()
    }
    assert values(own.points(random, 0.12))["coverage", "A"] < 0.5


def test_a_run_is_measured_and_shown(pair, roots, second, tmp_path, monkeypatch, request):
    """Slow: every measure, with VGG16 and Inception, and the page in a browser."""
    monkeypatch.setattr("metrics.pictures.INCEPTION_SIZE", 75)  # the least that the network takes

    def of_a_sixteenth(found, wanted, network):
        return lpips(found[..., ::4, ::4], wanted[..., ::4, ::4], network)

    monkeypatch.setattr("metrics.pictures.lpips", of_a_sixteenth)  # VGG16 takes most of the time
    vgg = weights.vgg16_file(tmp_path / "vgg.pth")
    inception = weights.inception_file(tmp_path / "inception.pth")
    flags = (
        f"{roots} --load {second}/checkpoint --truth {pair}/truth --out {tmp_path}/out --device cpu"
    )
    text = succeed(
        "evaluate.py", f"{flags} --report --vgg_weights {vgg} --inception_weights {inception}"
    )
    assert "silhouette IoU" in text and "baselines" in text
    found = json.loads((tmp_path / "out/metrics.json").read_text())
    rows = {(row["name"], row["case"]): row for row in found["metrics"]}
    assert len(rows) == len(found["metrics"]) > 40
    assert all(row["value"] is not None for row in rows.values())
    assert set(rows["silhouette IoU", "ba, refined"]["baselines"]) == {
        "same frame", "nearest frame", "look-up by keypoints", "mean mask"
    }  # fmt: skip
    with Image.open(tmp_path / "out/examples.png") as sheet:
        assert sheet.width > 8 * 64
    page = tmp_path / "out/report.html"
    assert page.stat().st_size < 5e6
    driver = request.getfixturevalue("driver")  # its absence hides nothing of the above
    browser.show(driver, page, 1280, 900)
    assert len(driver.find_elements("tag name", "video")) == 4
    headings = " ".join(x.text for x in driver.find_elements("tag name", "h2"))
    assert "Videos" in headings and "Keypoints" in headings
    assert "lambda_l1" in page.read_text()
    body = driver.find_element("tag name", "body").text
    assert "Silhouettes against the truth" in body


def test_stage_one_without_a_truth(roots, first, tmp_path):
    flags = f"{roots} --load {first}/checkpoint --out {tmp_path} --device cpu --bs 3"
    text = succeed("evaluate.py", flags)
    assert "not measured: the checkpoint has no refiners" in text
    found = json.loads((tmp_path / "metrics.json").read_text())["metrics"]
    assert {row["group"] for row in found} == {
        "Each clip's own reconstruction", "Keypoints", "Results"
    }  # fmt: skip
    assert not (tmp_path / "report.html").exists()
    alone = f"{roots} --load {first}/checkpoint --out {tmp_path}/again --device cpu --bs 8"
    succeed("evaluate.py", alone)
    again = json.loads((tmp_path / "again/metrics.json").read_text())["metrics"]
    for one, two in zip(found, again, strict=True):
        if one["value"] is not None:
            assert one["value"] == pytest.approx(two["value"], rel=1e-3)


def test_users_mistakes(pair, roots, first, second, draw_pair, tmp_path):
    base = f"{roots} --load {first}/checkpoint --out {tmp_path}/out --device cpu"
    refuse("evaluate.py", roots, "is no file; give one of either stage")
    refuse("evaluate.py", f"{base} --truth {tmp_path}", "holds no joints.npz")
    refuse("evaluate.py", f"{base} --num_kp 7", "contradicts checkpoint")
    refuse("evaluate.py", f"{base} --resize_w 100", "--resize_w 100 does not fit")
    (tmp_path / "bad.pth").write_text("no weights")
    truth = f"--truth {pair}/truth"
    two = f"{roots} --load {second}/checkpoint --out {tmp_path}/out --device cpu"
    refuse("evaluate.py", f"{two} --vgg_weights {tmp_path}/bad.pth", "other weights than vgg16")
    refuse("evaluate.py", f"{two} --inception_weights {tmp_path}/bad.pth", "other weights than inc")
    refuse("evaluate.py", f"{two} {truth} --vgg_weights {tmp_path}/none.pth", "are no file")
    assert not (tmp_path / "out").exists()
    shutil.copytree(pair / "a", tmp_path / "short")
    for folder in ("train", "train_seg"):
        (tmp_path / f"short/{folder}/7.jpg").unlink()
    short = base.replace(f"{pair}/a", f"{tmp_path}/short")
    refuse("evaluate.py", short, "holds 7 frames; the measures need 8 or more")
    refuse(
        "evaluate.py", base.replace(f"{tmp_path}/out", f"{tmp_path}/bad.pth/x"), "cannot be written"
    )
    other, shorter = draw_pair("--frames 8 --level 2"), draw_pair("--frames 2")
    refuse("evaluate.py", f"{base} --truth {other}/truth", "give the truth that was drawn with")
    refuse("evaluate.py", f"{base} --truth {shorter}/truth", "2 frames")


def test_measures_outlive_a_page_that_cannot_be_written(roots, first, tmp_path):
    (tmp_path / "report.html").mkdir()
    flags = f"{roots} --load {first}/checkpoint --out {tmp_path} --device cpu --report"
    done = run_script("evaluate.py", flags)
    assert done.returncode == 2
    assert "report.html is a folder" in done.stderr
    assert json.loads((tmp_path / "metrics.json").read_text())["metrics"]
