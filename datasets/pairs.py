"""What training sees: neighbouring frames of both clips, batched on the training device."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch

from datasets import augment
from utils import images
from utils.errors import UserError
from utils.tensors import normalise, send, to_tensor

OVERSIZE = 1.5  # clips are kept at no more than this times the training size


class Batch(NamedTuple):
    """Frames (B, 3, H, W) in [-1, 1], masked; masks (B, 1, H, W) in {0, 1}."""

    frame: torch.Tensor
    next_frame: torch.Tensor
    mask: torch.Tensor
    next_mask: torch.Tensor


class ClipTensors:
    """A whole clip in memory: 8-bit RGB and mask of every frame, resampled to one common size.

    Args:
        clip: `datasets.clip.Clip`.
        width, height: of the training pictures; padding included, frames are kept at 1.5 times
            that, or at the clip's own size where it is smaller.
        pad_factor: black added to each side, share of the size.
        device: where the pictures lie.
    """

    def __init__(self, clip, width, height, pad_factor, device):
        with ThreadPoolExecutor() as pool:
            sizes = list(pool.map(lambda name: images.size_of(clip.masks / name), clip.names))
            self.sizes = np.array(sizes)
            whole = OVERSIZE / (1 + 2 * pad_factor)
            limits = math.ceil(whole * width), math.ceil(whole * height)
            kept = np.minimum(self.sizes.max(0), limits)

            def pixels(index):
                return torch.cat([to_tensor(images.resize(i, *kept)) for i in clip.read(index)])

            self.pictures = torch.stack(list(pool.map(pixels, range(len(clip))))).to(device)
        self.width, self.height, self.pad_factor = width, height, pad_factor

    @property
    def items(self):
        """Neighbouring pairs of frames."""
        return len(self.pictures) - 1

    def sample(self, indices, matrices, crops, mirror=False):
        """`Batch` of the items at `indices` (B,), each under its transform from `augment.draw`."""
        both = np.concatenate([indices, indices + 1])
        drawn = np.tile(matrices, (2, 1, 1)), np.tile(crops, (2, 1))
        frames, masks = self.transformed(both, *drawn, mirror)
        return Batch(*frames.chunk(2), *masks.chunk(2))

    def transformed(self, indices, matrices, crops, mirror=False):
        """Frames (B, 3, H, W) and masks (B, 1, H, W) at `indices`, each under its transform."""
        theta = augment.sampling_matrices(
            matrices, crops, self.sizes[indices], self.pad_factor, mirror
        )
        return self._resample(indices, theta)

    def still(self, indices):
        """Frames at `indices`, padded and not transformed, as inference sees them.

        Returns:
            frames (B, 3, H, W) in [-1, 1], masked; masks (B, 1, H, W) in {0, 1}.
        """
        n = len(indices)
        theta = augment.sampling_matrices(
            np.tile(np.eye(3), (n, 1, 1)), np.zeros((n, 4)), self.sizes[indices], self.pad_factor
        )
        return self._resample(indices, theta)

    def _resample(self, indices, theta):
        device = self.pictures.device
        pictures = self.pictures[send(torch.from_numpy(indices), device)]
        warped = augment.warp(pictures, send(theta, device), self.width, self.height)
        return normalise(warped[:, :3], warped[:, 3:])


class Pairs:
    """Batches of A and B by iteration number.

    A batch is a pure function of seed and iteration, so a run can go on anywhere.

    Each domain is shuffled on its own; the last incomplete batch is dropped; an epoch ends with
    the shorter domain.

    Args:
        clip_a, clip_b: the two clips.
        batch_size: items of each domain.
        seed: of the shuffling and of the transforms.
        mirror_a: flip every item of A (the reference's `--hflip`).
        strength: of the random transforms, see `augment.draw`.
        share: slice of each batch that is given out; what is drawn does not depend on it.

    Raises:
        UserError: a clip has fewer items than a batch.
    """

    def __init__(self, clip_a, clip_b, batch_size, seed, mirror_a=False, strength=1.0, share=None):
        self.domains = ((clip_a, mirror_a), (clip_b, False))
        self.batch_size, self.seed, self.strength = batch_size, seed, strength
        self.share = share or slice(None)
        for name, (tensors, _) in zip("AB", self.domains):
            if tensors.items < batch_size:
                raise UserError(
                    f"clip {name} has {tensors.items + 1} frames, too few for batches of "
                    f"{batch_size} neighbouring pairs; lower --bs or give a longer clip"
                )
        self.epoch_length = min(tensors.items for tensors, _ in self.domains) // batch_size

    def batch(self, iteration):
        """The `Batch` of A and the `Batch` of B of one iteration."""
        return [
            tensors.sample(*(x[self.share] for x in drawn), mirror)
            for drawn, (tensors, mirror) in zip(self.draw(iteration), self.domains)
        ]

    def companions(self, iteration, choices):
        """For each item of `batch` another frame of its clip, under the same transform.

        Args:
            choices: for A and for B (M, n) arrays: of which frames one is drawn for frame m.

        Returns:
            for A and for B frames (B, 3, H, W) and masks (B, 1, H, W).
        """
        found = []
        for domain, (drawn, table) in enumerate(zip(self.draw(iteration), choices)):
            (tensors, mirror), (items, *transform) = self.domains[domain], drawn
            columns = self._rng(domain, 3, iteration).integers(0, table.shape[1], len(items))
            parts = [x[self.share] for x in (table[items, columns], *transform)]
            found.append(tensors.transformed(*parts, mirror))
        return found

    def draw(self, iteration):
        """For A and for B: items (B,), matrices (B, 3, 3) and crops (B, 4) of the whole batch."""
        epoch, step = divmod(iteration, self.epoch_length)
        chosen = slice(step * self.batch_size, (step + 1) * self.batch_size)
        return [
            (
                self._rng(domain, 0, epoch).permutation(tensors.items)[chosen],
                *augment.draw(self._rng(domain, 1, iteration), self.batch_size, self.strength),
            )
            for domain, (tensors, _) in enumerate(self.domains)
        ]

    def warps(self, iteration):
        """Random affine warps (B, 2, 3) for the items of A and for those of B."""
        warps = []
        for domain, (tensors, _) in enumerate(self.domains):
            drawn = augment.random_warps(self._rng(domain, 2, iteration), self.batch_size)
            warps.append(send(drawn[self.share], tensors.pictures.device))
        return warps

    def _rng(self, domain, purpose, number):
        return np.random.default_rng([self.seed, domain, purpose, number])

    def stills(self, count=6):
        """`ClipTensors.still` of both clips at `count` moments spread over each."""
        return [f.still(np.linspace(0, f.items, count).astype(int)) for f, _ in self.domains]
