"""Checkpoints: the reference's one dict, written atomically and opened without running code.

Keys: `G_A`, `KP`, `learned_t` (theta or None), `epoch`; stage one adds `Disc`, `g_opt`, `d_opt`,
stage two `R_A`, `R_B`, `g_opt2`. Ours add `iteration` (the next one), `seconds` (of training),
`options` and `means` (both clips' mean keypoints, (2, K, 2)), and with `--ema` under `ema` the
averaged networks and theta by the same keys, with `--lambda_gan` `D` (A's and B's discriminators)
and `d_opt2`, with `--precision fp16` the loss scale under `scaler`.
"""

import re
from argparse import Namespace
from pathlib import Path

import torch
from torch.optim import Optimizer

from engine.galleries import open_galleries
from models import MeanAlignment
from models.build import build_jokr
from utils import options, runtime
from utils.errors import UserError
from utils.files import replacing
from utils.geometry import identity_affine
from utils.reading import load_tensors

REQUIRED = {1: ("G_A", "KP", "Disc", "g_opt", "d_opt"), 2: ("G_A", "KP", "R_A", "R_B", "g_opt2")}
# Options that follow a checkpoint unless given, besides those of its networks.
FOLLOWING = ("resize_w", "resize_h", "pad_factor_a", "pad_factor_b")
FOLLOWING += ("item_stats", "sees_masks")
MAKER = {1: "train_first_stage.py", 2: "train_second_stage.py"}


def save(path, state):
    """Write `state` to `path`, whole or not at all; UserError where that fails."""
    advice = "make room or choose another --out"
    with replacing(path, advice, (OSError, RuntimeError)) as part, open(part, "wb") as file:
        torch.save(state, file)


def load(path, stage):
    """The dict at `path`, a checkpoint of stage 1 or 2 (None: either), see `read`.

    Raises:
        UserError: missing, damaged, foreign, of the other stage, or holding more than tensors.
    """
    if not Path(path).is_file():
        maker = MAKER.get(stage, "either stage")
        raise UserError(f"checkpoint {path or '(none)'} is no file; give one of {maker} to --load")
    state = read(path)
    if stage is None:
        stage = stage_of(state) if isinstance(state, dict) else 1
    other = 3 - stage
    if not isinstance(state, dict) or any(key not in state for key in REQUIRED[stage]):
        if isinstance(state, dict) and all(key in state for key in REQUIRED[other]):
            raise UserError(
                f"checkpoint {path} is of {MAKER[other]}; one of {MAKER[stage]} is needed"
            )
        raise UserError(f"{path} holds no checkpoint of {MAKER[stage]}; give another file")
    return state


def read(path):
    """What torch.save wrote, without running code; UserError where that is not possible.

    Its tensors are on the CPU and, but for files of PyTorch before 1.6, mapped: what is not used
    is not read. Copy what is to stay, and let go of the rest before the file may be replaced.
    """
    try:
        return load_tensors(path, mapped=True)
    except Exception as error:  # nearly every kind, where the file is damaged
        unsafe = re.search("unsupported (global|class)", str(error), re.IGNORECASE)
        what = "holds objects that could run code" if unsafe else "is damaged or no checkpoint"
        raise UserError(f"checkpoint {path} {what}; give another file") from None


