"""Networks: shapes, modes, and what the composition promises."""

import pytest
import torch
from torch.nn import functional as F

from models import JOKR, AffineAlignment
from models.build import build_jokr
from models.layers import (
    BatchNorm2d,
    InstanceNorm2d,
    evaluation,
    per_item_statistics,
)
from utils.errors import UserError


def tiny(**changes):
    keywords = {"num_kp": 5, "scale_kp": 0.5, "kp_width": 4, "ngf": 4, "init_gain": 0.3, **changes}
    return build_jokr(**keywords)


@pytest.fixture
def frames():
    torch.manual_seed(0)
    return torch.rand(3, 3, 64, 64) * 2 - 1


@pytest.mark.parametrize("strong", [False, True])
def test_detector_shapes(frames, strong):
    keypoints, heatmap = tiny(strong_kp=strong).detector(frames)
    assert keypoints.shape == (3, 5, 2)
    assert heatmap.shape == ((3, 5, 32, 32) if strong else (3, 5, 26, 26))
    assert keypoints.abs().max() <= 1
    assert torch.allclose(heatmap.sum((2, 3)), torch.ones(3, 5))


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_norms(frames, norm):
    """Biases belong to instance norm; batch norm, in training, mixes the batch's items."""
    torch.manual_seed(0)
    jokr = tiny(norm=norm, new_norm=norm, no_dropout=True)
    heatmaps = torch.rand(3, 5, 64, 64)
    mask_a, mask_b = jokr.shape_decoder(heatmaps)
    assert mask_a.shape == mask_b.shape == (3, 1, 64, 64)
    assert jokr.refiner_a(mask_a).shape == (3, 3, 64, 64)
    alone = jokr.shape_decoder(heatmaps[:1])[0]
    assert torch.allclose(mask_a[:1], alone, atol=1e-5) == (norm != "batch")
    convolutions = [m for m in jokr.refiner_b.modules() if hasattr(m, "kernel_size")]
    assert len(convolutions) == 24
    assert convolutions.pop().bias is not None  # the last one, which no norm follows
    assert all((m.bias is not None) == (norm == "instance") for m in convolutions)


