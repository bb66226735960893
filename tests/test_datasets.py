"""Clips on disk, the warp, and the distribution of training items."""

import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from datasets import augment
from datasets.clip import Clip, frame_folder
from datasets.pairs import ClipTensors, Pairs
from tests.conftest import ROOT
from utils.errors import UserError

SHARED = ROOT.parent / "shared"


@pytest.fixture
def folder(tmp_path):
    """A clip of five frames that differ in size; the object is a bright block."""
    for name in ("train", "train_seg"):
        (tmp_path / name).mkdir()
    for number in range(3, 8):
        width, height = 40 + number, 30
        mask = np.zeros((height, width), np.uint8)
        mask[5:25, number : number + 20] = 255
        Image.fromarray(mask).save(tmp_path / f"train_seg/im{number}.png")
        frame = np.stack([np.full_like(mask, 10 * number), mask, mask], -1)
        Image.fromarray(frame).save(tmp_path / f"train/im{number}.png")
    return tmp_path


def opened(folder):
    return Clip(folder / "train_seg", ".png", "im")


def test_a_clip_starts_at_its_first_number(folder):
    clip = opened(folder)
    assert clip.names == [f"im{i}.png" for i in range(3, 8)]
    frame, mask = clip.read(1)
    assert frame.size == mask.size == (44, 30)
    assert (frame.mode, mask.mode) == ("RGB", "L")


def test_only_the_last_seg_of_the_path_goes():
    assert str(frame_folder("my_seg/cat/train_seg/")).rstrip("/") == "my_seg/cat/train"


def remove(*names):
    return lambda folder: [(folder / name).unlink() for name in names]


def truncate(folder):
    path = folder / "train/im5.png"
    path.write_bytes(path.read_bytes()[:60])


def blacken(folder):
    Image.new("L", (45, 30)).save(folder / "train_seg/im5.png")


def enlarge(folder):
    Image.new("L", (46, 30), 255).save(folder / "train_seg/im5.png")


def zero_pad(folder):
    for number in range(3, 8):
        for name in ("train", "train_seg"):
            (folder / name / f"im{number}.png").rename(folder / name / f"im00{number}.png")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (remove("train/im5.png"), "train/im5.png is missing, the frame for mask"),
        (remove("train_seg/im5.png"), "im5.png is missing .gap in the numbers"),
        (truncate, "train/im5.png cannot be read as a picture"),
        (blacken, "train_seg/im5.png is all black"),
        (enlarge, "is 45x30 but its mask .* is 46x30"),
        (zero_pad, "zero-padded; rename it to im3.png"),
        (
            remove(*(f"train_seg/im{i}.png" for i in range(3, 8))),
            "holds no mask named im<number>.png",
        ),
    ],
)
def test_what_is_wrong_with_a_clip_is_said(folder, spoil, words):
    spoil(folder)
    with pytest.raises(UserError, match=words):
        clip = opened(folder)
        for index in range(len(clip)):
            clip.read(index)


def test_a_folder_that_is_missing_or_misnamed_is_said(folder):
    with pytest.raises(UserError, match="does not exist"):
        Clip(folder / "elsewhere_seg")
    with pytest.raises(UserError, match="no '_seg' in its path"):
        Clip(folder / "train", ".png", "im")
    with pytest.raises(UserError, match="no mask folder given"):
        Clip("")


def test_a_stream_reads_ahead_within_bounds_and_ends_its_threads(folder, monkeypatch):
    """Never more decoded frames than the batch in hand and `AHEAD`; none after closing."""
    read, threads = Clip.read, threading.active_count()
    decoded, given = [], 0
    monkeypatch.setattr("datasets.clip.AHEAD", 4)
    monkeypatch.setattr(Clip, "read", lambda self, i: decoded.append(i) or read(self, i))
    stream = opened(folder).stream(range(100), 2, 16, 24, 0.2)
    for _ in range(20):
        names, frames, masks = next(stream)
        assert names == [f"im{3 + (given + i) % 5}.png" for i in range(2)]
        assert frames.shape == (2, 3, 24, 16)
        assert masks.shape == (2, 1, 24, 16)
        given += 2
        time.sleep(0.005)  # time enough to read on, were it allowed
        assert len(decoded) <= given + 4
    assert threading.active_count() > threads
    stream.close()
    assert threading.active_count() == threads
    assert len(decoded) < 50


