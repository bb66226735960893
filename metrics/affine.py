"""How affine maps differ in angle, scale, shift and mirroring. Maps are (2, 3), [M | t]."""

import math
from typing import NamedTuple

import torch


class Parts(NamedTuple):
    """What an affine map does, in this order: stretch, mirror, turn, shift."""

    angle: float  # degrees in (-180, 180], from x towards y: clockwise on the screen
    scale: float  # square root of |det M|
    shift: tuple  # x, y
    mirrored: bool  # x -> -x, before the turn


def fit_affine(points, targets):
    """Least-squares map from points to targets, (N, J, 2) each. Returns (2, 3).

    Raises:
        ValueError: the points lie on one line, so that many maps fit equally well.
    """
    columns = points.flatten(0, -2).double().cpu()
    columns = torch.cat([columns, torch.ones_like(columns[:, :1])], 1)
    if torch.linalg.matrix_rank(columns) < 3:
        raise ValueError("an affine map cannot be fitted to points on one line")
    solution = torch.linalg.lstsq(columns, targets.flatten(0, -2).double().cpu()).solution
    return solution.T.to(points)


def affine_parts(matrix):
    """Parts of a map by the polar decomposition M = Q S (Higham 1986), where S is symmetric.

    Q is a rotation, or a rotation after mirroring.

    Args:
        matrix: (2, 3).

    Returns:
        `Parts`.
    """
    matrix = matrix.detach().double().cpu()
    left, sizes, right = torch.linalg.svd(matrix[:, :2])
    turn = left @ right
    mirrored = turn.det().item() < 0
    cosine, sine = (turn[:, 0] * (-1 if mirrored else 1)).tolist()
    angle = _wrap(math.degrees(math.atan2(sine, cosine)))
    return Parts(angle, sizes.prod().sqrt().item(), tuple(matrix[:, 2].tolist()), mirrored)


def affine_error(found, true_affine):
    """How far a found map lies from the ground truth, (2, 3) each.

    Returns:
        dict of angle: difference in degrees in (-180, 180], of no meaning where only one of both
        mirrors; scale: ratio found / ground truth; shift: distance; mirrored_agrees: bool.

    Raises:
        ValueError: the ground-truth map has no scale to divide by.
    """
    found, true_affine = affine_parts(found), affine_parts(true_affine)
    if true_affine.scale == 0:
        raise ValueError("the ground-truth map flattens the plane: it has no scale to compare with")
    return {
        "angle": _wrap(found.angle - true_affine.angle),
        "scale": found.scale / true_affine.scale,
        "shift": math.dist(found.shift, true_affine.shift),
        "mirrored_agrees": found.mirrored == true_affine.mirrored,
    }


def _wrap(degrees):
    """The same angle in (-180, 180]."""
    return 180 - (180 - degrees) % 360
