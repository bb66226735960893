"""Coordinates: hand-made cases and algebra."""

import pytest
import torch

from utils import geometry


def test_grid_corners_are_exact():
    grid = geometry.coordinate_grid(3, 5, like=torch.zeros(1))
    assert grid.shape == (3, 5, 2)
    assert grid[0, 0].tolist() == [-1, -1]
    assert grid[2, 4].tolist() == [1, 1]
    assert grid[1, 3].tolist() == [0.5, 0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_soft_argmax_finds_a_peak(dtype):
    logits = torch.full((1, 1, 9, 5), -10.0, dtype=dtype)
    logits[0, 0, 6, 1] = 10
    keypoints, heatmap = geometry.soft_argmax(logits)
    assert keypoints.dtype == dtype
    assert keypoints[0, 0].tolist() == pytest.approx([-0.5, 0.5])
    assert heatmap.sum().item() == pytest.approx(1)


def test_soft_argmax_of_nothing_is_the_centre():
    keypoints, _ = geometry.soft_argmax(torch.zeros(2, 3, 8, 8))
    assert keypoints.abs().max() < 1e-6


def test_redraw_peaks_at_the_keypoint():
    keypoints = torch.tensor([[[0.5, -1.0], [0.0, 0.0]]])
    heatmaps = geometry.redraw(keypoints, 5, 9)
    assert heatmaps.shape == (1, 2, 5, 9)
    assert heatmaps[0, 0].argmax() == 0 * 9 + 6
    assert heatmaps[0, 1].argmax() == 2 * 9 + 4
    assert heatmaps.max() == 1


def test_redraw_is_divided_by_the_whole_batch_or_by_each_item():
    between_pixels = torch.tensor([[[0.0, 0.0]], [[0.25, 0.25]]])
    whole = geometry.redraw(between_pixels, 5, 5)
    assert whole[0].max() == 1
    assert whole[1].max() < 0.01
    each = geometry.redraw(between_pixels, 5, 5, per_item=True)
    assert each.amax((1, 2, 3)).tolist() == [1, 1]


def test_affine_invert_undoes_apply():
    torch.manual_seed(0)
    theta = geometry.identity_affine(1, like=torch.zeros(1, dtype=torch.float64))
    theta = theta + 0.2 * torch.randn_like(theta)
    points = torch.randn(3, 7, 2, dtype=torch.float64)
    there = geometry.affine_apply(theta, points)
    assert not torch.allclose(there, points)
    assert torch.allclose(geometry.affine_invert(theta, there), points)


def test_affine_of_a_known_matrix():
    quarter_turn = torch.tensor([[[0.0, -1.0, 3.0], [1.0, 0.0, 0.0]]])
    moved = geometry.affine_apply(quarter_turn, torch.tensor([[[1.0, 2.0]]]))
    assert moved.tolist() == [[[1.0, 1.0]]]
