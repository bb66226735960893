"""What a prepared clip's frames are cropped to, and the pictures that come of it."""

import cv2
import numpy as np
from PIL import Image

from preparation.clip_folder import save_mask, save_picture, write_json
from utils.smoothing import smooth

USUAL = 480  # median of the crops' longer sides at least, pixels
CALM = 12  # frames, full width at half maximum of what smooths the squares' centres
STEADY = 24  # frames to either side that a square's size depends on


def bounding_box(mask):
    """Left, top, width and height of the True pixels of (H, W), or None where there is none."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return None
    return [int(v) for v in (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)]


def middle(mask):
    """Where the body in a mask (H, W) is, (x, y) in pixels, or None where there is none.

    It is the centroid by depth, the distance from the edge, so that limbs and tails weigh little.
    """
    if not mask.any():
        return None
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)
    moments = cv2.moments(depth)
    # A pixel's middle lies half a pixel in; the margin of one pixel is taken off.
    return [moments[name] / moments["m00"] - 0.5 for name in ("m10", "m01")]


def crop_boxes(masks, kind):
    """What every frame is cropped to.

    Args:
        masks: sequence of (H, W) bool; an object is seen in one of them at least.
        kind: "tight", each mask's own `bounding_box`; "square", `squares` around these; "window",
            one box that holds them all; "none", the frame.

    Returns:
        list of [left, top, width, height], pixels. A frame without an object has the box before
        it. Squares may reach beyond the frame.
    """
    if kind == "none":
        return [[0, 0, *masks[0].shape[::-1]]] * len(masks)
    boxes = _filled([bounding_box(mask) for mask in masks])
    if kind == "window":
        low, high = boxes[:, :2].min(0), (boxes[:, :2] + boxes[:, 2:]).max(0)
        boxes = np.tile([*low, *(high - low)], (len(boxes), 1))
    elif kind == "square":
        boxes = squares(boxes, _filled([middle(mask) for mask in masks]))
    return boxes.tolist()


def _filled(values):
    """Array of values, where None counts as the value before it, at first as the first there is."""
    last = next(value for value in values if value is not None)
    return np.array([last := last if value is None else value for value in values])


def squares(boxes, middles):
    """Squares that follow a clip's object calmly and hardly change in size.

    So it keeps its proportions, and its size as long as it does not come nearer: neither a raised
    tail nor an error of a mask moves or stretches what is seen of its body.

    Args:
        boxes: (N, 4) left, top, width, height of the object, pixels.
        middles: (N, 2) xy of its body.

    Returns:
        (N, 4) int, each of which contains its box, with the body about its centre.
    """
    centre = smooth(np.asarray(middles)[:, None], CALM, 1)[:, 0]
    sides = [boxes[:, :2] - centre, boxes[:, :2] + boxes[:, 2:] - centre]
    needed = np.abs(sides).max((0, 2))
    # The maximum over a window, averaged over one as wide, is nowhere below what is needed.
    half = _windows(_windows(needed, STEADY).max(1), STEADY).mean(1)
    corner, side = np.floor(centre - half[:, None]), np.ceil(2 * half) + 1
    return np.column_stack([corner, side, side]).astype(int)


def _windows(values, radius):
    """Of each of N values: those up to `radius` before and behind it, (N, 2 radius + 1).

    Beyond the ends stands the last value there is.
    """
    around = np.pad(values, radius, "edge")
    return np.lib.stride_tricks.sliding_window_view(around, 2 * radius + 1)


def crop(frames, masks, kind, new):
    """Crop `Frames` and `Masks` into folder `new`: train/, train_seg/ and crops.json.

    Small crops are enlarged, all by one factor: training shifts pictures by up to 50 of their
    pixels (docs/METHOD.md, section 3), which is meant for pictures of some 500. What lies beyond a
    frame is black. crops.json also notes the share of a crop that the object covers, the median,
    by which results get the driver's size.

    Args:
        frames, masks: of the same length.
        kind: one of `clip_options.CROPS`, see `crop_boxes`.
    """
    height, width = frames[0].shape[:2]
    boxes = crop_boxes(masks, kind)
    scale = max(1.0, USUAL / float(np.median([max(box[2:]) for box in boxes])))
    for name in ("train", "train_seg"):
        (new / name).mkdir()
    shares = []
    for number, box in enumerate(boxes):
        save_picture(_cropped(frames[number], box, scale), new / f"train/{number}.jpg")
        grey = np.where(masks[number], 255, 0).astype(np.uint8)
        save_mask(_cropped(grey, box, scale) > 127, new / f"train_seg/{number}.jpg")
        shares.append(masks[number].sum() / (box[2] * box[3]))
    crops = {"boxes": boxes, "order": "left, top, width, height", "canvas": [width, height]}
    crops |= {"scale": scale, "share": float(np.median(shares))}
    write_json(crops, new / "crops.json")


def crop_size(width, height, scale):
    """Width and height, in pixels, of the picture that a box of this size becomes."""
    return max(1, round(width * scale)), max(1, round(height * scale))


def _cropped(picture, box, scale):
    """The part of uint8 (H, W[, C]) in a box, `scale` times as large and black beyond `picture`."""
    left, top, width, height = box
    part = Image.fromarray(picture).crop((left, top, left + width, top + height))
    return np.asarray(part.resize(crop_size(width, height, scale), Image.Resampling.BICUBIC))
