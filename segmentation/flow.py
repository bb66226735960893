"""Optical flow between neighbouring frames."""

import cv2
import numpy as np


def between(former, frame):
    """Optical flow between two pictures (H, W, 3) uint8 RGB: (H, W, 2) float32, xy in pixels."""
    engine = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    greys = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (former, frame))
    return engine.calc(*greys, None)


def propagate_mask(mask, former, frame):
    """The mask (H, W) bool of frame `former`, moved by optical flow to what it shows in `frame`.

    Args:
        former, frame: (H, W, 3) uint8 RGB.
    """
    back, (height, width) = between(frame, former), mask.shape
    back += np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    return cv2.remap(mask.astype(np.float32), back, None, cv2.INTER_LINEAR) > 0.5
