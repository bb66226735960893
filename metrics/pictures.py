"""Measures that compare pictures with true pictures, or with a domain's own frames.

Pictures are (N, 3, H, W) in [-1, 1]. Measures that compare them one by one are means over pictures,
computed in batches.
"""

import math
import warnings

import torch
from torch import nn
from torch.nn import functional as F

from metrics.silhouettes import binarize
from utils.tensors import signed, unit

PSNR_LIMIT = 100.0  # decibels; one 8-bit step in one number of a 256 x 256 picture makes 101
INCEPTION_SIZE = 299
OUTLINE = 0.015  # share of the width along a silhouette's edge where the background shows through


def _mean_of_batches(measure, pictures, truth, batch):
    """Mean over pictures of a measure that takes a batch and returns its mean or each value."""
    total = 0.0
    for x, y in zip(pictures.split(batch), truth.split(batch)):
        total += measure(x, y).mean().item() * len(x)
    return total / len(pictures)


def foreground_l1(pictures, truth, masks):
    """Mean |x - y| over colours and the true silhouettes' pixels, on the scale 0..1.

    What Siarohin et al. 2019 call L1, without the background, which both pictures share.

    Args:
        masks: (N, 1, H, W), the truth's silhouettes.

    Raises:
        ValueError: all silhouettes are empty.
    """
    inside = binarize(masks)
    if not inside.any():
        raise ValueError("every true silhouette is empty")
    difference = (unit(pictures) - unit(truth)).abs().mean(1, keepdim=True)
    return difference[inside].mean().item()


def sharpness(pictures, masks, truth, true_masks):
    """Gradients on the object relative to the truth's: 1 is right, below is blur, above is noise.

    Root mean square of the forward differences over colours and pixels, of the pictures inside
    `masks` divided by that of the truth inside its own: the gradient energy of Subbarao et al.
    1993. The mean magnitude would not do, which an edge keeps however much it is blurred. An object
    in another place keeps 1, and no outline counts: each silhouette is eroded by 1.5% of the width.

    Args:
        masks, true_masks: (N, 1, H, W), each side's own silhouettes.

    Returns:
        the ratio; 0 where nothing of `masks` is left, NaN where the truth has no gradient inside.
    """
    energy = _gradient_energy(truth, true_masks)
    return math.sqrt(_gradient_energy(pictures, masks) / energy) if energy else math.nan


def _gradient_energy(pictures, masks):
    """Mean squared forward difference where a pixel and both its neighbours lie inside; or 0."""
    reach = math.ceil(OUTLINE * masks.shape[3])
    outside = (~binarize(masks)).float()
    inside = F.max_pool2d(outside, 2 * reach + 1, stride=1, padding=reach) == 0
    inside = inside[..., :-1, :-1] & inside[..., 1:, :-1] & inside[..., :-1, 1:]
    x = unit(pictures)
    corner = x[..., :-1, :-1]
    energy = (x[..., :-1, 1:] - corner) ** 2 + (x[..., 1:, :-1] - corner) ** 2
    return energy.mean(1, keepdim=True)[inside].mean().item() if inside.any() else 0.0


@torch.no_grad()
def ssim(pictures, truth, batch=16):
    """Structural similarity (Wang et al. 2004): Gaussian window, sigma 1.5, 11 pixels wide."""
    from torchmetrics.functional.image import structural_similarity_index_measure  # slow to import

    def measure(x, y):
        return structural_similarity_index_measure(
            unit(x), unit(y), data_range=1.0, reduction="none"
        )

    return _mean_of_batches(measure, pictures, truth, batch)


@torch.no_grad()
def psnr(pictures, truth, batch=16):
    """Peak signal-to-noise ratio in decibels, -10 log10 of the mean squared error on 0..1.

    Each picture's counts as at most 100: an identical one would make the mean infinite.
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio  # slow to import

    def measure(x, y):
        ratio = peak_signal_noise_ratio(
            unit(x), unit(y), data_range=1.0, reduction="none", dim=(1, 2, 3)
        )
        return ratio.clamp(max=PSNR_LIMIT)

    return _mean_of_batches(measure, pictures, truth, batch)


@torch.no_grad()
def lpips(pictures, truth, network, batch=8):
    """Learned perceptual distance (Zhang et al. 2018, arXiv 1801.03924).

    Args:
        network: (pictures, targets), (B, 3, H, W) each -> distance, mean over the batch.
    """
    return _mean_of_batches(network, pictures, truth, batch)


@torch.no_grad()
def kid(pictures, target_pictures, features, subset_size, subsets=100, batch=16):
    """Kernel Inception Distance (Binkowski et al. 2018, arXiv 1801.01401), mean over subsets.

    Unbiased, so that it may fall a little below 0 where both are alike. The same inputs give the
    same number, and the global random generator stays where it was.

    Args:
        pictures, target_pictures: (N, 3, H, W) and (M, 3, H, W).
        features: module, (B, 3, H, W) in [0, 1] -> (B, D); see `inception_features`.
        subset_size: pictures drawn from either of both for each of the `subsets` estimates.

    Raises:
        ValueError: a subset would hold one picture, or more than either of both has.
    """
    from torchmetrics.image.kid import KernelInceptionDistance  # slow to import

    count = min(len(pictures), len(target_pictures))
    if not 2 <= subset_size <= count:
        raise ValueError(f"subsets of {subset_size} cannot be drawn: they need 2 to {count}")
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.filterwarnings("ignore", message=".*will save all extracted features")
        metric = KernelInceptionDistance(features, subsets=subsets, subset_size=subset_size)
        for whole, real in ((target_pictures, True), (pictures, False)):
            for some in whole.split(batch):
                metric.update(unit(some), real=real)
        torch.default_generator.manual_seed(0)  # torch.manual_seed would reach the GPU's too
        return metric.compute()[0].item()


class InceptionFeatures(nn.Module):
    """The 2048 pooled features of Inception v3. Pictures (B, 3, H, W) in [0, 1] -> (B, 2048).

    Pictures may lie on any device; they are moved to the network's.
    """

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pictures):
        pictures = pictures.to(next(self.network.parameters()).device)
        resized = F.interpolate(
            pictures, (INCEPTION_SIZE, INCEPTION_SIZE), mode="bilinear", antialias=True
        )
        # Torchvision normalises by ImageNet's statistics and then undoes it in the network, whose
        # weights come from TensorFlow and want [-1, 1]; together that is this.
        return self.network(signed(resized))


def inception_features(state_dict):
    """The feature network for `kid` from a state dict of torchvision's ImageNet `inception_v3`.

    Published KIDs use other weights of the same network: they do not compare with these.

    Returns:
        `InceptionFeatures`, without gradient, on the device of the state dict.

    Raises:
        ValueError: the state dict is not one of `torchvision.models.inception_v3`.
    """
    from torchvision.models import inception_v3  # slow to import, and seldom needed

    with torch.device("meta"):  # nothing to fill with random numbers, which takes a minute
        network = inception_v3(
            weights=None, aux_logits=False, transform_input=False, init_weights=False
        )
    network.fc = nn.Identity()
    heads = ("AuxLogits.", "fc.")
    try:
        kept = {k: v.float() for k, v in state_dict.items() if not k.startswith(heads)}
        network.load_state_dict(kept, assign=True)
    except (AttributeError, RuntimeError) as error:
        reason = str(error).splitlines()
        raise ValueError(
            f"not a state dict of torchvision's inception_v3: {reason[min(1, len(reason) - 1)]}"
        ) from error
    return InceptionFeatures(network).requires_grad_(False).eval()
