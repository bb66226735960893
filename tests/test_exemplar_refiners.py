"""Refiners that copy from a real frame, and the discriminators that keep pictures sharp."""

import numpy as np
import pytest
import torch

from datasets.clip import Clip
from datasets.pairs import ClipTensors, Pairs
from engine import checkpoint
from exemplars.gallery import APART, Gallery
from losses.adversarial import realism, telling_apart
from models import ExemplarRefiner, PatchDiscriminator
from models.build import build_jokr
from tests.conftest import refuse, succeed
from utils import loss_log
from utils.overlap import thumbnails

TRAIN = "train_second_stage.py"
SHARP = "--exemplar --lambda_gan 0.1 --ema 0.5"


@pytest.fixture
def refiner():
    """An `ExemplarRefiner` whose last layer gives what its bias says."""
    refiner = ExemplarRefiner(width=4, blocks=1, dropout=False).eval()
    torch.nn.init.zeros_(refiner.model[-2].weight)
    return refiner


@pytest.fixture
def gallery():
    """Twelve frames of 8 x 8, whose keypoints move to the right by and by."""
    random = torch.Generator().manual_seed(0)
    masks = (torch.rand(12, 1, 8, 8, generator=random) > 0.4).float()
    frames = (torch.randint(0, 256, (12, 3, 8, 8), generator=random) / 127.5 - 1) * masks
    points = torch.rand(1, 5, 2, generator=random) - 0.5
    points = points + torch.linspace(-0.3, 0.3, 12)[:, None, None]
    return frames, masks, points, Gallery(frames, masks, points)


@pytest.mark.parametrize(("share", "wanted"), ((-30.0, "painted"), (30.0, "copied"), (0.0, "both")))
def test_what_is_copied_is_the_frame_and_the_rest_is_painted(refiner, share, wanted):
    mask, exemplar = torch.rand(2, 1, 16, 16), torch.rand(2, 4, 16, 16) * 2 - 1
    refiner.model[-2].bias.data = torch.tensor([0.1, -0.2, 2.0, share])
    painted = torch.tensor([0.1, -0.2, 2.0]).tanh().view(3, 1, 1).expand(2, 3, 16, 16)
    copied = exemplar[:, :3]
    answers = {"painted": painted, "copied": copied, "both": (painted + copied) / 2}
    assert torch.allclose(refiner(mask, exemplar), answers[wanted], atol=1e-6)


def test_a_frame_in_its_own_pose_comes_back_as_it_was(gallery):
    frames, masks, points, gallery = gallery
    chosen = torch.tensor([3, 7])
    posed = gallery.posed(chosen, points[chosen])
    assert torch.allclose(posed, torch.cat([frames, masks], 1)[chosen], atol=1e-4)


def test_a_pose_finds_its_frame_and_an_own_one_another(gallery):
    _, masks, points, gallery = gallery
    everyone = torch.arange(12)
    assert torch.equal(gallery.nearest(points, masks), everyone)
    others = gallery.nearest(points, masks, own=True)
    assert ((others - everyone).abs() >= APART).all()


def test_a_path_of_poses_is_steady(gallery):
    _, masks, points, gallery = gallery
    order = torch.tensor([2, 3, 4, 5, 6])
    assert torch.equal(gallery.path(points[order], thumbnails(masks)[order]), order)


def test_neighbours_are_near_in_pose_and_not_in_time(gallery):
    neighbours = gallery[-1].neighbours
    assert neighbours[0].tolist() == [3, 4, 5, 6]
    assert sorted(neighbours[6].tolist()) == [2, 3, 9, 10]


def test_a_short_clip_has_neighbours_too(gallery):
    frames, masks, points, _ = gallery
    short = Gallery(frames[:2], masks[:2], points[:2])
    assert short.neighbours.shape == (2, 2)
    assert short.nearest(points[:2], masks[:2], own=True).shape == (2,)


def test_companions_share_their_items_transforms(pair):
    clips = [ClipTensors(Clip(pair / d / "train_seg"), 32, 32, 0.2, "cpu") for d in "ab"]
    pairs = Pairs(*clips, 3, seed=0, mirror_a=True, share=slice(1, 3))
    same = [np.arange(len(tensors.pictures))[:, None] for tensors in clips]
    for batch, (frames, masks) in zip(pairs.batch(5), pairs.companions(5, same)):
        assert torch.equal(frames, batch.frame)
        assert torch.equal(masks, batch.mask)
    following = [numbers + 1 for numbers in same]
    for batch, (frames, _) in zip(pairs.batch(5), pairs.companions(5, following)):
        assert torch.equal(frames, batch.next_frame)


def test_companions_are_drawn_from_all_choices(pair):
    clips = [ClipTensors(Clip(pair / d / "train_seg"), 16, 16, 0.0, "cpu") for d in "ab"]
    pairs = Pairs(*clips, 2, seed=0)
    choices = [np.tile(np.arange(4), (len(tensors.pictures), 1)) for tensors in clips]
    drawn = [pairs.companions(i, choices)[0][0] for i in range(6)]
    assert torch.equal(drawn[0], pairs.companions(0, choices)[0][0])
    assert not any(torch.equal(drawn[0], other) for other in drawn[1:])


