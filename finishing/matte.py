"""Cutting results out of the background that the networks draw, and laying them over another."""

import cv2
import numpy as np

SURE = 0.85  # of the silhouette's values: that is the object, and its colours are its own
LOW, HIGH = 0.3, 0.7  # of the silhouette's values, between which the edge goes from clear to opaque
REACHES = (16.0, 8.0, 4.0, 2.0)  # how far colours are carried outwards, sigma in pixels
ENOUGH = 0.05  # share of sure pixels within a reach from which on it needs no wider one


def cut_out(picture, silhouette, place):
    """A result with a clean edge, in its place.

    The networks paint grey around the object, which mixes into its edge. So colours come from the
    inside there, and the silhouette's soft edge is narrowed, in the resolution it will be seen in.

    Args:
        picture: (h, w, 3) uint8 RGB.
        silhouette: (h, w) uint8, 255 is the object.
        place: function that brings such a picture, or float32, to where it is wanted: (H, W[, 3]).

    Returns:
        (H, W, 4) uint8 RGBA, colours not multiplied by alpha.
    """
    silhouette = silhouette.astype(np.float32) / 255
    sure = (silhouette > SURE).astype(np.float32)
    colours = place(np.where(sure[..., None] > 0, picture, extend_colours(picture, sure)))
    share = np.clip((place(silhouette) - LOW) / (HIGH - LOW), 0, 1)
    alpha = 255 * share * share * (3 - 2 * share)
    return np.dstack([colours, alpha]).round().clip(0, 255).astype(np.uint8)


def extend_colours(picture, sure):
    """Colours of the sure pixels (h, w) in {0, 1} of a picture all over it, (h, w, 3) float32.

    Each pixel has the mean of those that are near; wide reaches, and at last the mean of all, serve
    only where narrow ones find nothing, so that a faint tip far from them is not left grey.
    """
    if not sure.any():
        return picture.astype(np.float32)
    colours = np.empty(picture.shape, np.float32)
    colours[:] = picture[sure > 0].mean(0)
    for reach in REACHES:
        blurred = cv2.GaussianBlur(np.dstack([picture * sure[..., None], sure]), (0, 0), reach)
        weight = blurred[..., 3:]
        share = np.minimum(weight / ENOUGH, 1)
        colours += share * (blurred[..., :3] / np.maximum(weight, 1e-6) - colours)
    return colours


def over(cut, background):
    """`cut` (H, W, 4) uint8 laid over `background` (H, W, 3) uint8."""
    alpha = cut[..., 3:].astype(np.float32) / 255
    return (alpha * cut[..., :3] + (1 - alpha) * background).round().astype(np.uint8)
