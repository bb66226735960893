"""Bodies that move: outlines of their parts at any moment, for `synthetic.actors` to paint.

A body is about 1 long, its middle near (0, 0), y downwards, and faces right. Time is in frames.
"""

from typing import NamedTuple

import numpy as np

SKINS = 3  # kinds of surface of a body: most of it, a second one, small things


class Part(NamedTuple):
    """A part of a body at a moment; later parts are in front.

    Attributes:
        pieces: polygons (K, 2) whose union is the part.
        frame: 3x3, from the part's own place and direction to the body's: its texture goes along.
        skin: one of `SKINS`.
        light: factor on its brightness; what is at the far side gets less.
    """

    pieces: list
    frame: np.ndarray
    skin: int
    light: float = 1.0


def spline(points, count, closed=False):
    """Catmull-Rom curve through points (N, 2); (count, 2)."""
    points = np.asarray(points, float)
    ends = points[[-1]], points[:2]
    if not closed:
        ends = 2 * points[:1] - points[1:2], 2 * points[-1:] - points[-2:-1]
    around = np.concatenate([ends[0], points, ends[1]])
    spans = len(points) - (not closed)
    where = np.linspace(0, spans, count, endpoint=not closed)
    first = np.minimum(where.astype(int), spans - 1)
    t = (where - first)[:, None]
    a, b, c, d = (around[first + i] for i in range(4))
    cubic = (-a + 3 * b - 3 * c + d) * t**3 + (2 * a - 5 * b + 4 * c - d) * t**2
    return (cubic + (c - a) * t + 2 * b) / 2


def turned(degrees, length=1.0):
    """Vector of that length, clockwise from the right on the screen."""
    angle = np.radians(degrees)
    return length * np.array([np.cos(angle), np.sin(angle)])