def network_options(state):
    """Option values that the networks in a checkpoint were built with, read off their tensors.

    Values that tensors do not show (sizes, padding) come from `options` where the file has them.
    """
    detector, decoder = state["KP"], state["G_A"]
    strong = "kp.weight" not in detector
    blocks = sum(name.endswith("conv_block.1.weight") for name in decoder)
    last = detector[f"predictor.model.{17 + blocks}.weight" if strong else "kp.weight"]
    found = {
        "num_kp": last.shape[0],
        "strong_kp": strong,
        "blocks": blocks,
        "ngf": decoder["model.1.weight"].shape[0],
        "no_dropout": "model.10.conv_block.5.weight" in decoder,
        "norm": _norm(decoder),
        "affine": state.get("learned_t") is not None,
    }
    if not strong:
        found["kp_width"] = last.shape[1] - 3
    if "R_A" in state:
        found["new_norm"] = _norm(state["R_A"])
        found["exemplar"] = state["R_A"]["model.1.weight"].shape[1] == 5
    if "options" in state:
        found["scale_kp"] = state["options"]["scale_kp"]
    elif "down.weight" not in detector:
        found["scale_kp"] = 1.0
    elif (radius := detector["down.weight"].shape[-1] // 2) % 2 == 0:
        found["scale_kp"] = 1 / (radius / 2 + 1)  # radius = 4 sigma = 2 (1/scale - 1)
    return found


def _norm(generator):
    """Instance norm leaves convolutions a bias, batch norm leaves running statistics."""
    if "model.1.bias" in generator:
        return "instance"
    return "batch" if "model.2.running_mean" in generator else "none"


def adopt(asked, given, path, state):
    """The options of a run that uses a checkpoint: `asked`, with the checkpoint's networks.

    Picture size and padding follow the checkpoint too, unless the user gave them.

    Args:
        asked: namespace of what the user asked for; it stays as it is.
        given: names of the flags and config values among it.

    Raises:
        UserError: a flag or config value contradicts the checkpoint.
    """
    try:
        values = network_options(state)
        stored = {k: v for k, v in state.get("options", {}).items() if k in FOLLOWING}
        options.check({**values, **stored})
    except (LookupError, AttributeError, TypeError, ValueError, RuntimeError):
        raise UserError(
            f"{path} holds other networks than this project's, or broken options; give another"
        ) from None
    fixed = {**values, **{k: v for k, v in stored.items() if k == "sees_masks"}}
    if "affine" in given and not asked.affine:
        fixed.pop("affine")  # not to align is no contradiction
    for name, value in fixed.items():
        if name in given and getattr(asked, name) != value:
            raise UserError(
                f"--{name} {getattr(asked, name)} contradicts checkpoint {path}, which has "
                f"{value}; leave it out"
            )
    followed = {name: value for name, value in stored.items() if name not in given}
    return Namespace(**{**vars(asked), **values, **followed})


def networks(jokr):
    """The networks of `JOKR` by their keys in a checkpoint."""
    parts = {"G_A": jokr.shape_decoder, "KP": jokr.detector}
    return {**parts, "R_A": jokr.refiner_a, "R_B": jokr.refiner_b} if jokr.refiner_a else parts


def pack(parts, affine, epoch, values, averaged=None):
    """The dict to save: networks and optimisers by key, theta or None, option values.

    `averaged` is the `MovingAverage` of a `JOKR`, or None.
    """
    mean = {"ema": _states(networks(averaged.module), averaged.module.affine)} if averaged else {}
    return {**_states(parts, affine), **mean, "epoch": epoch, "options": dict(values)}


def _states(parts, affine):
    theta = None if affine is None else affine.theta.detach().cpu()
    return {**{key: part.state_dict() for key, part in parts.items()}, "learned_t": theta}


def restore(path, state, parts, affine=None):
    """Load `state` into networks and optimisers by key, and theta into the affine map, in place."""
    try:
        for key, part in parts.items():
            if isinstance(part, Optimizer):
                _restore_optimiser(part, state[key])
            else:
                part.load_state_dict(state[key])
        if affine is not None:
            key = "learned_t"
            affine.theta.data.copy_(state[key].detach().view(1, 2, 3))
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError):
        raise UserError(f"{key} in checkpoint {path} does not fit this run's networks") from None


def restore_networks(path, state, jokr, raw=False):
    """Load what inference uses into `jokr`, in place: averaged weights where there are some.

    Refiners stay as they are where the checkpoint is of stage one. `raw` leaves averages aside.
    """
    source = state if raw else state.get("ema", state)
    parts = {key: part for key, part in networks(jokr).items() if key in REQUIRED[stage_of(state)]}
    restore(path, source, parts, jokr.affine)


def stage_of(state):
    """1 or 2, of a checkpoint's dict."""
    return 2 if "R_A" in state else 1


def _restore_optimiser(optimiser, entry):
    """Load an optimiser's state, but keep this run's choice of kernel and memory layout."""
    own = [
        {k: group[k] for k in ("fused", "foreach", "capturable")}
        for group in optimiser.param_groups
    ]
    groups = [{**saved, **kernel} for saved, kernel in zip(entry["param_groups"], own, strict=True)]
    optimiser.load_state_dict({**entry, "param_groups": groups})
    for parameter, values in optimiser.state.items():
        for name, value in values.items():
            own = torch.empty_like(parameter if value.shape == parameter.shape else value)
            values[name] = own.copy_(value)  # the file may be replaced


def open_jokr(asked, given, device, stage=2, raw=False, refiners=True):
    """`JOKR` in eval mode from the checkpoint `asked.load`, and the options that come with it.

    Of `stage` 2, or of either where that is None; then one of stage one yields no refiners.
    Without `refiners` neither does one of stage two.
    `asked.align` says what moves keypoints to the other object.

    Returns:
        `JOKR` on `device`; namespace, see `adopt`.
    """
    state = load(asked.load, stage)
    opt = adopt(asked, given, asked.load, state)
    runtime.check_memory(opt, device, 1)
    new_norm = opt.new_norm if refiners and stage_of(state) == 2 else None
    dtype = runtime.autocast_dtype(opt.precision, device)
    look = {"new_norm": new_norm, "exemplar": opt.exemplar}
    jokr = build_jokr(**options.network(opt), **look, autocast=dtype)
    jokr = runtime.channels_last(jokr.to(device), device).eval()
    jokr.detector.check_size(opt.resize_w, opt.resize_h)
    restore_networks(opt.load, state, jokr, raw)
    if opt.align == "means":
        jokr.affine = _about_means(opt.load, state, jokr.affine).to(device)
    if new_norm and opt.exemplar:
        jokr.galleries = open_galleries(jokr, opt, device)
    return jokr, opt


def _about_means(path, state, affine):
    """The affine map of a checkpoint about the mean poses in it; theta is [I | 0] without one."""
    means = state.get("means")
    if getattr(means, "shape", ())[:1] != (2,) or means.ndim != 3:
        raise UserError(
            f"checkpoint {path} holds no mean poses for --align means; train on from it, be it one "
            "iteration, or leave --align out"
        )
    theta = identity_affine(1, like=means) if affine is None else affine.theta.detach().cpu()
    return MeanAlignment(theta, means)
