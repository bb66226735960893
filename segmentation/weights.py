"""Files of trained networks: where they are, and what to do where they are not.

Nothing is downloaded: a package or a file that is not there is named in one sentence.
"""

import importlib.util
import os
from pathlib import Path
from typing import NamedTuple

from utils.errors import UserError


class Needed(NamedTuple):
    """What a method cannot do without."""

    packages: tuple  # as they are imported
    install: str  # as pip knows them
    url: str  # the official file, whose name says which network it fills


NEEDED = {
    "sam2": Needed(
        ("sam2", "hydra"),
        '"sam2>=1.1"',
        "https://dl.fbaipublicfiles.com/segment_anything_2/092824/sam2.1_hiera_small.pt",
    ),
    "rembg": Needed(
        ("rembg", "onnxruntime"),
        '"rembg[cpu]"',
        "https://github.com/danielgatis/rembg/releases/download/v0.0.0/u2net.onnx",
    ),
    "torchvision": Needed(
        ("torchvision",),
        "torchvision",
        "https://download.pytorch.org/models/deeplabv3_resnet101_coco-586e9e4e.pth",
    ),
}


def find(name, weights=""):
    """Path of a method's weights, which is there, and its packages are installed.

    Args:
        name: "sam2", "rembg" or "torchvision".
        weights: file that the user named; "" for where the library keeps its own.

    Raises:
        UserError: what to install, or where the file goes.
    """
    needed = NEEDED[name]
    places = [Path(weights).expanduser()] if weights else _places(name)
    fetch = f"download {needed.url} into {places[0].parent}"
    if any(importlib.util.find_spec(package) is None for package in needed.packages):
        then = "" if any(map(Path.is_file, places)) else f", then {fetch}"
        raise UserError(
            f"--mask {name} needs a package that is not installed: pip install {needed.install}"
            f"{then}"
        )
    found = next(filter(Path.is_file, places), None)
    if found is None:
        raise UserError(
            f"--mask {name} finds no weights at {places[0]}; {fetch}, or name a file with "
            "--mask_weights"
        )
    return found


def _places(name):
    """Where the library keeps its weights, or would; the first is known to all its versions."""
    file = Path(NEEDED[name].url).name
    if name != "rembg":
        import torch  # slow to import

        return [Path(torch.hub.get_dir()) / "checkpoints" / file]
    home = os.environ.get("U2NET_HOME")
    newer = home or os.environ.get("REMBG_HOME") or "~/.rembg"
    places = Path(home or "~/.u2net") / file, Path(newer) / "models" / Path(file).stem / file
    return [place.expanduser() for place in places]


def load(path, name):
    """What a file of torch holds; UserError where that is nothing that weights are made of."""
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds for a file that holds no weights
        raise unfit(path, name, type(error).__name__) from None


def fill(network, found, path, name, key=None):
    """Put a state dict, or the one `found[key]`, into its network; UserError where it is another.

    Args:
        path, name: the file and the method, for the sentence.
    """
    try:
        network.load_state_dict(found if key is None else found[key])
    except (RuntimeError, LookupError, TypeError, AttributeError):
        raise unfit(path, name, "its entries are not the network's") from None


def unfit(path, name, reason):
    """UserError for a file that cannot be used."""
    return UserError(
        f"{path} is damaged or not for --mask {name} ({reason}); get it anew from "
        f"{NEEDED[name].url}"
    )
