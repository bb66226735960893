"""Measures that compare silhouettes, and the search for the best one among given frames.

Silhouettes are (N, 1, H, W) in [0, 1], binarized at 0.5. Where both sides are compared picture by
picture, either may be a single one, (1, 1, H, W), that meets all of the other's.
"""

import math

import torch

from utils.overlap import binarize, pairwise_iou


def iou(masks, truth):
    """Intersection over union (Jaccard 1912), mean over pictures; of two empty silhouettes 1."""
    found, wanted = binarize(masks), binarize(truth)
    shared = (found & wanted).flatten(1).sum(1)
    union = (found | wanted).flatten(1).sum(1)
    return torch.where(union > 0, shared / union.clamp(min=1), 1.0).mean().item()


def boundary_f(masks, truth, tolerance=0.008):
    """Boundary measure F of DAVIS (Perazzi et al. 2016), mean over pictures.

    F = 2 P R / (P + R): P is the share of the outline's pixels that lie near the truth's outline,
    R the share of the truth's that lie near the outline. The picture's edge is no outline.

    Args:
        tolerance: what counts as near, as a share of the picture's diagonal; rounded up to pixels.
    """
    found, wanted = torch.broadcast_tensors(binarize(masks), binarize(truth))
    radius = math.ceil(tolerance * math.hypot(*found.shape[2:]))
    pairs = zip(found[:, 0].cpu().numpy(), wanted[:, 0].cpu().numpy())
    return sum(_outline_f(x, y, radius) for x, y in pairs) / len(found)


def _outline_f(found, wanted, radius):
    """Boundary measure F of one pair of bool arrays (H, W), with a tolerance in pixels."""
    from skimage.morphology import isotropic_dilation  # slow to import
    from skimage.segmentation import find_boundaries

    outline, true_outline = (find_boundaries(x, mode="inner") for x in (found, wanted))
    if not (outline.any() and true_outline.any()):
        return float(outline.any() == true_outline.any())
    precision = isotropic_dilation(true_outline, radius)[outline].mean()
    recall = isotropic_dilation(outline, radius)[true_outline].mean()
    both = precision + recall
    return float(2 * precision * recall / both) if both else 0.0


def mean_mask(masks):
    """Share of the silhouettes that cover each pixel, (1, 1, H, W) in [0, 1]."""
    return binarize(masks).float().mean(0, keepdim=True)


def best(truth, candidates):
    """Index (N,) of the candidate with the highest IoU to each true silhouette.

    Nothing that only picks among the candidates overlaps more with the truth.
    """
    return pairwise_iou(truth, candidates).argmax(1)


def nearest(drivers, candidates, size=64):
    """Index (N,) of the candidate most like each driver, wherever and however large both are.

    Highest IoU after each silhouette's bounding box is stretched to `size` x `size` pixels: motion
    transfer by looking frames up, as Efros et al. 2003 do it with richer descriptors.
    """
    return best(*(_framed(x, size).float() for x in (drivers, candidates)))


def _framed(masks, size):
    """Each silhouette's bounding box at (size, size), bool; an empty one stays empty."""
    from torchvision.ops import masks_to_boxes, roi_align  # slow to import

    solid = binarize(masks)
    framed = solid.new_zeros(len(solid), 1, size, size)
    (filled,) = solid.flatten(1).any(1).nonzero(as_tuple=True)
    boxes = masks_to_boxes(solid[filled, 0])
    boxes[:, 2:] += 1  # to the far side of the last pixel
    regions = torch.cat([filled[:, None], boxes], 1)
    framed[filled] = roi_align(solid.float(), regions, size, aligned=True) > 0.5
    return framed
