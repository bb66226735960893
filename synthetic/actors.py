"""Bodies of `synthetic.anatomy` painted: skins with a texture, rounded by light, soft edges."""

import cv2
import numpy as np

from synthetic import anatomy

FINER = 3  # pixels of the drawing per pixel of the picture, each way
TILE = 320  # pixels of a skin's texture, which covers `SPAN` of a body
SPAN = 1.3
PALETTES = {  # RGB of the skins; a body gets one of them, varied
    "quadruped": (
        ((150, 112, 74), (92, 62, 40), (60, 46, 36)),
        ((196, 188, 176), (120, 112, 104), (70, 64, 60)),
        ((84, 74, 68), (52, 46, 44), (150, 130, 110)),
        ((206, 150, 92), (236, 214, 182), (90, 60, 40)),
        ((122, 122, 126), (78, 80, 88), (210, 206, 200)),
    ),
    "flower": (
        ((214, 72, 92), (76, 120, 52), (226, 190, 70)),
        ((238, 226, 214), (92, 132, 66), (214, 160, 40)),
        ((128, 84, 178), (70, 106, 60), (236, 210, 96)),
        ((240, 178, 52), (96, 124, 50), (110, 66, 36)),
        ((226, 140, 176), (82, 116, 70), (240, 220, 130)),
    ),
    "bird": (
        ((96, 112, 140), (60, 72, 98), (214, 150, 60)),
        ((186, 168, 140), (128, 104, 78), (90, 76, 60)),
        ((60, 58, 66), (40, 40, 50), (226, 170, 50)),
        ((222, 218, 210), (160, 164, 170), (230, 130, 60)),
        ((176, 74, 58), (110, 62, 56), (80, 70, 60)),
    ),
    "hand": (
        ((222, 176, 148), (70, 90, 140), (200, 150, 130)),
        ((140, 96, 70), (200, 196, 190), (110, 76, 60)),
        ((92, 62, 46), (150, 50, 50), (80, 56, 44)),
        ((232, 196, 176), (60, 64, 62), (210, 160, 150)),
        ((96, 130, 128), (54, 80, 84), (80, 110, 110)),
    ),
    "ball": (
        ((204, 64, 54), (90, 80, 74), (240, 226, 200)),
        ((70, 124, 176), (170, 160, 120), (232, 196, 70)),
        ((226, 190, 62), (110, 84, 60), (60, 100, 150)),
        ((108, 138, 84), (150, 120, 92), (224, 220, 210)),
        ((228, 222, 214), (140, 60, 60), (50, 54, 70)),
    ),
}  # fmt: skip