def test_a_stream_gives_what_pillow_gives_and_ends_with_the_count(folder):
    *_, (names, frames, masks) = opened(folder).stream(range(7), 3, 20, 10, 0.0)
    assert names == ["im4.png"]
    frame, mask = (x.resize((20, 10), Image.Resampling.BILINEAR) for x in opened(folder).read(1))
    inside = np.asarray(mask) > 127
    assert (masks[0, 0].numpy() == inside).all()
    wanted = (np.asarray(frame).transpose(2, 0, 1) / 127.5 - 1) * inside
    assert np.abs(frames[0].numpy() - wanted).max() < 1e-6
    assert frames.is_contiguous()


def test_a_stream_names_the_broken_frame(folder):
    truncate(folder)
    stream = opened(folder).stream(range(5), 1, 16, 16, 0.2)
    assert [next(stream)[0] for _ in range(2)] == [["im3.png"], ["im4.png"]]
    with pytest.raises(UserError, match="train/im5.png cannot be read as a picture"):
        next(stream)


def test_clips_in_memory_are_kept_small(folder):
    assert ClipTensors(opened(folder), 256, 256, 0.2, "cpu").pictures.shape == (5, 4, 30, 47)
    small = ClipTensors(opened(folder), 16, 16, 0.0, "cpu").pictures
    assert small.shape == (5, 4, 24, 24)
    assert small.dtype == torch.uint8


def test_a_still_is_the_padded_picture_resized(folder):
    """Against Pillow: pad, then resize, as inference does."""
    tensors = ClipTensors(opened(folder), 32, 64, 0.2, "cpu")
    frames, masks = tensors.still(np.array([2]))
    assert frames.shape == (1, 3, 64, 32)
    frame, mask = opened(folder).read(2)
    padded = Image.new("L", (45 + 2 * 9, 30 + 2 * 6))
    padded.paste(mask, (9, 6))
    wanted = np.asarray(padded.resize((32, 64), Image.Resampling.BILINEAR)) > 127
    assert (masks[0, 0].numpy() != wanted).mean() < 0.02
    inside = F.max_pool2d(-masks, 3, 1, 1)[0, 0] < -0.5  # away from the mask's edge
    assert frames[0, 0][inside].mean().item() == pytest.approx(50 / 127.5 - 1, abs=0.02)
    assert (frames * (1 - masks)).abs().max() == 0


def warped_mask(matrix, crop=(0, 0, 0, 0), mirror=False, size=64):
    """Where a block in the left upper quarter of a 100x100 picture lands, unpadded: mean xy."""
    picture = torch.zeros(1, 1, 100, 100)
    picture[..., 20:30, 20:30] = 1
    theta = augment.sampling_matrices(
        np.array([matrix], float), np.array([crop], float), np.array([[100, 100]]), 0.0, mirror
    )
    out = augment.warp(picture, theta, size, size)[0, 0]
    y, x = (out > 0.5).nonzero().double().mean(0).tolist()
    return x, y


def test_matrices_move_pixels_forward():
    identity = np.eye(3)
    assert warped_mask(identity, size=100) == (24.5, 24.5)
    shift = np.eye(3)
    shift[:2, 2] = 30, 10
    assert warped_mask(shift, size=100) == (54.5, 34.5)
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])  # a quarter, clockwise on the screen
    assert warped_mask(turn, size=100) == pytest.approx((74.5, 24.5))
    assert warped_mask(identity, mirror=True, size=100) == pytest.approx((74.5, 24.5))


def test_a_crop_removes_sides_and_stretches():
    x, y = warped_mask(np.eye(3), crop=(0.2, 0, 0, 0.5), size=100)
    assert (x, y) == pytest.approx(((25 - 20) / 0.8 - 0.5, 25 / 0.5 - 0.5), abs=0.5)


