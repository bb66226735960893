"""Choosing the target's frames for a driver's: near in pose, and steady from frame to frame.

Video textures (Schoedl et al. 2000) weigh the same two. The chosen frames are the cheapest path,
found by dynamic programming (Viterbi 1967).
"""

import torch

from utils.overlap import pairwise_iou

PLAYED = 2  # frames forwards or backwards that a clip may be played on without a jump
REACH = 4  # frames beyond, from which on a jump counts in full


def pose_distance(keypoints, others):
    """Mean squared distance of every pair's keypoints, (N, K, 2) and (M, K, 2) -> (N, M).

    That of a pair depends on nothing else, to the last bit.
    """
    pair = keypoints.flatten(1), others.flatten(1)
    distance = torch.cdist(*pair, compute_mode="donot_use_mm_for_euclid_dist")
    return distance.square() / keypoints.shape[1]


def frame_costs(keypoints, silhouettes, own_keypoints, masks, overlap=0.1):
    """What each of the target's frames costs, (N, M); arguments as of `choose_frames`."""
    costs = pose_distance(keypoints, own_keypoints)
    return costs + overlap * (1 - pairwise_iou(silhouettes, masks))


def jump_costs(masks, jump=0.05):
    """What it costs to go from one frame to another, (M, M); arguments as of `choose_frames`."""
    numbers = torch.arange(len(masks), device=masks.device)
    steps = (numbers[:, None] - numbers).abs()
    away = (steps - PLAYED).clamp(0, REACH) / REACH
    return jump * away * (1 - pairwise_iou(masks, masks))


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
    return cheapest_path(unary, jump_costs(masks, jump))


def cheapest_path(unary, transition):
    """States (N,) of the least sum of costs.

    Args:
        unary: (N, M), the cost of each state at each step.
        transition: (M, M), from the state in the row to that in the column.
    """
    search = CheapestPath(transition)
    for _ in search.steps(unary):
        pass
    return torch.tensor(search.path, device=unary.device)


class CheapestPath:
    """`cheapest_path` step by step, and again for costs of which the first may be the same.

    Args:
        transition: see `cheapest_path`.

    Attributes:
        path: list of states, as soon as all steps are done.
    """

    def __init__(self, transition):
        self.transition, self.path = transition, None
        self._costs = self._sums = transition[:0]  # the least sums that lead to each state
        self._known = 0  # how many steps they are of

    def steps(self, costs):
        """Generator that yields after each step; none needs to be the last.

        Args:
            costs: (N, M), the cost of each state at each step; nobody changes it afterwards.
        """
        self._begin(costs)
        for step in range(self._known, len(costs)):
            self._sums[step] = costs[step]
            if step:
                self._sums[step] += (self._sums[step - 1][:, None] + self.transition).amin(0)
            self._known = step + 1
            yield
        path = [int(self._sums[-1].argmin())]
        for sums in self._sums[:-1].flip(0):
            path.append(int((sums + self.transition[:, path[-1]]).argmin()))
            yield
        self.path = path[::-1]

    def _begin(self, costs):
        """Keep the sums of steps whose costs, and all before, are the same."""
        count = min(self._known, len(costs))
        same = (costs[:count] == self._costs[:count]).all(1)
        self._known = int(same.long().cumprod(0).sum())
        sums = torch.empty_like(costs)
        sums[: self._known] = self._sums[: self._known]
        self._costs, self._sums = costs, sums
