"""How the camera moves, found from all pixels at once, so that smooth scenes serve, too.

Direct alignment from coarse to fine (Lucas and Kanade 1981), in the inverse compositional form with
gain and bias (Baker and Matthews 2004). What moves on its own is outvoted: residuals are weighted
by Geman and McClure's function. Matrices are 3x3 on pixels (x, y, 1).
"""

import cv2
import numpy as np

FINEST, COARSEST = 240, 40  # longer sides of the pictures that are compared, pixels
STEPS, SMALL = 6, 0.03  # on each level at most; a shift in pixels after which the next one begins
LEAST_SCALE, MOST_SCALE = 1.0, 12.0  # of residuals, grey levels
STIFF = 1e-4  # of a prior for no motion, (grey levels per pixel)^2: for what pictures leave open
OVERLAP = 0.6  # of the key frame that a frame must still show
AGREED = 0.4  # mean weight of the pixels of two pictures that show the same scene
MIDDLE_GREY = 64.0  # a unit of gain


def places(frames):
    """3x3 matrix from each frame's pixels to those of the first frame, as a list.

    Each frame is compared with a key frame, so that errors add up only where that changes.

    Args:
        frames: iterable of (H, W, 3) uint8 RGB.
    """
    found, key, former, step = [], None, np.eye(3), np.eye(3)
    for frame in frames:
        if key is None:
            key, anchor = _Key(frame), np.eye(3)
        moved, _ = key.align(frame, step @ former)
        step, former = moved @ np.linalg.inv(former), moved
        found.append(anchor @ np.linalg.inv(moved))
        if _shown(moved, frame.shape[1::-1]) < OVERLAP:
            key, anchor, former = _Key(frame), found[-1], np.eye(3)
    return found


def between(former, frame, guess=None, ignored=None):
    """The camera's motion between two pictures.

    Args:
        former, frame: (H, W, 3) uint8 RGB.
        guess: 3x3 matrix to start from, for pictures that are far apart.
        ignored: (H, W) bool, pixels of `former` that may move on their own.

    Returns:
        3x3 matrix from pixels of `former` to those of `frame`, and whether what both show agrees
        on it.
    """
    key = _Key(former, ignored)
    matrix, agreement = key.align(frame, np.eye(3) if guess is None else guess)
    return matrix, agreement > AGREED


def _shown(matrix, size):
    """Share of a picture of `size` (width, height) that is seen after it moved by `matrix`."""
    grid = np.diag([32 / size[0], 32 / size[1], 1])
    moved = (grid @ matrix @ np.linalg.inv(grid))[:2]
    return float((cv2.warpAffine(np.ones((32, 32), np.float32), moved, (32, 32)) > 0.5).mean())


class _Key:
    """A frame that others are aligned with; its gradients are computed once."""

    def __init__(self, frame, ignored=None):
        self._levels = [_Level(grey, ignored) for grey in _pyramid(frame)]

    def align(self, frame, matrix):
        """3x3 matrix from the key's pixels to those of `frame`, near `matrix`; the agreement."""
        agreement = 0.0
        for level, grey in zip(self._levels, _pyramid(frame)):
            shrink = _shrink(grey.shape[1] / frame.shape[1], grey.shape[0] / frame.shape[0])
            matrix, agreement = level.align(grey, shrink @ matrix @ np.linalg.inv(shrink))
            matrix = np.linalg.inv(shrink) @ matrix @ shrink
        return matrix, agreement


class _Level:
    """One level of the key's pyramid; the unit of length is half its width, from its middle."""

    def __init__(self, grey, ignored):
        height, width = self._shape = grey.shape
        self._unit = np.diag([width / 2, width / 2, 1.0])
        self._unit[:2, 2] = (width - 1) / 2, (height - 1) / 2
        x, y = np.meshgrid(*((np.arange(n) - (n - 1) / 2) / (width / 2) for n in (width, height)))
        across, down = (
            cv2.Sobel(grey, cv2.CV_32F, *axis, scale=width / 16) for axis in ((1, 0), (0, 1))
        )
        motion = across * x, across * y, across, down * x, down * y, down
        columns = *motion, grey / MIDDLE_GREY, np.ones_like(grey)
        self._jacobian = np.stack(columns, -1).reshape(-1, 8).astype(np.float32)
        self._prior = np.array([STIFF * width**2 / 4] * 6 + [0.0] * 2)
        self._grey, self._free = grey.ravel(), _free(ignored, grey.shape)

    def align(self, grey, matrix):
        """3x3 matrix near the given one, in pixels of this level; the mean weight, 0..1.

        The weight is 0 where the key is so plain that any motion would do.
        """
        light = np.array([MIDDLE_GREY, 0.0])
        for _ in range(STEPS):
            residual, seen = self._residual(grey, matrix, light)
            weights = seen * _weights(residual, seen)
            weighted = self._jacobian * weights[:, None]
            normal = weighted.T @ self._jacobian + np.diag(self._prior * weights.sum() + 1e-6)
            change = np.linalg.solve(normal, weighted.T @ residual)
            light += change[6:]
            update = np.eye(3)
            update[:2] -= change[:6].reshape(2, 3)
            matrix = matrix @ self._unit @ update @ np.linalg.inv(self._unit)
            if np.abs(change[:6]).max() * self._shape[1] / 2 < SMALL:
                break
        structured = np.mean(self._jacobian[:, [2, 5]] ** 2) > STIFF * self._shape[1] ** 2 / 4
        return matrix, structured * weights.sum() / max(1, seen.sum())

    def _residual(self, grey, matrix, light):
        """Residuals (N,), and where (N,) both pictures show the scene."""
        moved = cv2.warpAffine(
            grey, matrix[:2], self._shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=-1e6,
        ).ravel()  # fmt: skip
        seen = self._free & (moved >= 0)
        return np.where(seen, moved - self._grey * light[0] / MIDDLE_GREY - light[1], 0), seen


def _free(ignored, shape):
    """Which pixels (N,) of a small picture hold nothing that is ignored in the large one."""
    if ignored is None:
        return np.ones(shape, bool).ravel()
    small = cv2.resize(ignored.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)
    return (small == 0).ravel()


def _weights(residual, seen):
    """Of each pixel, 0..1."""
    usual = np.median(np.abs(residual[seen][::3])) if seen.any() else 0.0
    square = (2 * np.clip(1.4826 * usual, LEAST_SCALE, MOST_SCALE)) ** 2
    return (square / (square + residual**2)) ** 2


def _pyramid(frame):
    """Grey pictures (h, w) float32, the coarsest first."""
    grey, longer = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), max(frame.shape)
    pictures, side = [], min(FINEST, longer)
    while side >= COARSEST or not pictures:
        size = [max(8, round(n * side / longer)) for n in grey.shape[::-1]]
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        pictures.append(cv2.GaussianBlur(small, (0, 0), 0.8))
        side //= 2
    return pictures[::-1]


def _shrink(across, down):
    """3x3 matrix from a picture's pixels to those of a smaller one with the same edges."""
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])