def deviation_error(values):
    """Standard error of a sample's standard deviation (from its fourth moment)."""
    fourth = ((values - values.mean(0)) ** 4).mean(0)
    return np.sqrt((fourth - values.var(0) ** 2) / (4 * values.var(0) * len(values)))


def turned(points, degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = points[..., 0], points[..., 1]
    return np.stack([c * x - s * y, s * x + c * y], -1)


def sheared(points, x_degrees, y_degrees):
    x, y = points[..., 0], points[..., 1]
    x = x + np.tan(np.radians(x_degrees)) * y
    return np.stack([x, y + np.tan(np.radians(y_degrees)) * x], -1)


def first_pipeline(points, uniform, pixels):
    """Resize, rotate, translate, shear (docs/METHOD.md, section 3), one step after the other."""
    size = uniform(0.8, 1.1)[..., None]
    points = turned(points * size, uniform(-20, 20)) + pixels()
    return sheared(points, uniform(-15, 15), uniform(-15, 15)) / size  # the canvas grew, too


def second_pipeline(points, uniform, pixels):
    """Scale, translate, shear, rotate; the crop stands apart."""
    scale = np.concatenate([uniform(0.8, 1.2), uniform(0.8, 1.2)], -1)[:, None]
    points = sheared(points * scale + pixels(), uniform(-20, 20), uniform(-20, 20))
    return turned(points, uniform(-20, 20))


def described(corners):
    """Of three points (n, 3, 2): coordinates, and lengths and product of the sides between them."""
    x, y = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    sides = [np.hypot(*x.T), np.hypot(*y.T), (x * y).sum(1)]
    return np.column_stack([corners.reshape(len(corners), 6), *sides])


@pytest.mark.parametrize("pipeline", [first_pipeline, second_pipeline])
def test_points_move_as_if_the_steps_were_taken_one_by_one(pipeline):
    """Where three corners land, on average and in spread, against draws of another program."""
    rng, n, corners = np.random.default_rng(1), 200_000, np.array([[0, 0], [100, 0], [0, 100.0]])
    matrices, crops = augment.draw(np.random.default_rng(0), n)
    matrices = matrices[(crops[:, 0] == 0) == (pipeline is first_pipeline)]
    ours = np.einsum("nij,pj->npi", matrices[:, :2, :2], corners) + matrices[:, None, :2, 2]
    theirs = pipeline(
        np.tile(corners, (n, 1, 1)),
        lambda low, high: rng.uniform(low, high, (n, 1)),
        lambda: rng.integers(-50, 51, (n, 1, 2)),
    )
    ours, theirs = described(ours), described(theirs)
    mean_error = np.sqrt(ours.var(0) / len(ours) + theirs.var(0) / n)
    assert (np.abs(ours.mean(0) - theirs.mean(0)) < 5 * mean_error).all()
    spread_error = np.hypot(deviation_error(ours), deviation_error(theirs))
    assert (np.abs(ours.std(0) - theirs.std(0)) < 5 * spread_error).all()


def test_six_items_of_ten_take_the_first_pipeline_and_the_others_are_cropped():
    _, crops = augment.draw(np.random.default_rng(0), 20_000)
    first = (crops == 0).all(1)
    assert first.mean() == pytest.approx(0.6, abs=0.015)
    cropped = crops[~first]
    assert cropped.min() == pytest.approx(0.0001, abs=0.0001)
    assert cropped.max() == pytest.approx(0.05, abs=0.0001)
    assert np.abs(np.corrcoef(cropped.T) - np.eye(4)).max() < 0.05  # each side by its own


def test_weaker_transforms_are_part_of_the_way():
    matrices, crops = augment.draw(np.random.default_rng(0), 8)
    weaker, weaker_crops = augment.draw(np.random.default_rng(0), 8, strength=0.25)
    assert np.allclose(np.eye(3) + 4 * (weaker - np.eye(3)), matrices)
    assert np.allclose(4 * weaker_crops, crops)
    assert np.allclose(augment.draw(np.random.default_rng(0), 8, 0)[0], np.eye(3))


def test_all_four_pictures_of_an_item_move_together(folder):
    still = opened(folder)
    tensors = ClipTensors(still, 64, 64, 0.2, "cpu")
    tensors.pictures[1:] = tensors.pictures[:1]
    tensors.sizes[1:] = tensors.sizes[:1]
    batch = tensors.sample(np.array([0, 2]), *augment.draw(np.random.default_rng(0), 2))
    assert torch.equal(batch.frame, batch.next_frame)
    assert torch.equal(batch.mask, batch.next_mask)
    assert not torch.equal(batch.mask[0], batch.mask[1])
    assert set(batch.mask.unique().tolist()) == {0, 1}


def test_the_next_picture_of_an_item_is_the_next_frame(folder):
    """Frame i of the clip is 10 * (i + 3) red and fills the networks' picture with it."""
    tensors = ClipTensors(opened(folder), 32, 32, 0.0, "cpu")
    still = np.tile(np.eye(3), (2, 1, 1)), np.zeros((2, 4))
    batch = tensors.sample(np.array([0, 3]), *still)
    for frames, masks, first in (
        (batch.frame, batch.mask, 30),
        (batch.next_frame, batch.next_mask, 40),
    ):
        red = ((frames[:, 0].amin((1, 2)) + 1) * 127.5).tolist()
        assert red == pytest.approx([first, first + 30])
        assert masks.shape == (2, 1, 32, 32)


def test_batches_are_a_function_of_seed_and_iteration(folder):
    a, b = (ClipTensors(opened(folder), 32, 32, 0.2, "cpu") for _ in "ab")
    first, again = Pairs(a, b, 2, seed=1), Pairs(a, b, 2, seed=1)
    for iteration in (5, 0, 3):
        for x, y in zip(first.batch(iteration), again.batch(iteration)):
            assert all(torch.equal(i, j) for i, j in zip(x, y))
    other = Pairs(a, b, 2, seed=2).batch(0)[0]
    assert not torch.equal(other.frame, first.batch(0)[0].frame)
    from_a, from_b = first.batch(0)
    assert not torch.equal(from_a.frame, from_b.frame)


def test_shares_of_a_batch_are_the_batch(folder):
    """What several processes see together is what one sees."""
    a, b = (ClipTensors(opened(folder), 32, 32, 0.2, "cpu") for _ in "ab")
    whole = Pairs(a, b, 4, seed=1)
    shares = [Pairs(a, b, 4, seed=1, share=slice(2 * i, 2 * i + 2)) for i in range(2)]
    for iteration in (0, 3):
        for domain in range(2):
            parts = [pairs.batch(iteration)[domain] for pairs in shares]
            for x, y in zip(zip(*parts), whole.batch(iteration)[domain]):
                assert torch.equal(torch.cat(x), y)
            parts = [pairs.warps(iteration)[domain] for pairs in shares]
            assert torch.equal(torch.cat(parts), whole.warps(iteration)[domain])
    a, b = whole.warps(0)
    assert a.shape == (4, 2, 3)
    assert not torch.equal(a, b)
    assert not torch.equal(a, whole.warps(1)[0])


def test_hflip_mirrors_every_item_of_a_and_none_of_b(folder):
    a, b = (ClipTensors(opened(folder), 32, 32, 0.2, "cpu") for _ in "ab")
    plain, mirrored = (Pairs(a, b, 4, seed=1, mirror_a=m).batch(0) for m in (False, True))
    for ours, wanted in zip(mirrored[0], plain[0]):
        assert not torch.allclose(ours, wanted, atol=0.05)
        assert (ours - wanted.flip(3)).abs().mean() < 0.01  # a mask's edge may round differently
    assert all(torch.equal(ours, wanted) for ours, wanted in zip(mirrored[1], plain[1]))


def test_stills_are_spread_from_the_first_to_the_last_frame(folder):
    a, b = (ClipTensors(opened(folder), 32, 32, 0.2, "cpu") for _ in "ab")
    b.pictures = b.pictures[:3]
    found = Pairs(a, b, 2, seed=1).stills(3)
    for (frames, masks), tensors, moments in zip(found, (a, b), ([0, 2, 4], [0, 1, 2])):
        wanted = tensors.still(np.array(moments))
        assert torch.equal(frames, wanted[0]) and torch.equal(masks, wanted[1])


def test_random_warps_scatter_about_the_identity():
    warps = augment.random_warps(np.random.default_rng(0), 5000)
    assert (warps.mean(0) - torch.eye(2, 3)).abs().max() < 0.01
    assert (warps.std(0) - 0.1).abs().max() < 0.005


def test_an_epoch_shows_each_item_once_and_ends_with_the_shorter_clip(folder, monkeypatch):
    a, b = (ClipTensors(opened(folder), 32, 32, 0.2, "cpu") for _ in "ab")
    b.pictures = b.pictures[:4]
    seen = []
    sample = ClipTensors.sample
    monkeypatch.setattr(
        ClipTensors,
        "sample",
        lambda self, i, *rest: (seen.append((self is a, *i)), sample(self, i, *rest)),
    )
    pairs = Pairs(a, b, 1, seed=0)
    assert pairs.epoch_length == 3
    for iteration in range(6):
        pairs.batch(iteration)
    of_b = [i for is_a, i in seen if not is_a]
    assert sorted(of_b[:3]) == sorted(of_b[3:]) == [0, 1, 2]
    assert len({i for is_a, i in seen[:6] if is_a}) == 3


def test_too_few_frames_for_a_batch(folder):
    tensors = ClipTensors(opened(folder), 32, 32, 0.2, "cpu")
    with pytest.raises(UserError, match="clip A has 5 frames"):
        Pairs(tensors, tensors, 5, seed=0)


def moments(masks):
    """Area, centroid, spread and covariance of masks (n, size, size), as the reference's file."""
    size = masks.shape[-1]
    x = torch.arange(size).double() * 2 / (size - 1) - 1
    masks = masks.double()
    area = masks.mean((1, 2))
    weight = masks / masks.sum((1, 2), keepdim=True)
    cx, cy = (weight.sum(1) * x).sum(1), (weight.sum(2) * x).sum(1)
    dx, dy = x - cx[:, None], x - cy[:, None]
    sx, sy = ((weight.sum(1) * dx**2).sum(1)).sqrt(), ((weight.sum(2) * dy**2).sum(1)).sqrt()
    covariance = torch.einsum("nyx,ny,nx->n", weight, dy, dx)
    return torch.stack([area, cx, cy, sx, sy, covariance], 1).numpy()


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the published clips are not here")
@pytest.mark.parametrize("animal", ["cow", "cat", "fox"])
def test_items_are_distributed_as_the_references(animal):
    """Moments hardly depend on the picture's size: 128 here, 256 there.

    Slow: it draws thousands of items, so that their means are sharp.
    """
    golden = np.load(SHARED / f"golden/augmentation_{animal}.npz")
    tensors = ClipTensors(Clip(SHARED / f"data/{animal}/train_seg"), 128, 128, 0.2, "cpu")
    rng = np.random.default_rng(0)
    indices = np.resize(golden["moments"][:, 0].astype(int), 1000)
    batches = [
        tensors.sample(part, *augment.draw(rng, len(part))).mask
        for part in np.array_split(indices, 40)
    ]
    ours = np.concatenate([moments(mask[:, 0]) for mask in batches])
    theirs = golden["moments"][:, 1:]
    mean_error = np.sqrt(ours.var(0) / len(ours) + theirs.var(0) / len(theirs))
    assert (np.abs(ours.mean(0) - theirs.mean(0)) < 4 * mean_error).all()
    spread_error = np.hypot(deviation_error(ours), deviation_error(theirs))
    assert (np.abs(ours.std(0) - theirs.std(0)) < 4 * spread_error).all()
    mean_mask = sum(F.adaptive_avg_pool2d(mask, 64).sum((0, 1)) for mask in batches) / 1000
    difference = np.abs(mean_mask.numpy() - golden["mean_mask"])
    assert difference.mean() < 0.02
    assert difference.max() < 0.10
