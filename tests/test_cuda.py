"""What only a GPU can show: its steps are the CPU's, it never waits, compiles once and resumes.

Skipped without an NVIDIA GPU. TEST_DEVICE=cpu runs the same tests on the CPU, in small and but for
the lines that only CUDA has, so that one knows beforehand that they run:

    TEST_DEVICE=cpu python -m pytest tests/test_cuda.py
"""

import contextlib
import json
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import train_first_stage
import train_second_stage
from datasets.clip import Clip
from datasets.pairs import Batch, ClipTensors, Pairs
from engine import schedule
from engine.log import FiniteGuard
from finishing import sheets
from tests import weights
from tests.conftest import ROOT, SMALL, succeed
from utils import arguments, loss_log, options, runtime, tensors

CPU, DEVICE = torch.device("cpu"), torch.device(os.environ.get("TEST_DEVICE", "cuda"))
ON_GPU = DEVICE.type == "cuda"
pytestmark = pytest.mark.skipif(
    ON_GPU and not torch.cuda.is_available(), reason="there is no NVIDIA GPU; TEST_DEVICE=cpu tries"
)
NETWORKS = "--resize_w 64 --resize_h 64 --scale_kp 0.5 --num_kp 11 "
NETWORKS += "--kp_width 8 --ngf 16 --bs 4" if ON_GPU else "--kp_width 2 --ngf 4 --bs 2"
STEPS = 20 if ON_GPU else 2
SWITCHES = "--sees_masks --lambda_bce 2 --item_stats --norm batch"
STAGES = {"one": train_first_stage, "two": train_second_stage}
RECIPES = "recommended", "quick"
HALF = ("bf16", "fp16")
# Largest errors of one step at --ngf 16, by the first letters of what it computes: float32 on a CPU
# keeps to an eighth or less of them against float64, and TF32 would be four times beyond or more.
BOUNDS = {"kp": 3e-4, "next": 3e-4, "warped": 3e-4, "aligned": 3e-4, "mask": 4e-3, "refined": 3e-2}
GRADIENT_BOUNDS = {"one": 2e-2, "two": 1e-1}  # of the gradient's length


@pytest.fixture(autouse=True)
def machine():
    """Whatever a test chooses for the whole process ends with it."""
    former = torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = former


@pytest.fixture(scope="module")
def clips(pair):
    return [Clip(pair / domain / "train_seg") for domain in "ab"]


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """A file of random weights for VGG16."""
    return weights.vgg16_file(tmp_path_factory.mktemp("vgg") / "vgg16.pth")


class Training:
    """A stage of training as its script sets it up, on any device, with the weights of seed 0."""

    def __init__(self, stage, device, clips, flags, vgg=None):
        self.script, words = STAGES[stage], f"{NETWORKS} --affine {flags}".split()
        groups, name = options.STAGES[f"stage {stage}"], self.script.__name__
        self.opt = opt = arguments.parse("", *groups, argv=words, script=name)[0]
        self.device = runtime.start(str(device), opt.precision)
        runtime.seed(0)
        self.networks = list(self.script.build(opt, device))
        self.jokr, self.extra = self.networks[0], {}
        if stage == "two":
            opt.vgg_weights, opt.lambda_vgg = str(vgg or ""), float(bool(vgg))
            self.networks.insert(1, train_second_stage.load_lpips(opt, device))
        dtype = runtime.autocast_dtype(opt.precision, device)
        if scaler := runtime.loss_scaler(dtype, device):
            self.extra["scaler"] = scaler
        if getattr(opt, "lambda_gan", 0):
            critics = self.script.build_discriminators(opt, device)
            self.extra |= dict(zip(("discriminators", "d_opt"), critics))
        if getattr(opt, "exemplar", False):  # every frame copies from the first
            nearest = [np.zeros((len(clip), 1), int) for clip in clips]
            self.jokr.galleries = {d: SimpleNamespace(neighbours=n) for d, n in zip("ab", nearest)}
        in_memory = [ClipTensors(clip, 64, 64, 0.2, device) for clip in clips]
        self.pairs = Pairs(*in_memory, opt.bs, opt.seed)
        self.averaged = schedule.average(self.jokr, opt.ema)
        parts = *self.networks, *self.extra.values()
        self.optimisers = [x for x in parts if isinstance(x, torch.optim.Optimizer)]
        self.guard = FiniteGuard()

    def step(self, iteration):
        """One iteration with all that surrounds it; the losses and what the step computed."""
        runtime.seed(0, iteration)
        terms, *_, seen = self.script.train(
            *self.networks, self.pairs, iteration, self.opt, **self.extra
        )
        factor = schedule.lr_factor((iteration + 1) / 100, self.opt.lr_decay)
        schedule.set_rates(self.optimisers, factor)
        if self.averaged:
            self.averaged.update(self.jokr)
        self.guard.watch(iteration, terms)
        return terms, seen

    def losses(self, count):
        """Losses of so many iterations, a list of dicts of numbers."""
        found = [self.step(iteration)[0] for iteration in range(count)]
        self.guard.check()
        return [{name: term.item() for name, term in terms.items()} for terms in found]

    def gradient(self):
        """The last step's, of all networks, as one CPU tensor."""
        parts = [p.grad.flatten().cpu() for p in self.jokr.parameters() if p.grad is not None]
        return torch.cat(parts)


