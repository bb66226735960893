"""Files of networks for `fuzz_readers`, and what reads them."""

from argparse import Namespace

import torch
from torch.optim import Adam

from engine import checkpoint
from engine.learner import Learner
from models import weights
from models.build import build_jokr
from models.discriminator import DomainDiscriminator
from segmentation.weights import load as load_weights
from utils import arguments, options

TINY = {"num_kp": 4, "scale_kp": 0.5, "kp_width": 2, "ngf": 2, "blocks": 1}
SETTINGS = {"scale_kp": 0.5, "resize_w": 64, "resize_h": 64}


def parts_of_first_stage(jokr):
    discriminator = DomainDiscriminator(TINY["num_kp"])
    generators = [*jokr.shape_decoder.parameters(), *jokr.detector.parameters()]
    optimisers = {"g_opt": Adam(generators), "d_opt": Adam(discriminator.parameters())}
    networks = {"G_A": jokr.shape_decoder, "KP": jokr.detector, "Disc": discriminator}
    for optimiser in optimisers.values():
        for group in optimiser.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.zeros_like(parameter)
        optimiser.step()
    return {**networks, **optimisers}


def make_first_stage(folder):
    jokr, path = build_jokr(**TINY, affine=True), folder / "first"
    state = checkpoint.pack(parts_of_first_stage(jokr), jokr.affine, 0, SETTINGS)
    checkpoint.save(path, {**state, "iteration": 7, "seconds": 1.0})
    return [path]


def make_checkpoints(folder):
    """What inference takes of both stages; what only training takes is empty."""
    for name, norm in {"first": None, "second": "batch"}.items():
        jokr = build_jokr(**TINY, affine=True, new_norm=norm)
        state = checkpoint.pack(checkpoint.networks(jokr), jokr.affine, 0, SETTINGS)
        training = dict.fromkeys(("Disc", "g_opt", "d_opt", "g_opt2"), {})
        checkpoint.save(
            folder / name, {**state, **training, "means": torch.zeros(2, TINY["num_kp"], 2)}
        )
    return [folder / "first", folder / "second"]


def asked(path, *words):
    argv = ["--load", str(path), "--device", "cpu", *words]
    return arguments.parse("", *options.SCRIPTS["inference"], argv=argv, script="inference")


def open_checkpoint(path):
    checkpoint.open_jokr(*asked(path, "--align", "means"), torch.device("cpu"), None)


def resume(path):
    opt, given = asked(path)
    state = checkpoint.load(path, 1)
    opt = checkpoint.adopt(opt, given, path, state)
    jokr = build_jokr(**options.network(opt))
    opt = Namespace(**{**vars(opt), "ema": 0})
    learner = Learner(jokr, parts_of_first_stage(jokr), opt, None, torch.device("cpu"))
    learner.resume(path, state, given)


def make_weights(folder):
    folder.mkdir()
    torch.save(torch.nn.Linear(2, 2).state_dict(), folder / "weights")
    return [folder / "weights"]


def read_weights(path):
    load_weights(path, "torchvision")
    weights.find(torch.nn.Linear(2, 2).load_state_dict, str(path), weights.VGG_URL)
