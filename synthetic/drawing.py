"""Draws a `creatures.Creature`: tapered, shaded, textured parts with anti-aliased edges."""

import numpy as np

from synthetic.canvas import Canvas, flat, unit

HORN = (222, 210, 178)
HORN_RINGS = (150, 128, 96)


def _blend(share, one, two):
    """A blend of two colours: the first where `share` is 0, the second where it is 1."""
    share = share.clip(0, 1)[..., None]
    return (1 - share) * np.asarray(one, float) + share * np.asarray(two, float)


def _fur(creature, belly_side=0.0):
    """Paint of trunk, neck and head: marked coat, light where v is above `belly_side`."""

    def paint(u, v, noise):
        if creature.pattern == "blotches":
            marked = (noise - 0.55) * 5
        elif creature.pattern == "stripes":
            marked = (np.sin(u * 0.55 + 1.6 * noise) - 0.35) * 2.5 * (v < belly_side)
        else:
            marked = (-0.3 - v + 0.2 * noise) * 4 * (belly_side < 1)  # a saddle, so not on limbs
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
    toe = foot + canvas.scale * width * 1.1 * unit(canvas.turned(foot - knee, -75))
    canvas.part(foot, toe, (width, 0.75 * width), lambda u, v, n: flat(u, creature.socks), dark)


def _draw_head(canvas, creature, place):
    poll, nose = place["poll"], place["nose"]
    forward = unit(nose - poll)
    up = canvas.turned(forward, -90)
    brow = poll + forward * creature.skull * canvas.scale
    skull, tip = creature.head_width
    crown = poll + canvas.scale * skull * 0.5 * up
    _draw_horn(canvas, creature, crown + canvas.scale * 9 * forward, up, 0.7)
    _draw_ear(canvas, creature, crown + canvas.scale * 7 * forward, up, 0.7)
    canvas.part(poll, brow, (skull, 0.8 * skull), _fur(creature, 0.55))
    canvas.part(
        brow,
        nose,
        (0.75 * skull, tip),
        lambda u, v, n: _blend((v + 0.1) * 4, creature.coat, creature.belly),
    )
    _draw_ear(canvas, creature, crown - canvas.scale * 2 * forward, up, 1.0)
    _draw_horn(canvas, creature, crown + canvas.scale * 4 * forward, up, 1.0)
    canvas.dot(nose + up * tip * 0.3 * canvas.scale, 0.55 * tip, (30, 24, 26), forward)
    eye = poll + canvas.scale * (forward * creature.skull * 0.75 + up * skull * 0.32)
    canvas.dot(eye, 3.0, (24, 20, 18), forward)
    canvas.dot(eye + canvas.scale * np.array([0.8, -0.9]), 1.0, (255, 255, 255), forward)


def _draw_ear(canvas, creature, foot, up, dark):
    end = foot + canvas.scale * creature.ear * canvas.turned(up, -12)
    paint = lambda u, v, n: _blend((u - 0.6 * creature.ear) / 4, creature.coat, creature.marks)  # noqa: E731
    canvas.part(foot, end, (0.42 * creature.ear, 1.2), paint, dark)


def _draw_horn(canvas, creature, foot, up, dark):
    """Three pieces that curve backwards."""
    if creature.extra != "horns":
        return
    paint = lambda u, v, n: _blend(np.sin(u * 1.6), HORN, HORN_RINGS)  # noqa: E731
    for lean, thick, thin in ((10, 5.2, 4.4), (-22, 4.4, 3.2), (-62, 3.2, 1.2)):
        end = foot + canvas.scale * 15 * canvas.turned(up, lean)
        canvas.part(foot, end, (thick, thin), paint, dark)
        foot = end


def _draw_mane(canvas, creature, place):
    """Locks along the upper side of the neck that stream backwards."""
    if creature.extra != "mane":
        return
    neck = place["poll"] - place["shoulder"]
    out = canvas.turned(unit(neck), -90)
    paint = lambda u, v, n: _blend(0.5 + 0.6 * n, creature.marks, creature.tail_end)  # noqa: E731
    for number, share in enumerate(np.linspace(0.05, 1.0, 7)):
        width = (1 - share) * creature.neck_width[0] + share * creature.neck_width[1]
        foot = place["shoulder"] + share * neck + canvas.scale * 0.55 * width * out
        lean, length = (-40, 38) if number % 2 else (-60, 32)
        end = foot + canvas.scale * length * canvas.turned(out, lean)
        canvas.part(foot, end, (7, 3.2), paint, 0.95 - 0.1 * (number % 2))


def draw(creature, place, root, size, seed):
    """A creature in its pose.

    Args:
        creature: `creatures.Creature`.
        place: joints by name, xy in pixels, from `synthetic.joints`.
        root: 3x3 matrix that the joints were placed with.
        size: (width, height) of the canvas, pixels.
        seed: of the creature's markings.

    Returns:
        `Canvas`, with the same parts in the same order for every pose of a creature.
    """
    canvas = Canvas(size, root, seed)
    far, near = 0.62, 1.0
    for leg in ("far_hind", "far_front"):
        _draw_leg(canvas, creature, place, leg, far)
    _draw_tail(canvas, creature, place)
    canvas.part(place["hip"], place["shoulder"], creature.trunk_width, _fur(creature, 0.35))
    canvas.part(place["shoulder"], place["poll"], creature.neck_width, _fur(creature, 0.35))
    _draw_mane(canvas, creature, place)
    _draw_head(canvas, creature, place)
    for leg in ("near_hind", "near_front"):
        _draw_leg(canvas, creature, place, leg, near)
    return canvas


def _draw_tail(canvas, creature, place):
    hip, middle, tip = (place[name] for name in ("hip", "tail_middle", "tail_tip"))
    first, last = creature.tail_width
    between = (first + last) / 2
    canvas.part(hip, middle, (first, between), _fur(creature, 2), 0.85)
    canvas.part(middle, tip, (between, last), _tail(creature, creature.tail / 2), 0.9)