def test_batch_norm_is_pytorchs_and_with_item_statistics_that_of_single_pictures():
    torch.manual_seed(0)
    x = torch.randn(4, 3, 5, 6, dtype=torch.float64) * torch.arange(1, 5)[:, None, None, None]
    ours, theirs = BatchNorm2d(3).double(), torch.nn.BatchNorm2d(3).double()
    for norm in (ours, theirs):
        torch.nn.init.constant_(norm.weight, 3)
        torch.nn.init.constant_(norm.bias, 2)
    assert torch.equal(ours(x), theirs(x))
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in before.items())
    ours.per_item = True
    each = torch.cat([theirs(x[i : i + 1]) for i in range(4)])
    assert torch.allclose(ours(x), each, atol=1e-12)
    assert all(torch.equal(v, before[k]) for k, v in ours.state_dict().items())


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (1, 16, 8, 8), (3, 1, 5, 7)])
def test_instance_norm_in_every_layout(layout, shape):
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64) * 3 + 5
    x = x.to(memory_format=layout).requires_grad_()
    ours, wanted = InstanceNorm2d(shape[1])(x), F.instance_norm(x)
    assert torch.allclose(ours, wanted, atol=1e-12)
    gradient = torch.randn_like(wanted)
    (found,), (golden,) = (torch.autograd.grad(y, x, gradient) for y in (ours, wanted))
    assert torch.allclose(found, golden, atol=1e-12)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_decoding_both_domains_at_once(norm):
    torch.manual_seed(0)
    jokr = tiny(norm=norm, no_dropout=True).double()
    a, b = torch.rand(2, 3, 5, 2, dtype=torch.float64) * 2 - 1
    together = jokr.decode_both(a, 3 * b, 64, 64)
    apart = [jokr.decode(keypoints, 64, 64) for keypoints in (a, 3 * b)]
    for ours, wanted in zip(together, apart):
        assert all(torch.allclose(x, y, atol=1e-12) for x, y in zip(ours, wanted))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_short_types_touch_generators_only(frames, dtype, norm):
    torch.manual_seed(0)
    exact = tiny(new_norm=norm, norm=norm, no_dropout=True)
    rough = tiny(new_norm=norm, norm=norm, no_dropout=True, autocast=dtype)
    rough.load_state_dict(exact.state_dict())
    keypoints, heatmap = rough.detector(frames)
    assert all(torch.equal(x, y) for x, y in zip(exact.detector(frames), (keypoints, heatmap)))
    masks, wanted = rough.decode(keypoints, 64, 64)[0], exact.decode(keypoints, 64, 64)[0]
    assert masks.dtype == torch.float32
    assert 0 < (masks - wanted).abs().mean() < 0.02
    pictures, wanted = rough.refiner_a(masks), exact.refiner_a(masks)
    assert pictures.dtype == torch.float32
    assert 0 < (pictures - wanted).abs().mean() < 0.02


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_last_convolution_keeps_float32(dtype):
    """What it adds up is rounded to no shorter type: at 16 bits a slope would become steps."""
    network = tiny(new_norm="instance", no_dropout=True, autocast=dtype).refiner_a
    seen = {}
    for name, module in (("last", network.model[-2]), ("first", network.model[1])):
        module.register_forward_hook(lambda *args, name=name: seen.update({name: args[2].dtype}))
    network(torch.rand(1, 1, 64, 64))
    assert seen == {"first": dtype, "last": torch.float32}


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_instance_norm_in_float16_has_no_overflow(layout):
    """Values whose squares leave float16's range (65504), as gradients and features can be."""
    torch.manual_seed(0)
    x = (torch.randn(2, 8, 16, 16) * 3000).to(torch.float16).to(memory_format=layout)
    wanted = F.instance_norm(x.float())
    with torch.autocast("cpu", torch.float16):
        found = InstanceNorm2d(8)(x.requires_grad_())
    assert found.dtype == torch.float16
    assert torch.allclose(found.float(), wanted, atol=4e-3)
    (gradient,) = torch.autograd.grad(found.float().square().sum(), x)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("no_dropout", [False, True])
def test_dropout_of_generators(frames, no_dropout):
    """One in each residual block, of probability 0.5, in training only."""
    torch.manual_seed(0)
    decoder, heatmaps = tiny(no_dropout=no_dropout).shape_decoder, torch.rand(1, 5, 64, 64)
    rates = [m.p for m in decoder.modules() if isinstance(m, torch.nn.Dropout)]
    assert rates == ([] if no_dropout else [0.5] * 9)
    one, two = decoder(heatmaps)[0], decoder(heatmaps)[0]
    assert torch.equal(one, two) == no_dropout
    decoder.eval()
    assert torch.equal(decoder(heatmaps)[0], decoder(heatmaps)[0])


@pytest.mark.parametrize("init_type", ["normal", "xavier", "kaiming", "orthogonal"])
def test_first_weights(init_type):
    """Every convolution's, by the formula of its distribution; a kernel has 9 weights or 49."""
    torch.manual_seed(0)
    network = tiny(init_type=init_type, ngf=32).shape_decoder
    convolutions = [m for m in network.modules() if hasattr(m, "kernel_size")]
    assert all(module.bias.abs().max() == 0 for module in convolutions)
    for weight in (module.weight.detach() for module in convolutions):
        rows = weight.flatten(1)
        if init_type == "orthogonal":
            short = rows if len(rows) <= rows.shape[1] else rows.T
            product, wanted = short @ short.T, 0.3**2 * torch.eye(len(short))
            assert torch.allclose(product, wanted, atol=1e-5)
            continue
        fan_in, fan_out = rows.shape[1], weight.numel() // weight.shape[1]
        std = {
            "normal": 0.3,
            "xavier": 0.3 * (2 / (fan_in + fan_out)) ** 0.5,
            "kaiming": (2 / fan_in) ** 0.5,
        }[init_type]
        error = weight.numel() ** -0.5  # of a mean, in standard deviations
        assert weight.mean().abs() < 4.5 * error * std
        assert (weight.std() / std - 1).abs() < 4.5 * error / 2**0.5
        beyond = (weight.abs() > 2 * std).double().mean().item()  # of a uniform one nothing is
        assert beyond == pytest.approx(0.0455, abs=4.5 * 0.21 * error)


