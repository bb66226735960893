"""Checkpoints: atomic, safe to open, the reference's too; and the options that they carry."""

import argparse
import os
import pickle
from pathlib import Path

import pytest
import torch
from torch.optim import Adam

from engine import checkpoint, run_folder
from engine.loop import prepare_output
from models.build import build_jokr
from models.discriminator import DomainDiscriminator
from utils.errors import UserError

TINY = {"num_kp": 5, "scale_kp": 0.5, "kp_width": 4, "ngf": 4}


def first_stage(**changes):
    jokr = build_jokr(**{**TINY, **changes})
    discriminator = DomainDiscriminator(5)
    generators = [*jokr.shape_decoder.parameters(), *jokr.detector.parameters()]
    if jokr.affine:
        generators.append(jokr.affine.theta)
    return jokr, {
        "G_A": jokr.shape_decoder,
        "Disc": discriminator,
        "KP": jokr.detector,
        "g_opt": Adam(generators),
        "d_opt": Adam(discriminator.parameters()),
    }


def saved(path, affine=True, **changes):
    jokr, parts = first_stage(affine=affine, **changes)
    state = checkpoint.pack(parts, jokr.affine, 0, {"scale_kp": 0.5, "resize_w": 64})
    checkpoint.save(path, {**state, "iteration": 7})
    return jokr, parts


def test_what_is_saved_comes_back(tmp_path):
    jokr, _ = saved(tmp_path / "checkpoint_6")
    other, parts = first_stage(affine=True)
    assert not torch.equal(jokr.affine.theta, other.affine.theta)
    state = checkpoint.load(tmp_path / "checkpoint_6", stage=1)
    checkpoint.restore("it", state, parts, other.affine)
    for x, y in zip(jokr.state_dict().values(), other.state_dict().values()):
        assert torch.equal(x, y)
    assert state["iteration"] == 7
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint_6"]


def test_networks_have_the_references_names():
    jokr = build_jokr(**TINY, new_norm="instance")
    wanted = {"G_A": "shape_decoder", "KP": "detector", "R_A": "refiner_a", "R_B": "refiner_b"}
    found = checkpoint.networks(jokr)
    assert set(found) == set(wanted)
    assert all(found[key] is getattr(jokr, name) for key, name in wanted.items())


@pytest.mark.parametrize("affine", [True, False])
def test_a_checkpoint_of_the_reference_opens(tmp_path, affine):
    """No iteration, options or rng; theta requires grad; integer steps in the optimiser's state."""
    jokr, parts = first_stage(affine=affine)
    sum(p.sum() for p in jokr.parameters()).backward()
    parts["g_opt"].step()
    reference = {key: part.state_dict() for key, part in parts.items()}
    for group in reference["g_opt"]["param_groups"]:
        for name in set(group) - {"lr", "betas", "eps", "weight_decay", "amsgrad", "params"}:
            del group[name]
    for entry in reference["g_opt"]["state"].values():
        entry["step"] = 1
    theta = jokr.affine.theta.detach().requires_grad_() if affine else None
    torch.save({**reference, "learned_t": theta, "epoch": 3}, tmp_path / "checkpoint_15000")

    state = checkpoint.load(tmp_path / "checkpoint_15000", stage=1)
    opt = argparse.Namespace(resize_w=256, resize_h=256, pad_factor_a=0.2, pad_factor_b=0.2)
    opt = checkpoint.adopt(opt, set(), "it", state)
    assert (opt.num_kp, opt.ngf, opt.kp_width, opt.scale_kp) == (5, 4, 4, 0.5)
    assert (opt.affine, opt.strong_kp, opt.no_dropout, opt.norm) == (
        affine,
        False,
        False,
        "instance",
    )
    other, parts = first_stage(affine=affine)
    checkpoint.restore("it", state, parts, other.affine)
    for x, y in zip(jokr.state_dict().values(), other.state_dict().values()):
        assert torch.equal(x, y)
    sum(p.sum() for p in other.parameters()).backward()
    parts["g_opt"].step()


