"""Whole training steps in float64, compared with the reference's losses, gradients and weights."""

import json

import numpy as np
import torch

import train_first_stage
import train_second_stage
from datasets.pairs import Batch
from engine.loop import step
from tests.reference import fill
from utils import arguments, geometry, options

NETWORK = "--ngf 16 --num_kp 14 --no_dropout --bs 2 --resize_w 128 --resize_h 128 "
WEIGHTS = "--lambda_l2 50 --delta 0.12 --lambda_pred 1 --lambda_sill 0.5 "
FIRST_STAGE = {
    "stage1_affine": "--scale_kp 0.5 --lambda_disc 1 --lambda_sep 4 --affine",
    "stage1_plain": "--scale_kp 0.5 --lambda_disc 0.5 --lambda_sep 1",
    "stage1_strong": "--scale_kp 0.25 --strong_kp --lambda_disc 0.5 --lambda_sep 1",
}
SECOND_STAGE = {"stage2_l1": "--scale_kp 0.25 --lambda_vgg 0"}


class Golden:
    """Files of one run of whole training steps, in float64."""

    def __init__(self, folder, name):
        self.name = name
        with np.load(folder / f"{name}.npz") as file:
            self.arrays = {k: torch.from_numpy(file[k]) for k in file.files}
        parts = ("losses", "gradients", "weights")
        files = {part: folder / f"{name}_{part}.json" for part in parts}
        self.losses, self.gradients, self.weights = (
            json.loads(files[part].read_text()) if files[part].exists() else None for part in parts
        )
        self.noise = (self.arrays[k] for k in sorted(self.arrays) if k.startswith("noise"))
        self.steps = len(self.losses or [0])

    def batch(self, domain):
        return Batch(
            *(self.arrays[f"batch_{domain}_{k}"] for k in ("img", "pair", "seg", "seg_pair"))
        )

    def prepare(self, network, tag, seed):
        """Fill a network, go to float64 and set the golden downscale kernel."""
        fill(network, tag, seed).double()
        if hasattr(network, "down"):
            network.down.weight.copy_(self.arrays["down_weight"].expand_as(network.down.weight))

    def compare_losses(self, report, number, ours):
        for key, golden in (self.losses or [{}])[number].items():
            report.close(f"{self.name} step {number} {key}", ours[key], golden, 2e-6, 1e-5)

    def compare_gradients(self, report, gradients, affine=None):
        """Those of the first step; theta's six entries as they are."""
        golden = dict(self.gradients or {})
        theta = golden.pop("learned_t", None)
        self.compare_tensors(report, "gradient", golden, gradients, 1e-6)
        if theta:
            report.close(f"{self.name} gradient learned_t", affine.theta.grad, theta, 1e-9, 1e-6)

    def compare_tensors(self, report, what, golden, tensors, relative):
        """[sum, L2 norm] of each tensor whose norm is above 1e-4."""
        for key, (total, norm) in (golden or {}).items():
            if norm > 1e-4:
                ours = tensors[key].detach().double()
                name = f"{self.name} {what} {key}"
                report.close(f"{name} norm", ours.norm(), norm, relative=relative)
                report.close(
                    f"{name} sum", ours.sum(), total, relative * norm * max(1, ours.numel() ** 0.5)
                )


def named_tensors(networks, gradients=False):
    """Entries of state dicts, or gradients of parameters, by `<tag>.<key>`."""
    found = {}
    for tag, network in networks.items():
        if gradients:
            found.update({f"{tag}.{k}": p.grad for k, p in network.named_parameters()})
        else:
            found.update({f"{tag}.{k}": v for k, v in network.state_dict().items()})
    return found


def check_first_stage(name, flags, folder, report, seed):
    """Losses, gradients and weights of whole steps of stage one."""
    golden = Golden(folder, name)
    groups = options.CLIPS, options.RUN, options.NETWORKS, options.TRAINING, options.FIRST_STAGE
    opt, _ = arguments.parse("", *groups, argv=(NETWORK + WEIGHTS + flags).split())
    jokr, discriminator, g_opt, d_opt = train_first_stage.build(opt, torch.device("cpu"))
    detector_tag = "KP_strong" if opt.strong_kp else "KP"
    golden.prepare(jokr.detector, detector_tag, seed)
    golden.prepare(jokr.shape_decoder, "G_A", seed)
    golden.prepare(discriminator, "Disc", seed)
    a, b = golden.batch("a"), golden.batch("b")
    identity = geometry.identity_affine(len(a.frame), like=a.frame)
    if jokr.affine:
        jokr.affine.double().theta.data.copy_(identity[:1] + next(golden.noise))

    def gradients_hook(networks):
        return named_tensors(networks, gradients=True) if number == 0 else {}

    for number in range(golden.steps):
        warps = [identity + next(golden.noise) for _ in "ab"]
        terms, seen = train_first_stage.generator_losses(jokr, discriminator, a, b, *warps, opt)
        step(g_opt, terms)
        gradients = gradients_hook({"G_A": jokr.shape_decoder, detector_tag: jokr.detector})
        keypoints = seen["kp_a"], seen["aligned_b"]
        d_terms, scores = train_first_stage.discriminator_losses(discriminator, *keypoints)
        step(d_opt, d_terms)
        gradients.update(gradients_hook({"Disc": discriminator}))
        if number == 0:
            golden.compare_gradients(report, gradients, jokr.affine)
        golden.compare_losses(report, number, {**terms, **d_terms, **scores})
    networks = {"G_A": jokr.shape_decoder, "Disc": discriminator, "KP": jokr.detector}
    golden.compare_tensors(report, "weight", golden.weights, named_tensors(networks), 1e-5)
    if "learned_t_final" in golden.arrays:
        final = golden.arrays["learned_t_final"]
        report.close(f"{name} learned_t_final", jokr.affine.theta, final, 1e-8, 1e-5)


def check_second_stage(name, flags, folder, report, seed):
    """Losses, gradients and weights of whole steps of stage two."""
    golden = Golden(folder, name)
    groups = options.CLIPS, options.RUN, options.NETWORKS, options.REFINERS, options.TRAINING
    opt, _ = arguments.parse("", *groups, options.SECOND_STAGE, argv=(NETWORK + flags).split())
    jokr, g_opt = train_second_stage.build(opt, torch.device("cpu"))
    refiners = {"R_A": jokr.refiner_a, "R_B": jokr.refiner_b}
    networks = {"KP": jokr.detector, "G_A": jokr.shape_decoder, **refiners}
    for tag, network in networks.items():
        golden.prepare(network, tag, seed)
    a, b = golden.batch("a"), golden.batch("b")
    for number in range(golden.steps):
        terms = train_second_stage.refiner_losses(
            train_second_stage.refine(jokr, a, b), a, b, None, opt
        )
        step(g_opt, terms)
        if number == 0:
            golden.compare_gradients(report, named_tensors(refiners, gradients=True))
        golden.compare_losses(report, number, terms)
    golden.compare_tensors(report, "weight", golden.weights, named_tensors(networks), 1e-5)
