"""What moves keypoints to the other object: theta, or both clips' mean poses."""

import numpy as np
import torch

from datasets.clip import Clip
from engine import checkpoint
from models import AffineAlignment, MeanAlignment
from tests.conftest import refuse, succeed
from utils import arguments, options

THETA = torch.tensor([[[0.9, -0.4, 0.3], [0.4, 0.9, -0.2]]])
MEANS = torch.tensor([[[0.0, 0.0], [0.5, 0.5]], [[0.1, 0.0], [0.2, 0.8]]])


def test_a_mean_pose_becomes_the_others_mean_pose():
    align = MeanAlignment(THETA, MEANS)
    assert torch.allclose(align(MEANS[1:]), MEANS[:1])
    assert torch.allclose(align.inverse(MEANS[:1]), MEANS[1:])


def test_deviations_are_moved_by_the_linear_part_alone():
    align, theta = MeanAlignment(THETA, MEANS), AffineAlignment(THETA)
    keypoints = torch.rand(3, 2, 2)
    moved, by_theta = align(keypoints), theta(keypoints)
    assert torch.allclose(moved[1] - moved[0], by_theta[1] - by_theta[0], atol=1e-6)
    assert torch.allclose(align.inverse(align(keypoints)), keypoints, atol=1e-6)


def test_checkpoints_hold_the_clips_mean_keypoints(first, roots):
    """As inference finds them, from frames that nothing transforms."""
    argv = f"{roots} --load {first}/checkpoint --align means --device cpu".split()
    asked = arguments.parse("", *options.SCRIPTS["evaluate"], argv=argv)
    jokr, opt = checkpoint.open_jokr(*asked, torch.device("cpu"), stage=1)
    for domain, mean in zip("ab", checkpoint.load(first / "checkpoint", stage=1)["means"]):
        clip = Clip(**options.clip(opt, domain))
        _, *batch = next(clip.stream(range(len(clip)), len(clip), *options.canvas(opt, domain)))
        keypoints, moved = jokr.find(jokr.view(*batch), domain, True)
        # Clips in memory are resampled in one step, those of inference padded and resized.
        assert torch.allclose(keypoints.mean(0), mean, atol=0.02)
        expected = jokr.affine.means["ba".index(domain)]
        assert torch.allclose(moved.mean(0), expected, atol=0.02)


def test_inference_moves_by_the_mean_poses(second, roots, tmp_path):
    flags = f"{roots} --load {second}/checkpoint --device cpu --splitted --data_size 2"
    for align in ("theta", "means"):
        out = f"--out {tmp_path}/{align} --keypoints_out {tmp_path}/{align}.npz"
        succeed("inference.py", f"{flags} --affine --align {align} {out}")
    theta, means = (np.load(tmp_path / f"{align}.npz") for align in ("theta", "means"))
    assert np.array_equal(theta["a"], means["a"])
    assert not np.allclose(theta["a_moved"], means["a_moved"], atol=1e-3)


def test_a_checkpoint_without_mean_poses_is_refused(second, roots, tmp_path):
    state = checkpoint.load(second / "checkpoint", stage=2)
    torch.save({k: x for k, x in state.items() if k != "means"}, tmp_path / "old")
    flags = f"{roots} --load {tmp_path}/old --device cpu --out {tmp_path}/out"
    refuse("inference.py", f"{flags} --align means", "old", "mean poses", "--align")