class Given:
    """`Pairs` that give the same on every device: noise, whose masks have no edge where a pixel of
    a smaller mask would be half inside, which rounds either way."""

    def __init__(self, device, count):
        noise = torch.Generator().manual_seed(0)
        mask = torch.zeros(count, 1, 64, 64)
        mask[..., 10:54, 13:50] = 1
        self.batches, self.both_warps = [], []
        for _ in "ab":
            frames = torch.rand(2, count, 3, 64, 64, generator=noise) * 2 - 1
            batch = Batch(*(frames * mask), mask, mask)
            self.batches.append(Batch(*(x.to(device) for x in batch)))
            warp = torch.eye(2, 3) + 0.1 * torch.randn(count, 2, 3, generator=noise)
            self.both_warps.append(warp.to(device))

    def batch(self, iteration):
        return self.batches

    def warps(self, iteration):
        return self.both_warps


@pytest.mark.parametrize("flags", ("", SWITCHES))
@pytest.mark.parametrize("stage", STAGES)
def test_a_float32_step_is_that_of_the_cpu(stage, clips, flags, vgg):
    """TF32, which keeps 10 bits, would not be."""
    if stage == "two":
        flags = "--item_stats --new_norm batch" if flags else ""
    found = []
    for device in (DEVICE, CPU):
        training = Training(stage, device, clips, f"{flags} --precision fp32 --no_dropout", vgg)
        training.pairs = Given(device, training.opt.bs)
        found.append((*training.step(0), training.gradient()))
    (terms, seen, gradient), (wanted_terms, wanted_seen, wanted_gradient) = found
    for name, term in wanted_terms.items():
        assert terms[name].item() == pytest.approx(term.item(), rel=1e-4, abs=1e-6), name
    for name, value in wanted_seen.items():
        error = (seen[name].detach().cpu() - value.detach()).abs().max()
        assert error < BOUNDS[name.split("_")[0]], name
    assert (gradient - wanted_gradient).norm() < GRADIENT_BOUNDS[stage] * wanted_gradient.norm()


def test_batches_are_those_of_the_cpu(clips):
    """But for single pixels at the masks' edges, where rounding decides."""
    ours, wanted = (Training("one", device, clips, "").pairs for device in (DEVICE, CPU))
    for batch, wanted_batch in zip(ours.batch(3), wanted.batch(3)):
        for x, y in zip(batch, wanted_batch):
            assert ((x.cpu() - y).abs() > 1e-3).float().mean() < 1e-3
    for warp, wanted_warp in zip(ours.warps(3), wanted.warps(3)):
        assert torch.equal(warp.cpu(), wanted_warp)


