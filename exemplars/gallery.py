"""A clip's own frames, from which pictures of its object in other poses are made."""

import torch

from exemplars.deformation import deform
from exemplars.selection import CheapestPath, cheapest_path, frame_costs, jump_costs, pose_distance
from utils.overlap import binarize, thumbnails
from utils.tensors import normalise, to_pixels, unit

APART = 3  # frames from which on another one does not look the same
NEAR = 4  # frames of similar poses that training draws from
REFUSED = 100.0  # cost of a frame that is too near in time, which only a clip of few frames takes


class Gallery:
    """All frames of a clip, in order, held in 8 bits.

    Args:
        frames: (M, 3, H, W) in [-1, 1], masked.
        masks: (M, 1, H, W) in {0, 1}.
        keypoints: (M, K, 2), theirs.

    Attributes:
        neighbours: (M, n) array, for each frame the `NEAR` ones nearest in pose that are `APART`
            from it.
    """

    def __init__(self, frames, masks, keypoints):
        self._pixels, self._masks = to_pixels(unit(frames)), to_pixels(masks)
        self.keypoints, self.thumbnails = keypoints, binarize(thumbnails(masks))
        homes = torch.arange(len(keypoints), device=keypoints.device)
        costs = pose_distance(keypoints, keypoints) + self._too_near(homes)
        self.neighbours = costs.argsort(1)[:, :NEAR].cpu().numpy()

    def nearest(self, keypoints, silhouettes, own=False):
        """The frames nearest in pose and outline, (B,).

        Args:
            keypoints: (B, K, 2).
            silhouettes: (B, 1, H, W) in [0, 1], decoded from these.
            own: poses are of frames in here, which they would find: take others, `APART` from them.
        """
        costs = self.costs(keypoints, thumbnails(silhouettes))
        if own:
            costs = costs + self._too_near(pose_distance(keypoints, self.keypoints).argmin(1))
        return costs.argmin(1)

    def costs(self, keypoints, outlines):
        """What each frame costs for poses, (B, M): `selection.frame_costs`.

        Args:
            keypoints: (B, K, 2).
            outlines: `thumbnails` of silhouettes decoded from these.
        """
        return frame_costs(keypoints, outlines, self.keypoints, self.thumbnails)

    def path(self, keypoints, outlines):
        """Frames for all of a driver's, (N,), steady in time: `selection.choose_frames`."""
        return cheapest_path(self.costs(keypoints, outlines), jump_costs(self.thumbnails))

    def search(self):
        """`path` step by step, a `selection.CheapestPath` that takes `costs`."""
        return CheapestPath(jump_costs(self.thumbnails))

    def _too_near(self, homes):
        """(B, M), a high cost of the frames less than `APART` from `homes` (B,)."""
        numbers = torch.arange(len(self.keypoints), device=homes.device)
        return REFUSED * ((numbers - homes[:, None]).abs() < APART)

    def posed(self, chosen, keypoints):
        """Frames `chosen` (B,) and their masks, deformed to keypoints (B, K, 2): (B, 4, H, W)."""
        frames, masks = normalise(self._pixels[chosen], self._masks[chosen])
        return torch.cat(deform(frames, masks, self.keypoints[chosen], keypoints), 1)