def test_a_restored_optimiser_keeps_its_kernel_and_its_layout():
    """Rates and moments come from the file; how they are computed and laid out does not."""
    kernel = torch.randn(4, 3, 3, 3)
    theirs, ours = (torch.nn.Parameter(kernel.clone()) for _ in range(2))
    ours.data = ours.data.to(memory_format=torch.channels_last)
    saving, loading = Adam([theirs], lr=0.25), Adam([ours], lr=1.0, fused=True)
    theirs.square().sum().backward()
    saving.step()
    checkpoint.restore(
        "it", {"g_opt": {**saving.state_dict()}, "learned_t": None}, {"g_opt": loading}
    )
    group, moments = loading.param_groups[0], loading.state[ours]
    assert (group["lr"], group["fused"], group["foreach"]) == (0.25, True, None)
    for name in ("exp_avg", "exp_avg_sq"):
        assert torch.equal(moments[name], saving.state[theirs][name])
        assert moments[name].stride() == ours.stride() != theirs.stride()
    assert moments["step"].item() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"strong_kp": True},
        {"strong_kp": True, "blocks": 2},
        {"blocks": 1},
        {"no_dropout": True},
        {"norm": "batch"},
        {"norm": "none"},
        {"scale_kp": 0.25},
        {"scale_kp": 1.0},
        {"new_norm": "batch"},
    ],
)
def test_network_options_are_read_off_the_tensors(changes):
    jokr = build_jokr(**{**TINY, **changes})
    state = {"KP": jokr.detector.state_dict(), "G_A": jokr.shape_decoder.state_dict()}
    if jokr.refiner_a:
        state["R_A"] = jokr.refiner_a.state_dict()
    found = checkpoint.network_options(state)
    for name, value in {**TINY, **changes}.items():
        if not (changes.get("strong_kp") and name == "kp_width"):
            assert found[name] == value, name


def test_a_contradicting_flag_is_refused(tmp_path):
    saved(tmp_path / "checkpoint_6")
    state = checkpoint.load(tmp_path / "checkpoint_6", stage=1)
    opt = argparse.Namespace(num_kp=14, resize_w=256, resize_h=256, pad_factor_a=1, pad_factor_b=1)
    with pytest.raises(UserError, match="--num_kp 14 contradicts checkpoint it, which has 5"):
        checkpoint.adopt(opt, {"num_kp"}, "it", state)


def test_sizes_follow_the_checkpoint_unless_given(tmp_path):
    saved(tmp_path / "checkpoint_6")
    state = checkpoint.load(tmp_path / "checkpoint_6", stage=1)
    asked = argparse.Namespace(resize_w=128, resize_h=256, pad_factor_a=0.2, pad_factor_b=0.2)
    before = vars(asked).copy()
    opt = checkpoint.adopt(asked, set(), "it", state)
    assert (opt.resize_w, opt.resize_h) == (64, 256)
    assert checkpoint.adopt(asked, {"resize_w"}, "it", state).resize_w == 128
    assert vars(asked) == before


class Evil:
    def __reduce__(self):
        return (os.system, ("echo this must not run",))


def write_evil(path):
    with open(path, "wb") as file:
        pickle.dump({"G_A": Evil()}, file, protocol=2)


def write_evil_zip(path):
    torch.save({"G_A": Evil()}, path)


def write_text(path):
    path.write_text("weights")


def write_foreign(path):
    torch.save({"model": {}}, path)


def write_truncated(path):
    saved(path)
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "is no file"),
        (write_evil, "could run code"),
        (write_evil_zip, "could run code"),
        (write_text, "damaged or no checkpoint"),
        (write_foreign, "holds no checkpoint of train_first_stage.py"),
        (write_truncated, "damaged or no checkpoint"),
    ],
)
def test_what_is_no_checkpoint_is_said(tmp_path, capfd, make, words):
    make(tmp_path / "checkpoint_0")
    with pytest.raises(UserError, match=words):
        checkpoint.load(tmp_path / "checkpoint_0", stage=1)
    assert "must not run" not in capfd.readouterr().out


def test_the_other_stage_is_named(tmp_path):
    saved(tmp_path / "checkpoint_0")
    with pytest.raises(UserError, match="is of train_first_stage.py; one of train_second_stage.py"):
        checkpoint.load(tmp_path / "checkpoint_0", stage=2)


def test_newest_goes_by_iteration(tmp_path):
    assert run_folder.newest(tmp_path) is None
    for name, iteration in (("checkpoint_9", 10), ("checkpoint_100", 101)):
        checkpoint.save(tmp_path / name, {"iteration": iteration})
    (tmp_path / ".checkpoint_200.tmp").write_text("half")
    assert run_folder.newest(tmp_path).name == "checkpoint_100"
    checkpoint.save(tmp_path / "checkpoint", {"iteration": 101})
    assert run_folder.newest(tmp_path).name == "checkpoint"
    checkpoint.save(tmp_path / "checkpoint_120", {"iteration": 121})
    assert run_folder.newest(tmp_path).name == "checkpoint_120"