def test_first_weights_of_batch_norm():
    torch.manual_seed(0)
    norms = [m for m in tiny(norm="batch", ngf=32).shape_decoder.modules() if hasattr(m, "affine")]
    weights = torch.cat([norm.weight for norm in norms])
    assert len(norms) == 23
    assert weights.mean().item() == pytest.approx(1, abs=4.5 * 0.3 * len(weights) ** -0.5)
    assert weights.std().item() == pytest.approx(0.3, rel=0.1)
    assert all(norm.bias.abs().max() == 0 for norm in norms)


def test_the_affine_map_starts_near_the_identity():
    torch.manual_seed(0)
    thetas = torch.cat([AffineAlignment().theta.detach() for _ in range(1000)])
    assert (thetas.mean(0) - torch.eye(2, 3)).abs().max() < 0.008
    assert (thetas.std(0) - 0.05).abs().max() < 0.005
    given = torch.rand(1, 2, 3)
    alignment = AffineAlignment(given)
    assert torch.equal(alignment.theta, given)
    alignment.theta.data.zero_()
    assert given.abs().sum() > 0  # the caller's tensor is no part of the network


@pytest.mark.parametrize(
    "changes", [{}, {"strong_kp": True}, {"strong_kp": True, "norm": "batch"}, {"affine": True}]
)
def test_retarget_depends_on_each_frame_alone(frames, changes):
    torch.manual_seed(0)
    jokr = tiny(new_norm="instance", **changes).double()
    frames = frames.double()
    together = jokr.retarget(frames, "a", align=True)
    for i in range(3):
        alone = jokr.retarget(frames[i : i + 1], "a", align=True)
        for ours, theirs in zip(vars(alone).values(), vars(together).values()):
            assert torch.allclose(ours, theirs[i : i + 1], atol=1e-5)


@pytest.mark.parametrize("domain", ["a", "b"])
@pytest.mark.parametrize("align", [False, True])
def test_retarget_without_own_changes_nothing_else(frames, domain, align):
    """One pass of the decoder and one of the other's refiner are all that it takes."""
    jokr, calls = tiny(affine=True, new_norm="instance"), []
    whole = vars(jokr.retarget(frames, domain, align))
    for name in ("shape_decoder", "refiner_a", "refiner_b"):
        getattr(jokr, name).register_forward_hook(lambda *_, name=name: calls.append(name))
    half = vars(jokr.retarget(frames, domain, align, own=False))
    assert sorted(calls) == [{"a": "refiner_b", "b": "refiner_a"}[domain], "shape_decoder"]
    assert half.pop("own_mask") is half.pop("own_picture") is None
    assert all(torch.equal(value, whole[name]) for name, value in half.items())


def test_each_object_is_drawn_from_its_own_keypoints(frames):
    jokr = tiny(affine=True, no_dropout=True)
    jokr.affine.theta.data.mul_(0.5)
    found = jokr.retarget(frames, "a", True)
    own = jokr.decode(found.keypoints, 64, 64, per_item=True)[0]
    other = jokr.decode(jokr.to_b(found.keypoints), 64, 64, per_item=True)[1]
    assert torch.allclose(found.own_mask, own, atol=1e-5)
    assert torch.allclose(found.other_mask, other, atol=1e-5)
    assert not torch.allclose(
        found.own_mask, jokr.decode(found.moved_keypoints, 64, 64)[0], atol=0.01
    )


