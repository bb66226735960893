"""Example-based rendering: moving least squares on hand-made cases, and paths by brute force."""

from itertools import product

import pytest
import torch

from exemplars import deformation
from exemplars.selection import cheapest_path, choose_frames, pose_distance
from utils.geometry import coordinate_grid


@pytest.fixture
def points():
    """Two items of seven keypoints."""
    return 1.4 * torch.rand(2, 7, 2, generator=torch.Generator().manual_seed(0)) - 0.7


def turned(points, angle):
    cosine, sine = torch.tensor([angle]).cos(), torch.tensor([angle]).sin()
    return points @ torch.cat([cosine, sine, -sine, cosine]).view(2, 2)


def blob(height, width, x, y, radius=0.3):
    grid = coordinate_grid(height, width, torch.zeros(1))
    return (((grid - torch.tensor([x, y])) ** 2).sum(-1) < radius**2).float()[None, None]


def moved(masks, *points, **bounds):
    """Masks after `deform`, whose pictures move along."""
    frames, masks = deformation.deform(0.5 * masks.expand(-1, 3, -1, -1), masks, *points, **bounds)
    assert torch.allclose(frames, 0.5 * masks.expand_as(frames))
    return masks


def test_rotation_and_shift_are_reproduced_everywhere(points):
    places = torch.rand(1, 50, 2) * 2 - 1
    shift = torch.tensor([0.2, -0.1])
    found = deformation.moving_least_squares(places, points, turned(points, 0.5) + shift)
    assert torch.allclose(found, turned(places, 0.5) + shift, atol=1e-4)


def test_control_points_go_where_they_are_told(points):
    target = points + 0.05 * torch.randn(2, 7, 2, generator=torch.Generator().manual_seed(1))
    found = deformation.moving_least_squares(points, points, target, falloff=2.0)
    assert torch.allclose(found, target, atol=2e-3)


def test_no_change_is_the_identity(points):
    grid = deformation.sampling_grid(points, points, 9, 14)
    assert torch.allclose(grid, coordinate_grid(9, 14, points).expand_as(grid), atol=1e-5)


def test_points_that_coincide_still_shift_the_picture(points):
    together = points[:, :1].expand(-1, 7, -1)
    grid = deformation.sampling_grid(together, together + 0.25, 16, 16)
    assert torch.allclose(grid, coordinate_grid(16, 16, points) - 0.25, atol=1e-4)


def test_pixels_are_square(points):
    """A quarter turn in a picture twice as wide as high: distances in pixels stay."""
    height, width = 17, 33
    side = torch.tensor([width - 1, height - 1]) / 2
    source = points * torch.tensor([0.4, 0.8])
    target = turned(source * side, torch.pi / 2) / side
    picture = blob(height, width, *source[0, 0].tolist(), radius=0.1)
    there = moved(picture.expand(2, -1, -1, -1), source, target)[0, 0]
    found = (there[..., None] * coordinate_grid(height, width, source)).sum((0, 1)) / there.sum()
    centre = (picture[0, 0, ..., None] * coordinate_grid(height, width, source)).sum((0, 1))
    wanted = turned(centre / picture.sum() * side, torch.pi / 2) / side
    assert torch.allclose(found, wanted, atol=0.03)


def test_a_picture_follows_its_points(points):
    source = torch.tensor([[[-0.4, -0.4], [0.4, -0.4], [0.0, 0.5]]])
    target = source + torch.tensor([0.25, 0.125])
    full = moved(blob(33, 33, -0.25, 0.0), source, target)
    assert torch.allclose(full, blob(33, 33, 0.0, 0.125), atol=1e-3)
    half = moved(blob(33, 33, -0.25, 0.0), source, target, strength=0.5)
    assert torch.allclose(half, blob(33, 33, -0.125, 0.0625), atol=1e-3)


def test_a_deformation_that_folds_goes_less_far(points):
    mirrored = points * torch.tensor([-1.0, 1.0])
    wild = deformation.sampling_grid(points, mirrored.roll(3, 1), 32, 32)
    assert (deformation.folded_share(wild) > deformation.FOLDED).all()
    mixed = torch.stack([mirrored[0].roll(3, 0), points[1] + 0.1])  # one item folds, one does not
    grid = deformation.bounded_grid(points, mixed, 32, 32)
    assert (deformation.folded_share(grid) <= deformation.FOLDED).all()
    assert torch.allclose(grid[1], coordinate_grid(32, 32, points) - 0.1, atol=1e-4)
    placed = deformation.bounded_grid(points, 30 * mirrored, 32, 32, placed=points + 0.2)
    assert (deformation.folded_share(placed) <= deformation.FOLDED).all()
    start = deformation.bounded_grid(points, mirrored, 32, 32, strength=0, placed=points + 0.2)
    assert torch.allclose(start, coordinate_grid(32, 32, points) - 0.2, atol=1e-4)


def test_the_cheapest_path_is_that_of_brute_force():
    draw = torch.Generator().manual_seed(2)
    for _ in range(10):
        unary, transition = torch.rand(5, 4, generator=draw), torch.rand(4, 4, generator=draw)

        def total(path, unary=unary, transition=transition):
            stays = sum(unary[i, state] for i, state in enumerate(path))
            return stays + sum(transition[x, y] for x, y in zip(path, path[1:]))

        best = min(product(range(4), repeat=5), key=total)
        assert cheapest_path(unary, transition).tolist() == list(best)


def test_pose_distance_is_the_mean_over_keypoints(points):
    found = pose_distance(points, points + torch.tensor([0.3, 0.4]))
    assert found.diagonal().tolist() == pytest.approx([0.25, 0.25])
    assert found[0, 1] == pytest.approx(
        ((points[0] - points[1] - torch.tensor([0.3, 0.4])) ** 2).sum(-1).mean().item(), rel=1e-4
    )


def clip(count):
    """Keypoints and masks of a disc that crosses the picture in `count` frames."""
    x = torch.linspace(-0.5, 0.5, count)
    masks = torch.cat([blob(24, 24, place, 0.0) for place in x])
    return torch.stack([x, torch.zeros(count)], -1)[:, None].expand(-1, 3, -1), masks


def test_a_clip_chooses_itself():
    keypoints, masks = clip(12)
    assert choose_frames(keypoints, masks, keypoints, masks).tolist() == list(range(12))


def test_silhouettes_decide_where_keypoints_say_nothing():
    keypoints, masks = clip(12)
    nothing = torch.zeros_like(keypoints)
    assert choose_frames(nothing, masks, nothing, masks, jump=0).tolist() == list(range(12))
    assert choose_frames(nothing, masks, nothing, masks, overlap=0, jump=0).unique().numel() == 1


def test_one_odd_frame_is_no_reason_to_jump():
    keypoints, masks = clip(12)
    odd, silhouettes = keypoints.clone(), masks.clone()
    odd[6], silhouettes[6] = odd[6].lerp(odd[0], 0.3), masks[4]
    free = choose_frames(odd, silhouettes, keypoints, masks, jump=0)
    steady = choose_frames(odd, silhouettes, keypoints, masks, jump=10)
    assert (free.diff().abs() > 2).any() or (free.diff() < 0).any()
    assert (steady.diff().abs() <= 2).all()
