"""Compare this project with numbers that the reference produced.

python -m tests.parity DIR [--seed N] reads a folder laid out like tests/golden (any subset of its
files), fills networks by the formula in `tests.reference.fill`, and prints one line per number:
name, error, tolerance, ok or FAIL. Exit code 1 on any FAIL, 2 where the folder holds nothing to
check.
"""

import argparse
import json
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from utils import errors

errors.guard(__name__)

import numpy as np
import torch
from PIL import Image

import losses.keypoints as keypoint_losses
from models import DomainDiscriminator, HourglassDetector, Refiner, ShapeDecoder, StrongDetector
from tests.conftest import succeed
from tests.reference import Report, fill
from tests.reference_steps import FIRST_STAGE, SECOND_STAGE, check_first_stage, check_second_stage
from utils import geometry

GENERATOR = {"width": 16, "dropout": False}  # of the stored networks


def check_detectors(golden, close, seed):
    """Keypoints of both detectors, and the first one's equivariance."""
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
    strong = fill(StrongDetector(14, 0.25, **GENERATOR), "KP_strong", seed).eval()
    value, heatmap = strong(golden["kp_in"])
    close("kps_eval_value", value)
    close("kps_eval_heatmap", heatmap)


@torch.no_grad()
def check_modules(folder, report, seed):
    """Single pieces in float32."""
    with np.load(folder / "modules.npz") as file:
        golden = {k: torch.from_numpy(file[k]) for k in file.files}

    def close(name, ours):
        report.close(f"modules {name}", ours, golden[name], absolute=1e-4)

    check_detectors(golden, close, seed)
    kps, close_by, theta = golden["kps"], golden["kps_close"], golden["theta"]
    close("kp_to_heatmap_64", geometry.redraw(kps, 64, 64))
    close("transform_kp", geometry.affine_apply(theta, kps))
    close("inverse_transform_kp", geometry.affine_invert(theta, kps))
    close("separation_first10_delta0.12", keypoint_losses.separation(close_by, 0.12))
    close("temporal_alpha13", keypoint_losses.temporal(close_by, golden["kps_next"], 13))
    close("silhouette", keypoint_losses.silhouette(golden["kp_eval_heatmap"], golden["seg"]))
    decoder = fill(ShapeDecoder(14, **GENERATOR), "G_A", seed).eval()
    mask_a, mask_b = decoder(geometry.redraw(kps[:2], 128, 128))
    close("ga_mask_a", mask_a)
    close("ga_mask_b", mask_b)
    close("ra_out", fill(Refiner(**GENERATOR), "R_A", seed).eval()(golden["ga_mask_a"]))
    close("disc_out", fill(DomainDiscriminator(14), "Disc", seed)(kps))


def check_layout(folder, report, seed):
    """Names, shapes, dtypes and order of every network's state dict at ngf 64."""
    with torch.device("meta"):  # shapes without their numbers
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
    "--num_kp 14 --ngf 16 --no_dropout --resize_w 128 --resize_h 128 --affine --splitted "
    "--device cpu --root_a {0}/cat/train_seg/ --root_b {0}/fox/train_seg/ --load {0}/checkpoint "
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
            out = temporary / f"{name} {flags}"
            succeed(
                "inference.py",
                [*INFERENCE.format(temporary).split(), *flags.split(), "--out", str(out)],
            )
            for wanted in sorted((folder / name).iterdir()):
                error = difference(wanted, out / wanted.name)
                report.add(f"{name} {flags} {wanted.name}", error, 2)


def difference(*paths):
    """Mean absolute difference of two pictures, of 255."""
    first, second = (np.asarray(Image.open(path).convert("RGB"), dtype=float) for path in paths)
    return np.abs(first - second).mean() if first.shape == second.shape else float("inf")


def golden_checkpoint(seed):
    """A stage-two checkpoint of filled networks, as the reference writes them."""
    networks = {
        "KP": HourglassDetector(14),
        "G_A": ShapeDecoder(14, **GENERATOR),
        "R_A": Refiner(**GENERATOR),
        "R_B": Refiner(**GENERATOR),
    }
    theta = torch.tensor([[[1.1, -0.2, 0.05], [0.15, 0.9, -0.1]]], requires_grad=True)
    states = {tag: fill(network, tag, seed).state_dict() for tag, network in networks.items()}
    return {**states, "g_opt2": {"state": {}, "param_groups": []}, "learned_t": theta, "epoch": 0}


def parts(folder):
    """The checks that a folder has files for: dict of name -> function(folder, report, seed)."""
    checks = {"state_dict_layout.json": check_layout, "modules.npz": check_modules}
    for check, runs in ((check_first_stage, FIRST_STAGE), (check_second_stage, SECOND_STAGE)):
        checks.update({f"{name}.npz": partial(check, name, runs[name]) for name in runs})
    found = {name: check for name, check in checks.items() if (folder / name).exists()}
    if any((folder / name).is_dir() for name, _ in CALLS):
        found["pictures"] = check_inference
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--seed", type=int, default=0, help="of the fill; 0 for the reference's numbers"
    )
    given = parser.parse_args()
    report = Report()
    for check in parts(given.folder).values():
        check(given.folder, report, given.seed)
    if not report.checked:
        print(f"error: {given.folder} holds nothing to check", file=sys.stderr)
        sys.exit(2)
    print(f"{report.checked - report.failed} of {report.checked} ok")
    sys.exit(report.failed > 0)


if __name__ == "__main__":
    main()