def test_a_failed_write_leaves_the_old_file_and_no_half_one(tmp_path, monkeypatch):
    checkpoint.save(tmp_path / "checkpoint", {"iteration": 1})

    def disk_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", disk_full)
    with pytest.raises(UserError, match="No space left"):
        checkpoint.save(tmp_path / "checkpoint", {"iteration": 2})
    monkeypatch.undo()
    assert torch.load(tmp_path / "checkpoint", weights_only=True) == {"iteration": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_where_a_run_starts(tmp_path):
    start = run_folder.starting_point
    assert start(tmp_path / "new", resume=True, load="", overwrite=False) == (None, False)
    present = tmp_path / "checkpoint_5"
    checkpoint.save(present, {"iteration": 6})
    with pytest.raises(UserError, match="already holds checkpoint_5; add --resume"):
        start(tmp_path, resume=False, load="", overwrite=False)
    assert start(tmp_path, resume=True, load="", overwrite=False) == (present, False)
    assert start(tmp_path, resume=False, load=str(present), overwrite=False) == (present, False)
    assert start(tmp_path, resume=False, load="", overwrite=True) == (None, True)
    with pytest.raises(UserError, match="lies in --out itself"):
        start(tmp_path, False, load=str(present), overwrite=True, continues=False)


def test_resume_says_where_there_is_nothing(tmp_path, capsys):
    for resume, kept, said in ((True, None, True), (True, "c", False), (False, None, False)):
        opt = argparse.Namespace(out=str(tmp_path), resume=resume)
        prepare_output(opt, set(), False, kept)
        assert (f"nothing to resume in {tmp_path}; starting\n" in capsys.readouterr().out) == said


def test_going_back_drops_only_what_came_later(tmp_path):
    early = tmp_path / "checkpoint_5"
    for name in ("checkpoint_5", "checkpoint_10", "checkpoint"):
        checkpoint.save(tmp_path / name, {"iteration": 11})
    (tmp_path / "checkpoint_notes.txt").touch()
    with pytest.raises(UserError, match="--overwrite to drop what came later"):
        run_folder.starting_point(tmp_path, False, load=str(early), overwrite=False)
    assert run_folder.starting_point(tmp_path, False, str(early), True) == (early, True)
    run_folder.clear(tmp_path, early)
    assert {p.name for p in tmp_path.iterdir()} == {"checkpoint_5", "checkpoint_notes.txt"}
    run_folder.clear(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"checkpoint_notes.txt"}


@pytest.mark.parametrize(
    "spoil",
    [
        {"KP": torch.zeros(3)},
        {"KP": {"kp.weight": torch.zeros(())}},
        {"G_A": {}},
        {"options": {"scale_kp": "x"}},
        {"options": {"scale_kp": 2.0}},
        {"options": {"scale_kp": 0.5, "resize_w": -64}},
        {"options": [1]},
    ],
)
def test_malformed_contents_are_said(tmp_path, spoil):
    saved(tmp_path / "checkpoint_0")
    state = {**checkpoint.load(tmp_path / "checkpoint_0", stage=1), **spoil}
    with pytest.raises(UserError, match="it holds other networks"):
        checkpoint.adopt(argparse.Namespace(), set(), "it", state)


@pytest.mark.parametrize("theta", [torch.zeros(3, 3), [1.0], None])
def test_a_malformed_theta_is_said(tmp_path, theta):
    jokr, parts = saved(tmp_path / "checkpoint_0")
    state = {**checkpoint.load(tmp_path / "checkpoint_0", stage=1), "learned_t": theta}
    with pytest.raises(UserError, match="learned_t in checkpoint it does not fit"):
        checkpoint.restore("it", state, parts, jokr.affine)


def test_an_out_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        run_folder.starting_point(tmp_path / "file" / "out", False, "", False)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux tells what is mapped")
def test_a_checkpoint_is_mapped_until_it_is_restored(tmp_path):
    """Not read as a whole, and let go before the run may replace it."""
    path = tmp_path / "checkpoint"
    jokr, parts = first_stage(affine=True)
    sum(p.sum() for p in jokr.parameters()).backward()
    parts["g_opt"].step()
    checkpoint.save(path, checkpoint.pack(parts, jokr.affine, 0, {"scale_kp": 0.5}))
    other, others = first_stage(affine=True)
    state = checkpoint.load(path, stage=1)
    assert str(path) in Path("/proc/self/maps").read_text()
    checkpoint.restore(path, state, others, other.affine)
    del state
    assert str(path) not in Path("/proc/self/maps").read_text()
    for key in ("KP", "Disc"):
        for x, y in zip(parts[key].state_dict().values(), others[key].state_dict().values()):
            assert torch.equal(x, y)


def test_a_file_of_old_pytorch_opens(tmp_path):
    """It is no zip archive, and cannot be mapped."""
    jokr, parts = first_stage(affine=True)
    state = checkpoint.pack(parts, jokr.affine, 0, {"scale_kp": 0.5})
    torch.save(state, tmp_path / "checkpoint", _use_new_zipfile_serialization=False)
    found = checkpoint.load(tmp_path / "checkpoint", stage=1)
    assert torch.equal(found["KP"]["kp.weight"], jokr.detector.kp.weight)


def test_a_checkpoint_that_a_full_disk_refuses_is_one_plain_sentence(tmp_path):
    resource = pytest.importorskip("resource")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, former[1]))
    try:
        with pytest.raises(UserError, match=r"checkpoint cannot be written \(File too large\)"):
            checkpoint.save(tmp_path / "checkpoint", {"x": list(torch.rand(30, 10_000))})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert not list(tmp_path.iterdir())
