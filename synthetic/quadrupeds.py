"""Two walking quadrupeds over one skeleton: how they move, where their joints lie, who acts what.

Units and directions are those of `synthetic.creatures`. A pose is independent of who strikes it, so
either creature can act the other's clip, which is the truth that a result is compared with.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from synthetic import creatures
from synthetic.creatures import CANVAS, Creature, Gait, Path

LEGS = ("far_front", "far_hind", "near_front", "near_hind")
JOINTS = ("hip", "shoulder", "poll", "nose", "tail_middle", "tail_tip") + tuple(
    f"{leg}_{joint}" for leg in LEGS for joint in ("root", "knee", "foot")
)


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


class TrueAffine(NamedTuple):
    """The map from B's places to A's: it mirrors, turns and scales about `centre`, then shifts."""

    degrees: float = 0
    scale: float = 1
    shift: tuple = (0, 0)  # pixels
    mirrored: bool = False
    centre: tuple = (CANVAS[0] / 2, CANVAS[1] / 2)

    def matrix(self):
        """3x3, on pixels of the canvas."""
        about = np.asarray(self.centre, float)
        flip = np.diag([-1.0 if self.mirrored else 1.0, 1, 1])
        there = rigid(0, 1, about + self.shift) @ rigid(self.degrees, self.scale, (0, 0))
        return there @ flip @ rigid(0, 1, -about)


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


class Scene(NamedTuple):
    """A creature that acts a gait along a path."""

    creature: Creature
    gait: Gait
    path: Path
    placing: np.ndarray  # 3x3, pixels of the canvas: from the path to where the creature stands
    markings: tuple  # seed of the creature's

    def at(self, frame):
        """Root (3x3, percent of body length to pixels) and joints by name, at a frame number."""
        root = self.placing @ root_at(self.path, frame)
        return root, joints(self.creature, pose_at(self.gait, frame), root)


DEMO = 0  # the level that is the cat and the fox
LEVELS = {
    1: "the same body in other looks, with another gait",
    2: "other proportions too",
    3: "and a known turn, scale and shift",
    4: "and horns or a mane on one of the two",
    5: "as 3, with limbs that hide each other, and B facing the other way",
}


def scenes(level, seed):
    """A drawn pair.

    Args:
        level: one of `LEVELS`, whose creatures, motions and ground-truth affine follow the seed; or
            `DEMO`, where only the markings do.

    Returns:
        dict of "a" and "b", the clips, and "ab" and "ba", the motion of the first acted by the
        creature of the second -> `Scene`; the `TrueAffine` affine.
    """
    if level == DEMO:
        cast = creatures.CAT, creatures.FOX
        moves = (creatures.CAT_GAIT, creatures.CAT_PATH), (creatures.FOX_GAIT, creatures.FOX_PATH)
        return _scenes(cast, moves, TrueAffine(-14, 0.9), (seed,))
    rng = np.random.default_rng([seed, level])
    cast, moves = _cast(level, rng), _moves(level, rng)
    return _scenes(cast, moves, _planted(level, rng), (seed, level))


def _scenes(cast, moves, true_affine, markings):
    """`scenes` of two creatures and of the (gait, path) of each."""
    matrix = true_affine.matrix()
    placings = np.eye(3), np.linalg.inv(matrix)
    roles = {"a": (0, 0), "b": (1, 1), "ab": (0, 1), "ba": (1, 0)}  # motion, looks
    return {
        name: Scene(cast[looks], *moves[motion], placings[looks], (*markings, looks))
        for name, (motion, looks) in roles.items()
    }, true_affine


def _cast(level, rng):
    """Two creatures; from level 2 on each proportion differs."""
    builds = creatures.two_shares(rng, len(creatures.BUILD))
    if level == 1:
        builds = builds[0], builds[0]
    coats = rng.permutation(len(creatures.COATS))[:2]
    patterns = rng.permutation(creatures.PATTERNS)[:2].tolist()
    extras = ["", ""]
    if level == 4:
        extras[rng.integers(2)] = str(rng.choice(creatures.EXTRAS))
    return [
        creatures.creature(build, creatures.COATS[coat], pattern, extra)
        for build, coat, pattern, extra in zip(builds, coats, patterns, extras)
    ]


def _moves(level, rng):
    """Two (gait, path)."""
    ranges = creatures.TANGLED if level == 5 else creatures.WALK
    gaits = creatures.two_shares(rng, len(ranges))
    paths = creatures.two_shares(rng, len(creatures.WAY))
    return [(creatures.gait(ranges, g), creatures.path(p)) for g, p in zip(gaits, paths)]


def _planted(level, rng):
    if level < 3:
        return TrueAffine()
    degrees = float(rng.choice([-1, 1]) * rng.uniform(10, 25))
    shift = tuple(rng.uniform(-20, 20, 2).tolist())
    return TrueAffine(degrees, float(rng.uniform(0.8, 1.2)), shift, mirrored=level == 5)
