"""Metrics on cases with known answers: the truth itself, shifts, ground-truth maps, pure chance."""

import json
import math
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import inception_v3
from torchvision.transforms.functional import gaussian_blur

from metrics import affine, keypoints, motion, pictures, silhouettes, table, verdicts
from utils import overlap
from utils.geometry import affine_apply


def square(left, top=100, side=40, size=256):
    """A silhouette (1, 1, size, size)."""
    mask = torch.zeros(1, 1, size, size)
    mask[..., top : top + side, left : left + side] = 1
    return mask


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def uniform(*shape, seed=0):
    """In [-1, 1]."""
    return 2 * torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) - 1


def turned(degrees, scale=1.0, shift=(0.0, 0.0), mirrored=False):
    """Mirror x, turn, scale and shift, as a (2, 3) matrix."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    linear = scale * torch.tensor([[cosine, -sine], [sine, cosine]], dtype=torch.float64)
    linear = linear @ torch.diag(torch.tensor([-1.0 if mirrored else 1.0, 1.0])).double()
    return torch.cat([linear, torch.tensor(shift).double()[:, None]], 1)


# Silhouettes


@pytest.mark.parametrize("shift", [0, 1, 10, 40, 60])
def test_iou_of_a_shifted_square(shift):
    expected = max(40 - shift, 0) / min(40 + shift, 80)
    assert silhouettes.iou(square(60), square(60 + shift)) == pytest.approx(expected)


def test_iou_is_a_mean_over_pictures_cut_at_a_half():
    masks = torch.cat([square(60) * 0.6, square(60) * 0.4, torch.zeros(1, 1, 256, 256)])
    truth = torch.cat([square(60), square(60), torch.zeros(1, 1, 256, 256)])
    assert silhouettes.iou(masks, truth) == pytest.approx((1 + 0 + 1) / 3)
    assert silhouettes.iou(square(60), truth) == pytest.approx((1 + 1 + 0) / 3)


# The tolerance is 3 pixels. Of the 156 outline pixels of a square shifted by 10, those along the
# truth's top and bottom count (2 * 33), and 3 above either end of the left side (2 * 3).
@pytest.mark.parametrize("shift, expected", [(0, 1), (1, 1), (3, 1), (10, 72 / 156), (60, 0)])
def test_boundary_f_of_a_shifted_square(shift, expected):
    assert silhouettes.boundary_f(square(60), square(60 + shift)) == pytest.approx(expected)


def test_boundary_f_weighs_precision_and_recall():
    both = square(40) + square(160)
    assert silhouettes.boundary_f(square(40), both) == pytest.approx(2 * 0.5 / 1.5)
    assert silhouettes.boundary_f(both, square(40)) == pytest.approx(2 * 0.5 / 1.5)


def test_boundary_f_without_an_outline():
    empty = torch.zeros(1, 1, 256, 256)
    assert silhouettes.boundary_f(empty, empty) == 1
    assert silhouettes.boundary_f(empty, square(60)) == 0
    assert silhouettes.boundary_f(torch.cat([empty, square(60)]), square(60)) == 0.5


def test_mean_mask():
    mean = silhouettes.mean_mask(torch.cat([square(60), square(60), square(80)]))
    assert mean.shape == (1, 1, 256, 256)
    assert mean[0, 0, 110, [50, 70, 90, 110]].tolist() == pytest.approx([0, 2 / 3, 1, 1 / 3])


def test_pairs_equal_each_pair_on_its_own(monkeypatch):
    masks, others = (noise(n, 1, 32, 32, seed=n) > 0 for n in (5, 7))
    monkeypatch.setattr(overlap, "BLOCK", 3)
    pairs = overlap.pairwise_iou(masks, others)
    one = [[silhouettes.iou(x[None], y[None]) for y in others] for x in masks]
    assert torch.allclose(pairs, torch.tensor(one))
    assert silhouettes.best(others, torch.cat([masks, others])).tolist() == [*range(5, 12)]


def creature(seed):
    """A blob with limbs that fills its 64 x 64 frame, (1, 1, 64, 64)."""
    blob = F.interpolate(noise(1, 1, 6, 6, seed=seed), (64, 64), mode="bicubic") > 0.1
    blob[..., 30:34, :] = blob[..., :, 30:34] = True  # touches all four sides
    return blob.float()


def test_nearest_finds_a_shifted_scaled_copy():
    shapes = torch.cat([creature(seed) for seed in range(8)])
    candidates = F.pad(F.interpolate(shapes, scale_factor=2.5), (10, 86, 50, 46))
    drivers = F.pad(shapes, (150, 42, 12, 180))
    order = torch.tensor([3, 0, 7, 7, 5])
    assert silhouettes.nearest(drivers[order], candidates).tolist() == order.tolist()
    assert silhouettes.best(drivers[order], candidates).tolist() != order.tolist()


def test_nearest_compares_whole_bounding_boxes():
    corner = square(60, side=20)
    corner[..., 100:140, 99] = corner[..., 139, 60:100] = 1  # a quarter, in a frame as large
    candidates = torch.cat([corner, square(20)])
    for side in (10, 1):
        assert silhouettes.nearest(square(200, side=side), candidates).tolist() == [1]


def test_nearest_of_an_empty_silhouette_is_the_empty_one():
    empty = torch.zeros(1, 1, 256, 256)
    candidates = torch.cat([square(60), empty])
    assert silhouettes.nearest(torch.cat([empty, square(5)]), candidates).tolist() == [1, 0]
    assert silhouettes.nearest(empty, empty).tolist() == [0]


# Pictures


def test_the_truth_itself_is_perfect():
    truth = uniform(3, 3, 32, 32)
    masks = square(8, 8, 12, 32).expand(3, -1, -1, -1)
    assert pictures.foreground_l1(truth, truth, masks) == 0
    assert pictures.ssim(truth, truth) == pytest.approx(1, abs=1e-5)
    assert pictures.psnr(truth, truth) == 100


def test_foreground_l1_sees_the_foreground():
    truth, mask = torch.zeros(2, 3, 32, 32), square(8, 8, 12, 32)
    other = truth + 0.5 * (1 - mask)
    other[1, 0] += 0.6 * mask[0, 0]
    masks = mask.expand(2, -1, -1, -1)
    assert pictures.foreground_l1(other, truth, masks) == pytest.approx(0.3 / 3 / 2)
    with pytest.raises(ValueError, match="empty"):
        pictures.foreground_l1(other, truth, torch.zeros(2, 1, 32, 32))


def smooth(x, sigma):
    return gaussian_blur(x, 25, sigma)


def striped(left):
    """A square object on grey, striped above and with one edge below: picture and silhouette."""
    mask = square(left, top=16, side=32, size=64)
    picture = torch.full((1, 3, 64, 64), 0.2)
    picture[..., :32, left::6] = 0.9
    picture[..., 32:, left + 16 :] = -0.7
    return picture * mask, mask


def test_blur_lowers_the_sharpness_and_noise_raises_it():
    truth, mask = striped(10)
    values = [pictures.sharpness(smooth(truth, s), mask, truth, mask) for s in (0.4, 0.8, 1.5, 3)]
    assert [1, *values] == sorted([1, *values], reverse=True)
    assert values[0] < 0.97 and values[-1] < 0.4
    noisy = [pictures.sharpness(truth + a * noise(*truth.shape), mask, truth, mask)
             for a in (0.1, 0.2)]  # fmt: skip
    assert 1 < noisy[0] < noisy[1]


def test_a_blurred_edge_between_two_colours_is_less_sharp():
    """The mean magnitude of its gradient would stay what it is."""
    mask = square(0, top=0, side=64, size=64)
    truth = torch.zeros(1, 3, 64, 64)
    truth[..., 32:] = 1
    assert pictures.sharpness(smooth(truth, 2.0), mask, truth, mask) < 0.5


def test_an_object_elsewhere_is_as_sharp_and_its_outline_does_not_count():
    (truth, mask), (moved, moved_mask) = striped(10), striped(25)
    assert pictures.sharpness(moved, moved_mask, truth, mask) == pytest.approx(1, abs=1e-6)
    brighter = truth + 0.5 * (1 - mask)
    assert pictures.sharpness(brighter, mask, truth, mask) == pytest.approx(1, abs=1e-6)
    assert pictures.sharpness(truth, mask * 0, truth, mask) == 0
    assert math.isnan(pictures.sharpness(truth, mask, mask.expand(1, 3, 64, 64), mask))


@pytest.mark.parametrize("ratio, words", [(0.5, "blurred: 50%"), (1, "as sharp"), (2, "noisier")])
def test_sharpness_in_words(ratio, words):
    assert words in verdicts.sharpness(ratio)


def test_psnr_and_ssim_of_a_constant_difference():
    truth = torch.zeros(5, 3, 32, 32)  # 0.5 on the scale 0..1
    other = truth + 0.2  # 0.6
    other[4] = truth[4]
    assert pictures.psnr(other, truth, batch=2) == pytest.approx((4 * 20 + 100) / 5, rel=1e-5)
    # Without structure SSIM is its luminance term alone.
    expected = (2 * 0.5 * 0.6 + 1e-4) / (0.5**2 + 0.6**2 + 1e-4)
    assert pictures.ssim(other, truth, batch=2) == pytest.approx((4 * expected + 1) / 5, rel=1e-5)


def test_lpips_weighs_a_smaller_last_batch():
    def network(x, y):
        sizes.append(len(x))
        return (x - y).abs().mean()

    sizes, truth = [], torch.zeros(5, 3, 8, 8)
    other = torch.arange(5.0).view(5, 1, 1, 1).expand(-1, 3, 8, 8)
    assert pictures.lpips(other, truth, network, batch=2) == pytest.approx(2)
    assert sizes == [2, 2, 1]


def test_kid_tells_sets_apart_and_leaves_the_generator_alone():
    features = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    x, y = (0.5 * uniform(40, 3, 4, 4, seed=seed) for seed in (0, 1))
    state = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alike = pictures.kid(x, y, features, subset_size=20)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(1)
    assert alike == pictures.kid(x, y, features, subset_size=20)
    different = pictures.kid(x, (y + 0.4).clamp(-1, 1), features, subset_size=20)
    assert abs(alike) < 0.01 < 0.1 < different


def test_kid_of_one_constant_feature_is_the_kernel():
    features = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1))
    nn.init.constant_(features[2].weight, 1 / 3)
    nn.init.zeros_(features[2].bias)
    black, white = -torch.ones(3, 3, 4, 4), torch.ones(3, 3, 4, 4)
    # (x y + 1)^3 of features 0 and 1: 1 + 8 - 2 * 1
    assert pictures.kid(black, white, features, subset_size=3) == pytest.approx(7, rel=1e-5)


@pytest.mark.parametrize("size", [1, 6])
def test_kid_of_too_few_pictures(size):
    with pytest.raises(ValueError, match="2 to 5"):
        pictures.kid(torch.zeros(9, 3, 4, 4), torch.zeros(5, 3, 4, 4), nn.Flatten(), size)


def test_inception_features_are_torchvisions():
    theirs = inception_v3(weights=None, init_weights=False, transform_input=True).eval()
    for layer in theirs.modules():  # PyTorch's own weights would let the features fade to 1e-7
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    ours = pictures.inception_features(theirs.state_dict())
    theirs.fc = nn.Identity()
    seen = (uniform(1, 3, 299, 299) + 1) / 2
    mean, deviation = (
        torch.tensor(x).view(3, 1, 1) for x in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    )
    with torch.no_grad():
        expected = theirs((seen - mean) / deviation)
    found = ours(seen)
    assert expected.shape == (1, 2048)
    assert expected.std() > 0.01
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-3 * expected.std().item())
    assert not found.requires_grad
    small = ours(torch.rand(2, 3, 64, 48))
    assert small.shape == (2, 2048)


@pytest.mark.parametrize("wrong", [{}, {"layer": torch.zeros(1)}, {"epoch": 3}, [1]])
def test_inception_features_of_something_else(wrong):
    with pytest.raises(ValueError, match="not a state dict of torchvision's inception_v3: "):
        pictures.inception_features(wrong)


# Keypoints


def test_split_leaves_the_middle_out():
    fitting, testing = keypoints.split(10, 0.4)
    assert testing.tolist() == [3, 4, 5, 6]
    assert fitting.tolist() == [0, 1, 2, 7, 8, 9]
    assert len(keypoints.split(81)[1]) == 27
    with pytest.raises(ValueError, match="2 frames"):
        keypoints.split(2)


def test_landmark_error_of_joints_and_of_their_affine_image():
    joints, test_joints = uniform(30, 5, 2), uniform(10, 5, 2, seed=1)
    assert keypoints.landmark_error(joints, joints, test_joints, test_joints) < 1e-3
    theta = turned(30, 0.5, (0.1, -0.2), mirrored=True).float()[None]
    moved, test_moved = affine_apply(theta, joints), affine_apply(theta, test_joints)
    assert keypoints.landmark_error(moved, joints, test_moved, test_joints) < 1e-3


def test_landmark_error_of_keypoints_that_know_nothing_is_the_mean_poses():
    joints, test_joints = uniform(30, 5, 2), uniform(100, 5, 2, seed=1)
    baseline = keypoints.mean_pose_error(joints, test_joints)
    found = keypoints.landmark_error(
        uniform(30, 8, 2, seed=2), joints, uniform(100, 8, 2, seed=3), test_joints
    )
    assert found == pytest.approx(
        baseline, rel=0.1
    )  # with hardly any ridge it is 1.3 times the baseline
    still = torch.zeros(30, 8, 2)
    found = keypoints.landmark_error(still, joints, torch.zeros(100, 8, 2), test_joints)
    assert found == pytest.approx(baseline)


def test_mean_pose_error_is_in_percent_of_the_width():
    joints = torch.tensor([[[-0.1, 0.0]], [[0.1, 0.0]]])
    assert keypoints.mean_pose_error(joints, torch.tensor([[[0.3, 0.4]]])) == pytest.approx(25)


def gait(frames, phase, seed):
    """Poses of one walk, 10 keypoints, 17 frames to a cycle, seen with a little noise."""
    means, amplitudes = uniform(20) * 0.6, uniform(20, seed=1) * 0.2
    times = torch.arange(frames)[:, None] + phase
    poses = means + amplitudes * torch.sin(2 * math.pi * times / 17 + 3 * uniform(20, seed=2))
    return (poses + 0.02 * noise(frames, 20, seed=seed)).view(frames, 10, 2)


@pytest.mark.parametrize("seed", range(5))
def test_domain_accuracy_of_one_distribution_is_chance(seed):
    drawn = noise(80, 10, 2, seed=seed), noise(60, 10, 2, seed=seed + 100)
    walked = gait(80, 0, seed), gait(90, 5.5 + seed, seed + 100)
    assert 0.35 < keypoints.domain_accuracy(*drawn) < 0.65
    assert 0.35 < keypoints.domain_accuracy(*walked) < 0.65


def test_domain_accuracy_of_the_very_same_keypoints_is_chance():
    assert keypoints.domain_accuracy(gait(60, 0, 0), gait(60, 0, 0)) == pytest.approx(0.5, abs=0.05)


def test_domain_accuracy_overlooks_what_is_far_below_a_pixel():
    walks = gait(80, 0, 0), gait(80, 5.5, 1)
    for walk, place in zip(walks, (0.1, 0.1002)):
        walk[:, 4] = place
    assert keypoints.domain_accuracy(*walks) < 0.65


def test_domain_accuracy_of_separated_domains():
    assert keypoints.domain_accuracy(gait(80, 0, 0), gait(50, 3, 1) + 0.1) > 0.98
    # One mean, and nothing that a straight line could tell apart.
    assert keypoints.domain_accuracy(noise(80, 10, 2), 4 * noise(80, 10, 2, seed=1)) > 0.95
    with pytest.raises(ValueError, match="6 frames"):
        keypoints.domain_accuracy(gait(80, 0, 0), gait(5, 0, 0))


def test_coverage_looks_at_the_pixel_under_the_keypoint():
    mask = torch.zeros(1, 1, 5, 5)
    mask[0, 0, 1, 3] = 1  # x 0.5, y -0.5
    points = torch.tensor([[[0.5, -0.5], [0.7, -0.3], [0.8, -0.5], [-0.5, 0.5], [1.9, -0.5]]])
    assert keypoints.coverage(points, mask) == pytest.approx(2 / 5)
    assert keypoints.coverage(points, torch.ones(1, 1, 5, 5)) == pytest.approx(4 / 5)


def test_duplicates_count_pairs_by_squared_distance():
    apart = torch.tensor([[0.0, 0.0], [0.3, 0.0], [0.0, 0.3], [1.0, 1.0]])
    together = torch.zeros(4, 2)
    both = torch.stack([apart, together])
    assert keypoints.duplicates(both, 0.1) == (2 + 6) / 2
    assert keypoints.duplicates(both, 0.3) == (3 + 6) / 2


def test_coinciding_pairs_stay_together_most_of_the_time():
    points = torch.tensor([[0.0, 0.0], [0.03, 0.0], [0.9, 0.0], [0.9, 0.04]]).repeat(4, 1, 1)
    points[:2, 3] = 0.5  # half of the frames are not enough
    assert keypoints.coinciding(points) == [(0, 1)]
    assert keypoints.coinciding(points, 0.02) == []


def test_jitter_of_even_and_of_alternating_motion():
    times = torch.arange(9.0)
    even = torch.stack([0.1 * times, -0.05 * times], -1)[:, None].expand(-1, 3, -1)
    assert keypoints.jitter(even) == pytest.approx(0, abs=1e-4)
    signs = torch.where(times % 2 == 0, 1.0, -1.0)
    shaking = signs[:, None, None] * torch.tensor([0.003, 0.004])
    assert keypoints.jitter(even + shaking) == pytest.approx(50 * 4 * 0.005, rel=1e-4)
    with pytest.raises(ValueError, match="3 frames"):
        keypoints.jitter(even[:2])


# Affine maps


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 30, -100, 180])
def test_affine_parts_of_a_planted_map(degrees, mirrored):
    parts = affine.affine_parts(turned(degrees, 0.8, (0.1, -0.2), mirrored))
    assert parts.mirrored is mirrored
    assert parts.scale == pytest.approx(0.8)
    assert parts.shift == pytest.approx((0.1, -0.2))
    assert (parts.angle - degrees + 180) % 360 == pytest.approx(180)
    assert -180 < parts.angle <= 180


def test_affine_parts_set_a_stretch_aside():
    matrix = turned(40)
    matrix[:, :2] = matrix[:, :2] @ torch.tensor([[2.0, 0.3], [0.3, 0.5]]).double()
    parts = affine.affine_parts(matrix)
    assert parts.angle == pytest.approx(40)
    assert parts.scale == pytest.approx(math.sqrt(2 * 0.5 - 0.09))


def test_affine_error():
    true_affine = turned(170, 0.8, (0.1, 0.2))
    same = affine.affine_error(true_affine, true_affine)
    assert same == {"angle": 0, "scale": 1, "shift": 0, "mirrored_agrees": True}
    error = affine.affine_error(turned(-170, 1.2, (0.4, -0.2), mirrored=True), true_affine)
    assert not error.pop("mirrored_agrees")
    assert error == pytest.approx({"angle": 20, "scale": 1.5, "shift": 0.5})
    with pytest.raises(ValueError, match="flattens"):
        affine.affine_error(true_affine, torch.zeros(2, 3))


def test_fit_affine_recovers_a_map():
    true_affine = turned(-25, 1.3, (0.2, 0.1), mirrored=True).float()
    points = uniform(6, 5, 2)
    found = affine.fit_affine(points, affine_apply(true_affine[None], points))
    assert torch.allclose(found, true_affine, atol=1e-5)
    assert found.dtype == points.dtype
    with pytest.raises(ValueError, match="one line"):
        affine.fit_affine(points[..., :1].expand(-1, -1, 2), points)


# Motion


def drifting(frames, step, size=32):
    """A random texture that moves `step` pixels to the right and one down each frame."""
    texture = uniform(1, 3, size, size)
    shifts = [(t, step * t) for t in range(frames)]
    return torch.cat([texture.roll(shift, (2, 3)) for shift in shifts])


def test_warp_error_of_a_translating_texture():
    clip = drifting(4, 2)
    flow = torch.tensor([2.0, 1.0]).view(1, 2, 1, 1).expand(3, -1, 32, 32)
    valid = torch.ones(3, 1, 32, 32, dtype=torch.bool)
    assert motion.warp_error(clip, flow, valid) < 1e-8
    assert motion.warp_error(clip, -flow, valid) > 0.1
    assert motion.warp_error(clip, flow.flip(1), valid) > 0.1


def test_warp_error_sums_colours_over_valid_pixels():
    clip = torch.zeros(3, 3, 8, 8)
    clip[1, :2, :4] = 0.4  # 0.2 on the scale 0..1, in two colours
    clip[2] = clip[1]
    flow, valid = torch.zeros(2, 2, 8, 8), torch.ones(2, 1, 8, 8, dtype=torch.bool)
    assert motion.warp_error(clip, flow, valid) == pytest.approx((2 * 0.04 / 2 + 0) / 2)
    valid[0, 0, 4:] = valid[1] = False  # the other pair no longer counts
    assert motion.warp_error(clip, flow, valid) == pytest.approx(2 * 0.04)
    with pytest.raises(ValueError, match="valid pixel"):
        motion.warp_error(clip, flow + 8, torch.ones_like(valid))


def test_picture_jitter():
    fading = torch.linspace(-1, 1, 5).view(5, 1, 1, 1).expand(-1, 3, 4, 4)
    assert motion.picture_jitter(fading) == pytest.approx(0, abs=1e-6)
    flicker = 0.1 * torch.tensor([1.0, -1, 1, -1, 1]).view(5, 1, 1, 1)
    assert motion.picture_jitter(fading + flicker) == pytest.approx(4 * 0.05, rel=1e-5)
    with pytest.raises(ValueError, match="3 frames"):
        motion.picture_jitter(fading[:2])


# The table

ROWS = [
    table.Row(
        "Truth", "silhouette IoU", "ab, decoded", 0.4756, "higher",
        {"mean mask": 0.411, "same frame": 0.36}, {"own frame": 0.71}, verdict="above both",
    ),
    table.Row("Keypoints", "domain accuracy", "raw", 1.0, "near 0.5"),
    table.Row("Truth", "LPIPS", "ab", None, "lower", why="no --vgg_weights"),
    table.Row("Truth", "PSNR", "ba", math.nan, "higher", {"mean mask": math.inf}),
]  # fmt: skip


def test_table_is_grouped_and_aligned():
    lines = table.text(ROWS).splitlines()
    assert [line for line in lines if line and line[0] != " "] == ["Truth", "Keypoints"]
    iou, lpips, domain = lines[2], lines[3], lines[-1]
    assert iou.split("  ")[1] == "silhouette IoU"
    assert "0.476" in iou
    assert "mean mask 0.411, same frame 0.36" in iou
    assert lpips.endswith("not measured: no --vgg_weights")
    column = lines[1].index("better")
    assert [x[column:].split("  ")[0] for x in (iou, lpips, domain)] == [
        "higher",
        "lower",
        "near 0.5",
    ]
    assert table.text([]) == ""


def test_json_holds_no_nan():
    found = json.loads(json.dumps(table.to_json(ROWS), allow_nan=False))
    assert found[0]["value"] == 0.4756
    assert found[0]["baselines"] == {"mean mask": 0.411, "same frame": 0.36}
    assert found[2]["value"] is None
    assert found[2]["why"] == "no --vgg_weights"
    assert found[3]["value"] is None
    assert found[3]["baselines"] == {"mean mask": None}
    assert math.isnan(ROWS[3].value)


@pytest.mark.parametrize(
    ("value", "mean", "words"),
    [
        (0.95, 0.6, "close to the mask"),
        (0.7, 0.6, "thin parts are blurred or missing"),
        (0.92, 0.95, "no better than the baseline 'mean mask'"),
        (0.5, 0.6, "no better than the baseline 'mean mask'"),
    ],
)
def test_an_own_silhouette_stands_beside_its_baseline(value, mean, words):
    assert verdicts.own_silhouette(value, {"mean mask": mean}).startswith(words)
