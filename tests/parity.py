"""Compare this project with numbers that the reference produced.

python -m tests.parity DIR [--seed N] reads a folder laid out like tests/golden (any subset of its
files), fills networks by the formula in `fill`, and prints one line per number: name, error,
tolerance, ok or FAIL. Exit code 1 on any FAIL, 2 where the folder holds nothing to check.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import losses.keypoints as keypoint_losses
import train_first_stage
import train_second_stage
from datasets.pairs import Batch
from engine.loop import step
from models import DomainDiscriminator, HourglassDetector, Refiner, ShapeDecoder, StrongDetector
from utils import arguments, geometry, options

NETWORK = "--ngf 16 --num_kp 14 --no_dropout --bs 2 --resize_w 128 --resize_h 128 "
WEIGHTS = "--lambda_l2 50 --delta 0.12 --lambda_pred 1 --lambda_sill 0.5 "
FIRST_STAGE = {
    "stage1_affine": "--scale_kp 0.5 --lambda_disc 1 --lambda_sep 4 --affine",
    "stage1_plain": "--scale_kp 0.5 --lambda_disc 0.5 --lambda_sep 1",
    "stage1_strong": "--scale_kp 0.25 --strong_kp --lambda_disc 0.5 --lambda_sep 1",
}
SECOND_STAGE = {"stage2_l1": "--scale_kp 0.25 --lambda_vgg 0"}


class Report:
    """Prints one line per number and counts."""

    def __init__(self):
        self.checked = self.failed = 0

    def add(self, name, error, tolerance):
        good = error <= tolerance  # NaN fails
        self.checked += 1
        self.failed += not good
        print(f"{name:70s} {error:10.3e} {tolerance:10.3e} {'ok' if good else 'FAIL'}")

    def close(self, name, ours, golden, absolute=0.0, relative=0.0):
        """Largest excess over absolute or relative tolerance, whichever is the wider."""
        ours, golden = (torch.as_tensor(x).detach().double().reshape(-1) for x in (ours, golden))
        if len(ours) != len(golden):
            return self.add(f"{name} (size {len(ours)} for {len(golden)})", float("inf"), absolute)
        tolerance = torch.clamp(relative * golden.abs(), min=absolute)
        worst = ((ours - golden).abs() / tolerance).argmax()
        self.add(name, (ours - golden).abs()[worst].item(), tolerance[worst].item())


def fill(network, tag, seed=0):
    """Deterministic weights: every floating tensor from its own name, `down.weight` excepted."""
    state = network.state_dict()
    for key, old in state.items():
        if old.is_floating_point() and key != "down.weight":
            rng = np.random.default_rng(zlib.crc32(f"{tag}.{key}".encode()) + seed)
            n = rng.standard_normal(tuple(old.shape)).astype(np.float32)
            state[key] = torch.from_numpy(np.asarray(_weight(key, n), dtype=np.float32))
    network.load_state_dict(state)
    return network


def _weight(key, n):
    if n.ndim >= 2:
        gain = np.float32(np.sqrt(2.0 / np.prod(n.shape[1:])))
        return n * gain * np.float32(0.05 if key == "kp.weight" else 1.0)
    if key.endswith("running_var"):
        return 1 + 0.1 * np.abs(n)
    if key.endswith("running_mean"):
        return 0.1 * n
    return 1 + 0.1 * n if key.endswith("weight") else 0.05 * n


@torch.no_grad()
def check_modules(folder, report, seed):
    """Single pieces in float32."""
    with np.load(folder / "modules.npz") as file:
        golden = {k: torch.from_numpy(file[k]) for k in file.files}
    generator = {"width": 16, "dropout": False}

    def close(name, ours):
        report.close(f"modules {name}", ours, golden[name], absolute=1e-4)

    hourglass = fill(HourglassDetector(14, 0.25), "KP", seed).eval()
    close("antialias_kernel", hourglass.down.weight[0, 0])
    value, heatmap = hourglass(golden["kp_in"])
    close("kp_eval_value", value)
    close("kp_eval_heatmap", heatmap)
    warp = geometry.identity_affine(2, value) + golden["equi_noise"]
    warped = keypoint_losses.warp_frames(golden["kp_in"], warp)
    warped_value, _ = hourglass(warped)
    close("equi_frame", warped)
    close("equi_kp", warped_value)
    close("equi_loss", keypoint_losses.equivariance(value, warped_value, warp))
    value, heatmap = hourglass.train()(golden["kp_in"])
    close("kp_train_value", value)
    close("kp_train_heatmap", heatmap)
    close("kp_running_mean_after", hourglass.predictor.encoder.down_blocks[0].norm.running_mean)
    strong = fill(StrongDetector(14, 0.25, **generator), "KP_strong", seed).eval()
    value, heatmap = strong(golden["kp_in"])
    close("kps_eval_value", value)
    close("kps_eval_heatmap", heatmap)

    kps, close_by, theta = golden["kps"], golden["kps_close"], golden["theta"]
    close("kp_to_heatmap_64", geometry.redraw(kps, 64, 64))
    close("transform_kp", geometry.affine_apply(theta, kps))
    close("inverse_transform_kp", geometry.affine_invert(theta, kps))
    close("separation_first10_delta0.12", keypoint_losses.separation(close_by, 0.12))
    close("temporal_alpha13", keypoint_losses.temporal(close_by, golden["kps_next"], 13))
    close("silhouette", keypoint_losses.silhouette(golden["kp_eval_heatmap"], golden["seg"]))
    decoder = fill(ShapeDecoder(14, **generator), "G_A", seed).eval()
    mask_a, mask_b = decoder(geometry.redraw(kps[:2], 128, 128))
    close("ga_mask_a", mask_a)
    close("ga_mask_b", mask_b)
    close("ra_out", fill(Refiner(**generator), "R_A", seed).eval()(golden["ga_mask_a"]))
    close("disc_out", fill(DomainDiscriminator(14), "Disc", seed)(kps))


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


def check_first_stage(folder, report, seed, name, flags):
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


def check_second_stage(folder, report, seed, name, flags):
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


def check_layout(folder, report, seed):
    """Names, shapes, dtypes and order of every network's state dict at ngf 64."""
    networks = {
        "KP": HourglassDetector(14),
        "KP_strong": StrongDetector(14),
        "G_A": ShapeDecoder(14),
        "G_A_no_dropout": ShapeDecoder(14, dropout=False),
        "R_A": Refiner(),
        "Disc": DomainDiscriminator(14),
    }
    for name, wanted in json.loads((folder / "state_dict_layout.json").read_text()).items():
        state = networks[name].state_dict()
        ours = [[k, [list(v.shape), str(v.dtype).removeprefix("torch.")]] for k, v in state.items()]
        differing = sum(x != list(y) for x, y in zip(ours, wanted.items())) + abs(
            len(ours) - len(wanted)
        )
        report.add(f"state_dict_layout {name}: entries that differ", differing, 0)


