"""Cutting results out of the background that the networks draw, and laying them over another."""

import cv2
import numpy as np

SURE = 0.85  # of the silhouette's values: that is the object, and its colours are its own
LOW, HIGH = 0.3, 0.7  # of the silhouette's values, between which the edge goes from clear to opaque
REACH = 2.0  # pixels of the networks' picture that colours are carried outwards, sigma


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
    weight = cv2.GaussianBlur(sure, (0, 0), REACH)
    spread = cv2.GaussianBlur(picture * sure[..., None], (0, 0), REACH)
    carried = spread / np.maximum(weight, 1e-3)[..., None]
    outside = np.where(weight > 0.01, 1 - sure, 0)[..., None]  # further out nothing is carried
    colours = place(np.float32(picture * (1 - outside) + carried * outside))
    share = np.clip((place(silhouette) - LOW) / (HIGH - LOW), 0, 1)
    alpha = 255 * share * share * (3 - 2 * share)
    return np.dstack([colours, alpha]).round().clip(0, 255).astype(np.uint8)


def over(cut, background):
    """`cut` (H, W, 4) uint8 laid over `background` (H, W, 3) uint8."""
    alpha = cut[..., 3:].astype(np.float32) / 255
    return (alpha * cut[..., :3] + (1 - alpha) * background).round().astype(np.uint8)
