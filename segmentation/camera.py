"""How the camera moves, found from all pixels at once, so that smooth scenes serve, too.

Direct alignment from coarse to fine (Lucas and Kanade 1981), in the inverse compositional form with
a gain (Baker and Matthews 2004). What moves on its own is outvoted: residuals are weighted
by Geman and McClure's function. Matrices are 3x3 on pixels (x, y, 1).
"""

import cv2
import numpy as np

FINEST, COARSEST = 240, 40  # longer sides of the pictures that are compared, pixels
STEPS, SMALL = 6, 0.03  # on each level at most; a shift in pixels after which the next one begins
LEAST_SCALE, MOST_SCALE = 1.0, 12.0  # of residuals, grey levels
# Prior of the motion since the last frame, for what smooth pictures leave open: standard deviations
# of growth and turn, and of the shift as share of half the width.
STEADY = 0.01, 0.01, 0.03, 0.01, 0.01, 0.03
FAR = 10  # frames that two pictures of any distance count as
ALIKE = 30.0  # pixels that err alike, as by compression, so that they count as one
CLEARLY = 0.98  # a motion costs at most this share of what no motion costs, to be believed
PLAIN = 1e-4  # (grey levels per pixel)^2 on average: a picture with less shows no motion
OVERLAP = 0.6  # of the key frame that a frame must still show
AGREED = 0.4  # mean weight of the pixels of two pictures that show the same scene
MIDDLE_GREY = 64.0  # a unit of gain


def places(frames, apart=1):
    """3x3 matrix from each frame's pixels to those of the first frame, as a list.

    Each frame is compared with a key frame, so that errors add up only where that changes.

    Args:
        frames: iterable of (H, W, 3) uint8 RGB.
        apart: how many frames of the video lie from one of them to the next.
    """
    found, key, former, step = [], None, np.eye(3), np.eye(3)
    for frame in frames:
        if key is None:
            key, anchor = _Key(frame, apart), np.eye(3)
        moved, _ = key.align(frame, step @ former, former)
        if not key.better(frame, moved, former):
            moved = former
        step, former = moved @ np.linalg.inv(former), moved
        found.append(anchor @ np.linalg.inv(moved))
        if _shown(moved, frame.shape[1::-1]) < OVERLAP:
            key, anchor, former = _Key(frame, apart), found[-1], np.eye(3)
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
    key = _Key(former, FAR, ignored)
    guess = np.eye(3) if guess is None else guess
    matrix, agreement = key.align(frame, guess, guess)
    return matrix, agreement > AGREED


def _shown(matrix, size):
    """Share of a picture of `size` (width, height) that is seen after it moved by `matrix`."""
    grid = np.diag([32 / size[0], 32 / size[1], 1])
    moved = (grid @ matrix @ np.linalg.inv(grid))[:2]
    return float((cv2.warpAffine(np.ones((32, 32), np.float32), moved, (32, 32)) > 0.5).mean())


class _Key:
    """A frame that others are aligned with; its gradients are computed once."""

    def __init__(self, frame, apart, ignored=None):
        self._levels = [_Level(grey, apart, ignored) for grey in _pyramid(frame)]

    def align(self, frame, matrix, expected):
        """3x3 matrix from the key's pixels to those of `frame`; the agreement.

        Args:
            matrix: 3x3, where to begin.
            expected: 3x3, what the motion is where the pictures leave it open.
        """
        agreement = 0.0
        for level, grey in zip(self._levels, _pyramid(frame)):
            shrink = _shrink(grey.shape[1] / frame.shape[1], grey.shape[0] / frame.shape[0])
            start, open_ = (shrink @ m @ np.linalg.inv(shrink) for m in (matrix, expected))
            matrix, agreement = level.align(grey, start, open_)
            matrix = np.linalg.inv(shrink) @ matrix @ shrink
        return matrix, agreement

    def better(self, frame, matrix, other):
        """Whether a matrix explains a frame clearly better than another one."""
        grey = _pyramid(frame)[-1]
        shrink = _shrink(grey.shape[1] / frame.shape[1], grey.shape[0] / frame.shape[0])
        scaled = [shrink @ m @ np.linalg.inv(shrink) for m in (matrix, other)]
        found, rest = self._levels[-1].costs(grey, scaled)
        return found < CLEARLY * rest


