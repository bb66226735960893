"""One clip of `synthetic.footage` on its set: the actor, the place and the camera, in motion."""

import cv2
import numpy as np

from synthetic import actors, anatomy, backdrops, camera_work

EXTENTS = {"small": 0.25, "medium": 0.36, "large": 0.48}  # of a body, share of the picture's width
MOST = 400  # pixels of a body's longer side
ROOM = 0.94  # share of the picture that the body keeps to
SUBFRAMES = 5  # averaged where motion is blurred
SHUTTER = 0.7  # share of a frame that it is open then
PACES = {"drifts": 0.05, "static": 0}  # of limbs, 1 on the other ways
AVOID = {"green": 1, "blue": 2}  # before such a screen, the channel of which no skin has most


class Take:
    """Everything that does not change during a clip, and where everything else is when.

    Attributes:
        unit: pixels of the picture per pixel of one that is 320 wide.
        parts: of each moment, the body's `anatomy.Part`.
        places: of each moment, 3x3 matrix from the body to the world.
        views: of each moment, 3x3 matrix from the world to the picture.
    """

    def __init__(self, clip):
        rng = np.random.default_rng([clip.seed, 3])
        self.clip, self.unit = clip, clip.size[0] / 320
        self.actor = actors.Actor(clip.shape, rng, AVOID.get(clip.backdrop))
        self.subframes = SUBFRAMES if clip.sensor == "motion_blur" else 1
        steps = SHUTTER * np.arange(self.subframes) / self.subframes
        times = (np.arange(clip.frames)[:, None] + steps).ravel()
        begin, pace = rng.uniform(0, 60), PACES.get(clip.way, 1)
        self.parts = [self.actor.parts(begin + pace * time) for time in times]
        heading = int(rng.choice([-1, 1]))
        self.views = _views(clip, times, heading, rng)
        ways = _ways(clip, self.parts, times, rng) @ np.diag([heading, 1.0, 1.0])
        self.places = _placed(clip, self.parts, ways, self.views, rng)
        self.cast = rng.uniform(-0.5, 0.5), rng.uniform(0.35, 0.6)  # lean, darkness of a shadow
        self.world, self.corner = _world(clip, self.views, self.unit, self.actor.palette, rng)

    def exposed(self, number):
        """What falls on the sensor while a frame is taken.

        Returns:
            light (H, W, 3) float32, 0..255, and coverage by the body (H, W) float32, 0..1.
        """
        shots = [self._shot(number * self.subframes + step) for step in range(self.subframes)]
        return tuple(np.mean(layer, 0) for layer in zip(*shots)) if len(shots) > 1 else shots[0]

    def _shot(self, index):
        view, size = self.views[index], self.clip.size
        back = (view @ matrix(1, self.corner))[:2]
        behind = cv2.warpAffine(self.world, back, size, flags=cv2.INTER_CUBIC).astype(np.float32)
        colour, covered = self.actor.paint(self.parts[index], view @ self.places[index], size)
        if self.clip.light == "shadow":
            behind *= self._shadow(covered)[..., None]
        return colour + (1 - covered[..., None]) * behind, covered

    def _shadow(self, covered):
        """Light (H, W) that the body leaves to the ground at its feet, or to a wall behind."""
        lean, strength = self.cast
        there = np.array([[1, 0, 22 * np.sign(lean)], [0, 1, 16]]) * [1, 1, self.unit]
        if self.clip.shape in anatomy.GROUNDED:
            feet = np.nonzero(covered.max(1) > 0.5)[0].max()
            there = np.array([[1, lean, -lean * feet], [0, -0.22, 1.22 * feet]])
        cast = cv2.warpAffine(covered, there, covered.shape[::-1])
        return 1 - strength * cv2.GaussianBlur(cast, (0, 0), 3 * self.unit)


def uncovered(parts, places):
    """Share of the ground that a body hides at first and not always.

    Args:
        parts: of each moment, the body's.
        places: of each moment, 3x3 matrix from the body to the ground, in any unit.
    """
    low, high = _reach(parts, places)
    scale = 160 / max(high - low)
    size = tuple((scale * (high - low)).astype(int) + 3)
    masks = [
        _silhouette(each, matrix(scale, 1 - scale * low) @ place, size)
        for each, place in zip(parts, places)
    ]
    return float(1 - np.logical_and.reduce(masks).sum() / masks[0].sum())


