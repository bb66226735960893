"""Masks by colour, for an object before a plain screen such as a green one."""

import cv2
import numpy as np

from segmentation import cleanup
from utils.errors import UserError
from utils.numbering import spread

BORDER = 0.04  # of the picture's longer side: the frame in which the screen's colour is looked for
PLAIN = 0.5  # share of the border that must have the screen's colour
LOOKS = 8  # frames whose borders are looked at, spread evenly
STRONG, ALL_ROUND = 40.0, 0.92  # what marks a screen: strength of its colour (a*, b*), least share
OBJECT = 0.002, 0.8  # share of the picture that an object before a screen has
FILLED = 0.9  # share above which the screen must have another colour than the given one
TOLERANCE = 16.0  # L*a*b*
BLACK = np.float32([16, 0, 0])  # what to add to L*a*b* for 0 where there is no light
LIGHT = 0.7, 1.15  # cube root of the light on the screen, by which it may differ: a third to 1.5


def key(frames, colour=None, tolerance=TOLERANCE):
    """Masks of what has not the screen's colour.

    Colours are compared in CIE L*a*b*, where uneven light and shadows do not count.

    Args:
        frames: sequence of (H, W, 3) uint8 RGB; each is read once, after a look at `LOOKS` of them.
        colour: of the screen, RGB 0..255; the borders of some frames tell where None.
        tolerance: distance in L*a*b* up to which a colour is the screen's.

    Yields:
        (H, W) bool, one a frame.

    Raises:
        UserError: the border has no main colour, or hardly anything has the given one.
    """
    if colour is None:
        screen = _border_colour(_borders(frames), tolerance)
    else:
        screen = _lab(np.uint8([[colour]])).reshape(3)
        if _share(frames, screen, tolerance) > FILLED:
            raise UserError(
                "hardly anything has the colour of --key; leave it out, and the border tells the "
                "screen's colour"
            )
    for number in range(len(frames)):
        yield _mask(_lab(frames[number]), screen, tolerance)


def shows_screen(frames, tolerance=TOLERANCE):
    """Whether frames show an object before a screen: of one strong colour all round, in all frames.

    A smooth wall is no screen: it has a weak colour, which the object may have too.
    """
    borders = _borders(frames)
    screen = np.median(borders.reshape(-1, 3), 0)
    if np.hypot(*screen[1:]) < STRONG:
        return False
    if (_away(borders, screen) < tolerance).mean(1).min() < ALL_ROUND:
        return False
    least, most = OBJECT
    return least < _share(frames, screen, tolerance) < most


def _share(frames, screen, tolerance):
    """Usual share of the picture that has not the screen's colour."""
    numbers = spread(len(frames), LOOKS)
    return np.median([_mask(_lab(frames[n]), screen, tolerance).mean() for n in numbers])


def _mask(lab, screen, tolerance):
    """What differs, (H, W) bool, with its edge where object and screen have equal shares."""
    differs = (_away(lab, screen) > tolerance).astype(np.uint8)
    differs = cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((2, 2)))  # noise of single pixels
    inside, outside = _clear_of_edges(differs)
    if not inside.any() or not outside.any():
        return differs > 0
    result = inside.copy()
    # Only around the object, for speed; the surplus is the screen's to know.
    window = cleanup.window(differs, 8)
    lab, inside, outside = lab[window], inside[window], outside[window]
    own, behind = (_spread(lab, sure) for sure in (inside, outside))
    across = own - behind
    share = ((lab - behind) * across).sum(-1) / (across**2).sum(-1).clip(1)
    result[window] |= (share > 0.5) & ~outside
    return result


def _clear_of_edges(differs):
    """What is surely object and surely screen, two pixels off the edge, (H, W) bool."""
    kernel = np.ones((5, 5), np.uint8)
    return cv2.erode(differs, kernel) > 0, cv2.dilate(differs, kernel) == 0


def _spread(lab, sure):
    """Each pixel's nearest sure colour, averaged over 5x5 sure ones, (H, W, 3) float32."""
    weight = cv2.blur(sure.astype(np.float32), (5, 5))
    mean = cv2.blur(lab * sure[..., None], (5, 5)) / weight.clip(1e-6)[..., None]
    from scipy import ndimage  # slow to import, and needed only here

    y, x = ndimage.distance_transform_edt(~sure, return_distances=False, return_indices=True)
    return mean[y, x]


def _away(lab, screen):
    """Distance of colours (..., 3) to the screen's, (...); it may be lit more or less.

    L* + 16, a* and b* all grow with the cube root of the light.
    """
    seen, screen = lab + BLACK, screen + BLACK
    light = (seen @ screen / (screen**2).sum(-1)).clip(*LIGHT)
    return np.linalg.norm(seen - light[..., None] * screen, axis=-1)


def _lab(frame):
    """L* 0..100, a* and b*, (H, W, 3) float32."""
    return cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _borders(frames):
    """Colours along the borders of a few frames, (frames, N, 3) L*a*b*."""
    width = max(1, round(BORDER * max(frames[0].shape)))
    border = np.ones(frames[0].shape[:2], bool)
    border[width:-width, width:-width] = False
    return np.stack([_lab(frames[number])[border] for number in spread(len(frames), LOOKS)])


def _border_colour(borders, tolerance):
    """The colour (3,) L*a*b* that most of the borders have."""
    border = borders.reshape(-1, 3)
    # The median serves as a start: an object that touches the border is not half of it.
    screen = np.median(border, 0)
    for _ in range(3):
        near = _away(border, screen) < tolerance
        if near.mean() < PLAIN:
            raise UserError(
                "the picture's border has no single colour; give the screen's colour, or use "
                "another method than chroma"
            )
        screen = np.median(border[near], 0)
    return screen
