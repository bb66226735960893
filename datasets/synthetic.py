"""Two walking quadrupeds over one skeleton: their build, how they move, where their joints lie.

Lengths are in percent of the body's length, from hip to shoulder; angles in degrees, clockwise on
the screen, where the creatures face right. A pose is independent of who strikes it, so either
creature can act the other's clip, which is the truth that a result is compared with.
"""

from dataclasses import dataclass

import numpy as np

LEGS = ("far_front", "far_hind", "near_front", "near_hind")
JOINTS = ("hip", "shoulder", "poll", "nose", "tail_middle", "tail_tip") + tuple(
    f"{leg}_{joint}" for leg in LEGS for joint in ("root", "knee", "foot")
)


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
    pattern: str  # blotches or stripes


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


@dataclass(frozen=True)
class Pose:
    """Joint angles at one moment, degrees; those of a leg are (upper, lower), 0 hanging down."""

    pitch: float
    neck: float
    head: float
    tail: tuple
    legs: dict


def pose_at(gait, frame):
    """`Pose` of a gait at a frame number (float)."""
    cycle = gait.rate * frame + gait.phase
    nod = 2 * np.pi * (gait.nod_rate * frame + gait.phase)
    swing = np.sin(2 * np.pi * (gait.tail_rate * frame + gait.phase))
    late = np.sin(2 * np.pi * (gait.tail_rate * frame + gait.phase - 0.15))
    legs = {}
    # Lateral walk: each foot follows the one before it by a quarter of a cycle.
    for leg, lag in zip(("near_hind", "near_front", "far_hind", "far_front"), (0, 0.25, 0.5, 0.75)):
        turn = 2 * np.pi * (cycle - lag)
        amplitude = gait.hind_swing if "hind" in leg else gait.front_swing
        upper = -amplitude * np.sin(turn) + (-6 if "hind" in leg else 4)
        lifted = max(0.0, np.cos(turn))  # the foot leaves the ground while it swings forward
        rest = 14 if "hind" in leg else 3
        legs[leg] = (upper, upper + rest + gait.bend * lifted)
    return Pose(
        pitch=gait.pitch * np.sin(4 * np.pi * cycle),
        neck=gait.neck[0] + gait.neck[1] * np.sin(nod),
        head=gait.head[0] + gait.head[1] * np.sin(nod + 1),
        tail=(gait.tail[0] + gait.tail[1] * swing, gait.tail[0] - 15 + 1.8 * gait.tail[1] * late),
        legs=legs,
    )


def rigid(degrees, scale, shift):
    """3x3 matrix: turn, scale, then shift."""
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return np.array([[c, -s, shift[0]], [s, c, shift[1]], [0, 0, 1]])


def root_at(path, frame):
    """3x3 matrix at a frame number: percent of body length -> pixels of the canvas."""
    turn = 2 * np.pi * frame / path.period
    shift = (
        path.centre[0] + path.drift[0] * np.sin(turn),
        path.centre[1] + path.drift[1] * np.sin(1.7 * turn + 1),
    )
    scale = path.scale * (1 + path.zoom * np.sin(0.8 * turn + 2))
    return rigid(path.tilt + path.turn * np.sin(1.3 * turn), scale, shift)


def planted_affine(degrees, scale, centre):
    """3x3 matrix on canvas pixels that maps B's places to A's: turn and scale about `centre`."""
    about = np.asarray(centre, float)
    return rigid(0, 1, about) @ rigid(degrees, scale, (0, 0)) @ rigid(0, 1, -about)


def _toward(start, degrees, length):
    angle = np.radians(degrees)
    return start + length * np.array([np.cos(angle), np.sin(angle)])


def joints(creature, pose, root):
    """Places of `JOINTS` on the canvas.

    Args:
        creature: `Creature`.
        pose: `Pose`.
        root: 3x3 matrix from `root_at`.

    Returns:
        dict of joint name -> (2,) array, xy in pixels.
    """
    place = {"hip": _toward(np.zeros(2), 180 + pose.pitch, 50)}
    place["shoulder"] = _toward(np.zeros(2), pose.pitch, 50)
    neck = pose.pitch + pose.neck
    place["poll"] = _toward(place["shoulder"], neck, creature.neck + creature.trunk_width[1] * 0.6)
    place["nose"] = _toward(place["poll"], neck + pose.head, creature.skull + creature.muzzle)
    first, second = (pose.pitch + angle for angle in pose.tail)
    place["tail_middle"] = _toward(place["hip"], first, creature.tail / 2 + 8)
    place["tail_tip"] = _toward(place["tail_middle"], second, creature.tail / 2)
    for leg, (upper, lower) in pose.legs.items():
        end, inward = ("hip", 4) if "hind" in leg else ("shoulder", -6)
        depth = creature.trunk_width["front" in leg] * 0.35
        near = 0 if "near" in leg else 5
        start = place[end] + [inward + near, depth - 0.6 * near]
        place[f"{leg}_root"] = start
        place[f"{leg}_knee"] = _toward(start, pose.pitch + 90 + upper, creature.upper_leg)
        place[f"{leg}_foot"] = _toward(
            place[f"{leg}_knee"], pose.pitch + 90 + lower, creature.lower_leg
        )
    return {name: root[:2, :2] @ place[name] + root[:2, 2] for name in JOINTS}
