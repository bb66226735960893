"""A driving clip's keypoints over time, and smoothing them."""

from dataclasses import dataclass

import numpy as np
import torch

from utils.smoothing import smooth


@dataclass
class Track:
    """Keypoints as they are in files: xy in [-1, 1] of the clip's own pictures, padded.

    Attributes:
        frames: (N,) numbers in the names of the frames.
        keypoints: (N, K, 2) float32, as detected.
        moved: (N, K, 2) float32, in the proportions of the object that is driven (after the
            affine map), which draw the result; None where they are still to be computed.
    """

    frames: np.ndarray
    keypoints: np.ndarray
    moved: np.ndarray | None = None

    def tensors(self, device):
        """`keypoints` and `moved` as tensors on `device`; what is None stays so."""
        parts = self.keypoints, self.moved
        return [None if part is None else torch.from_numpy(part).to(device) for part in parts]


def jitter(points):
    """Mean length of the second difference of points (N, K, 2) in time; 0 below three frames."""
    if len(points) < 3:
        return 0.0
    return float(np.linalg.norm(np.diff(points.astype(np.float64), n=2, axis=0), axis=-1).mean())


class DrivingKeypoints:
    """Keypoints of a driving clip in the pictures that results are drawn in.

    With boxes these are the stable boxes' pictures. Found or read, keypoints come from the crop
    boxes' pictures by `place`, and go back there by `export`; nothing else converts them.

    Args:
        boxes: `finishing.crop_boxes.CropBoxes`; None draws in the clip's own pictures.

    Attributes:
        keypoints: (N, K, 2) tensor of the clip's first N frames; None until `load`.
        moved: the same for those that draw the other object; None where they are no others.
    """

    def __init__(self, boxes=None):
        self.boxes, self.keypoints, self.moved = boxes, None, None

    def place(self, keypoints, moved, indices):
        """Keypoints (B, K, 2) in the clip's own pictures, to draw from; `moved` may be None."""
        if self.boxes:
            keypoints = self.boxes.to_stable_box(keypoints, indices)
            moved = None if moved is None else self.boxes.to_stable_box(moved, indices)
        return keypoints, moved

    def load(self, keypoints, moved):
        """Keep all keypoints (N, K, 2) of the clip's own pictures; `moved` may be None."""
        self.keypoints, self.moved = self.place(keypoints, moved, slice(len(keypoints)))

    def at(self, indices):
        """Those of frames `indices`, a tensor (B,): keypoints (B, K, 2), and moved ones or None."""
        return self.keypoints[indices], None if self.moved is None else self.moved[indices]

    def smooth(self, seconds, rate):
        """`smooth` them in place; returns `jitter` before and after."""
        before = jitter(self.keypoints.cpu().numpy())
        for name in ("keypoints", "moved"):
            points = getattr(self, name)
            if points is not None:
                smoothed = smooth(points.cpu().numpy(), seconds, rate)
                setattr(self, name, torch.from_numpy(smoothed).to(points.device))
        return before, jitter(self.keypoints.cpu().numpy())

    def export(self, frames):
        """`Track` of frames with these numbers."""
        parts = [self.keypoints, self.keypoints if self.moved is None else self.moved]
        if self.boxes:
            parts = [self.boxes.to_crop_box(part, slice(len(part))) for part in parts]
        return Track(np.array(frames), *(part.cpu().numpy() for part in parts))