INFERENCE = (
    "--num_kp 14 --ngf 16 --no_dropout --resize_w 128 --resize_h 128 --affine "
    "--splitted --device cpu --root_a cat/train_seg/ --root_b fox/train_seg/ --load checkpoint "
)
CALLS = (  # folder of the pictures, and the flags they were made with; --bs changes nothing
    ("inference", "--data_size 6 --bs 1"),
    ("inference", "--data_size 6 --bs 3"),
    ("inference_sized", "--data_size 4 --bs 3 --w 200 --h 120"),
)


def check_inference(folder, report, seed):
    """`inference.py` on the first four frames of the clips beside the golden folder."""
    clips = folder.resolve().parent / "data"
    if not all((clips / animal / "train").is_dir() for animal in ("cat", "fox")):
        print(f"inference: skipped, it needs the clips cat and fox in {clips}")
        return
    script = Path(__file__).resolve().parent.parent / "inference.py"
    with tempfile.TemporaryDirectory() as temporary:
        temporary = Path(temporary)
        for part in ("cat/train", "cat/train_seg", "fox/train", "fox/train_seg"):
            (temporary / part).mkdir(parents=True)
            for i in range(4):
                shutil.copy(clips / part / f"{i}.jpg", temporary / part)
        torch.save(golden_checkpoint(seed), temporary / "checkpoint")
        for name, flags in CALLS:
            if not (folder / name).is_dir():
                continue
            out = temporary / flags
            command = [sys.executable, script, *(INFERENCE + flags).split(), "--out", out]
            subprocess.run(command, check=True, cwd=temporary, capture_output=True)
            for wanted in sorted((folder / name).iterdir()):
                error = difference(wanted, out / wanted.name)
                report.add(f"{name} {flags} {wanted.name}", error, 2)


def difference(*paths):
    """Mean absolute difference of two pictures, of 255."""
    first, second = (np.asarray(Image.open(path).convert("RGB"), dtype=float) for path in paths)
    return np.abs(first - second).mean() if first.shape == second.shape else float("inf")


def golden_checkpoint(seed):
    """A stage-two checkpoint of filled networks, as the reference writes them."""
    generator = {"width": 16, "dropout": False}
    networks = {
        "KP": HourglassDetector(14),
        "G_A": ShapeDecoder(14, **generator),
        "R_A": Refiner(**generator),
        "R_B": Refiner(**generator),
    }
    theta = torch.tensor([[[1.1, -0.2, 0.05], [0.15, 0.9, -0.1]]], requires_grad=True)
    states = {tag: fill(network, tag, seed).state_dict() for tag, network in networks.items()}
    return {**states, "g_opt2": {"state": {}, "param_groups": []}, "learned_t": theta, "epoch": 0}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--seed", type=int, default=0, help="of the fill; 0 for the reference's numbers"
    )
    given = parser.parse_args()
    report = Report()
    if (given.folder / "state_dict_layout.json").exists():
        check_layout(given.folder, report, given.seed)
    if (given.folder / "modules.npz").exists():
        check_modules(given.folder, report, given.seed)
    for check, runs in ((check_first_stage, FIRST_STAGE), (check_second_stage, SECOND_STAGE)):
        for name, flags in runs.items():
            if (given.folder / f"{name}.npz").exists():
                check(given.folder, report, given.seed, name, flags)
    if any((given.folder / name).is_dir() for name, _ in CALLS):
        check_inference(given.folder, report, given.seed)
    if not report.checked:
        print(f"error: {given.folder} holds nothing to check", file=sys.stderr)
        sys.exit(2)
    print(f"{report.checked - report.failed} of {report.checked} ok")
    sys.exit(report.failed > 0)


if __name__ == "__main__":
    main()
