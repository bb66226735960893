"""What is behind the object: pictures of places, larger than what the camera sees.

Each function draws (H, W, 3) float32, 0..255: `shape` is (H, W), `unit` the pixels of one
three-hundredth of the picture's width, `palette` (N, 3) the colours to use.
"""

import cv2
import numpy as np

from synthetic.actors import noise


def gradient(shape, unit, palette, rng):
    """A wall or a sky: two or three colours that pass into each other."""
    y, x = (grid.astype(np.float32) for grid in np.mgrid[: shape[0], : shape[1]])
    angle = rng.uniform(0.2, np.pi - 0.2)
    along = (x * np.cos(angle) + y * np.sin(angle)) / np.hypot(*shape)
    spot = rng.uniform(0, 1, 2) * shape
    near = np.exp(-((y - spot[0]) ** 2 + (x - spot[1]) ** 2) / (0.3 * max(shape)) ** 2)
    first, second, third = _colours(palette, 3, rng)
    along, near = along.clip(0, 1)[..., None], 0.5 * near[..., None]
    return (1 - near) * ((1 - along) * first + along * second) + near * third


def blobs(shape, unit, palette, rng):
    """Lights and colours far out of focus."""
    unit = unit * rng.uniform(0.8, 2.4)
    picture = np.empty((*shape, 3), np.float32)
    picture[:] = 0.6 * palette[0]
    for _ in range(int(shape[0] * shape[1] / (900 * unit**2))):
        colour = _colours(palette, 1, rng)[0] * rng.uniform(0.6, 1.3)
        layer = np.zeros(shape, np.float32)
        centre = (int(rng.integers(shape[1])), int(rng.integers(shape[0])))
        cv2.circle(layer, centre, int(unit * rng.uniform(8, 34)), rng.uniform(0.3, 0.9), -1)
        box = cv2.boundingRect((layer > 0).astype(np.uint8))
        here = np.s_[box[1] : box[1] + box[3], box[0] : box[0] + box[2]]
        cover = layer[here][..., None]
        picture[here] = (1 - cover) * picture[here] + cover * colour
    return cv2.GaussianBlur(picture, (0, 0), unit * rng.uniform(3, 7))


def fine(shape, unit, palette, rng):
    """Sand, woven cloth or a carpet: one colour, much small texture."""
    base = _colours(palette, 1, rng)[0]
    y, x = (grid.astype(np.float32) for grid in np.mgrid[: shape[0], : shape[1]])
    kind = rng.choice(["sand", "cloth", "carpet"])
    if kind == "cloth":
        pitch = unit * rng.uniform(4, 7)
        bent = 1.2 * noise(shape, 40 * unit, rng)
        threads = np.sin(2 * np.pi * x / pitch + bent) * np.sin(2 * np.pi * y / pitch + bent)
        rough = 0.16 * threads + 0.06 * noise(shape, 2 * unit, rng)
    elif kind == "sand":
        rough = 0.13 * noise(shape, 2 * unit, rng) + 0.08 * noise(shape, 12 * unit, rng)
    else:
        tufts = noise(shape, 3 * unit, rng) * (1 + 0.5 * noise(shape, 25 * unit, rng))
        rough = 0.14 * tufts + 0.05 * noise(shape, 60 * unit, rng)
    return base * (1 + rough[..., None]) + 10 * noise(shape, 5 * unit, rng)[..., None] * (
        0,
        0.3,
        -0.3,
    )


