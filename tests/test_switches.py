"""Changes to the method that are off by default: what each does, and that runs go on with them."""

import pytest
import torch
import yaml

from engine import checkpoint, schedule
from models.build import build_jokr
from tests.conftest import ROOT, SMALL, succeed
from utils import arguments, loss_log, options

ALL = "--ema 0.5 --lr_decay 0.5 --lr_warmup 0.1 --item_stats --sees_masks --registered_affine "
ALL += "--lambda_bce 2 --augment 0.3"


def jokr(**changes):
    torch.manual_seed(0)
    return build_jokr(num_kp=3, scale_kp=0.5, kp_width=4, ngf=4, no_dropout=True, **changes)


def pictures(count=3):
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_rates_fall_linearly_at_the_end():
    factors = [schedule.lr_factor(i / 8, 0.5) for i in range(9)]
    assert factors == pytest.approx([1, 1, 1, 1, 1, 0.75, 0.5, 0.25, 0])
    assert [schedule.lr_factor(i / 8) for i in range(9)] == [1] * 9


def test_one_cycle_rises_and_falls():
    factors = [schedule.lr_factor(i / 10, 0.8, 0.2) for i in range(11)]
    assert factors[:3] == pytest.approx([0.02, 0.52, 1])
    assert factors[2:] == pytest.approx([1 - i / 8 for i in range(9)])


def test_rates_are_shares_of_those_at_the_start():
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    for factor in (0.5, 1, 0.25):
        schedule.set_rates([optimiser], factor)
        assert optimiser.param_groups[0]["lr"] == 2 * factor


def test_an_average_follows_weights_and_statistics():
    network = torch.nn.BatchNorm1d(1)
    network.weight.data.fill_(0)
    averaged = schedule.average(network, 0.75)
    averaged.updates = 90  # past the first ones
    for value in (1.0, 1.0):
        network.weight.data.fill_(value)
        network.running_mean.fill_(2 * value)
        averaged.update(network)
    assert averaged.module.weight.item() == pytest.approx(1 - 0.75**2)
    assert averaged.module.running_mean.item() == pytest.approx(2 * (1 - 0.75**2))
    assert schedule.average(network, 0) is None


def test_the_first_weights_do_not_stay_in_a_short_average():
    network = torch.nn.Linear(1, 1)
    averaged = schedule.average(network, 0.98)
    for value in [100.0] * 5 + [1.0] * 60:
        network.weight.data.fill_(value)
        averaged.update(network)
    assert averaged.module.weight.item() < 1.1  # 0.98 ** 60 of 99 would leave 30


def test_a_detector_that_sees_masks_does_not_know_looks():
    network, frames = jokr(sees_masks=True), pictures()
    masks = (frames[:, :1] > 0).float()
    views = network.view(frames, masks)
    assert torch.equal(views, network.view(frames.flip(1), masks))
    assert set(views.unique().tolist()) == {-1.0, 1.0}
    assert network.find(views, "a", False)[0].shape == (3, 3, 2)
    assert jokr().view(frames, masks) is frames


def test_item_statistics_let_training_detect_what_inference_detects():
    frames = pictures()
    plain, item = jokr(), jokr(item_stats=True)
    inferred = item.detect(frames)
    assert torch.allclose(item.detector.train()(frames)[0], inferred, atol=1e-5)
    assert torch.allclose(plain.detect(frames), inferred, atol=1e-5)
    assert not torch.allclose(plain.detector.train()(frames)[0], inferred, atol=1e-3)


def losses(folder):
    """What is learned, exactly."""
    return loss_log.curves(folder / "log.csv")


@pytest.fixture(scope="module")
def whole(pair, tmp_path_factory):
    """An uninterrupted run with every switch on."""
    out = tmp_path_factory.mktemp("switches")
    succeed("train_first_stage.py", flags(pair, out, 6))
    return out


def flags(pair, out, iterations):
    clips = f"--root_a {pair}/a/train_seg/ --root_b {pair}/b/train_seg/ {SMALL} --affine --bs 2 "
    return clips + f"{ALL} --iters {iterations} --print_loss 1 --save_check 2 --out {out}"


@pytest.mark.slow
def test_a_run_with_every_switch_resumes_as_if_never_interrupted(pair, whole, tmp_path):
    """Slow: it trains twice."""
    (tmp_path / "checkpoint_2").write_bytes((whole / "checkpoint_2").read_bytes())
    succeed("train_first_stage.py", flags(pair, tmp_path, 6) + " --resume")
    expected = {name: (x[3:], y[3:]) for name, (x, y) in losses(whole).items()}
    assert losses(tmp_path) == expected
    ends = [checkpoint.read(folder / "checkpoint") for folder in (whole, tmp_path)]
    for key in ("KP", "G_A"):
        one, two = (end["ema"][key] for end in ends)
        assert all(torch.equal(one[name], two[name]) for name in one)
    assert "bce_rec" in losses(whole)


def test_inference_takes_the_average_and_raw_does_not(pair, whole):
    flags = f"--root_a {pair}/a/train_seg --root_b {pair}/b/train_seg --device cpu"
    groups = options.CLIPS, options.RUN, options.NETWORKS, options.REFINERS, options.ALIGNMENT
    state = checkpoint.read(whole / "checkpoint")
    for raw, wanted in ((True, state), (False, state["ema"])):
        opt, given = arguments.parse("", *groups, argv=f"{flags} --load {whole}/checkpoint".split())
        network, opt = checkpoint.open_jokr(opt, given, torch.device("cpu"), stage=None, raw=raw)
        assert torch.equal(network.affine.theta, wanted["learned_t"])
        assert torch.equal(network.detector.kp.weight, wanted["KP"]["kp.weight"])
        assert opt.item_stats


def test_stage_two_keeps_to_the_average(pair, whole, tmp_path):
    flags = f"--root_a {pair}/a/train_seg/ --root_b {pair}/b/train_seg/ --device cpu --bs 2 "
    flags += f"--load {whole}/checkpoint --lambda_vgg 0 --iters 2 --ema 0.5 --out {tmp_path}"
    succeed("train_second_stage.py", flags)
    first, second = (checkpoint.read(folder / "checkpoint") for folder in (whole, tmp_path))
    assert torch.equal(first["ema"]["KP"]["kp.weight"], second["KP"]["kp.weight"])
    assert set(second["ema"]) == {"G_A", "KP", "R_A", "R_B", "learned_t"}


def test_recipes_name_options_that_exist():
    files = sorted((ROOT / "configs/recipes").glob("*.yaml"))
    assert len(files) > 5
    for path in files:
        groups = options.STAGES["stage one"]
        usual = vars(arguments.parse("", *groups, argv=[])[0])
        argv = ["--config", str(path)]
        found = vars(arguments.parse("", *groups, argv=argv, script="train_first_stage")[0])
        evaluation = options.CLIPS, options.RUN, options.NETWORKS, options.EVALUATION
        arguments.parse("", *evaluation, argv=argv, script="evaluate")
        second = options.STAGES["stage two"]
        arguments.parse("", *second, argv=argv, script="train_second_stage")
        content = yaml.safe_load(path.read_text()) or {}
        assert (found != usual) == bool(set(content) - {"evaluate", "train_second_stage"}), path
