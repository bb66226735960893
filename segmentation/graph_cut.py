"""GrabCut (Rother, Kolmogorov and Blake 2004, as in OpenCV), near the object only."""

import cv2
import numpy as np

from segmentation import cleanup

AROUND = 12  # pixels of surroundings that teach the background's colours
LEAST = 30  # pixels of object and of background that colours can be learned from


def run_grabcut(frame, hints, iterations=1):
    """Separate an object from its background by colour, from hints.

    Args:
        frame: (H, W, 3) uint8 RGB.
        hints: (H, W) uint8 of OpenCV's GC_BGD, GC_FGD, GC_PR_BGD and GC_PR_FGD.
        iterations: each learns the colours of both anew, then solves one graph cut.

    Returns:
        (H, W) bool. With fewer than `LEAST` pixels of object or of background, that is what the
        hints call the object, since no colours can be learned.
    """
    likely = (hints == cv2.GC_FGD) | (hints == cv2.GC_PR_FGD)
    open_ = likely | (hints == cv2.GC_PR_BGD)
    if likely.sum() < LEAST or (~likely).sum() < LEAST:
        return likely
    window = cleanup.window(open_, AROUND)
    result, state = np.zeros(hints.shape, bool), np.ascontiguousarray(hints[window])
    cv2.setRNGSeed(0)  # its k-means starts at random
    cv2.grabCut(
        np.ascontiguousarray(frame[window]), state, None, np.zeros((1, 65)), np.zeros((1, 65)),
        iterations, cv2.GC_INIT_WITH_MASK,
    )  # fmt: skip
    result[window] = (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)
    return result
