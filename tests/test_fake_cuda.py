"""Both stages and inference on a GPU that is not there: PyTorch's fake tensors on device "cuda".

Fake tensors have shape, type and device but no values. Their operations raise as those of a GPU do
where a tensor was left on the CPU, and where the program asks for a value, for which the host would
have to wait. Two things are stood in for: backward passes, whose engine needs a real device, give
every weight a gradient of zeros; and pinning memory does nothing. tests/test_cuda.py is the other
half, on a real GPU.

These tests are slow: they walk through whole training steps of many settings.
"""

from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torchvision.models import inception_v3, vgg16

import evaluate
import inference
import train_first_stage
import train_second_stage
from datasets.clip import Clip
from datasets.pairs import ClipTensors, Pairs
from engine import schedule
from engine.log import FiniteGuard
from metrics.pictures import InceptionFeatures
from utils import arguments, geometry, options, runtime

pytestmark = pytest.mark.slow

CUDA = torch.device("cuda")
SMALL = (
    "--resize_w 64 --resize_h 64 --scale_kp 0.5 --kp_width 2 --ngf 2 --blocks 1 --num_kp 11 --bs 2 "
    "--affine"
)
# Together every switch on and off, every norm and every precision.
STAGE_ONE = (
    "",
    "--item_stats --sees_masks --lambda_bce 2 --augment 0.5 --ema 0.9 --lr_decay 0.5 --no_dropout "
    "--precision bf16",
    "--strong_kp --norm batch --item_stats --hflip --precision fp32",
    "--strong_kp --norm none --precision fp16",
)
STAGE_TWO = (
    "",
    "--norm batch --new_norm batch --ema 0.9 --lr_decay 0.5 --precision bf16",
    "--item_stats --norm none --new_norm none --no_dropout --precision fp32",
    "--strong_kp --lambda_vgg 0 --precision bf16",
    "--lambda_vgg 0 --sees_masks --exemplar --lambda_gan 0.02 --precision bf16",
)


class FakeGpu(FakeTensorMode):
    """Every tensor that is made inside has no values, wherever it lies."""

    def __init__(self):
        super().__init__(allow_non_fake_inputs=False)

    def __deepcopy__(self, memo):
        return self  # a copied network lies on the same GPU