def test_detect_equals_train_mode_on_one_picture(frames):
    jokr = tiny()
    before = {k: v.clone() for k, v in jokr.detector.state_dict().items()}
    found = jokr.detect(frames[:1])
    assert all(torch.equal(v, before[k]) for k, v in jokr.detector.state_dict().items())
    assert jokr.detector.training
    assert torch.allclose(found, jokr.detector.train()(frames[:1])[0], atol=1e-5)


def test_modes_come_back():
    jokr = tiny()
    jokr.shape_decoder.eval()
    with evaluation(jokr):
        assert not jokr.detector.training
    assert jokr.detector.training
    assert not jokr.shape_decoder.training
    with pytest.raises(RuntimeError), per_item_statistics(jokr.detector):
        raise RuntimeError
    assert jokr.detector.training
    assert not jokr.detector.predictor.encoder.down_blocks[0].norm.per_item


def test_retarget_gives_each_domain_its_own_networks():
    """B drives A: the shape is A's channel, coloured by A's refiner."""

    class Decoder(torch.nn.Module):
        def forward(self, heatmaps):
            constant = torch.ones_like(heatmaps[:, :1])
            return 0.25 * constant, 0.75 * constant

    class Paint(torch.nn.Module):
        def __init__(self, shade):
            super().__init__()
            self.shade = shade

        def forward(self, mask):
            return mask.expand(-1, 3, -1, -1) * self.shade

    class Centre(torch.nn.Module):
        def forward(self, frames):
            return torch.full((len(frames), 5, 2), 0.5), None

    theta = torch.tensor([[[2.0, 0, 0], [0, 2.0, 0]]])
    jokr = JOKR(Centre(), Decoder(), AffineAlignment(theta), Paint(10), Paint(100))
    frames = torch.zeros(1, 3, 8, 8)
    a, b = jokr.retarget(frames, "a", True), jokr.retarget(frames, "b", True)
    assert (a.own_mask.mean().item(), a.other_mask.mean().item()) == (0.25, 0.75)
    assert (b.own_mask.mean().item(), b.other_mask.mean().item()) == (0.75, 0.25)
    assert (a.own_picture.mean().item(), a.other_picture.mean().item()) == (2.5, 75)
    assert (b.own_picture.mean().item(), b.other_picture.mean().item()) == (75, 2.5)
    assert a.moved_keypoints.mean().item() == 0.25  # inverse(theta) on A's
    assert b.moved_keypoints.mean().item() == 1.0  # theta on B's
    assert jokr.retarget(frames, "b", False).moved_keypoints.mean().item() == 0.5


@pytest.mark.parametrize(
    ("width", "height", "changes", "words"),
    [
        (96, 64, {"scale_kp": 0.5}, "--resize_w 96 .* multiple of 64, at least 64"),
        (64, 96, {"scale_kp": 0.5}, "--resize_h 96 .* multiple of 64"),
        (64, 64, {"scale_kp": 0.25}, "--resize_w 64 .* multiple of 128"),
        (100, 96, {"scale_kp": 1.0}, "--resize_w 100 .* multiple of 32, at least 32"),
        (16, 8, {"scale_kp": 0.5, "strong_kp": True}, "--resize_h 8 .* 8, at least 16"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(width, height, changes, words):
    with pytest.raises(UserError, match=words):
        tiny(**changes).detector.check_size(width, height)


@pytest.mark.parametrize(
    ("width", "height", "changes"),
    [
        (64, 128, {"scale_kp": 0.5}),
        (96, 32, {"scale_kp": 1.0}),
        (24, 16, {"scale_kp": 0.5, "strong_kp": True}),
    ],
)
def test_sizes_that_fit_run(width, height, changes):
    jokr = tiny(**changes)
    jokr.detector.check_size(width, height)
    result = jokr.retarget(torch.zeros(1, 3, height, width), "a", False)
    assert result.other_mask.shape == (1, 1, height, width)
