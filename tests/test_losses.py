"""Losses on cases worked out by hand, and LPIPS against an independent implementation."""

import math

import pytest
import torch
from torchmetrics.functional.image.lpips import _LPIPS
from torchvision.models import vgg16

from losses import confusion, keypoints, perceptual, reconstruction
from utils import geometry


def test_silhouette_counts_the_mass_on_the_object():
    heatmap = torch.zeros(1, 2, 4, 4)
    heatmap[0, 0, 1, 1] = 1
    heatmap[0, 1, 0, 0] = 0.75
    heatmap[0, 1, 3, 3] = 0.25
    mask = torch.ones(1, 1, 8, 8)
    mask[..., 4:, :] = 0
    expected = (-math.log(1.0) - math.log(0.75)) / 2
    assert keypoints.silhouette(heatmap, mask).item() == pytest.approx(expected, abs=1e-6)


def test_silhouette_resizes_the_mask_without_antialiasing():
    """Of eight columns, two become one: between the two in the middle, at exactly one half."""
    mask = torch.zeros(1, 1, 4, 8)
    mask[..., 2:] = 1
    mask[..., 4] = 0  # a wider filter would see its bright neighbours
    heatmap = torch.full((1, 1, 2, 4), 1 / 8)
    inside = 4 / 8  # columns 1 and 3; column 2 is exactly one half, which does not count
    assert keypoints.silhouette(heatmap, mask).item() == pytest.approx(-math.log(inside))
    nothing = keypoints.silhouette(heatmap, torch.zeros_like(mask)).item()
    assert nothing == pytest.approx(-math.log(1e-12))


def test_separation_pairs_each_keypoint_with_itself():
    apart = torch.tensor([[[-1.0, 0.0], [1.0, 0.0]]])
    assert keypoints.separation(apart, 0.1).item() == pytest.approx(0.05)
    together = torch.zeros(1, 2, 2)
    assert keypoints.separation(together, 0.1).item() == pytest.approx(4 * 0.1 / 4)


def test_separation_sees_ten_keypoints_only():
    torch.manual_seed(0)
    many = torch.randn(2, 14, 2)
    assert keypoints.separation(many, 0.5) == keypoints.separation(many[:, :10], 0.5)
    assert keypoints.separation(many, 0.5) != keypoints.separation(many[:, :9], 0.5)


def test_temporal_is_a_scaled_distance():
    here = torch.zeros(1, 1, 2)
    there = torch.tensor([[[3.0, 4.0]]])
    assert keypoints.temporal(here, there, 13).item() == 65


def test_temporal_has_a_gradient_where_nothing_moves():
    still = torch.zeros(1, 3, 2, requires_grad=True)
    keypoints.temporal(still, torch.zeros(1, 3, 2), 13).backward()
    assert torch.isfinite(still.grad).all()


def test_equivariance_vanishes_for_keypoints_that_follow_the_warp():
    torch.manual_seed(0)
    points = torch.rand(2, 4, 2) - 0.5
    warp = torch.eye(2, 3) + 0.1 * torch.randn(2, 2, 3)
    followed = torch.cat(
        [geometry.affine_invert(warp[i : i + 1], points[i : i + 1]) for i in range(2)]
    )
    assert keypoints.equivariance(points, followed, warp).item() < 1e-6
    assert keypoints.equivariance(points, points + 0.1, warp).item() > 0.01


def test_warp_samples_at_the_warped_grid():
    frame = torch.arange(5.0).repeat(5, 1)[None, None]
    shift = geometry.identity_affine(1, like=frame)
    shift[0, 0, 2] = 0.4  # two fifths of the half width: one pixel to the right
    shift[:, :, :2] *= 0.8  # the grid's corners at +-1 then lie on pixel centres
    assert keypoints.warp_frames(frame, shift)[0, 0, 2].tolist() == pytest.approx([1, 2, 3, 4, 4])


def certain(logit):
    """A discriminator that says the same to everything."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 1), torch.nn.Sigmoid())
    torch.nn.init.zeros_(network[1].weight)
    torch.nn.init.constant_(network[1].bias, logit)
    return network


def test_confusion_and_discrimination_pull_apart():
    says_three_quarters = certain(math.log(3))
    a, b = (torch.zeros(2, 2, 2, requires_grad=True) for _ in "ab")
    loss = confusion.confusion(says_three_quarters, a, b)
    assert loss.item() == pytest.approx(-2 * math.log(0.75))
    on_a, on_b, *scores = confusion.discrimination(says_three_quarters, a, b)
    assert (on_a.item(), on_b.item()) == pytest.approx((-math.log(0.75), -math.log(0.25)))
    for score in scores:
        assert score.tolist() == pytest.approx([0.75, 0.75])
    (on_a + on_b).backward()
    assert a.grad is b.grad is None
    assert says_three_quarters[1].bias.grad.item() == pytest.approx(-0.25 + 0.75)


def test_a_discriminator_that_is_sure_costs_a_hundred_and_a_broken_one_nan():
    points = torch.zeros(1, 2, 2)
    assert confusion.confusion(certain(-200.0), points, points).item() == 200
    assert confusion.discrimination(certain(200.0), points, points)[1].item() == 100
    assert confusion.confusion(certain(math.nan), points, points).isnan()


def test_reconstruction_terms():
    zero, one = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    assert reconstruction.shape(one * 0.5, zero).item() == 0.25
    assert reconstruction.l1(one * 0.5, zero).item() == 0.5


def test_cross_entropy_is_finite_where_the_decoder_is_sure_and_wrong():
    decoded = torch.tensor([0.9, 0.2, 0.0, 1.0]).view(1, 1, 2, 2).requires_grad_()
    mask = torch.tensor([1.0, 0.0, 1.0, 1.0]).view(1, 1, 2, 2)
    loss = reconstruction.cross_entropy(decoded, mask)
    expected = -(math.log(0.9) + math.log(0.8) + math.log(1e-6)) / 4
    assert loss.item() == pytest.approx(expected, abs=1e-4)
    loss.backward()
    assert torch.isfinite(decoded.grad).all()
    assert reconstruction.cross_entropy(decoded * math.nan, mask).isnan()


@pytest.fixture(scope="module")
def vgg():
    torch.manual_seed(0)
    network = vgg16(weights=None)
    return {k: v for k, v in network.state_dict().items() if k.startswith("features.")}


def test_lpips_equals_torchmetrics(vgg):
    ours = perceptual.LPIPS(vgg)
    theirs = _LPIPS(pretrained=True, net="vgg", pnet_rand=True)
    backbone = {}
    for name in theirs.net.state_dict():
        backbone[name] = vgg["features." + name.split(".", 1)[1]]
    theirs.net.load_state_dict(backbone)
    x, y = torch.rand(2, 2, 3, 64, 64) * 2 - 1
    expected = theirs(x, y).mean()
    assert expected > 1e-4
    assert torch.allclose(ours(x, y), expected, rtol=1e-4)
    assert ours(x, x) == 0


def test_lpips_teaches_the_picture_and_nothing_else(vgg):
    lpips = perceptual.LPIPS(vgg)
    picture = torch.rand(1, 3, 64, 64, requires_grad=True)
    target = torch.rand(1, 3, 64, 64, requires_grad=True)
    lpips(picture, target).backward()
    assert torch.isfinite(picture.grad).all()
    assert picture.grad.abs().sum() > 0
    assert target.grad is None
    assert not any(p.requires_grad for p in lpips.parameters())
