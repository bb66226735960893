"""One GrabCut (Rother, Kolmogorov and Blake 2004, as in OpenCV) around an object."""

import cv2
import numpy as np

AROUND = 12  # pixels of surroundings that teach the background's colours
LEAST = 30  # pixels of object and of background that colours can be learned from


def cut(frame, hints, iterations=1):
    """Cut an object out by colour, from hints.

    Args:
        frame: (H, W, 3) uint8 RGB.
        hints: (H, W) uint8 of OpenCV's GC_BGD, GC_FGD, GC_PR_BGD and GC_PR_FGD.
        iterations: of learning colours and cutting.

    Returns:
        (H, W) bool. Where hints hold too little object or background for that, what they say.
    """
    likely = (hints == cv2.GC_FGD) | (hints == cv2.GC_PR_FGD)
    open_ = likely | (hints == cv2.GC_PR_BGD)
    if likely.sum() < LEAST or (~likely).sum() < LEAST:
        return likely
    x, y, width, height = cv2.boundingRect(open_.astype(np.uint8))
    window = np.s_[
        max(0, y - AROUND) : y + height + AROUND, max(0, x - AROUND) : x + width + AROUND
    ]
    result, state = np.zeros(hints.shape, bool), np.ascontiguousarray(hints[window])
    cv2.setRNGSeed(0)  # its k-means starts at random
    cv2.grabCut(
        np.ascontiguousarray(frame[window]), state, None, np.zeros((1, 65)), np.zeros((1, 65)),
        iterations, cv2.GC_INIT_WITH_MASK,
    )  # fmt: skip
    result[window] = (state == cv2.GC_FGD) | (state == cv2.GC_PR_FGD)
    return result
