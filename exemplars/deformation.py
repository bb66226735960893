"""Deforming pictures by keypoints: rigid moving least squares (Schaefer et al. 2006)."""

import torch
from torch.nn import functional as F

from utils.geometry import coordinate_grid

NEAR = 1e-4  # squared distance that softens weights, so that no control point's is infinite
TINY = 1e-8  # of the identity in every local rotation, which alone is left where points coincide
FOLDED = 0.05  # share of a picture that may fold: legs that cross do so, and look right
COARSE = 16  # places along a side at which is looked for folds, so that it takes little time
HALVINGS = 3  # of the deformation where more would fold, before it is given up


def moving_least_squares(places, source, target, falloff=1.0):
    """Where rigid moving least squares takes `places`, if it takes `source` to `target`.

    At each place it is the rotation and shift that fit the control points best, weighted by
    distance^(-2 falloff): f_r of Schaefer, McPhail and Warren 2006, section 2.3.

    Args:
        places: (1 or B, P, 2).
        source, target: (B, K, 2) control points, which may coincide.
        falloff: higher values follow the nearest control points closer.

    Returns:
        (B, P, 2).
    """
    distance = (places[:, :, None] - source[:, None]).square().sum(-1)
    weight = (distance + NEAR) ** -falloff
    weight = weight / weight.sum(-1, keepdim=True)
    centre, target_centre = weight @ source, weight @ target
    before, after = (
        source[:, None] - centre[:, :, None],
        target[:, None] - target_centre[:, :, None],
    )
    cosine = torch.einsum("bpk,bpkc,bpkc->bp", weight, before, after) + TINY
    sine = torch.einsum("bpk,bpkc,bpkc->bp", weight, _turned(before), after)
    length = torch.hypot(cosine, sine)[..., None]
    offset = places - centre
    turned = cosine[..., None] * offset + sine[..., None] * _turned(offset)
    return target_centre + turned / length


def _turned(vectors):
    """Vectors (..., 2), turned by a right angle from x to y."""
    return torch.stack([-vectors[..., 1], vectors[..., 0]], -1)


def sampling_grid(source, target, height, width, falloff=1.0):
    """Backward map for `grid_sample(align_corners=True)` that takes `source` to `target`.

    The inverse deformation is that of swapped control points (Schaefer et al. 2006, section 1).

    Args:
        source, target: (B, K, 2), xy in [-1, 1]: from where to where the picture is deformed.
        height, width: of the picture; its pixels are square.

    Returns:
        (B, height, width, 2), xy in [-1, 1].
    """
    sides = width - 1, height - 1  # filled on the device: a copy to it would wait for its work
    side = torch.stack([source.new_full((), length / max(sides)) for length in sides])
    places = coordinate_grid(height, width, source).view(1, -1, 2)
    found = moving_least_squares(places * side, target * side, source * side, falloff)
    return (found / side).view(-1, height, width, 2)


def folded_share(grid):
    """Share of cells of a map (B, H, W, 2) that it turns over; (B,)."""
    across = grid[:, :-1, 1:] - grid[:, :-1, :-1]
    down = grid[:, 1:, :-1] - grid[:, :-1, :-1]
    area = across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
    return (area <= 0).flatten(1).float().mean(1)


def bounded_grid(source, target, height, width, strength=1.0, placed=None, falloff=1.0):
    """`sampling_grid` that goes from `source` towards `target`, as far as hardly anything folds.

    Args:
        strength: share of the way to `target`, 0 to 1. It is halved for items of which more than
            `FOLDED` would fold, and given up after `HALVINGS`.
        placed: (B, K, 2), where that way begins; None: at `source`.
    """
    placed = source if placed is None else placed
    share = torch.full_like(source[:, :1, :1], strength)
    for halving in range(HALVINGS + 1):
        coarse = sampling_grid(source, placed.lerp(target, share), COARSE, COARSE, falloff)
        folded = (folded_share(coarse) > FOLDED)[:, None, None]
        share = torch.where(folded, share / 2 if halving < HALVINGS else 0.0, share)
    return sampling_grid(source, placed.lerp(target, share), height, width, falloff)


def deform(frames, masks, source, target, **bounds):
    """An object's pictures (B, 3, H, W), 0 around it, and its masks (B, 1, H, W), deformed.

    Args:
        source, target: (B, K, 2), and `bounds` as `bounded_grid` takes them.

    Returns:
        pictures and silhouettes, the same shapes.
    """
    both = torch.cat([frames, masks], 1)
    grid = bounded_grid(source, target, *both.shape[2:], **bounds)
    deformed = F.grid_sample(both, grid, align_corners=True)
    return deformed[:, :3], deformed[:, 3:]
