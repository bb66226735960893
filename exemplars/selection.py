"""Choosing the target's frames for a driver's: near in pose, and steady from frame to frame.

Video textures (Schoedl et al. 2000) weigh the same two. The chosen frames are the cheapest path,
found by dynamic programming (Viterbi 1967).
"""

import torch

from utils.overlap import pairwise_iou

PLAYED = 2  # frames forwards or backwards that a clip may be played on without a jump
REACH = 4  # frames beyond, from which on a jump counts in full


def pose_distance(keypoints, others):
    """Mean squared distance of every pair's keypoints, (N, K, 2) and (M, K, 2) -> (N, M)."""
    distance = torch.cdist(keypoints.flatten(1), others.flatten(1))
    return distance.square() / keypoints.shape[1]


def frame_costs(keypoints, silhouettes, own_keypoints, masks, overlap=0.1):
    """What each of the target's frames costs, (N, M); arguments as of `choose_frames`."""
    costs = pose_distance(keypoints, own_keypoints)
    return costs + overlap * (1 - pairwise_iou(silhouettes, masks))


def choose_frames(keypoints, silhouettes, own_keypoints, masks, overlap=0.1, jump=0.05):
    """The target's frame for each of the driver's, both in the order in which they are shown.

    Costs are in units of `pose_distance`.

    Args:
        keypoints: (N, K, 2) of the driver, in the target's proportions.
        silhouettes: (N, 1, h, w) in [0, 1], decoded from these.
        own_keypoints: (M, K, 2) of the target's own frames.
        masks: (M, 1, h, w) in {0, 1}, theirs.
        overlap: cost of a frame whose mask shares nothing with the silhouette.
        jump: cost of a frame far from the last one in number, whose mask shares nothing with that
            one's; less in proportion to what stays.

    Returns:
        (N,) indices of the target's frames.
    """
    unary = frame_costs(keypoints, silhouettes, own_keypoints, masks, overlap)
    numbers = torch.arange(len(masks), device=masks.device)
    steps = (numbers[:, None] - numbers).abs()
    away = (steps - PLAYED).clamp(0, REACH) / REACH
    return cheapest_path(unary, jump * away * (1 - pairwise_iou(masks, masks)))


def cheapest_path(unary, transition):
    """States (N,) of the least sum of costs.

    Args:
        unary: (N, M), the cost of each state at each step.
        transition: (M, M), from the state in the row to that in the column.
    """
    total, origins = unary[0], []
    for cost in unary[1:]:
        best, origin = (total[:, None] + transition).min(0)
        total = best + cost
        origins.append(origin)
    path = [total.argmin()]
    for origin in reversed(origins):
        path.append(origin[path[-1]])
    return torch.stack(path[::-1])
