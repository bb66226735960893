"""Matting: results without the grey that the networks draw around them, over another background."""

import cv2
import numpy as np

SURE = 0.85  # values of the silhouette above it are the object's alone, and so are their colours
LOW, HIGH = 0.3, 0.7  # values of the silhouette at which alpha begins to rise from 0 and reaches 1
SIGMAS = (16.0, 8.0, 4.0, 2.0)  # of the Gaussians that extend colours, pixels, wide to narrow
ENOUGH = 0.05  # share of sure pixels under a Gaussian from which on no wider one is needed


def extract_foreground(picture, silhouette, place):
    """The object of a result with clean edges, as colours and alpha.

    The networks paint grey around the object, and it mixes into the edge. So the edge takes its
    colours from the inside, and alpha rises from 0 to 1 over a narrower range of the silhouette's
    values. Both happen after `place`, in the resolution in which the result is seen.

    Args:
        picture: (h, w, 3) uint8 RGB.
        silhouette: (h, w) uint8, 255 is the object.
        place: function that takes (h, w[, 3]) uint8 or float32 to its place, (H, W[, 3]).

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
    """The object's colours extended over the whole picture.

    Each pixel takes the mean of the sure pixels near it. Wider Gaussians, and last the mean of all
    sure pixels, serve only where narrower ones find too few, so that no faint tip stays grey.

    Args:
        picture: (h, w, 3) uint8 RGB.
        sure: (h, w) float32 in {0, 1}, 1 where colours are the object's own.

    Returns:
        (h, w, 3) float32; the picture itself where no pixel is sure.
    """
    if not sure.any():
        return picture.astype(np.float32)
    colours = np.empty(picture.shape, np.float32)
    colours[:] = picture[sure > 0].mean(0)
    for sigma in SIGMAS:
        blurred = cv2.GaussianBlur(np.dstack([picture * sure[..., None], sure]), (0, 0), sigma)
        weight = blurred[..., 3:]
        share = np.minimum(weight / ENOUGH, 1)
        colours += share * (blurred[..., :3] / np.maximum(weight, 1e-6) - colours)
    return colours


def composite(foreground, background):
    """`foreground` (H, W, 4) uint8 RGBA over `background` (H, W, 3) uint8; (H, W, 3) uint8."""
    alpha = foreground[..., 3:].astype(np.float32) / 255
    mixed = alpha * foreground[..., :3] + (1 - alpha) * background
    return mixed.round().astype(np.uint8)