def noise(shape, size, rng):
    """Smooth noise (H, W) float32 of unit variance whose grains are about `size` pixels."""
    step = max(1, int(size / 5))
    coarse = [-(-side // step) + 4 for side in shape]
    small = cv2.GaussianBlur(
        rng.standard_normal(coarse).astype(np.float32), (0, 0), size / step / 2
    )
    large = cv2.resize(small, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
    return large[: shape[0], : shape[1]] / small.std()


class Actor:
    """A body with its looks.

    Args:
        shape: one of `anatomy.SHAPES`.
        rng: of its build, colours and light.
        avoid: index of the RGB channel that no skin may have most of, or None.
    """

    def __init__(self, shape, rng, avoid=None):
        self.shape = shape
        self.build = rng.uniform(-1, 1, 8)
        choices = [p for p in PALETTES[shape] if avoid is None or not _has_much(p, avoid)]
        palette = np.array(choices[rng.integers(len(choices))], float)
        self.palette = (palette * rng.uniform(0.88, 1.1) + rng.normal(0, 6, (3, 3))).clip(18, 245)
        self._tiles = [_skin(self.palette, number, rng) for number in range(anatomy.SKINS)]
        self._sun = anatomy.turned(rng.uniform(-150, -30))

    def parts(self, time):
        """The body's `anatomy.Part` at a time in frames."""
        return anatomy.SHAPES[self.shape](time, self.build)

    def paint(self, parts, matrix, size):
        """Paint a body.

        Args:
            parts: from `parts`.
            matrix: 3x3, from the body to the picture.
            size: (width, height) of the picture.

        Returns:
            colour (H, W, 3) float32, 0..255, times coverage; coverage (H, W) float32, 0..1.
        """
        colour = np.zeros((size[1], size[0], 3), np.float32)
        covered = np.zeros((size[1], size[0]), np.float32)
        for part in parts:
            box, cover = coverage(part.pieces, matrix, size)
            if cover is None:
                continue
            shade = part.light * self._shade(cover)
            painted = self._texture(part, matrix, box, cover.shape) * shade[..., None]
            kept = 1 - cover
            colour[box] = cover[..., None] * painted + kept[..., None] * colour[box]
            covered[box] = cover + kept * covered[box]
        return colour, covered

    def _texture(self, part, matrix, box, shape):
        """Colours of the part's skin where it is seen, (h, w, 3) float32."""
        tile = np.array([[SPAN / TILE, 0, -SPAN / 2], [0, SPAN / TILE, -SPAN / 2], [0, 0, 1]])
        corner = np.array([[1, 0, -box[1].start], [0, 1, -box[0].start], [0, 0, 1]])
        there = corner @ matrix @ part.frame @ tile
        return cv2.warpAffine(
            self._tiles[part.skin], there[:2], shape[::-1], borderMode=cv2.BORDER_REFLECT_101
        )

    def _shade(self, cover):
        """Light on a rounded surface, about 1, from the distance to the part's edge."""
        depth = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
        share = np.minimum(depth / (depth.max() + 1e-6), 1)
        height = cv2.GaussianBlur(np.sqrt(1 - (1 - share) ** 2), (0, 0), 1 + depth.max() / 8)
        slope = [cv2.Sobel(height, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1))]
        lit = -(slope[0] * self._sun[0] + slope[1] * self._sun[1]) * depth.max() / 8
        return 0.8 + 0.25 * height + 0.3 * lit.clip(-1, 1)


def coverage(pieces, matrix, size):
    """Share of each pixel that a part covers.

    Args:
        pieces: polygons (K, 2) of the body.
        matrix: 3x3, from the body to the picture.
        size: (width, height) of the picture.

    Returns:
        slices of the picture, and (h, w) float32, 0..1, there; None where the part is outside.
    """
    placed = [piece @ matrix[:2, :2].T + matrix[:2, 2] for piece in pieces]
    every = np.concatenate(placed)
    low = np.maximum(np.floor(every.min(0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(every.max(0)).astype(int) + 3, size)
    box = np.s_[low[1] : high[1], low[0] : high[0]]
    if (high <= low).any():
        return box, None
    fine = np.zeros((FINER * (high - low))[::-1], np.uint8)
    for piece in placed:
        # A pixel's middle is at whole numbers; OpenCV takes 1/16 of a pixel.
        corners = FINER * (piece - low + 0.5) - 0.5
        cv2.fillPoly(fine, [np.round(16 * corners).astype(np.int32)], 255, shift=4)
    small = cv2.resize(fine, tuple((high - low).tolist()), interpolation=cv2.INTER_AREA)
    return box, small.astype(np.float32) / 255


def _has_much(palette, channel):
    """Whether some colour has more of one channel than of the others by far."""
    others = np.delete(np.array(palette, float), channel, 1).max(1)
    return bool((np.array(palette)[:, channel] > others + 8).any())


def _skin(palette, number, rng):
    """Texture (TILE, TILE, 3) float32: hair, spots or mottles in the palette's colours."""
    shape, base = (TILE, TILE), palette[number]
    other = palette[(number + 1) % 2] if number < 2 else 0.8 * base
    kind = rng.choice(["mottled", "spotted", "plain", "banded"])
    pattern = {
        "mottled": lambda: 0.5 + 0.35 * noise(shape, 34, rng),
        "spotted": lambda: 2.5 * (noise(shape, 20, rng) - 0.9),
        "plain": lambda: np.full(shape, 0.1, np.float32),
        "banded": lambda: np.sin(np.arange(TILE) / 9 + noise(shape, 30, rng)) - 0.3,
    }[kind]()
    share = 0.7 * pattern.clip(0, 1)[..., None]
    hair = 1 + 0.07 * noise(shape, 3, rng) + 0.06 * noise(shape, 9, rng)
    mixed = (1 - share) * base + share * other
    return (mixed * hair[..., None]).clip(0, 255).astype(np.float32)
