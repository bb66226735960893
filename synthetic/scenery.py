"""A drawn video whose masks are known: a creature walks over a textured scene, filmed by a camera.

What `data/make_videos.py` writes, and what tests and `benchmarks/masks.py` measure `segmentation`
on. Pictures are (H, W, 3) uint8 RGB; world and picture coordinates are pixels, y downwards.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from synthetic import drawing, quadrupeds

SCREEN = np.array([62, 176, 84.0])  # of the green screen
LENGTH = 0.5  # of the creature, share of the picture's width
# Its way through the picture in 48 frames, share of the width; a panning camera follows it.
TRAVEL = {"still": 0.42, "panning": 0.22, "green": 0.42}
GROUND = 0.85  # of the picture's height: where the feet are
THIN = 0.75  # legs' widths, of what the creature has in a training clip
MARGIN = 24  # pixels of world around what the camera sees, for shake


@dataclass(frozen=True)
class Conditions:
    """What makes the object of a video hard or easy to tell from its background.

    Attributes:
        noise: of the sensor, standard deviation in grey levels.
        shadow: how much darker the ground is below the creature, 0..1.
        shake: of the hand that pans, pixels.
        pan: mean speed of a panning camera, pixels a frame.
        exposure: amplitude of the slow change of brightness, share.
        grain: size of the background's texture, 1 is about 3 to 40 pixels.
        alike: share of the background's patches that have colours of the creature's.
    """

    noise: float = 2.5
    shadow: float = 0.25
    shake: float = 1.0
    pan: float = 3.0
    exposure: float = 0.0
    grain: float = 1.0
    alike: float = 0.0


def actors(seed):
    """Two creatures that differ in build, coat and gait, thin-legged; dict of a, b -> `Scene`."""
    scenes, _ = quadrupeds.scenes(2, seed)
    return {name: scenes[name]._replace(creature=_thin(scenes[name].creature)) for name in "ab"}


def _thin(creature):
    legs = {
        name: tuple(THIN * width for width in getattr(creature, name))
        for name in ("upper_leg_width", "lower_leg_width")
    }
    return replace(creature, **legs)


def film(actor, camera="still", frames=48, size=(320, 240), seed=0, conditions=None):
    """Draw the video, frame by frame.

    Args:
        actor: `quadrupeds.Scene`, of which the creature, gait and markings count.
        camera: one of `synthetic.CAMERAS`; only the panning one moves.
        frames: number of them.
        size: (width, height), pixels.
        seed: of the background, the camera's hand and the noise.
        conditions: `Conditions`.

    Yields:
        picture (H, W, 3) uint8 and mask (H, W) bool; the creature never leaves the picture.
    """
    conditions = conditions or Conditions()
    rng = np.random.default_rng([seed, 11])
    views = _views(camera, frames, conditions, rng)
    world, corner = _world(actor.creature, camera, size, views, conditions, rng)
    roots = _roots(actor, camera, frames, size)
    for number, (view, root) in enumerate(zip(views, roots)):
        # The camera follows the walk: its way in the picture is smooth, the world slides below.
        back = view @ quadrupeds.rigid(0, 1, corner)
        picture = cv2.warpAffine(world, back[:2], size, flags=cv2.INTER_CUBIC).astype(np.float32)
        shaken = view.copy()
        shaken[:2, 2] -= _pan(number, camera, conditions)
        root = shaken @ root
        place = quadrupeds.joints(actor.creature, quadrupeds.pose_at(actor.gait, number), root)
        drawn = drawing.draw(actor.creature, place, root, size, actor.markings)
        picture *= _shade(place, size, conditions.shadow)[..., None]
        alpha = drawn.mask()[..., None] / 255
        picture = alpha * drawn.picture() + (1 - alpha) * picture
        picture *= 1 + conditions.exposure * np.sin(2 * np.pi * number / 40)
        picture += rng.normal(0, conditions.noise, picture.shape)
        yield picture.clip(0, 255).round().astype(np.uint8), drawn.mask() > 127


def box_of(mask, margin=4):
    """(x, y, width, height) of a mask's bounding box, `margin` pixels wider at every side."""
    height, width = mask.shape
    y, x = np.nonzero(mask)
    left, top = max(0, x.min() - margin), max(0, y.min() - margin)
    right, bottom = min(width, x.max() + 1 + margin), min(height, y.max() + 1 + margin)
    return tuple(int(v) for v in (left, top, right - left, bottom - top))


def _pan(number, camera, conditions):
    """How far the world has slid, (x, y) pixels; a person's pan speeds up and slows down."""
    if camera != "panning":
        return np.zeros(2)
    eased = number + 3 * np.sin(2 * np.pi * number / 30)
    return np.array([-conditions.pan * eased, 4 * np.sin(2 * np.pi * number / 70)])


