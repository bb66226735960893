"""The two random pipelines of training as affine matrices, and the one warp that applies them.

Matrices act on pixels of the padded picture, measured from its centre, x right and y down; a
whole pipeline is one product, so pictures are resampled once.
"""

import numpy as np
import torch
from torch.nn import functional as F

FIRST_PIPELINE = 0.6  # its probability
EQUIVARIANCE_NOISE = 0.1
SHIFT = 50  # largest translation, in whole pixels of the padded picture


def _matrices(count, **entries):
    """`count` 3x3 identities with entries such as a00, a02 set."""
    matrix = np.tile(np.eye(3), (count, 1, 1))
    for name, value in entries.items():
        matrix[:, int(name[1]), int(name[2])] = value
    return matrix


def _rotation(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return _matrices(len(c), a00=c, a01=-s, a10=s, a11=c)


def _shear(x_degrees, y_degrees):
    """Shear along x, then along y."""
    x, y = np.tan(np.radians(x_degrees)), np.tan(np.radians(y_degrees))
    return _matrices(len(x), a10=y) @ _matrices(len(x), a01=x)


def _first_pipeline(rng, n):
    """Resize by 0.8 to 1.1, rotate, translate, shear; (n, 3, 3).

    The resize is of the whole canvas, so it only changes what a pixel of the shift means.
    """
    canvas = rng.uniform(0.8, 1.1, n)
    rotation = _rotation(rng.uniform(-20, 20, n))
    x, y = rng.integers(-SHIFT, SHIFT + 1, (2, n)) / canvas
    return _shear(*rng.uniform(-15, 15, (2, n))) @ _matrices(n, a02=x, a12=y) @ rotation


def _second_pipeline(rng, n):
    """Scale, translate, shear, rotate; (n, 3, 3)."""
    sx, sy = rng.uniform(0.8, 1.2, (2, n))
    x, y = rng.integers(-SHIFT, SHIFT + 1, (2, n))
    shear = _shear(*rng.uniform(-20, 20, (2, n)))
    rotation = _rotation(rng.uniform(-20, 20, n))
    return rotation @ shear @ _matrices(n, a02=x, a12=y) @ _matrices(n, a00=sx, a11=sy)


def draw(rng, n, strength=1.0):
    """Draw the transforms of n items.

    Args:
        rng: numpy.random.Generator.
        strength: how far towards what was drawn each item is transformed; 0 leaves it as it is.

    Returns:
        matrices (n, 3, 3); crops (n, 4), the share cropped from left, right, top and bottom.
    """
    first = rng.random(n) < FIRST_PIPELINE
    matrices = np.where(first[:, None, None], _first_pipeline(rng, n), _second_pipeline(rng, n))
    crops = np.where(first[:, None], 0, rng.uniform(0.0001, 0.05, (n, 4)))
    still = np.eye(3)
    return still + strength * (matrices - still), strength * crops


def random_warps(rng, n):
    """Warps [I | 0] + N(0, 0.1) of the equivariance term (docs/METHOD.md, section 4): (n, 2, 3)."""
    return torch.from_numpy(np.eye(2, 3) + rng.normal(0, EQUIVARIANCE_NOISE, (n, 2, 3))).float()


def sampling_matrices(matrices, crops, sizes, pad_factor, mirror=False):
    """What `warp` needs, from drawn transforms and the pictures they are for.

    Args:
        matrices, crops: from `draw`, one row per picture.
        sizes: (n, 2) width and height of each picture before padding, pixels.
        pad_factor: black added to each side, share of the size.
        mirror: flip the result left to right.

    Returns:
        (n, 2, 3) float32 tensor: output position -> position in the unpadded picture, both in
        [-1, 1] from edge to edge.
    """
    n = len(sizes)
    canvas = sizes + 2 * (sizes * pad_factor).astype(int)
    left, right, top, bottom = crops.T
    kept_x, kept_y = 1 - left - right, 1 - top - bottom
    crop = _matrices(
        n,
        a00=1 / kept_x,
        a11=1 / kept_y,
        a02=(right - left) * canvas[:, 0] / 2 / kept_x,
        a12=(bottom - top) * canvas[:, 1] / 2 / kept_y,
    )
    side = -1 if mirror else 1
    to_canvas = _matrices(n, a00=side * canvas[:, 0] / 2, a11=canvas[:, 1] / 2)
    to_picture = _matrices(n, a00=2 / sizes[:, 0], a11=2 / sizes[:, 1])
    theta = to_picture @ np.linalg.inv(crop @ matrices) @ to_canvas
    return torch.from_numpy(theta[:, :2]).float()


def warp(pictures, theta, width, height):
    """Resample pictures (n, C, h, w), any dtype, to (n, C, height, width) float; black outside."""
    grid = F.affine_grid(theta, (len(pictures), 1, height, width), align_corners=False)
    return F.grid_sample(pictures.float(), grid, align_corners=False)
