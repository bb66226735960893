"""The affine map between two clips by registration of their silhouettes, nothing being learned."""

import math

import torch
from torch.nn import functional as F

from utils.geometry import affine_invert, coordinate_grid

SIZE = 32  # pixels of a side at which silhouettes are compared
TURNS = (-20, -10, 0, 10, 20)  # degrees to begin from
STEPS, RATE = 150, 0.02  # of Adam
SOFTNESS = 0.03  # IoU by which another partner may be worse and still count


def register(masks_a, masks_b):
    """The affine map that lays B's silhouettes over A's.

    Iterative closest points (Besl and McKay 1992), with silhouettes for points: each one of either
    clip is compared with the partner of the other clip that it overlaps most under the map, and the
    map climbs the gradient of the mean overlap from several turns. Nobody says which poses
    correspond, and clips need no pose in common; rotation, scale and shift that most poses agree on
    are found in seconds.

    Args:
        masks_a, masks_b: (N, 1, H, W) and (M, 1, H, W) in [0, 1], none of them empty.

    Returns:
        theta, (1, 2, 3), B's places -> A's, xy in [-1, 1].
    """
    small_a, small_b = (F.interpolate(x, (SIZE, SIZE), mode="area") for x in (masks_a, masks_b))
    with torch.enable_grad():
        found = [_climb(small_a, small_b, math.radians(turn)) for turn in TURNS]
    return max(found, key=lambda pair: pair[0])[1]


def _climb(masks_a, masks_b, turn):
    """Mean overlap reached from a turn in radians about the centres, and its theta (1, 2, 3)."""
    c, s = math.cos(turn), math.sin(turn)
    linear = masks_a.new_tensor([[c, -s], [s, c]])
    shift = _centre(masks_a) - linear @ _centre(masks_b)
    theta = torch.cat([linear, shift[:, None]], 1)[None].requires_grad_()
    optimiser = torch.optim.Adam([theta], lr=RATE)
    for _ in range(STEPS):
        optimiser.zero_grad()
        (-_overlap(theta, masks_a, masks_b)).backward()
        optimiser.step()
    with torch.no_grad():
        return _overlap(theta, masks_a, masks_b).item(), theta.detach()


def _centre(masks):
    """Centre of gravity of all silhouettes, (2,)."""
    weight = masks.mean((0, 1))
    return (weight[..., None] * coordinate_grid(SIZE, SIZE, masks)).sum((0, 1)) / weight.sum()


def _overlap(theta, masks_a, masks_b):
    """Mean over both clips of each silhouette's IoU with its best partner, a soft maximum."""
    grid = affine_invert(theta, coordinate_grid(SIZE, SIZE, masks_b).view(1, -1, 2))
    grid = grid.view(1, SIZE, SIZE, 2).expand(len(masks_b), -1, -1, -1)
    moved = F.grid_sample(masks_b, grid, align_corners=True).flatten(1)
    still = masks_a.flatten(1)
    shared = still @ moved.T
    union = still.sum(1)[:, None] + moved.sum(1) - shared
    scaled = shared / union / SOFTNESS
    return sum(SOFTNESS * scaled.logsumexp(axis).mean() for axis in (0, 1)) / 2
