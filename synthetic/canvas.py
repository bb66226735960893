"""A canvas that remembers which part each pixel shows: two of them give the optical flow."""

import cv2
import numpy as np

LIGHT = np.array([-0.35, -0.94])  # where light comes from, on the screen
NOISE_CELLS = 64


class Canvas:
    """RGB and coverage that parts are painted onto, front last.

    Args:
        size: (width, height), pixels.
        root: 3x3 matrix from percent of body length to pixels; a reflection in it swaps the
            sides of every part.
        seed: of the creature's markings.
    """

    def __init__(self, size, root, seed):
        shape = size[::-1]
        self.colour = np.zeros((*shape, 3))
        self.coverage = np.zeros(shape)
        self.scale = float(np.hypot(*root[:2, 0]))
        self.handed = float(np.sign(np.linalg.det(root[:2, :2])))
        self.frames = []  # of every part, 3x3: percent along and across it -> pixels
        self.shown = np.full(shape, -1)  # the part that gives most of a pixel's colour
        self.weight = np.zeros(shape)  # that part's share of the colour
        rng = np.random.default_rng(seed)
        self.noise = _smooth(rng.standard_normal((NOISE_CELLS, NOISE_CELLS)))

    def part(self, start, end, widths, paint, dark=1.0, heading=None):
        """A capsule from start to end (pixels) with a radius (percent) at either end.

        Args:
            paint: function of u (along, percent), v (across, -1..1 at the edges, 1 on the side
                below a part of a creature that points ahead) and noise -> RGB (..., 3), 0..255.
            dark: factor on the colour.
            heading: direction of the part's own axis; from start to end by default.
        """
        self._remember(start, end - start if heading is None else heading)
        first, last = (w * self.scale for w in widths)
        box = self._box(start, end, first, last)
        y, x = np.mgrid[box]
        if not x.size:  # off the canvas
            return
        axis = end - start
        length = max(np.hypot(*axis), 1e-6)
        along = ((x - start[0]) * axis[0] + (y - start[1]) * axis[1]) / length**2
        t = along.clip(0, 1)
        dx, dy = x - start[0] - t * axis[0], y - start[1] - t * axis[1]
        radius = first + (last - first) * t
        distance = np.hypot(dx, dy)
        cover = (radius - distance + 0.5).clip(0, 1)
        v = self.handed * (axis[0] * dy - axis[1] * dx) / length / radius
        u = along * length / self.scale
        colour = paint(u, v, self._noise_at(u, v * radius / self.scale))
        roundness = (distance / radius).clip(0, 1)
        lit = (dx * LIGHT[0] + dy * LIGHT[1]) / radius
        shade = dark * (1.0 - 0.22 * roundness**2 + 0.16 * lit)
        self._over(box, colour * shade[..., None], cover)

    def dot(self, centre, radius, colour, heading):
        """A disc, radius in percent, that turns with `heading`."""
        paint = lambda u, v, noise: flat(u, colour)  # noqa: E731
        self.part(centre, centre, (radius, radius), paint, heading=heading)

    def turned(self, vector, degrees):
        """`vector` turned clockwise for a creature that faces right, else the other way."""
        angle = np.radians(self.handed * degrees)
        c, s = np.cos(angle), np.sin(angle)
        return np.array([c * vector[0] - s * vector[1], s * vector[0] + c * vector[1]])

    def picture(self):
        """RGB (H, W, 3) uint8, the background black."""
        covered = self.coverage[..., None]
        colour = np.divide(
            self.colour, covered, out=np.zeros_like(self.colour), where=covered > 1 / 510
        )
        return colour.clip(0, 255).round().astype(np.uint8)

    def mask(self):
        """The creature's mask, (H, W) uint8, 255 inside, anti-aliased."""
        return (255 * self.coverage).round().astype(np.uint8)

    def _remember(self, start, heading):
        x, y = self.scale * unit(heading)
        self.frames.append(np.array([[x, -y, start[0]], [y, x, start[1]], [0, 0, 1]]))

    def _box(self, start, end, first, last):
        """Slices of the pixels that a capsule may touch."""
        height, width = self.coverage.shape
        low = np.floor(np.minimum(start - first, end - last) - 2).astype(int)
        high = np.ceil(np.maximum(start + first, end + last) + 3).astype(int)
        (left, right), (top, bottom) = np.clip([low, high], 0, [width, height]).T
        return np.s_[top:bottom, left:right]

    def _over(self, box, colour, cover):
        kept = cover[..., None]
        self.colour[box] = kept * colour + (1 - kept) * self.colour[box]
        self.coverage[box] = cover + (1 - cover) * self.coverage[box]
        behind = (1 - cover) * self.weight[box]
        self.shown[box] = np.where(cover > behind, len(self.frames) - 1, self.shown[box])
        self.weight[box] = np.maximum(cover, behind)

    def _noise_at(self, u, across):
        """Markings at a place of a part, in percent; they move with the part."""
        x, y = ((value / 2.4 + 31).astype(np.float32) for value in (u, across))
        return cv2.remap(self.noise, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def flow(now, later):
    """Optical flow between two canvases that hold the same parts, exact.

    What a pixel shows keeps its place on its part, along and across, in percent.

    Returns:
        flow (H, W, 2), xy in pixels, 0 where invalid; valid (H, W) bool: inside both masks, and
        the same part is still seen at the flow's end.
    """
    height, width = now.shown.shape
    inside = [canvas.mask() > 127 for canvas in (now, later)]
    y, x = np.nonzero(inside[0])
    part = now.shown[y, x]
    motion = np.stack(later.frames) @ np.linalg.inv(np.stack(now.frames))
    here = np.stack([x, y], -1)
    there = (motion[part, :2, :2] @ here[..., None])[..., 0] + motion[part, :2, 2]
    column, row = there.round().astype(int).T
    on = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    x, y, part, column, row, moved = (v[on] for v in (x, y, part, column, row, there - here))
    same = (later.shown[row, column] == part) & inside[1][row, column]
    field, valid = np.zeros((height, width, 2)), np.zeros((height, width), bool)
    field[y[same], x[same]] = moved[same]
    valid[y[same], x[same]] = True
    return field, valid


def unit(vector):
    return vector / max(np.hypot(*vector), 1e-6)


def flat(like, colour):
    """One colour (..., 3) for every value of `like`."""
    return np.broadcast_to(np.asarray(colour, float), (*like.shape, 3))


def _smooth(noise):
    """A periodic pattern of low frequencies, brought to unit variance."""
    frequency = np.fft.fftfreq(NOISE_CELLS)
    damping = np.exp(-((frequency[:, None] ** 2 + frequency[None] ** 2) / (2 * 0.055**2)))
    smooth = np.fft.ifft2(np.fft.fft2(noise) * damping).real
    return ((smooth - smooth.mean()) / smooth.std()).astype(np.float32)
