"""Files of optical flow, 16-bit PNG as KITTI's (Menze and Geiger 2015)."""

import cv2
import numpy as np

from utils import images

FLOW_STEPS = 64  # KITTI's steps in a pixel of flow, and the value that means none
FLOW_ZERO = 2**15


def write_flow(path, flow, valid):
    """Save optical flow as 16-bit RGB of u, v and validity.

    Args:
        flow: (H, W, 2), xy in pixels, below 512.
        valid: (H, W) bool.
    """
    steps = np.where(valid[..., None], flow * FLOW_STEPS + FLOW_ZERO, 0).round()
    # OpenCV's order is BGR; it encodes only, so that a full disk raises.
    coded = np.dstack([valid, steps[..., 1], steps[..., 0]]).clip(0, 2**16 - 1).astype(np.uint16)
    path.write_bytes(cv2.imencode(".png", coded)[1].tobytes())


def read_flow(path):
    """Flow (H, W, 2) and valid (H, W) bool of a file from `write_flow`.

    Raises:
        UserError, ValueError: it is broken.
    """
    images.size_of(path)  # of a header's promise OpenCV knows no limit that is low enough
    data = np.frombuffer(path.read_bytes(), np.uint8)
    try:
        coded = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        coded = None
    if coded is None or coded.dtype != np.uint16 or coded.ndim != 3 or coded.shape[2] != 3:
        raise ValueError("it is no 16-bit RGB picture")
    return (coded[..., :0:-1].astype(float) - FLOW_ZERO) / FLOW_STEPS, coded[..., 0] > 0