def _views(camera, frames, conditions, rng):
    """3x3 matrices from the world to each picture: pan, and shake of the hand."""
    phases = rng.uniform(0, 2 * np.pi, (3, 3))
    views = []
    for number in range(frames):
        shake = np.zeros(3)
        if camera == "panning":
            waves = np.sin(number * np.array([0.4, 0.9, 1.7]) + phases) / [1, 2, 3]
            shake = conditions.shake * waves.sum(1) / 1.5
        view = quadrupeds.rigid(0.15 * shake[2], 1, shake[:2] + _pan(number, camera, conditions))
        views.append(view)
    return views


def _roots(actor, camera, frames, size):
    """3x3 matrices from the creature to each picture of a camera without shake."""
    poses = [quadrupeds.pose_at(actor.gait, number) for number in range(frames)]
    still = [list(quadrupeds.joints(actor.creature, pose, np.eye(3)).values()) for pose in poses]
    low, high = np.min(still, (0, 1)) - 16, np.max(still, (0, 1)) + 16  # joints, and flesh on them
    room = np.asarray(size) * (LENGTH, 0.7)
    scale = min(room / (high - low))
    width, height = size
    travel = min(TRAVEL[camera] * frames / 48, 0.94 - LENGTH) * width
    start = (width - travel - scale * (high - low)[0]) / 2 - scale * low[0]
    ground = GROUND * height - scale * high[1]
    ways = travel * np.linspace(0, 1, frames)
    return [quadrupeds.rigid(0, scale, (start + way, ground)) for way in ways]


def _world(creature, camera, size, views, conditions, rng):
    """All that the camera will see, (H, W, 3) uint8, and where its corner lies in the world."""
    corners = np.array([[0, 0, 1], [size[0], 0, 1], [0, size[1], 1], [*size, 1]]).T
    seen = np.concatenate([np.linalg.solve(view, corners)[:2] for view in views], 1)
    low, high = np.floor(seen.min(1)) - MARGIN, np.ceil(seen.max(1)) + MARGIN
    shape = tuple((high - low).astype(int))[::-1]
    if camera == "green":
        light = 1 + 0.07 * _noise(shape, size[0] / 6, rng)
        return (SCREEN * light[..., None]).clip(0, 255).astype(np.uint8), low
    return _patchwork(creature, shape, conditions, rng), low


def _patchwork(creature, shape, conditions, rng):
    """Colourful ground: blobs, boxes and noise on several scales, (H, W, 3) uint8."""
    height, width = shape
    # A place has few colours: those of its ground, plants and things.
    palette = rng.uniform(30, 225, (6, 3))
    picture = np.broadcast_to(palette[0], (*shape, 3)).astype(np.uint8).copy()
    coat = np.array([creature.coat, creature.marks, creature.belly, creature.socks])
    for _ in range(int(width * height / (500 * conditions.grain**2))):
        colours = coat if rng.random() < conditions.alike else palette
        colour = colours[rng.integers(len(colours))] + rng.normal(0, 12, 3)
        middle = rng.integers(0, (width, height)).tolist()
        radii = (conditions.grain * rng.uniform(4, 26, 2)).astype(int) + 1
        angle = float(rng.uniform(0, 180))
        if rng.random() < 0.6:
            cv2.ellipse(picture, middle, radii.tolist(), angle, 0, 360, colour, -1, cv2.LINE_AA)
        else:
            corners = cv2.boxPoints((middle, (2 * radii).tolist(), angle)).astype(np.int32)
            cv2.fillPoly(picture, [corners], colour, cv2.LINE_AA)
    rough = sum(
        strength * _noise(shape, conditions.grain * sigma, rng)[..., None] * rng.uniform(0.4, 1, 3)
        for strength, sigma in ((9, 1.2), (10, 4), (14, 20))
    )
    return (0.8 * picture + 25 + rough).clip(0, 255).astype(np.uint8)


def _noise(shape, sigma, rng):
    """Smooth noise of unit variance."""
    noise = cv2.GaussianBlur(rng.standard_normal(shape), (0, 0), sigma)
    return noise / noise.std()


def _shade(place, size, strength):
    """Light (H, W), 0..1, on the ground: a soft shadow under the body, none for strength 0."""
    width, height = size
    feet = max(place[f"{leg}_foot"][1] for leg in quadrupeds.LEGS)
    ends = place["hip"][0], place["shoulder"][0]
    radius = 0.7 * abs(ends[1] - ends[0])
    y, x = np.mgrid[:height, :width]
    distance = np.hypot((x - sum(ends) / 2) / radius, (y - feet) / (0.16 * radius))
    return (1 - strength / (1 + distance**4)).astype(np.float32)