@pytest.mark.parametrize("precision", HALF)
@pytest.mark.parametrize("stage", STAGES)
def test_sixteen_bits_stay_near_float32(stage, clips, precision, vgg):
    """At first within rounding, and after some steps by no more than rounding grows to."""
    found = {
        name: Training(stage, DEVICE, clips, f"--precision {name} --no_dropout", vgg).losses(
            STEPS + 1
        )
        for name in ("fp32", precision)
    }
    first, last = ([losses[step] for losses in found.values()] for step in (0, STEPS))
    for name in first[0]:
        assert first[1][name] == pytest.approx(first[0][name], rel=0.02, abs=1e-3), name
    assert sum(last[1].values()) == pytest.approx(sum(last[0].values()), rel=0.1)


@contextlib.contextmanager
def without_waiting():
    """Inside, what makes the host wait for the GPU raises RuntimeError."""
    if ON_GPU:
        torch.cuda.synchronize()
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        if ON_GPU:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("precision", ("auto", "fp16"))
@pytest.mark.parametrize("stage", STAGES)
def test_a_step_of_a_recipe_never_waits(stage, clips, precision, recipe, vgg):
    flags = f"--config {ROOT}/configs/recipes/{recipe}.yaml --precision {precision}"
    flags += " --ema 0.98 --lr_decay 0.5"
    training = Training(stage, DEVICE, clips, flags, vgg)
    training.losses(3)  # cuDNN tries its algorithms, the optimisers make their moments
    with without_waiting():
        training.step(3)


def test_inference_never_waits_while_it_launches(clips):
    jokr = Training("two", DEVICE, clips, "--precision fp32").jokr
    frames = torch.rand(4, 3, 64, 64, device=DEVICE) * 2 - 1

    def pictures():
        result = jokr.retarget(frames, "a", align=True)
        return tensors.fetch(sheets.batch_pictures(frames, frames[:, :1], result, False, False))

    wanted = pictures()()
    with without_waiting():
        found = pictures()
    for name, picture in found().items():
        assert picture.device == CPU
        assert (picture.float() - wanted[name].float()).abs().max() <= 1, name


@pytest.mark.parametrize("stage", STAGES)
def test_compiled_steps_compile_once_and_compute_the_same(stage, clips, vgg, monkeypatch):
    if not ON_GPU:  # the CPU's compiler takes minutes
        compile_module = torch.nn.Module.compile
        eager = lambda self, **words: compile_module(self, **{**words, "backend": "eager"})  # noqa: E731
        monkeypatch.setattr(torch.nn.Module, "compile", eager)
    flags = "--no_dropout --compile"
    plain = Training(stage, DEVICE, clips, f"{flags} off", vgg)
    training = Training(stage, DEVICE, clips, f"{flags} on", vgg)
    training.script.compile_networks(training.opt, DEVICE, training.pairs, *training.networks)
    found, wanted = (some.losses(1)[0] for some in (training, plain))
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=0.02, abs=1e-3), name
    with torch._dynamo.config.patch(error_on_recompile=True):
        for iteration in range(1, 1 + STEPS):
            training.step(iteration)
            if iteration == 1:
                training.jokr.retarget(training.pairs.stills()[0][0], "a", align=True)
    training.guard.check()


@pytest.mark.parametrize("stage", STAGES)
def test_a_resumed_run_goes_on_with_the_same_losses(stage, roots, first, tmp_path):
    """Nearly: sums on a GPU have no fixed order, and every step hands their rounding on."""
    script = STAGES[stage].__name__ + ".py"
    flags = f"{roots} {SMALL} --affine --bs 2 --device {DEVICE} --precision fp32 --iters 7 "
    flags += "--print_loss 1 --save_check 3 --save_img 5 --eval_test 5"
    flags += f" --load {first}/checkpoint_4 --lambda_vgg 0" if stage == "two" else " --ema 0.9"
    whole, interrupted = tmp_path / "whole", tmp_path / "interrupted"
    succeed(script, f"{flags} --out {whole}")
    interrupted.mkdir()
    shutil.copy(whole / "checkpoint_3", interrupted)
    assert "iteration 4" in succeed(script, f"{flags} --out {interrupted} --resume")
    wanted, found = (loss_log.read(folder / "log.csv") for folder in (whole, interrupted))
    wanted = wanted[4:]
    assert [row["iteration"] for row in found] == [row["iteration"] for row in wanted] == [4, 5, 6]
    for row, wanted_row, bound in zip(found, wanted, (1e-3, 2e-2, 5e-2)):
        for name in [name for name in row if "loss" in name or "rec" in name]:
            assert row[name] == pytest.approx(wanted_row[name], rel=bound, abs=1e-5), name


