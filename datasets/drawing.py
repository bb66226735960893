"""Draws a `synthetic.Creature`: tapered, shaded, textured parts with anti-aliased edges."""

import cv2
import numpy as np

LIGHT = np.array([-0.35, -0.94])  # where light comes from, on the screen
NOISE_CELLS = 64


class Canvas:
    """RGB and coverage that parts are painted onto, front last.

    Args:
        width, height: pixels.
        scale: pixels per percent of body length.
        seed: of the creature's markings.
    """

    def __init__(self, width, height, scale, seed):
        self.colour = np.zeros((height, width, 3))
        self.coverage = np.zeros((height, width))
        self.scale = scale
        rng = np.random.default_rng(seed)
        self.noise = _smooth(rng.standard_normal((NOISE_CELLS, NOISE_CELLS)))

    def part(self, start, end, widths, paint, dark=1.0):
        """A capsule from start to end (pixels) with a radius (percent) at either end.

        Args:
            paint: function of u (along, percent), v (across, -1..1 at the edges, 1 on the side
                below a part that points right) and noise -> RGB (..., 3), 0..255.
            dark: factor on the colour.
        """
        first, last = (w * self.scale for w in widths)
        height, width = self.coverage.shape
        low = np.floor(np.minimum(start - first, end - last) - 2).astype(int)
        high = np.ceil(np.maximum(start + first, end + last) + 3).astype(int)
        (left, right), (top, bottom) = np.clip([low, high], 0, [width, height]).T
        if left == right or top == bottom:
            return
        box = np.s_[top:bottom, left:right]
        y, x = np.mgrid[box]
        axis = end - start
        length = max(np.hypot(*axis), 1e-6)
        along = ((x - start[0]) * axis[0] + (y - start[1]) * axis[1]) / length**2
        t = along.clip(0, 1)
        dx, dy = x - start[0] - t * axis[0], y - start[1] - t * axis[1]
        radius = first + (last - first) * t
        distance = np.hypot(dx, dy)
        cover = (radius - distance + 0.5).clip(0, 1)
        v = (axis[0] * dy - axis[1] * dx) / length / radius
        u = along * length / self.scale
        colour = paint(u, v, self._noise_at(u, v * radius / self.scale))
        roundness = (distance / radius).clip(0, 1)
        lit = (dx * LIGHT[0] + dy * LIGHT[1]) / radius
        shade = dark * (1.0 - 0.22 * roundness**2 + 0.16 * lit)
        self._over(box, colour * shade[..., None], cover)

    def dot(self, centre, radius, colour):
        """A disc, radius in percent."""
        self.part(centre, centre, (radius, radius), lambda u, v, n: _flat(u, colour))

    def _over(self, box, colour, cover):
        kept = cover[..., None]
        self.colour[box] = kept * colour + (1 - kept) * self.colour[box]
        self.coverage[box] = cover + (1 - cover) * self.coverage[box]

    def _noise_at(self, u, across):
        """Markings at a place of a part, in percent; they move with the part."""
        x, y = ((value / 2.4 + 31).astype(np.float32) for value in (u, across))
        return cv2.remap(self.noise, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _smooth(noise):
    """Low-pass, periodic, unit variance."""
    frequency = np.fft.fftfreq(NOISE_CELLS)
    damping = np.exp(-((frequency[:, None] ** 2 + frequency[None] ** 2) / (2 * 0.055**2)))
    smooth = np.fft.ifft2(np.fft.fft2(noise) * damping).real
    return ((smooth - smooth.mean()) / smooth.std()).astype(np.float32)


def _flat(like, colour):
    return np.broadcast_to(np.asarray(colour, float), (*like.shape, 3))


def _blend(share, one, two):
    """one where `share` is 0, two where it is 1."""
    share = share.clip(0, 1)[..., None]
    return (1 - share) * np.asarray(one, float) + share * np.asarray(two, float)


def _fur(creature, belly_side=0.0):
    """Paint of trunk, neck and head: marked coat, light where v is above `belly_side`."""

    def paint(u, v, noise):
        if creature.pattern == "blotches":
            marked = (noise - 0.55) * 5
        else:
            marked = (np.sin(u * 0.55 + 1.6 * noise) - 0.35) * 2.5 * (v < belly_side)
        colour = _blend(marked, creature.coat, creature.marks)
        under = _blend((v - belly_side) * 4, (0, 0, 0), (1, 1, 1))
        return (1 - under) * colour + under * np.asarray(creature.belly, float)

    return paint


def _leg(creature, length):
    """Paint of a lower leg, which ends in a sock."""

    def paint(u, v, noise):
        return _blend((u - 0.45 * length + 3 * noise) / 6, creature.coat, creature.socks)

    return paint


def _tail(creature, length):
    """Paint of the tail's outer half, rings for blotches; the tip in its own colour."""

    def paint(u, v, noise):
        colour = _blend((u - 0.55 * length + 2 * noise) / 5, creature.coat, creature.tail_end)
        if creature.pattern == "blotches":
            colour = _blend((np.sin(u * 0.75) - 0.2) * 3, colour, creature.marks)
        return colour

    return paint


def _draw_leg(canvas, creature, place, leg, dark):
    root, knee, foot = (place[f"{leg}_{joint}"] for joint in ("root", "knee", "foot"))
    wider = 1.25 if "hind" in leg else 1.0
    upper = creature.upper_leg_width[0] * wider, creature.upper_leg_width[1]
    canvas.part(root, knee, upper, _fur(creature, 2.0), dark)
    canvas.part(knee, foot, creature.lower_leg_width, _leg(creature, creature.lower_leg), dark)
    width = creature.lower_leg_width[1]
    toe = foot + canvas.scale * width * 1.1 * _unit(_turned(foot - knee, -75))
    canvas.part(foot, toe, (width, 0.75 * width), lambda u, v, n: _flat(u, creature.socks), dark)


def _draw_head(canvas, creature, place):
    poll, nose = place["poll"], place["nose"]
    forward = _unit(nose - poll)
    up = _turned(forward, -90)
    brow = poll + forward * creature.skull * canvas.scale
    skull, tip = creature.head_width

    def ear(shift, dark):
        foot = poll + canvas.scale * (up * skull * 0.5 + forward * shift)
        end = foot + canvas.scale * creature.ear * _turned(up, -12)
        paint = lambda u, v, n: _blend((u - 0.6 * creature.ear) / 4, creature.coat, creature.marks)  # noqa: E731
        canvas.part(foot, end, (0.42 * creature.ear, 1.2), paint, dark)

    ear(7, 0.7)
    canvas.part(poll, brow, (skull, 0.8 * skull), _fur(creature, 0.55))
    canvas.part(
        brow,
        nose,
        (0.75 * skull, tip),
        lambda u, v, n: _blend((v + 0.1) * 4, creature.coat, creature.belly),
    )
    ear(-2, 1.0)
    canvas.dot(nose + up * tip * 0.3 * canvas.scale, 0.55 * tip, (30, 24, 26))
    eye = poll + canvas.scale * (forward * creature.skull * 0.75 + up * skull * 0.32)
    canvas.dot(eye, 3.0, (24, 20, 18))
    canvas.dot(eye + canvas.scale * np.array([0.8, -0.9]), 1.0, (255, 255, 255))


def _unit(vector):
    return vector / max(np.hypot(*vector), 1e-6)


def _turned(vector, degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([c * vector[0] - s * vector[1], s * vector[0] + c * vector[1]])


def draw(creature, place, scale, size, seed):
    """Picture and mask of a creature.

    Args:
        creature: `synthetic.Creature`.
        place: joints by name, xy in pixels, from `synthetic.joints`.
        scale: pixels per percent of body length.
        size: (width, height) of the canvas, pixels.
        seed: of the creature's markings.

    Returns:
        RGB (H, W, 3) uint8, the background black; mask (H, W) uint8, 255 inside, anti-aliased.
    """
    canvas = Canvas(*size, scale, seed)
    far, near = 0.62, 1.0
    for leg in ("far_hind", "far_front"):
        _draw_leg(canvas, creature, place, leg, far)
    middle = (creature.tail_width[0] + creature.tail_width[1]) / 2
    canvas.part(
        place["hip"],
        place["tail_middle"],
        (creature.tail_width[0], middle),
        _fur(creature, 2),
        0.85,
    )
    half = creature.tail / 2
    canvas.part(
        place["tail_middle"],
        place["tail_tip"],
        (middle, creature.tail_width[1]),
        _tail(creature, half),
        0.9,
    )
    canvas.part(place["hip"], place["shoulder"], creature.trunk_width, _fur(creature, 0.35))
    canvas.part(place["shoulder"], place["poll"], creature.neck_width, _fur(creature, 0.35))
    _draw_head(canvas, creature, place)
    for leg in ("near_hind", "near_front"):
        _draw_leg(canvas, creature, place, leg, near)
    covered = canvas.coverage[..., None]
    colour = np.divide(
        canvas.colour, covered, out=np.zeros_like(canvas.colour), where=covered > 1 / 510
    )
    picture = colour.clip(0, 255).round().astype(np.uint8)
    return picture, (255 * canvas.coverage).round().astype(np.uint8)
