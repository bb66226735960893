"""Drawn clips that differ along independent axes, with true masks, for measuring segmentation.

`clips` lists either half; they share no combination of backdrop, camera, way and shape, and no
seed: methods may be tuned on one half and are measured on the other. `film` draws a clip.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations, product

import numpy as np

from synthetic import anatomy, backdrops, camera_work, takes

HALVES = "tuning", "measuring"
AXES = {
    "backdrop": (*backdrops.BACKDROPS, "alike"),
    "camera": tuple(camera_work.CAMERAS),
    "way": ("across", "drifts", "on_the_spot", "turns"),
    "shape": tuple(anatomy.SHAPES),
    "light": camera_work.LIGHTS,
    "sensor": camera_work.SENSORS,
    "extent": tuple(takes.EXTENTS),
}
APART = 4  # axes, the first ones, of which the halves share no combination
SMALL = (320, 240), (426, 240), (640, 360), (240, 426)  # width, height, pixels
LARGE = (1280, 720), (1920, 1080)
STATIC = "static"  # one more way: neither the object nor a part of it moves


@dataclass(frozen=True)
class Clip:
    """What is in a clip, and how it is filmed.

    Attributes:
        name: unique; it tells its levels on the first axes.
        seed: of everything that the levels leave open.
        size: (width, height), pixels.
        frames: number of them.
        backdrop, camera, way, shape, light, sensor, extent: levels of `AXES`; a backdrop may be
            one of `backdrops.SCREENS` too, a way may be `STATIC`.
    """

    name: str
    seed: int
    size: tuple
    frames: int
    backdrop: str
    camera: str
    way: str
    shape: str
    light: str
    sensor: str
    extent: str

    @property
    def screen(self):
        """Whether the backdrop has one colour, for keying."""
        return self.backdrop in backdrops.SCREENS

    @property
    def moves(self):
        """Whether the object, or a part of it, moves against the scene."""
        return self.way != STATIC

    @property
    def uncovers(self):
        """Share of the ground that the object hides at first and not always; it takes a second."""
        take = takes.Take(self)
        return takes.uncovered(take.parts[:: take.subframes], take.places[:: take.subframes])


@cache
def clips(half):
    """The clips of one of `HALVES`: 64 of all `AXES`, 6 on screens, 4 of an object that rests.

    Returns:
        tuple of `Clip`, the same at every call.
    """
    parity = HALVES.index(half)
    rng = np.random.default_rng(71 + parity)
    firsts, lasts = list(AXES.values())[:APART], list(AXES.values())[APART:]
    apart = [
        tuple(axis[number] for axis, number in zip(firsts, numbers))
        for numbers in product(*(range(len(axis)) for axis in firsts))
        if sum(numbers) % 2 == parity
    ]
    sizes = [*rng.permutation(SMALL * 15).tolist(), *LARGE * 2, *SMALL * 3]
    picked = _spread([apart] * 64, rng)
    plans = _spread([[levels + rest for rest in product(*lasts)] for levels in picked], rng)
    plans += [*_on_screens(parity), *_at_rest(parity)]
    return tuple(_clip(half, *planned) for planned in enumerate(zip(plans, sizes)))


def _clip(half, number, planned):
    levels, size = planned
    name = "-".join([f"{half[0]}{number:02}", *levels[:APART]])
    seed = 1000 * (1 + HALVES.index(half)) + number
    return Clip(name, seed, tuple(size), 24 if max(size) > 1000 else 48, *levels)


def _on_screens(parity):
    shapes = np.roll([shape for shape in AXES["shape"] if shape != "flower"], parity).tolist()
    shapes.insert(4 - parity, "flower")  # green as it is, it goes before blue
    for number, (screen, way) in enumerate(product(backdrops.SCREENS, AXES["way"][:3])):
        camera = ("still", "hand_held")[(number + parity) % 2]
        light = ("shadow", "plain", "exposure")[(number + parity) % 3]
        yield screen, camera, way, shapes[number % len(shapes)], light, "clean", "medium"


def _at_rest(parity):
    shapes, places = (np.roll(AXES[axis], parity) for axis in ("shape", "backdrop"))
    for number, shape in enumerate(shapes[:4].tolist()):
        yield places[number].item(), "still", STATIC, shape, "plain", "noisy", "medium"


def _spread(choices, rng):
    """One of each list of tuples, no two the same: levels, and pairs of them, are equally often."""
    counts, picked = {}, []
    for options in choices:
        costs = [
            np.inf if option in picked else rng.random() + sum(
                counts.get(key, 0) * (50 if len(key) == 1 else 4) for key in _keys(option)
            )
            for option in options
        ]  # fmt: skip
        picked.append(options[int(np.argmin(costs))])
        for key in _keys(picked[-1]):
            counts[key] = counts.get(key, 0) + 1
    return picked


def _keys(levels):
    """Each level with its axis, and each pair of them."""
    placed = list(enumerate(levels))
    return [(one,) for one in placed] + list(combinations(placed, 2))


def film(clip):
    """Draw a clip.

    Yields:
        picture (H, W, 3) uint8 and mask (H, W) bool of each frame; the object is wholly in it.
    """
    take, rng = takes.Take(clip), np.random.default_rng([clip.seed, 5])
    factors = camera_work.exposures(clip.light, np.arange(clip.frames), rng)
    for number in range(clip.frames):
        light, covered = take.exposed(number)
        lit = light * factors[number].astype(np.float32)
        yield camera_work.sense(lit, clip.sensor, take.unit, rng), covered > 0.5