@pytest.fixture(scope="module")
def lossless(pair, tmp_path_factory):
    """Flags that name both clips as PNG: JPEG would blow up the smallest difference."""
    out = tmp_path_factory.mktemp("png")
    for path in pair.glob("[ab]/train*/*.jpg"):
        target = out / path.relative_to(pair).with_suffix(".png")
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).save(target)
    return f"--root_a {out}/a/train_seg --root_b {out}/b/train_seg --ext_a .png --ext_b .png"


def largest_difference(one, two, pattern):
    """Of the pictures in two folders, which hold the same names, of 255."""
    names = sorted(path.name for path in one.glob(pattern))
    assert names and names == sorted(path.name for path in two.glob(pattern))
    pairs = ([np.int16(Image.open(folder / name)) for folder in (one, two)] for name in names)
    return max(np.abs(a - b).max() for a, b in pairs)


def test_pictures_do_not_depend_on_the_batch(lossless, second, tmp_path):
    """In float32, but for the rounding to 255 steps, where another order of sums may show; more so
    where a silhouette's values are stretched."""
    flags = f"{lossless} --load {second}/checkpoint --device {DEVICE} --splitted --affine"
    folders = {name: tmp_path / name for name in ("1", "16", "16 on the CPU")}
    for name, out in folders.items():
        words = f"{flags} --precision fp32 --bs {name.split()[0]}".split()
        words += ["--device", "cpu"] if "CPU" in name else []
        succeed("inference.py", [*words, "--out", str(out)])
    one, *others = folders.values()
    for other in others:
        assert largest_difference(one, other, "[!d]*.png") <= 1
        assert largest_difference(one, other, "decoded_*.png") <= 3


@pytest.mark.parametrize("precision", HALF)
def test_sixteen_bits_show_little_of_the_batch(precision, clips):
    """No more than of themselves: algorithms, and so the rounding, differ from batch to batch."""
    full, half = (
        Training("two", DEVICE, clips, f"--precision {name}").jokr for name in ("fp32", precision)
    )
    half.load_state_dict(full.state_dict())
    frames = torch.rand(16, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    frames = frames.to(DEVICE)
    exact, batch = (jokr.retarget(frames, "a", False).other_picture for jokr in (full, half))
    alone = [half.retarget(frame[None], "a", False).other_picture for frame in frames]
    by_batch, by_rounding = (x.sub(batch).abs().mean() for x in (torch.cat(alone), exact))
    assert 0 < by_rounding < 0.02
    assert by_batch < 0.02


def test_measures_are_those_of_the_cpu(pair, roots, second, vgg, tmp_path):
    """With LPIPS and KID, on random weights."""
    inception = weights.inception_file(tmp_path / "inception.pth")
    flags = f"{roots} --load {second}/checkpoint --truth {pair}/truth --precision fp32 "
    flags += f"--vgg_weights {vgg} --inception_weights {inception}"
    found = []
    for device in (DEVICE, CPU):
        out = tmp_path / f"on_{device.type}"
        succeed("evaluate.py", f"{flags} --device {device} --out {out}")
        rows = json.loads((out / "metrics.json").read_text())["metrics"]
        found.append({(row["name"], row["case"]): row["value"] for row in rows})
    ours, wanted = found
    assert ours.keys() == wanted.keys()
    for name, value in wanted.items():
        if value is None:
            assert ours[name] is None
        else:
            assert ours[name] == pytest.approx(value, rel=0.02, abs=1e-3), name