class NoWaiting(TorchDispatchMode):
    """Refuses operations across devices, and copies between them that are not asynchronous."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        given, made = (
            {x.device.type for x in tree_leaves(tree) if isinstance(x, torch.Tensor) and x.dim()}
            for tree in ((args, kwargs), result)
        )
        if function is torch.ops.aten._to_copy.default:
            if kwargs.get("non_blocking"):
                return result
            given, made = {args[0].device.type}, {result.device.type}
        assert len(given | made) < 2, f"{function} waits: {given} to {made}"
        return result


def give_gradients(loss, *_, **__):
    """Zeros as gradients of all weights that a loss depends on, in place of `Tensor.backward`."""
    nodes, seen = [loss.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        nodes += [following for following, _ in node.next_functions]
        if hasattr(node, "variable"):
            node.variable.grad = torch.zeros_like(node.variable)


def replace_tensors(module, function, recurse=True):
    """`nn.Module._apply`, which cannot exchange fake tensors in place, by new parameters."""
    for part in module.modules():
        for name, x in part._parameters.items():
            if x is not None:
                part._parameters[name] = nn.Parameter(function(x.detach()), x.requires_grad)
        for name, x in part._buffers.items():
            if x is not None:
                part._buffers[name] = function(x)
    return module


@pytest.fixture
def gpu(monkeypatch):
    """What the test does inside, it does with fake tensors, with a fake GPU at hand."""
    # Autograd starts its threads once: now, while there is no GPU to start one for, since a process
    # that has them cannot be forked.
    torch.zeros((), requires_grad=True).backward()
    monkeypatch.setattr(torch.backends.cudnn, "enabled", False)  # grid_sample would look for it
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: (9, 0))
    memory = mock.Mock(total_memory=80 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda *_: memory)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda x: x)
    monkeypatch.setattr(torch.Tensor, "backward", give_gradients)
    monkeypatch.setattr(nn.Module, "_apply", replace_tensors)
    with FakeGpu() as mode:
        yield mode


@pytest.fixture(scope="module")
def clips(pair):
    """Both clips, and their pictures as training keeps them, with values on the CPU."""
    clips = [Clip(pair / domain / "train_seg") for domain in "ab"]
    return clips, [ClipTensors(clip, 64, 64, 0.2, "cpu") for clip in clips]


def read_options(stage, flags):
    return arguments.parse("", *options.STAGES[stage], argv=f"{SMALL} {flags}".split())[0]


def open_pairs(gpu, clips, opt):
    """`Pairs` of the clips, their pictures on the fake GPU."""
    moved = []
    for tensors in clips[1]:
        moved.append(object.__new__(ClipTensors))
        vars(moved[-1]).update(vars(tensors))
        moved[-1].pictures = gpu.from_tensor(tensors.pictures).to(CUDA)
    return Pairs(*moved, opt.bs, opt.seed, mirror_a=opt.hflip)


def take_step(gpu, clips, opt, script, networks, **extra):
    """One iteration as the script takes it, which must not wait; returns the losses by name."""
    averaged = schedule.average(networks[0], opt.ema)
    optimisers = [part for part in networks if isinstance(part, torch.optim.Optimizer)]
    pairs, guard = open_pairs(gpu, clips, opt), FiniteGuard()
    if scaler := runtime.loss_scaler(runtime.autocast_dtype(opt.precision, CUDA), CUDA):
        extra["scaler"] = scaler
    with NoWaiting():
        terms, *_ = script.train(*networks, pairs, 0, opt, **extra)
        for progress in (0.5, 1):  # the first time an average is but a copy
            schedule.set_rates(optimisers, schedule.lr_factor(progress, opt.lr_decay))
            if averaged:
                averaged.update(networks[0])
        guard.watch(0, terms)
    assert {x.device.type for x in terms.values()} == {"cuda"}
    return terms


def stage_one(gpu, clips, flags):
    """Networks and losses of a first step of stage one."""
    opt = read_options("stage one", flags)
    networks = train_first_stage.build(opt, CUDA)
    return networks[0], take_step(gpu, clips, opt, train_first_stage, networks)


@pytest.mark.parametrize("flags", STAGE_ONE)
def test_stage_one(gpu, clips, flags):
    jokr, terms = stage_one(gpu, clips, flags)
    assert ("bce_rec" in terms) == ("bce" in flags)
    assert all(parameter.grad is not None for parameter in jokr.parameters())


@pytest.mark.parametrize("flags", STAGE_TWO)
def test_stage_two(gpu, clips, flags, monkeypatch):
    monkeypatch.setattr("models.weights.vgg16_state", lambda _: vgg16(weights=None).state_dict())
    opt = read_options("stage two", flags)
    jokr, optimiser = train_second_stage.build(opt, CUDA)
    lpips, extra = train_second_stage.load_lpips(opt, CUDA), {}
    if opt.lambda_gan:
        critics = train_second_stage.build_discriminators(opt, CUDA)
        extra = dict(zip(("discriminators", "d_opt"), critics))
    if opt.exemplar:  # galleries are made before training, from keypoints that have values
        nearest = [np.zeros((len(clip), 1), int) for clip in clips[0]]
        jokr.galleries = {d: SimpleNamespace(neighbours=n) for d, n in zip("ab", nearest)}
    terms = take_step(gpu, clips, opt, train_second_stage, (jokr, lpips, optimiser), **extra)
    assert ("gan" in terms) == ("loss_d" in terms) == bool(opt.lambda_gan)
    learning = {name for name, p in jokr.named_parameters() if p.grad is not None}
    assert {name.partition(".")[0] for name in learning} == {"refiner_a", "refiner_b"}


@pytest.mark.parametrize("given", (False, True))
@pytest.mark.parametrize("flags", ("--precision bf16 --splitted --restore", "--precision fp32"))
def test_inference(gpu, pair, flags, given, monkeypatch):
    """The script's own loop, with keypoints found as it goes or given before."""
    for name in ("Event", "current_stream"):
        monkeypatch.setattr(torch.cuda, name, mock.Mock())
    roots = f"--root_a {pair}/a/train_seg --root_b {pair}/b/train_seg"
    argv = f"{SMALL} {roots} {flags}".split()
    opt, _ = arguments.parse("", *options.SCRIPTS["inference"], argv=argv)
    jokr, _ = train_second_stage.build(opt, CUDA)
    drivers = {domain: inference.Driver(opt, domain, True, CUDA) for domain in "ab"}
    with NoWaiting():
        for driver in drivers.values() if given else ():
            driver.points.load(*driver.follow(jokr, 4, driver.align)[:2])
        frames = list(inference.retarget_clips(jokr, drivers, 4, opt, CUDA))
    assert len(frames) == 4
    for _, batch, _ in frames:
        for wait in batch.values():
            assert {x.device.type for x in wait().values()} == {"cpu"}
    assert torch.cuda.Event.return_value.synchronize.called


def test_evaluation(gpu, monkeypatch):
    """Clips' results lie on the CPU; the networks that measure them take them to the GPU."""

    def network(_):
        return InceptionFeatures(inception_v3(aux_logits=False, init_weights=False).eval())

    monkeypatch.setattr("evaluate.inception_features", network)
    state = vgg16().state_dict()
    monkeypatch.setattr("models.weights.find", lambda load, path, url: (load(state), ""))
    opt = SimpleNamespace(vgg_weights="", inception_weights="")
    (features, _), (lpips, _) = evaluate.find_networks(opt, CUDA)
    pictures = torch.zeros(2, 3, 64, 64)
    assert pictures.device.type == "cpu"
    assert lpips(pictures, pictures).device.type == "cuda"
    assert features(pictures).device.type == "cuda"


def grid_on_the_host(height, width, like, grid=geometry.coordinate_grid):
    return grid(height, width, torch.empty(0))


MUTATIONS = {
    "the redraw's grid on the host": ("utils.geometry.coordinate_grid", grid_on_the_host),
    "the warp's grid on the host": ("losses.keypoints.coordinate_grid", grid_on_the_host),
    "the warp on the host": (
        "datasets.pairs.Pairs.warps", lambda self, _: [torch.zeros(self.batch_size, 2, 3)] * 2,
    ),
    "a kernel that is no buffer": (
        "models.layers.AntiAliasDownscale.register_buffer", object.__setattr__,
    ),
    "a copy that waits": ("datasets.pairs.send", lambda tensor, device: tensor.to(device)),
    "a value that is asked for": (
        "train_first_stage.temporal", lambda one, other, alpha: alpha * (one - other).sum().item(),
    ),
    "indices on the host": (
        "train_first_stage.silhouette", lambda heatmap, _: heatmap[torch.tensor([0, 1])].sum(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_what_this_file_is_for_is_noticed(gpu, clips, mutation, monkeypatch):
    monkeypatch.setattr(*MUTATIONS[mutation])
    errors = RuntimeError, AssertionError, NotImplementedError
    with pytest.raises(errors, match="device|waits|_local_scalar"):
        stage_one(gpu, clips, "")
