"""Pretrained weights of VGG16 and Inception v3: from a file, the cache, or a download."""

from pathlib import Path

import torch

from utils.errors import UserError
from utils.reading import load_tensors

VGG_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
INCEPTION_URL = "https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth"
# Output channels of VGG16's convolutions (Simonyan and Zisserman 2014), by their index in its
# `features`. Importing torchvision for them takes longer than to open the weights.
VGG_CHANNELS = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256}
VGG_CHANNELS |= dict.fromkeys((17, 19, 21, 24, 26, 28), 512)


def cached(url):
    """Where torchvision keeps what it downloads from `url`."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name


def vgg16_state(path=""):
    """State dict of torchvision's ImageNet VGG16, from `path` or the TORCH_HOME cache.

    What the cache lacks is downloaded into it. UserError where that fails or the file is no VGG16.
    """
    kept = cached(VGG_URL)
    source = Path(path) if path else kept
    ways = f"give --vgg_weights FILE, put {kept.name} into {kept.parent}, or pass --lambda_vgg 0"
    try:
        if path or kept.exists():
            weights = load_tensors(source)
        else:
            weights = torch.hub.load_state_dict_from_url(
                VGG_URL, map_location="cpu", check_hash=True
            )
    except OSError as error:
        what = f"{source} cannot be read" if path else f"VGG16 weights cannot be had from {VGG_URL}"
        raise UserError(f"{what} ({getattr(error, 'reason', error)}); {ways}") from None
    except Exception as error:  # torch.load raises many kinds for a file that is no state dict
        raise UserError(
            f"{source} is no VGG16 state dict ({type(error).__name__}); {ways}"
        ) from None
    if unfit := _unlike_vgg16(weights):
        raise UserError(f"{source} is no VGG16 state dict (no fitting {unfit}); {ways}")
    return weights


def _unlike_vgg16(weights):
    """Name of the first entry of VGG16's features that a state dict lacks, or None."""
    found, inputs = weights if isinstance(weights, dict) else {}, 3
    for index, outputs in VGG_CHANNELS.items():
        shapes = {"weight": (outputs, inputs, 3, 3), "bias": (outputs,)}
        for name, shape in shapes.items():
            key = f"features.{index}.{name}"
            if getattr(found.get(key), "shape", None) != shape:
                return key
        inputs = outputs
    return None


def find(load, path, url):
    """What `load` makes of a weight file, given or cached; (None, why) where there is none."""
    found = Path(path) if path else cached(url)
    if path and not found.is_file():
        raise UserError(f"weights {path} are no file; give another, or leave the option out")
    if not found.is_file():
        return None, f"no weights given, and no {found.name} in {found.parent}"
    try:
        return load(load_tensors(found)), ""
    except Exception as error:  # torch.load raises many kinds for a file that is no state dict
        raise UserError(
            f"{found} holds other weights than {Path(url).stem} of torchvision "
            f"({type(error).__name__}); give another file"
        ) from None
