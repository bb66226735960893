"""Drawn quadrupeds: their build and looks, their gaits, their paths, and how a seed varies them.

Lengths are in percent of the body's length, from hip to shoulder; angles in degrees, clockwise on
the screen, where the creatures face right.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Creature:
    """Proportions and looks. Pairs of widths are radii at the start and at the end of a part."""

    neck: float
    skull: float  # poll to forehead, where the muzzle begins
    muzzle: float
    ear: float
    tail: float
    upper_leg: float
    lower_leg: float
    trunk_width: tuple  # at the hip, at the shoulder
    neck_width: tuple
    head_width: tuple  # skull, nose
    tail_width: tuple
    upper_leg_width: tuple
    lower_leg_width: tuple
    coat: tuple  # RGB, 0..255
    marks: tuple
    belly: tuple
    socks: tuple
    tail_end: tuple
    pattern: str  # one of `PATTERNS`
    extra: str = ""  # one of `EXTRAS`, or nothing


@dataclass(frozen=True)
class Gait:
    """A way of walking; amplitudes in degrees, rates in cycles a frame."""

    rate: float
    phase: float
    front_swing: float
    hind_swing: float
    bend: float
    neck: tuple  # mean, amplitude
    head: tuple
    tail: tuple
    tail_rate: float
    nod_rate: float  # of neck and head
    pitch: float


@dataclass(frozen=True)
class Path:
    """Where a creature's middle goes in a hand-held clip, on a canvas of pixels."""

    centre: tuple
    scale: float  # pixels per percent of body length
    tilt: float  # mean, degrees
    drift: tuple  # amplitudes in x and y, pixels
    turn: float  # amplitude of tilt, degrees
    zoom: float  # amplitude of scale, share
    period: float  # frames


CAT = Creature(
    neck=26, skull=20, muzzle=14, ear=15, tail=88, upper_leg=35, lower_leg=34,
    trunk_width=(24, 22), neck_width=(17, 13), head_width=(15, 7), tail_width=(7, 5),
    upper_leg_width=(16, 10), lower_leg_width=(10, 8),
    coat=(214, 206, 190), marks=(58, 54, 58), belly=(246, 242, 232), socks=(250, 248, 240),
    tail_end=(48, 44, 48), pattern="blotches",
)  # fmt: skip
FOX = Creature(
    neck=34, skull=20, muzzle=24, ear=20, tail=70, upper_leg=42, lower_leg=46,
    trunk_width=(19, 21), neck_width=(15, 11), head_width=(13, 4.5), tail_width=(8, 14),
    upper_leg_width=(15, 9), lower_leg_width=(9, 7),
    coat=(205, 104, 38), marks=(150, 62, 22), belly=(250, 232, 206), socks=(52, 34, 30),
    tail_end=(252, 246, 236), pattern="stripes",
)  # fmt: skip
CAT_GAIT = Gait(
    rate=1 / 21, phase=0.1, front_swing=27, hind_swing=25, bend=46, neck=(-30, 24),
    head=(42, 13), tail=(-168, 26), tail_rate=1 / 34, nod_rate=1 / 45, pitch=3,
)  # fmt: skip
FOX_GAIT = Gait(
    rate=1 / 29, phase=0.55, front_swing=21, hind_swing=30, bend=54, neck=(-36, 28),
    head=(45, 16), tail=(-178, 24), tail_rate=1 / 25, nod_rate=1 / 37, pitch=4,
)  # fmt: skip
CANVAS = (640, 520)  # pixels
CAT_PATH = Path((320, 260), 1.5, 0, (22, 9), 10, 0.06, 41)
FOX_PATH = Path((320, 260), 1.5, 0, (14, 13), 11, 0.08, 33)

PATTERNS = ("blotches", "stripes", "saddle")
EXTRAS = ("horns", "mane")
COATS = tuple(
    dict(zip(("coat", "marks", "belly", "socks", "tail_end"), colours))
    for colours in (
        ((158, 158, 164), (78, 78, 90), (228, 226, 224), (240, 238, 234), (62, 62, 70)),
        ((224, 152, 80), (172, 92, 38), (252, 236, 212), (250, 240, 226), (158, 82, 34)),
        ((148, 92, 54), (86, 50, 30), (202, 158, 116), (46, 32, 28), (38, 27, 23)),
        ((224, 198, 156), (148, 110, 70), (250, 242, 226), (112, 80, 52), (98, 68, 44)),
        ((106, 128, 148), (52, 66, 88), (214, 222, 226), (44, 52, 66), (236, 238, 240)),
        ((188, 84, 58), (96, 40, 34), (244, 214, 190), (240, 226, 210), (246, 236, 222)),
    )
)
# From the least to the most of each proportion; of a width, at its two ends.
BUILD = {
    "neck": (20, 40), "skull": (17, 22), "muzzle": (12, 25), "ear": (12, 23), "tail": (50, 90),
    "upper_leg": (32, 45), "lower_leg": (31, 47),
    "trunk_width": ((18, 20), (25, 23)), "neck_width": ((14, 11), (18, 14)),
    "head_width": ((12.5, 4.5), (16, 7.5)), "tail_width": ((6, 5), (9, 13)),
    "upper_leg_width": ((14, 9), (17, 11)), "lower_leg_width": ((8.5, 6.5), (10.5, 8.5)),
}  # fmt: skip
# Periods in frames, where a `Gait` has rates.
WALK = {
    "rate": (18, 32), "phase": (0, 1), "front_swing": (19, 28), "hind_swing": (21, 30),
    "bend": (42, 56), "neck": ((-44, 14), (-27, 25)), "head": ((38, 9), (50, 16)),
    "tail": ((-184, 16), (-164, 26)), "tail_rate": (24, 38), "nod_rate": (34, 48),
    "pitch": (2, 4.5),
}  # fmt: skip
# The head before the front legs, the tail before the hind legs, steps that reach under the trunk.
TANGLED = WALK | {
    "front_swing": (29, 37), "hind_swing": (30, 38), "neck": ((50, 12), (66, 20)),
    "head": ((24, 9), (40, 15)), "tail": ((-262, 14), (-246, 22)),
}  # fmt: skip
WAY = {
    "scale": (1.25, 1.4), "drift": ((10, 6), (22, 12)), "turn": (6, 11), "zoom": (0.04, 0.07),
    "period": (30, 44),
}  # fmt: skip


def creature(shares, coat, pattern, extra=""):
    """`Creature` at `shares` of `BUILD`, in a coat of `COATS`."""
    return Creature(**between(BUILD, shares), **coat, pattern=pattern, extra=extra)


def two_shares(rng, count):
    """Two rows of `count` random numbers in [0, 1) that differ by at least 0.35 in each column."""
    first = rng.random(count)
    return first, (first + rng.uniform(0.35, 0.65, count)) % 1


def between(ranges, shares):
    """Values by name, each at its share (0..1) of its range."""
    values = {}
    for (name, (low, high)), share in zip(ranges.items(), shares):
        value = np.round((1 - share) * np.asarray(low, float) + share * np.asarray(high, float), 3)
        values[name] = tuple(value.tolist()) if value.ndim else float(value)
    return values


def gait(ranges, shares):
    """`Gait` at `shares` of `WALK` or `TANGLED`."""
    values = between(ranges, shares)
    rates = {name: 1 / values[name] for name in ("rate", "tail_rate", "nod_rate")}
    return Gait(**values | rates)


def path(shares):
    """`Path` about the canvas's middle, at `shares` of `WAY`."""
    return Path(centre=(CANVAS[0] / 2, CANVAS[1] / 2), tilt=0, **between(WAY, shares))