def foliage(shape, unit, palette, rng):
    """Leaves of all sizes over each other, from near or far, sometimes out of focus."""
    unit, soft = unit * rng.uniform(0.9, 3.2), unit * rng.choice([0, 0, 1, 2.2])
    picture = 0.35 * (palette[0] + 30 * noise(shape, 30 * unit, rng)[..., None])
    picture = np.ascontiguousarray(picture.clip(0, 255).astype(np.uint8))
    count = int(shape[0] * shape[1] / (26 * unit**2))
    sizes = np.sort((2.5 + 11 * rng.random(count) ** 3) * unit)[::-1]
    for depth, size in enumerate(sizes):
        centre = rng.integers(0, shape[::-1]).tolist()
        axes = int(size) + 1, int(size * rng.uniform(0.2, 0.5)) + 1
        light = rng.uniform(0.4, 0.8) + 0.6 * depth / count * rng.random()
        colour = (light * _colours(palette, 1, rng)[0]).tolist()
        cv2.ellipse(picture, centre, axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
    light = 1 + 0.25 * noise(shape, 40 * unit, rng)
    picture = cv2.GaussianBlur(picture, (0, 0), 0.3 + soft)
    return picture * light[..., None] * (1 + 0.08 * noise(shape, 2, rng))[..., None]


def indoor(shape, unit, palette, rng):
    """A room: wall and floor, a window, shelves with books, a door or a picture."""
    height, width = shape
    wall, ground, wood = _colours(palette, 3, rng)
    picture = np.empty((*shape, 3), np.float32)
    picture[:] = 0.5 * wall + 90
    edge = int(height * rng.uniform(0.62, 0.8))
    grain = noise(shape, 3 * unit, rng)[..., None] * 5
    picture[edge:] = 0.7 * ground + 20
    for x in range(0, width + height, max(6, int(26 * unit))):  # boards
        cv2.line(
            picture, (x, edge), (int(1.6 * x - 0.3 * width), height), (0.55 * ground).tolist(), 1
        )
    _box(picture, 0, edge - int(7 * unit), width, edge, (225, 220, 212))
    left = -int(rng.uniform(0, 70 * unit))
    while left < width:
        span = int(unit * rng.uniform(60, 120))
        thing = _THINGS[rng.integers(len(_THINGS))]
        thing(picture, (left, left + span), edge, unit, (wood, palette), rng)
        left += span + int(unit * rng.uniform(8, 40))
    lamp = np.linspace(*rng.uniform(0.75, 1.2, 2), width, dtype=np.float32)
    return cv2.GaussianBlur(picture + grain, (0, 0), 0.6 * unit) * lamp[None, :, None]


def screen(shape, unit, palette, rng):
    """A cloth of one colour for keying, unevenly lit, with a few folds."""
    light = gradient(shape, unit, np.array([[0.72], [1.0], [1.12]]), rng)
    folds = 0.025 * noise((1, shape[1]), 40 * unit, rng) + 0.012 * noise(shape, 3 * unit, rng)
    return palette[0] * (light + folds[..., None])


def _colours(palette, count, rng):
    """Some of the colours, no two the same while there are enough, each a little off."""
    palette = np.asarray(palette, np.float32)
    picked = rng.permutation(len(palette))[np.arange(count) % len(palette)]
    return palette[picked] * rng.uniform(0.85, 1.15, (count, 1)).astype(np.float32)


def _box(picture, left, top, right, bottom, colour):
    cv2.rectangle(picture, (left, top), (right - 1, bottom - 1), tuple(map(float, colour)), -1)


def _window(picture, span, edge, unit, colours, rng):
    top, bottom, bar = int(edge * 0.12), int(edge * 0.66), int(4 * unit)
    _box(picture, span[0], top, span[1], bottom, (232, 230, 226))
    pane = (span[1] - span[0] - 3 * bar) // 2
    for column in range(2):
        left = span[0] + bar + column * (pane + bar)
        for start, end in (
            (top + bar, (top + bottom) // 2),
            ((top + bottom) // 2 + bar, bottom - bar),
        ):
            _box(
                picture,
                left,
                start,
                left + pane,
                end,
                rng.uniform(150, 235) * np.array((0.9, 1, 1.05)),
            )


def _shelf(picture, span, edge, unit, colours, rng):
    wood, palette = colours
    _box(picture, span[0], int(0.1 * edge), span[1], edge, 0.5 * wood)
    board, step = int(4 * unit), int(38 * unit)
    for bottom in range(edge - board, int(0.1 * edge) + step, -step):
        _box(picture, span[0], bottom, span[1], bottom + board, 0.8 * wood)
        left = span[0] + board
        while left < span[1] - int(9 * unit):
            thick, tall = (int(unit * v) for v in (rng.uniform(4, 10), rng.uniform(20, 32)))
            colour = palette[rng.integers(len(palette))] * rng.uniform(0.5, 1.2)
            _box(picture, left, bottom - tall, left + thick, bottom, colour)
            left += thick + 1


def _door(picture, span, edge, unit, colours, rng):
    _box(picture, span[0], int(0.12 * edge), span[1], edge, 0.7 * colours[0])
    rim, middle = int(8 * unit), int(0.55 * edge)
    for top, bottom in ((int(0.12 * edge) + rim, middle), (middle + rim, edge - rim)):
        _box(picture, span[0] + rim, top, span[1] - rim, bottom, 0.82 * colours[0])


def _frame(picture, span, edge, unit, colours, rng):
    top, bottom, rim = int(0.2 * edge), int(0.55 * edge), int(5 * unit)
    _box(picture, span[0], top, span[1], bottom, 0.4 * colours[0])
    inner = picture[top + rim : bottom - rim, max(span[0], 0) + rim : max(span[1] - rim, 0)]
    if inner.size:
        inner[:] = blobs(inner.shape[:2], 0.4 * unit, colours[1], rng)


_THINGS = _window, _shelf, _door, _frame
_GREENS = (70, 96, 44), (104, 128, 58), (54, 74, 38), (134, 140, 70), (112, 92, 58), (82, 66, 46)
_PLACES = (
    ((176, 196, 214), (120, 150, 180), (228, 220, 206)),
    ((206, 196, 180), (166, 150, 130), (120, 110, 100)),
    ((150, 170, 150), (96, 116, 110), (206, 204, 180)),
    ((196, 170, 160), (140, 104, 100), (90, 84, 96)),
    ((90, 96, 110), (60, 66, 80), (150, 146, 140)),
    ((214, 206, 190), (184, 140, 90), (130, 150, 160)),
)  # fmt: skip
_LIGHTS = (
    (200, 90, 70),
    (70, 110, 170),
    (226, 196, 110),
    (90, 140, 96),
    (150, 110, 160),
    (60, 60, 76),
)
_ROOM = (186, 176, 160), (150, 106, 70), (116, 80, 54), (90, 120, 140), (170, 70, 60), (70, 96, 74)
BACKDROPS = {
    "gradient": gradient, "blobs": blobs, "fine": fine, "foliage": foliage, "indoor": indoor,
}  # fmt: skip
SCREENS = {"green": (70, 170, 78), "blue": (48, 86, 176)}


def draw(kind, shape, unit, own, rng):
    """A place.

    Args:
        kind: one of `BACKDROPS`, of `SCREENS`, or "alike": one of the former in the object's
            colours, a little off.
        shape: (H, W).
        unit: pixels of one three-hundredth of the picture's width.
        own: (N, 3) colours of the object.
        rng: of all that it varies.

    Returns:
        (H, W, 3) uint8.
    """
    palettes = {"foliage": _GREENS, "indoor": _ROOM}
    if rng.random() < 0.5:
        palettes["blobs"] = _LIGHTS
    if kind in SCREENS:
        picture = screen(shape, unit, np.array([SCREENS[kind]], float), rng)
    elif kind == "alike":
        palette = (np.repeat(own, 2, 0) + rng.normal(0, 16, (2 * len(own), 3))).clip(20, 240)
        picture = BACKDROPS[rng.choice(list(BACKDROPS))](shape, unit, palette, rng)
    else:
        palette = palettes.get(kind, _PLACES[rng.integers(len(_PLACES))])
        palette = (np.array(palette) * rng.uniform(0.8, 1.1, 3)).clip(0, 250)
        picture = BACKDROPS[kind](shape, unit, palette, rng)
    return picture.clip(0, 255).round().astype(np.uint8)
