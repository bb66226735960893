"""The machine under a run: device, seed and VGG weights."""

import random
from pathlib import Path

import numpy as np
import torch

from utils.errors import UserError

VGG_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"


def pick_device(name):
    """torch.device for auto, cpu, cuda, cuda:N or mps; UserError where it is not there."""
    available = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
    kind, _, index = name.partition(":")
    if kind not in available or (":" in name and not index.isdigit()):
        raise UserError(f"--device {name} is unknown; use auto, cpu, cuda, cuda:N or mps")
    if int(index or 0) >= available[kind]:
        found = ", ".join(f"{n} {k}" for k, n in available.items() if n)
        raise UserError(f"--device {name} is not there (found: {found}); use --device auto")
    return torch.device(name)


def seed_everything(seed):
    """Seed Python, NumPy and torch on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def rng_state(device):
    """Random state of torch on the CPU and on `device`, for a checkpoint."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_rng_state(state, device):
    """Go on from `rng_state`; a device that the state does not know keeps its own."""
    torch.set_rng_state(state["cpu"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"].cpu())


def vgg_weights(path=""):
    """State dict of torchvision's ImageNet VGG16, from `path` or the TORCH_HOME cache.

    What the cache lacks is downloaded into it. UserError where that fails or the file is no VGG16.
    """
    from torchvision.models import vgg16  # slow to import, and needed only here

    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(VGG_URL).name
    source = Path(path) if path else cached
    ways = (
        f"give --vgg_weights FILE, put {cached.name} into {cached.parent}, or pass --lambda_vgg 0"
    )
    try:
        if path or cached.exists():
            weights = torch.load(source, map_location="cpu", weights_only=True)
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
    with torch.device("meta"):
        wanted = {
            f"features.{k}": v.shape for k, v in vgg16(weights=None).features.state_dict().items()
        }
    found = weights if isinstance(weights, dict) else {}
    wrong = [k for k in wanted if getattr(found.get(k), "shape", None) != wanted[k]]
    if wrong:
        raise UserError(f"{source} is no VGG16 state dict (no fitting {wrong[0]}); {ways}")
    return weights
