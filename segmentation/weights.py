"""Weight files of the methods that use trained networks: finding, reading and checking them.

Nothing is downloaded. Where a package or a file is missing, one sentence says what to install, and
what to download to which place.
"""

import contextlib
import importlib.util
import os
from pathlib import Path
from typing import NamedTuple

from utils.errors import UserError
from utils.reading import load_tensors


class Needed(NamedTuple):
    """What must be installed and downloaded before a method can be used.

    Attributes:
        packages: names under which the packages are imported.
        install: what to give to `pip install`.
        url: of the official weight file; its name tells which network it belongs to.
    """

    packages: tuple
    install: str
    url: str


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
    """Path of the existing weight file of a method whose packages are installed.

    Args:
        name: "sam2", "rembg" or "torchvision".
        weights: path of a file that the user named; "" to look where the library keeps its own.

    Raises:
        UserError: a package or the file is missing; it says what to install or to download.
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


def method_of(weights):
    """Name of the method that a weight file's name tells; UserError where it tells none."""
    name = Path(weights).name
    for method, fits in (
        ("sam2", name.startswith("sam2")),
        ("rembg", name.endswith(".onnx")),
        ("torchvision", "deeplab" in name),
    ):
        if fits:
            return method
    raise UserError(
        f"the name of {weights} does not tell its network; add --mask sam2, rembg or torchvision"
    )


def installed(box=None):
    """Names of the methods whose packages and weights are there; sam2 only with a box."""
    for name in NEEDED:
        if name == "sam2" and box is None:
            continue
        with contextlib.suppress(UserError):
            find(name)
            yield name


def _places(name):
    """Paths at which the library looks for its weights; all its versions look at the first one."""
    file = Path(NEEDED[name].url).name
    if name != "rembg":  # as `torch.hub.get_dir` has it; torch is slow to import
        cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
        folder = Path(os.environ.get("TORCH_HOME", cache)) / "hub/checkpoints"
        return [folder.expanduser() / file]
    home = os.environ.get("U2NET_HOME")
    newer = home or os.environ.get("REMBG_HOME") or "~/.rembg"
    places = Path(home or "~/.u2net") / file, Path(newer) / "models" / Path(file).stem / file
    return [place.expanduser() for place in places]


def load(path, name):
    """Content of a file that torch wrote; UserError where it holds anything but tensors."""
    try:
        return load_tensors(path)
    except Exception as error:  # nearly every kind, where the file holds no weights
        raise unfit(path, name, type(error).__name__) from None


def fill(network, found, path, name, key=None, assign=False):
    """Load weights into a network.

    Args:
        network: the module to fill.
        found: content of the weight file, see `load`: a state dict, or a dict that holds one.
        path, name: the file and the method, for the error's text.
        key: under which `found` holds the state dict; None where it is the state dict.
        assign: take over the file's tensors, for a network on the meta device.

    Raises:
        UserError: the weights are of another network.
    """
    try:
        network.load_state_dict(found if key is None else found[key], assign=assign)
    except (RuntimeError, LookupError, TypeError, AttributeError):
        raise unfit(path, name, "its entries are not the network's") from None


def unfit(path, name, reason):
    """The `UserError` for a file that holds no weights for the method; `reason` says why."""
    return UserError(
        f"{path} is damaged or not for --mask {name} ({reason}); get it anew from "
        f"{NEEDED[name].url}"
    )
