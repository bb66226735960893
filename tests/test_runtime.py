"""Device, precision, compiler and memory: what is chosen, and what is said where it cannot be."""

import shutil
from functools import partialmethod

import pytest
import torch
from torch import nn

from models.build import build_jokr
from tests.conftest import SMALL, refuse
from utils import runtime
from utils.errors import UserError

CPU, CUDA, MPS = map(torch.device, ("cpu", "cuda", "mps"))


def test_precision():
    assert runtime.autocast_dtype("auto", CPU) is None
    assert runtime.autocast_dtype("bf16", CPU) == torch.bfloat16
    assert runtime.autocast_dtype("fp16", CPU) == torch.float16
    assert runtime.autocast_dtype("auto", MPS) is None
    for name in ("bf16", "fp16"):
        with pytest.raises(UserError, match=f"--precision {name}: mps cannot do it; use --prec"):
            runtime.autocast_dtype(name, MPS)


@pytest.mark.parametrize(
    ("capability", "auto"),
    [
        ((6, 1), None),
        ((7, 0), torch.float16),
        ((7, 5), torch.float16),
        ((8, 0), torch.bfloat16),
        ((9, 0), torch.bfloat16),
    ],
)
def test_precision_of_a_gpu_goes_by_its_generation(monkeypatch, capability, auto):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert runtime.autocast_dtype("auto", CUDA) == auto
    assert runtime.autocast_dtype("fp32", CUDA) is None
    assert runtime.autocast_dtype("fp16", CUDA) == torch.float16
    if capability < (8, 0):
        with pytest.raises(UserError, match="--precision bf16: cuda cannot do it"):
            runtime.autocast_dtype("bf16", CUDA)
    else:
        assert runtime.autocast_dtype("bf16", CUDA) == torch.bfloat16


@pytest.mark.parametrize(("precision", "tf32"), [("fp32", False), ("bf16", True), ("fp16", True)])
def test_only_fp32_keeps_tf32_out_of_convolutions(monkeypatch, precision, tf32):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", not tf32)
    runtime.start("cpu", precision)
    assert torch.backends.cudnn.allow_tf32 == tf32
    assert torch.get_float32_matmul_precision() == "highest"


def test_without_a_compiler(monkeypatch, capsys):
    network = nn.Conv2d(1, 1, 1)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    runtime.compile_networks("auto", CPU, network)
    runtime.compile_networks("off", CUDA, network)
    assert capsys.readouterr().err == ""
    runtime.compile_networks("auto", CUDA, network)
    warning = "warning: no C compiler (gcc) is installed; going on without --compile, slower\n"
    assert capsys.readouterr().err == warning
    assert network._compiled_call_impl is None
    with pytest.raises(UserError, match=r"--compile on: no C\+\+ compiler .* use --compile off"):
        runtime.compile_networks("on", CPU, network)
    with pytest.raises(UserError, match="--compile on: .* Apple"):
        runtime.compile_networks("on", MPS, network)


def plain_and_compiled(backend, dtype):
    """Two equal networks; `compile_networks` compiled the second one's shape decoder."""
    torch.manual_seed(0)
    keywords = {"num_kp": 3, "scale_kp": 0.5, "kp_width": 2, "ngf": 2, "blocks": 1}
    keywords |= {"no_dropout": True, "autocast": dtype}
    plain = build_jokr(**keywords, init_gain=0.3)
    compiled = build_jokr(**keywords)
    compiled.load_state_dict(plain.state_dict())
    compile_module = nn.Module.compile
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Module, "compile", partialmethod(compile_module, backend=backend))
        runtime.compile_networks("on", CPU, compiled.shape_decoder)
    assert plain.state_dict().keys() == compiled.state_dict().keys()
    return plain, compiled


def decoded_and_gradients(jokr):
    """Silhouettes of some keypoints, and the direction of the decoder's gradient there."""
    keypoints = torch.linspace(-1, 1, 12).view(2, 3, 2)
    mask_a, mask_b = jokr.decode(keypoints, 32, 32)
    (mask_a.square().mean() + mask_b.mean()).backward()
    gradients = torch.cat([p.grad.flatten() for p in jokr.shape_decoder.parameters()])
    return mask_a, mask_b, gradients / gradients.norm()


COMPILER = pytest.mark.skipif(
    not shutil.which("g++"), reason="torch.compile needs a C++ compiler here"
)


@COMPILER
@pytest.mark.parametrize(
    ("backend", "dtype"),
    [
        ("aot_eager", None),
        ("aot_eager", torch.bfloat16),
        pytest.param("inductor", torch.bfloat16, marks=pytest.mark.slow),
    ],
)
def test_compiled_and_plain_agree(backend, dtype):
    """Values, gradients and names; the pictures of `retarget` are not compiled.

    Tracing is the same for both backends; inductor is slow because it runs the C++ compiler.
    """
    from torch._inductor import config  # slow to import

    plain, compiled = plain_and_compiled(backend, dtype)
    with config.patch({"cpp.simdlen": 1}):  # with vectors g++ takes twice as long
        found, expected = map(decoded_and_gradients, (compiled, plain))
    for ours, wanted in zip(found, expected):
        assert (ours - wanted).abs().max() < (0.05 if dtype else 1e-4)
    frames = torch.zeros(1, 3, 64, 64)
    with torch._dynamo.config.patch(error_on_recompile=True):
        ours, wanted = (jokr.retarget(frames, "a", False).other_mask for jokr in (compiled, plain))
    assert torch.allclose(ours, wanted, atol=0.05 if dtype else 1e-5)


def test_pictures_between_steps_do_not_compile_the_detector_anew():
    detector = build_jokr(num_kp=3, scale_kp=0.5, kp_width=2, ngf=2)
    frames = torch.rand(2, 3, 64, 64)
    detector.detector.compile(backend="eager", dynamic=False)
    before = detector.detector(frames)[0]
    with torch._dynamo.config.patch(error_on_recompile=True):
        detector.retarget(frames[:1], "a", False)
        after = detector.detector(frames)[0]
    assert torch.equal(before, after)


def test_devices_under_torchrun(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert runtime.pick_device("auto") == torch.device("cuda:1")
    with pytest.raises(UserError, match="--device cuda:0 is one GPU; under torchrun use"):
        runtime.pick_device("cuda:0")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(UserError, match="3 processes need as many GPUs, and 2 are here"):
        runtime.pick_device("auto")
    with pytest.raises(UserError, match="one process; start it without torchrun"):
        runtime.start("cpu")


def test_a_full_memory_is_one_sentence_and_keeps_the_checkpoint(roots, tmp_path, monkeypatch):
    calls = []

    def silhouette(heatmap, mask):
        calls.append(mask)
        if len(calls) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return heatmap.sum()

    monkeypatch.setattr("losses.keypoints.silhouette", silhouette)
    flags = f"{roots} {SMALL} --bs 2 --save_check 1 --out {tmp_path}"
    words = "out of memory at --bs 2, 64 x 64, --ngf 4", "lower --bs first", "is kept"
    refuse("train_first_stage.py", flags, *words)
    assert torch.load(tmp_path / "checkpoint_0", weights_only=True)["iteration"] == 1