def ribbon(line, widths, skin=0, light=1.0, count=14):
    """A bent part along a line (N, 2) with a half width at each of evenly spread places."""
    middle = spline(line, count)
    half = np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(widths)), widths)[:, None]
    along = np.gradient(middle, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    side = half * along[:, ::-1] * [-1, 1]
    left, right = middle + side, middle - side
    pieces = [np.stack(four) for four in zip(left, left[1:], right[1:], right)]
    rim = np.array([turned(angle) for angle in range(0, 360, 30)])
    pieces += [centre + width * rim for centre, width in zip(middle, half)]
    return Part(pieces, _frame(middle[0], middle[-1] - middle[0]), skin, light)


def blob(points, skin=0, light=1.0, heading=(1.0, 0.0)):
    """A rounded part whose outline goes through points (N, 2)."""
    outline = spline(points, 40, closed=True)
    return Part([outline], _frame(outline.mean(0), np.asarray(heading)), skin, light)


def _frame(start, heading):
    x, y = np.asarray(heading, float) / (np.hypot(*heading) + 1e-9)
    return np.array([[x, -y, start[0]], [y, x, start[1]], [0, 0, 1]])


def _chain(start, *bones):
    """Joints (N, 2) of bones given as (degrees, length)."""
    return start + np.cumsum([(0, 0), *(turned(*bone) for bone in bones)], axis=0)


def quadruped(time, build):
    """A walking animal; `build` is (8,), each in -1..1, here and below."""
    stride = 2 * np.pi * time / (22 + 6 * build[0])
    thick, long = 1 + 0.2 * build[1], 1 + 0.15 * build[2]
    legs = []
    for x, lag, light in ((-0.2, 0, 0.7), (0.18, 2.2, 0.7), (-0.23, 3.1, 1), (0.2, 5.3, 1)):
        swing, lift = 24 * np.sin(stride + lag), 22 * max(0, np.cos(stride + lag))
        bend = lift if x > 0 else -14 - lift
        bones = (90 + swing - bend / 2, 0.2 * long), (90 + swing + bend, 0.2 * long)
        foot = 20 + swing / 2, 0.035
        line = _chain(np.array([x, 0.03]), *bones, foot)
        legs.append(ribbon(line, (0.055 * thick, 0.026, 0.018, 0.016), 0, light))
    wag = 15 * np.sin(1.4 * stride + 1)
    tail = _chain(np.array([-0.3, -0.05]), (150 + wag, 0.12), (125 + 2 * wag, 0.14), (100, 0.1))
    nod = 6 * np.sin(stride + build[3])
    head = _chain(np.array([0.2, -0.05]), (-58 + nod, 0.2), (-25 + nod, 0.07), (30 + nod, 0.13))
    back = np.array(
        [
            (-0.31, -0.02),
            (-0.2, -0.11),
            (0, -0.09),
            (0.2, -0.13),
            (0.28, 0),
            (0.1, 0.1),
            (-0.2, 0.06),
        ]
    )
    ear = _chain(head[2] + (-0.03, -0.02), (-105 + 2 * nod, 0.08 + 0.02 * build[4]))
    return [
        *legs[:2],
        ribbon(tail, (0.024, 0.016, 0.012, 0.008), 1),
        blob(back * (1, thick)),
        *legs[2:],
        ribbon(head, (0.1 * thick, 0.06, 0.055, 0.028), 0),
        ribbon(ear, (0.028, 0.006), 1),
    ]


def flower(time, build):
    """A stem that sways and a blossom that nods."""
    sway = 0.04 * np.sin(2 * np.pi * time / (30 + 8 * build[0])) + 0.015 * np.sin(time / 3.7)
    top = np.array([sway * 1.6, -0.26])
    stem = np.array([(0, 0.5), (0.04 * build[1], 0.22), (sway, -0.02), top])
    leaves = [
        ribbon(
            _chain(stem[1], (angle + 60 * sway, 0.14), (angle - 20 + 120 * sway, 0.13)), width, 1
        )
        for angle, width in ((-35, (0.01, 0.05, 0.03, 0.004)), (-150, (0.01, 0.045, 0.02, 0.004)))
    ]
    count, tilt = 7 + int(2 * build[2]), 200 * sway
    petals = []
    for number in range(count):
        around = tilt + 360 * number / count
        opened = 0.19 + 0.02 * np.sin(time / 5 + number)
        line = _chain(top, (around, opened / 2), (around + 12 * build[3], opened / 2))
        light = 0.86 + 0.14 * (number % 2)
        petals.append(ribbon(line, (0.02, 0.06 + 0.012 * build[4], 0.065, 0.02), 0, light))
    heart = blob([top + turned(angle, 0.06) for angle in range(0, 360, 45)], 2)
    return [ribbon(stem, (0.016, 0.013, 0.011), 1), *leaves, *petals, heart]


def bird(time, build):
    """A bird that beats its wings."""
    beat = np.sin(2 * np.pi * time / (11 + 3 * build[0]))
    late = np.sin(2 * np.pi * time / (11 + 3 * build[0]) - 0.8)
    bob = np.array([0, 0.02 * beat])
    wings = []
    for shift, light in (((0.07, -0.03), 0.68), ((0, 0), 1)):
        root = bob + (0.04, -0.05) + shift
        elbow = root + (-0.02, -0.17 * beat - 0.02)
        tip = elbow + (-0.14, -0.24 * late)
        wings.append(ribbon([root, elbow, tip], (0.07, 0.09, 0.065, 0.015), 1, light))
        for back in (0.05, 0.1):  # feathers
            line = [
                elbow,
                elbow + (-0.03 - back, -0.1 * late),
                tip + (-0.4 * back, 2 * back * late),
            ]
            wings.append(ribbon(line, (0.03, 0.026, 0.006), 1, 0.92 * light, 10))
    body = [(-0.3, 0.02), (-0.1, 0.03), (0.1, 0), (0.24, -0.06), (0.33, -0.08)]
    fan = [
        ribbon(_chain(bob + (-0.25, 0.02), (180 + angle, 0.24)), (0.025, 0.03, 0.016), 1, 0.85)
        for angle in (-16, 0, 16 + 4 * build[1])
    ]
    beak = ribbon(bob + [(0.35, -0.075), (0.41, -0.07), (0.45, -0.05)], (0.028, 0.016, 0.003), 2)
    legs = [
        ribbon(_chain(bob + (x, 0.08), (120, 0.08), (60, 0.05)), (0.011, 0.008), 2, light)
        for x, light in ((-0.02, 0.7), (0.03, 1))
    ]
    trunk = ribbon(bob + body, (0.03, 0.1 + 0.02 * build[2], 0.11, 0.075, 0.05), 0)
    eye = blob([bob + (0.35, -0.1) + turned(a, 0.012) for a in range(0, 360, 60)], 2, 0.4)
    return [*wings[:3], *fan, *legs, beak, trunk, eye, *wings[3:]]


def hand(time, build):
    """A hand, upright, that flexes its five fingers; a cuff ends it."""
    fingers = []
    for number, (x, length) in enumerate(((-0.12, 0.3), (-0.04, 0.36), (0.05, 0.34), (0.13, 0.25))):
        flex = 0.5 + 0.5 * np.sin(2 * np.pi * time / (26 + 6 * build[0]) - 0.9 * number)
        lean = -90 + 110 * x * (1 + 0.3 * build[1]) + 9 * np.sin(time / 9 + number)
        shares = 0.45, 0.33 * (1 - 0.5 * flex), 0.22 * (1 - 0.8 * flex)
        bones = [(lean + 10 * flex * i, length * share) for i, share in enumerate(shares)]
        line = _chain(np.array([x, -0.03 + 0.25 * abs(x)]), *bones)
        fingers.append(ribbon(line, (0.046, 0.04, 0.036, 0.03), 0, 1 - 0.12 * flex))
    waves = 10 * np.sin(time / 7 + build[2])
    thumb = _chain(np.array([-0.12, 0.2]), (-150 + waves, 0.14), (-115 + 1.6 * waves, 0.14))
    palm = [(-0.15, 0.04), (-0.06, -0.05), (0.08, -0.04), (0.17, 0.04), (0.13, 0.28), (-0.1, 0.28)]
    wrist = ribbon([(0, 0.2), (0.01, 0.42)], (0.1, 0.09), 0, 0.95)
    cuff = ribbon([(0.01, 0.4), (0.015, 0.46)], (0.115, 0.125), 1)
    return [wrist, cuff, ribbon(thumb, (0.06, 0.045, 0.032), 0, 0.97), *fingers, blob(palm)]


def ball(time, build):
    """A ball that rolls, with a long thin tail that waves."""
    middle = np.array([0.22, 0.1])
    phase = 2 * np.pi * time / (18 + 5 * build[0])
    places = np.linspace(0, 1, 7)
    wave = (0.03 + 0.1 * places) * np.sin(phase - 4 * places)
    tail = middle + (-0.15, -0.05) + np.stack([-0.52 * places, wave - 0.25 * places], 1)
    rim = [middle + turned(angle, 0.21) for angle in range(0, 360, 30)]
    knot = blob([tail[-1] + turned(angle, 0.035) for angle in range(0, 360, 60)], 2)
    rolls = turned(360 * time / 60)
    patch = middle + turned(360 * time / 60, 0.11)
    spot = blob([patch + turned(angle, 0.06) for angle in range(0, 360, 45)], 2)
    return [
        ribbon(tail, (0.03, 0.016, 0.012, 0.01), 1, count=24),
        knot,
        blob(rim, 0, heading=rolls),
        spot,
    ]


SHAPES = {
    "quadruped": quadruped, "flower": flower, "bird": bird, "hand": hand, "ball": ball,
}  # fmt: skip
GROUNDED = ("quadruped", "flower", "ball")  # others are in the air