def matrix(scale, shift):
    """3x3 matrix that scales, then shifts."""
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1.0]])


def _silhouette(parts, there, size):
    mask = np.zeros(size[::-1], bool)
    for part in parts:
        box, cover = actors.coverage(part.pieces, there, size)
        if cover is not None:
            mask[box] |= cover > 0.5
    return mask


def _reach(parts, places):
    """Lowest and highest (x, y) that a body comes to."""
    ends = []
    for each, place in zip(parts, places):
        points = np.concatenate([piece for part in each for piece in part.pieces])
        placed = points @ place[:2, :2].T + place[:2, 2]
        ends.append((placed.min(0), placed.max(0)))
    lows, highs = zip(*ends)
    return np.min(lows, 0), np.max(highs, 0)


def _views(clip, times, heading, rng):
    # A pan follows the body.
    more = {"heading": heading} if clip.camera == "pan" else {}
    return camera_work.CAMERAS[clip.camera](times, clip.size, rng, **more)


def _ways(clip, parts, times, rng):
    """Matrices (N, 3, 3) of a body's way over the ground, in its own unit, to the right."""
    share = (times - times[0]) / max(np.ptp(times), 1)
    if clip.way == "turns":
        return _turns(share, rng)
    low, high = _reach(parts, [np.eye(3)] * len(parts))
    rise = rng.uniform(-0.06, 0.06)
    if clip.way == "across":
        return _walk(share, 1.04 * (high - low)[0], rise)
    if clip.way != "drifts":
        return _walk(share, 0, 0)
    few = np.s_[:: max(1, len(times) // 16)]
    for travel in 0.5 * 0.88 ** np.arange(16):
        ways = _walk(share, travel, rise * travel)
        if uncovered(parts[few], ways[few]) < 0.45:
            break
    return ways


def _walk(share, travel, rise):
    ways = np.tile(np.eye(3), (len(share), 1, 1))
    ways[:, 0, 2], ways[:, 1, 2] = travel * share, rise * np.sin(np.pi * share)
    return ways


def _turns(share, rng):
    """A turn of the body in the picture's plane, or about its upright axis: it gets narrow."""
    swing = np.sin(2 * np.pi * (rng.uniform(0.6, 1) * share + rng.uniform(0, 1)))
    ways = np.tile(np.eye(3), (len(share), 1, 1))
    if rng.random() < 0.5:
        ways[:, 0, 0] = np.cos(np.radians(34 + 30 * swing))
        return ways
    angle = np.radians(rng.uniform(22, 38) * swing)
    ways[:, 0, 0] = ways[:, 1, 1] = np.cos(angle)
    ways[:, 1, 0], ways[:, 0, 1] = np.sin(angle), -np.sin(angle)
    return ways


def _placed(clip, parts, ways, views, rng):
    """Matrices (N, 3, 3) from a body to the world: as large as wanted, smaller if it must fit."""
    size = np.array(clip.size)
    where = rng.uniform(-0.45, 0.45, 2)
    if clip.shape in anatomy.GROUNDED:
        where[1] = abs(where[1])
    scale = min(EXTENTS[clip.extent] * max(0.8 * size[1], size[0]), MOST)
    middle = size / 2
    while True:
        for _ in range(3):  # a camera that zooms or tilts moves what is off its middle
            low, high = _reach(parts, views @ matrix(scale, middle) @ ways)
            middle = middle + size / 2 - (low + high) / 2
        room = ROOM * size - (high - low)
        if (room >= 0).all():
            break
        scale *= 0.95
    return matrix(scale, middle + where * room) @ ways


def _world(clip, views, unit, palette, rng):
    """All that the camera will see, (H, W, 3) uint8, and where its corner lies in the world."""
    width, height = clip.size
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1.0]]).T
    seen = np.concatenate([np.linalg.solve(view, corners)[:2] for view in views], 1)
    low, high = np.floor(seen.min(1)) - 6, np.ceil(seen.max(1)) + 6
    shape = tuple((high - low).astype(int).tolist())[::-1]
    return backdrops.draw(clip.backdrop, shape, unit, palette, rng), low
