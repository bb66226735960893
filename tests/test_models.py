"""Networks: shapes, modes, and what the composition promises."""

import pytest
import torch
from torch.nn import functional as F

from models import JOKR, AffineAlignment
from models.build import build_jokr
from models.layers import InstanceNorm2d, evaluation, per_item_statistics
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
def test_norms_build_and_run(frames, norm):
    jokr = tiny(norm=norm, new_norm=norm)
    mask_a, mask_b = jokr.decode(torch.zeros(3, 5, 2), 64, 64)
    assert mask_a.shape == mask_b.shape == (3, 1, 64, 64)
    assert jokr.refiner_a(mask_a).shape == (3, 3, 64, 64)


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


@pytest.mark.parametrize("init_type", ["normal", "xavier", "kaiming", "orthogonal"])
def test_first_weights(init_type):
    network = tiny(init_type=init_type).shape_decoder
    assert network.model[1].weight.std() > 0
    assert network.model[1].bias.abs().max() == 0


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
    """B drives A: the shape is A's channel, painted by A's refiner."""

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


@pytest.mark.parametrize(("size", "scale"), [(96, 0.5), (64, 0.25), (100, 1.0)])
def test_sizes_that_do_not_fit_are_refused(size, scale):
    with pytest.raises(UserError, match=f"--resize_w {size}"):
        tiny(scale_kp=scale).detector.check_size(size, size)


@pytest.mark.parametrize(("width", "height", "scale"), [(64, 128, 0.5), (96, 32, 1.0)])
def test_sizes_that_fit_run(width, height, scale):
    jokr = tiny(scale_kp=scale)
    jokr.detector.check_size(width, height)
    result = jokr.retarget(torch.zeros(1, 3, height, width), "a", False)
    assert result.other_mask.shape == (1, 1, height, width)