def test_pictures_of_an_object_copy_from_its_own_gallery(gallery):
    """Copying everything, A's motion with B's looks is B's frame in A's pose."""
    torch.manual_seed(0)
    frames, masks, points, own = gallery
    small = {"scale_kp": 0.5, "kp_width": 4, "ngf": 4, "no_dropout": True}
    jokr = build_jokr(num_kp=5, blocks=1, new_norm="instance", exemplar=True, **small)
    for refiner in (jokr.refiner_a, jokr.refiner_b):
        torch.nn.init.zeros_(refiner.model[-2].weight)
        refiner.model[-2].bias.data = torch.tensor([0.0, 0.0, 0.0, 30.0])
    jokr.galleries = {"a": Gallery(-frames, masks, points), "b": own}
    chosen = torch.tensor([2, 9])
    drawn = jokr.draw(points[chosen], None, "a", 8, 8, chosen=chosen)
    assert torch.allclose(drawn.other_picture, frames[chosen], atol=1e-4)
    assert not torch.allclose(drawn.own_picture, -frames[chosen], atol=0.1)  # it is of another


def test_terms_of_an_adversary():
    """One whose feature is the picture, and whose score is its mean."""

    def discriminator(pictures, silhouettes):
        assert silhouettes.shape == (len(pictures), 1, 4, 4)
        return [pictures, pictures.mean((1, 2, 3))]

    drawn = torch.full((2, 3, 4, 4), 0.5, requires_grad=True)
    true, silhouettes = torch.full((2, 3, 4, 4), 0.75), torch.ones(2, 1, 4, 4)
    wanted = (0.5 - 1) ** 2 + 10 * 0.25
    assert realism(discriminator, drawn, true, silhouettes).item() == pytest.approx(wanted)
    loss = telling_apart(discriminator, drawn, true, silhouettes)
    assert loss.item() == pytest.approx(((0.75 - 1) ** 2 + 0.5**2) / 2)
    assert not loss.requires_grad


def test_a_patch_is_judged_alone():
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(4)
    scores = discriminator(torch.rand(2, 3, 64, 64), torch.rand(2, 1, 64, 64))[-1]
    assert scores.shape == (2, 1, 14, 14)


@pytest.fixture(scope="module")
def flags(roots, first):
    return f"{roots} --device cpu --bs 2 --load {first}/checkpoint_4 --lambda_vgg 0 {SHARP}"


@pytest.fixture(scope="module")
def whole(flags, shared):
    """Folder of a finished stage two with everything in here, to be read only."""

    def train(out):
        words = "--iters 4 --save_check 2 --print_loss 1 --save_img 3 --eval_test 3"
        succeed(TRAIN, f"{flags} {words} --out {out}")

    return shared("sharp", train)


@pytest.mark.slow
def test_training_goes_on_as_if_it_had_never_stopped(flags, whole, tmp_path):
    """Slow: it trains twice."""
    (tmp_path / "checkpoint_2").write_bytes((whole / "checkpoint_2").read_bytes())
    words = "--iters 4 --save_check 2 --print_loss 1 --save_img 3 --eval_test 3"
    succeed(TRAIN, f"{flags} {words} --out {tmp_path} --resume")
    expected, found = (loss_log.curves(x / "log.csv") for x in (whole, tmp_path))
    assert {name: (steps[3:], x[3:]) for name, (steps, x) in expected.items()} == found
    assert {"gan", "loss_d"} < set(found)
    one, two = (checkpoint.read(x / "checkpoint") for x in (whole, tmp_path))
    for key in ("R_A", "R_B", "D"):
        assert all(torch.equal(one[key][name], two[key][name]) for name in one[key])
    assert (tmp_path / "test_3.png").is_file()


@pytest.mark.slow
def test_a_checkpoint_says_that_its_refiners_copy(roots, whole, second, tmp_path):
    """Slow: it trains."""
    flags = f"{roots} --device cpu --out {tmp_path}"
    refuse("inference.py", f"{flags} --load {second}/checkpoint --exemplar", "contradicts")
    succeed("evaluate.py", f"{flags} --load {whole}/checkpoint")
    sheets = succeed("inference.py", f"{flags} --load {whole}/checkpoint --data_size 9 --affine")
    assert "8 frames of A" in sheets
    words = "--affine --splitted --smooth 0.2 --restore --alpha --direction ab --bs 3"
    succeed("inference.py", f"{flags} --load {whole}/checkpoint {words}")
    assert {"recon_a_0.jpg", "refined_ab_7.jpg", "final_ab_7.png"} <= {
        path.name for path in tmp_path.iterdir()
    }


@pytest.mark.slow
def test_adversaries_work_without_exemplars(roots, first, tmp_path):
    """Slow: it trains."""
    words = f"--load {first}/checkpoint_4 --lambda_vgg 0 --lambda_gan 1 --iters 1 --device cpu"
    succeed(TRAIN, f"{roots} {words} --bs 2 --out {tmp_path}")
    assert "D" in checkpoint.read(tmp_path / "checkpoint")
