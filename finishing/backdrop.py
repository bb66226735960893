"""What is seen behind a result: a colour, a picture, or the driver's scene without the driver."""

from functools import cache, lru_cache

import cv2
import numpy as np
from PIL import Image, ImageColor, ImageOps

from utils import images
from utils.errors import UserError

DILATION = 0.012  # of masks, share of the frame's width: edges and shadows reach beyond them
OFFSETS = (-24, -12, -6, 6, 12, 24)  # from a frame to those that may show what it hides
RADIUS = 4  # pixels, of inpainting
KEPT = 64  # frames held in memory, so that each is read once


def choose(what, alpha, scene):
    """What stands behind results, by the value of --background; None is black.

    Args:
        alpha: whether results keep their background transparent.
        scene: function that returns what stands behind the driver; None where there is no place
            for it.

    Raises:
        UserError: it does not go together, or is no background.
    """
    if what == "none":
        return None
    if alpha:
        raise UserError("--alpha leaves the background out; drop --background or --alpha")
    if what != "driver":
        return Plain(what)
    if scene is None:
        raise UserError("--background driver is for whole frames; add --restore")
    return scene()


class Plain:
    """One colour, or one picture that covers every frame.

    Args:
        what: a colour as Pillow knows it (name or #rrggbb), or the file of a picture.

    Raises:
        UserError: it is neither.
    """

    def __init__(self, what):
        self.colour = self.picture = None
        try:
            self.colour = ImageColor.getrgb(what)[:3]
        except ValueError:
            try:
                self.picture = images.read(what, "RGB")
            except UserError:
                raise UserError(
                    f"--background {what} is no picture that can be read, and none of: none, "
                    "driver, a colour's name, #rrggbb"
                ) from None
        self._resized = lru_cache(maxsize=1)(self._resize)

    def _resize(self, size):
        if self.picture is None:
            return np.full((size[1], size[0], 3), self.colour, np.uint8)
        return np.asarray(ImageOps.fit(self.picture, size, Image.Resampling.LANCZOS))

    def __call__(self, index, size):
        """(height, width, 3) uint8 behind frame `index`, for `size` (width, height)."""
        return self._resized(size)


class CleanPlate:
    """A clip's whole frames without its object, filled with what other frames show in its place.

    Frames some way before and after are warped onto this one by the camera's motion. What none of
    them shows is inpainted (Telea 2004).

    Args:
        frames: sequence of (H, W, 3) uint8 RGB.
        masks: sequence of (H, W) bool.
        camera: function of two frames, a matrix to start from and a mask of pixels to ignore in
            the first. It returns the 3x3 matrix from pixels of the first to those of the second,
            and whether it is sure.
    """

    def __init__(self, frames, masks, camera):
        self._seen = lru_cache(maxsize=KEPT)(lambda n: (frames[n], _dilated(masks[n])))
        self._camera, self._count = camera, len(frames)
        self._step = cache(self._step)

    def __call__(self, index, size):
        """(height, width, 3) uint8 behind frame `index`; `size` is the frames' own."""
        frame, hole = self._seen(index)
        total, weight = self._shown_by_others(index, frame, size)
        found = hole & (weight > 0)
        filled = frame.copy()
        filled[found] = (total[found] / weight[found][:, None]).round()
        rest = (hole & ~found).astype(np.uint8)
        return cv2.inpaint(filled, rest, RADIUS, cv2.INPAINT_TELEA) if rest.any() else filled

    def _shown_by_others(self, index, frame, size):
        """Weighted sum (H, W, 3) of what other frames show of this one's scene, and weights (H, W).

        The nearer in time, the more a frame counts.
        """
        total = np.zeros(frame.shape, np.float32)
        weight = np.zeros(frame.shape[:2], np.float32)
        for other in sorted({index + offset for offset in OFFSETS} & set(range(self._count))):
            picture, hidden = self._seen(other)
            matrix, sure = self._camera(picture, frame, self._rough_motion(other, index), hidden)
            if not sure:
                continue
            warp = {"M": matrix[:2], "dsize": size, "flags": cv2.INTER_LINEAR}
            shown = cv2.warpAffine((~hidden).astype(np.float32), **warp) > 0.99
            share = shown.astype(np.float32) / abs(other - index)
            total += share[..., None] * cv2.warpAffine(picture, **warp)
            weight += share
        return total, weight

    def _rough_motion(self, start, end):
        """3x3 matrix of the camera from frame `start` to `end`: steps between neighbours, chained.

        Errors add up on the way, so it is where a closer search begins.
        """
        low, high = sorted((start, end))
        matrix = np.eye(3)
        for number in range(low, high):
            matrix = self._step(number) @ matrix
        return matrix if start == low else np.linalg.inv(matrix)

    def _step(self, number):
        (frame, hidden), (following, _) = self._seen(number), self._seen(number + 1)
        return self._camera(frame, following, np.eye(3), hidden)[0]


def _dilated(mask):
    size = 2 * max(1, round(DILATION * mask.shape[1])) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0