class _Level:
    """One level of the key's pyramid; the unit of length is half its width, from its middle."""

    def __init__(self, grey, apart, ignored):
        height, width = self._shape = grey.shape
        self._unit = np.diag([width / 2, width / 2, 1.0])
        self._unit[:2, 2] = (width - 1) / 2, (height - 1) / 2
        x, y = np.meshgrid(*((np.arange(n) - (n - 1) / 2) / (width / 2) for n in (width, height)))
        across, down = (
            cv2.Sobel(grey, cv2.CV_32F, *axis, scale=width / 16) for axis in ((1, 0), (0, 1))
        )
        motion = across * x, across * y, across, down * x, down * y, down
        self._jacobian = np.stack([*motion, grey / MIDDLE_GREY], -1).reshape(-1, 7)
        self._grey, self._free = grey.ravel(), _free(ignored, grey.shape)
        self._prior = np.diag([*(1 / np.square(np.multiply(STEADY, apart))), 1e-6])

    def align(self, grey, matrix, expected):
        """3x3 matrix near the given one, in pixels of this level; the mean weight, 0..1.

        The weight is 0 where the key is so plain that any motion would do.
        """
        gain, unit, prior = MIDDLE_GREY, self._unit, self._prior
        for _ in range(STEPS):
            residual, seen = self._residual(grey, matrix, gain)
            weights, scale = _weights(residual, seen)
            weighted = self._jacobian * (weights / (ALIKE * scale**2))[:, None]
            away = np.linalg.inv(expected @ unit) @ matrix @ unit - np.eye(3)
            right = weighted.T @ residual + prior @ [*away[:2].ravel(), 0]
            change = np.linalg.solve(weighted.T @ self._jacobian + prior, right)
            gain += change[6]
            update = np.eye(3)
            update[:2] -= change[:6].reshape(2, 3)
            matrix = matrix @ unit @ update @ np.linalg.inv(unit)
            if np.abs(change[:6]).max() * self._shape[1] / 2 < SMALL:
                break
        structured = np.mean(self._jacobian[:, [2, 5]] ** 2) > PLAIN * self._shape[1] ** 2 / 4
        return matrix, structured * weights.sum() / max(1, seen.sum())

    def costs(self, grey, matrices):
        """Mean of Geman and McClure's function of the residuals, for each of some matrices."""
        pairs = []
        for matrix in matrices:
            residual, seen = self._residual(grey, matrix, 0)  # with no gain: the frame itself
            gain = MIDDLE_GREY * np.median(residual[seen] / (self._grey[seen] + 1e-3))
            pairs.append(self._residual(grey, matrix, gain))
        _, scale = _weights(*pairs[0])
        square = (2 * scale) ** 2
        return [np.mean(r[s] ** 2 / (square + r[s] ** 2)) for r, s in pairs]

    def _residual(self, grey, matrix, gain):
        """Residuals (N,), and where (N,) both pictures show the scene."""
        moved = cv2.warpAffine(
            grey, matrix[:2], self._shape[::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=-1e6,
        ).ravel()  # fmt: skip
        seen = self._free & (moved >= 0)
        return np.where(seen, moved - self._grey * gain / MIDDLE_GREY, 0), seen


def _free(ignored, shape):
    """Which pixels (N,) of a small picture hold nothing that is ignored in the large one."""
    if ignored is None:
        return np.ones(shape, bool).ravel()
    small = cv2.resize(ignored.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)
    return (small == 0).ravel()


def _weights(residual, seen):
    """Of each pixel, 0..1, and the scale of the residuals."""
    usual = np.median(np.abs(residual[seen][::3])) if seen.any() else 0.0
    scale = np.clip(1.4826 * usual, LEAST_SCALE, MOST_SCALE)
    square = (2 * scale) ** 2
    return seen * (square / (square + residual**2)) ** 2, scale


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
