"""Registration of two clips' silhouettes: a known map is found, and training begins with it."""

import torch

from datasets.clip import Clip
from engine import checkpoint
from metrics.affine import affine_error
from models.registration import register
from tests.conftest import SMALL, refuse, succeed
from utils.geometry import affine_apply, affine_invert, coordinate_grid

THETA = torch.tensor([[[0.93, 0.3, 0.1], [-0.34, 1.05, -0.05]]])  # B to A: turned by -19 degrees


def walkers(phases, theta=None, size=64):
    """Silhouettes (N, 1, size, size) of a body with a head and two legs that swing by `phases`.

    With `theta` they are those of an object that `theta` maps to the same silhouettes.
    """
    grid = coordinate_grid(size, size, torch.empty(0)).view(1, -1, 2)
    places = grid if theta is None else affine_apply(theta, grid)
    x, y = places[0].T
    masks = []
    for phase in phases:
        body = (x / 0.5) ** 2 + (y / 0.2) ** 2 < 1
        head = ((x - 0.5) / 0.15) ** 2 + ((y + 0.25) / 0.15) ** 2 < 1
        swing = 0.3 * torch.sin(torch.tensor(phase))
        legs = [(x - s * (0.3 + swing * y)).abs() < 0.06 for s in (-1, 1)]
        low = (y > 0) & (y < 0.6)
        masks.append(body | head | (low & (legs[0] | legs[1])))
    return torch.stack(masks).float().view(-1, 1, size, size)


def test_a_known_map_is_found_without_common_poses():
    a = walkers(torch.arange(0, 12, 1.0).tolist())
    b = walkers(torch.arange(0.4, 12, 0.9).tolist(), THETA)
    error = affine_error(register(a, b)[0], THETA[0])
    assert abs(error["angle"]) < 3 and abs(error["scale"] - 1) < 0.06 and error["shift"] < 0.05
    assert error["mirrored_agrees"]


def test_the_map_leads_from_b_to_a():
    a, b = walkers([0.0, 1.0, 2.0]), walkers([0.0, 1.0, 2.0], THETA)
    nose_a = torch.tensor([[[0.62, -0.25]]])
    nose_b = affine_invert(THETA, nose_a)
    assert torch.dist(affine_apply(register(a, b), nose_b), nose_a) < 0.08


def test_nothing_moves_between_a_clip_and_itself():
    a = walkers([0.0, 1.0, 2.0])
    assert torch.allclose(register(a, a), torch.eye(2, 3)[None], atol=0.02)


def test_training_begins_with_the_registered_map_and_keeps_it(roots, tmp_path):
    flags = f"{SMALL} {roots} --bs 2 --registered_affine --out {tmp_path}/out"
    refuse("train_first_stage.py", f"{flags} --iters 1", "--affine")
    thetas = []
    for iters in (1, 3):
        succeed("train_first_stage.py", f"{flags} --affine --resume --iters {iters}")
        thetas.append(checkpoint.load(tmp_path / "out/checkpoint", stage=1)["learned_t"])
    clips = [Clip(folder).stream(range(8), 8, 64, 64, 0.2) for folder in roots.split()[1::2]]
    registered = register(*(next(clip)[2] for clip in clips))
    assert torch.allclose(thetas[0], registered, atol=0.05)
    assert torch.equal(*thetas)
