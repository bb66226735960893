"""What a clip's frames and the networks' results on them are, as this package measures them."""

from dataclasses import dataclass

import torch


@dataclass
class ClipResults:
    """N frames of a clip, in order, and what the networks make of them; all on the CPU.

    Frames and pictures are (N, 3, H, W) in [-1, 1], masks (N, 1, H, W) in [0, 1], keypoints
    (N, K, 2), xy in [-1, 1]. `own` is the object in the frames, `other` the one they drive, `moved`
    the keypoints in its proportions. Pictures are None without refiners.
    """

    frames: torch.Tensor
    masks: torch.Tensor
    keypoints: torch.Tensor
    moved_keypoints: torch.Tensor
    own_mask: torch.Tensor
    other_mask: torch.Tensor
    own_picture: torch.Tensor | None
    other_picture: torch.Tensor | None
