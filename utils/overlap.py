"""Silhouettes (N, 1, H, W) in [0, 1], compared by intersection over union (Jaccard 1912)."""

import torch
from torch.nn import functional as F

THUMBNAIL = 64  # pixels of a side at which whole clips are held and compared
BLOCK = 256  # silhouettes in one matrix product; 64 MiB of numbers at 256 x 256


def binarize(masks):
    """Silhouettes (N, 1, H, W) in [0, 1] -> bool, True above 0.5."""
    return masks > 0.5


def thumbnails(masks):
    """Silhouettes (N, 1, H, W) -> (N, 1, 64, 64)."""
    return F.adaptive_avg_pool2d(masks, THUMBNAIL)


def pairwise_iou(masks, others):
    """Intersection over union of every pair, (N, 1, H, W) and (M, 1, H, W) -> (N, M)."""
    rows, columns = (binarize(x).flatten(1).split(BLOCK) for x in (masks, others))
    return torch.cat([torch.cat([_block_iou(x, y) for y in columns], 1) for x in rows])


def _block_iou(masks, others):
    """Intersection over union of every pair, (n, P) and (m, P) bool -> (n, m)."""
    masks, others = masks.float(), others.float()
    shared = masks @ others.T
    union = masks.sum(1)[:, None] + others.sum(1) - shared
    return torch.where(union > 0, shared / union.clamp(min=1), 1.0)
