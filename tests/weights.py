"""Weight files with the names and shapes of torchvision's, whose values are random."""

import math

import torch
from torchvision.models import inception_v3, vgg16


def vgg16_file(path):
    """The features of a VGG16; its classifier, which nothing here uses, is left out."""
    return _write(path, vgg16, lambda name: name.startswith("features."))


def inception_file(path):
    """An Inception v3."""
    return _write(path, lambda: inception_v3(init_weights=False, aux_logits=False))


def _write(path, network, kept=lambda name: True):
    """Save a state dict whose tensors are views of the same numbers: the file is small."""
    with torch.device("meta"):
        wanted = {k: v for k, v in network().state_dict().items() if kept(k)}
    most = max(value.numel() for value in wanted.values())
    numbers = 0.03 * torch.randn(most, generator=torch.Generator().manual_seed(0))
    torch.save({name: _fill(name, value, numbers) for name, value in wanted.items()}, path)
    return path


def _fill(name, like, numbers):
    """Random for convolutions and shifts; ones for the scales of norms, so that signals last."""
    scale = like.ndim == 1 and name.endswith("weight") or name.endswith("running_var")
    if scale or not like.is_floating_point():
        return torch.ones(like.shape, dtype=like.dtype)
    return numbers[: math.prod(like.shape)].view(like.shape)
