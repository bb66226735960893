"""Command lines and config files."""

import re

import pytest
import yaml

from utils import arguments, options
from utils.errors import UserError

GROUPS = options.CLIPS, options.RUN, options.NETWORKS, options.TRAINING, options.FIRST_STAGE


def parse(flags, *groups):
    return arguments.parse("", *(groups or GROUPS), argv=flags.split())


def test_defaults_are_the_references():
    opt, given = parse("")
    assert not given
    assert (opt.bs, opt.iters, opt.epoch, opt.g_lr, opt.d_lr) == (8, 45001, 200000, 1e-4, 1e-4)
    assert (opt.lambda_l2, opt.lambda_eq, opt.lambda_sep, opt.lambda_pred) == (20, 2, 1, 10)
    assert (opt.lambda_disc, opt.lambda_sill, opt.delta, opt.new_alpha) == (0.005, 10, 0.1, 13)
    assert (opt.num_kp, opt.scale_kp, opt.ngf, opt.resize_w, opt.resize_h) == (
        10,
        0.25,
        64,
        256,
        256,
    )
    assert (opt.save_img, opt.print_loss, opt.eval_test, opt.save_check) == (2500, 200, 2500, 15000)
    assert not (opt.affine or opt.strong_kp or opt.no_dropout or opt.hflip)


def test_the_references_flags_are_all_known():
    parse(
        "--input_nc 3 --output_nc 3 --ndf 64 --no_mask --netG resnet_9blocks_double "
        "--norm instance --init_type normal --init_gain 0.02 --resize --no_resize "
        "--hflip --no_hflip --ext_a .png"
    )
    second = options.REFINERS, options.SECOND_STAGE
    unused = "--bottleneck 512 --save_test_img 10 --lambda_sill 10 --ext .jpg"
    assert parse(unused, *GROUPS[:3], *second)[0].save_test_img == 10
    parse("--gan_mode lsgan --ndf 64 --g_lr 1", *GROUPS[:3], options.REFINERS, options.INFERENCE)


@pytest.mark.parametrize("script", options.SCRIPTS)
def test_help_names_what_has_no_effect_once_at_its_end(script, capsys):
    with pytest.raises(SystemExit):
        arguments.parse("", *options.SCRIPTS[script], argv=["--help"])
    text = " ".join(capsys.readouterr().out.split())
    table = {o.name: o for group in options.SCRIPTS[script] for o in group}
    names = [n for o in table.values() if o.unused for n in (o.name, o.opposite) if n]
    assert len(names) >= 7
    assert text.endswith(f"without effect: {', '.join(f'--{name}' for name in names)}.")
    for name in names:
        assert len(re.findall(rf"--{name}\b", text)) == 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--bs 0", "--bs: '0' is not a whole number above 0"),
        ("--resize_w -4", "--resize_w: '-4' is not"),
        ("--g_lr -0.1", "--g_lr: '-0.1' is not a number above 0"),
        ("--g_lr nan", "--g_lr: 'nan' is not"),
        ("--num_kp many", "--num_kp: 'many' is not"),
        ("--scale_kp 2", "not a number from 0.01 to 1"),
        ("--norm layer", "invalid choice"),
        ("--lamda_l2 3", "unknown option --lamda_l2; did you mean --lambda_l2"),
        ("--bs", "expected one argument"),
    ],
)
def test_bad_values_are_one_sentence(flags, words):
    with pytest.raises(UserError) as caught:
        parse(flags)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_abbreviations_do_not_guess():
    with pytest.raises(UserError, match="unknown option --lambda_s;"):
        parse("--lambda_s 3")


def test_a_config_file_sets_and_flags_win(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("bs: 3\naffine: true\nhflip: true\nout: my folder\ndelta: 1e-1\n")
    opt, given = parse(f"--config {path} --bs 5 --no_hflip")
    assert (opt.bs, opt.affine, opt.hflip, opt.out, opt.delta) == (5, True, False, "my folder", 0.1)
    assert given == {"bs", "affine", "hflip", "out", "delta"}


def test_a_later_config_file_turns_flags_off(tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("affine: true\nhflip: true\nno_dropout: true\n")
    second.write_text("affine: false\nno_hflip: true\ndropout: true\n")
    opt, _ = parse(f"--config {first} --config {second}")
    assert (opt.affine, opt.hflip, opt.no_dropout) == (False, False, False)
    opt, _ = parse(f"--config {second} --config {first} --dropout")
    assert (opt.affine, opt.hflip, opt.no_dropout) == (True, True, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lambda_12: 3", "unknown option lambda_12; did you mean lambda_l2"),
        ("bs: -3", "--bs: '-3' is not"),
        ("just words", "holds no 'name: value' lines"),
        ("a: [", "is not yaml"),
        ("out: 2020-13-45", "is not yaml"),
        ("bs: [1]", "bs is [1]; it takes one value"),
        ("bs: true", "bs is True; it takes one value"),
        ("affine: 1", "affine is 1; it takes true or false"),
    ],
)
def test_a_bad_config_names_its_file(tmp_path, text, words):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        parse(f"--config {path}")
    assert str(path) in str(caught.value)
    assert words in str(caught.value)


def test_a_config_file_holds_no_positional(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("clip_a: cat.mp4\n")
    group = arguments.positional("clip_a", ""), arguments.option("fps_a", float, 1.0, "")
    with pytest.raises(UserError, match=f"^{path}: clip_a has no place in a file; give it on the"):
        parse(f"--config {path}", group)


def test_a_missing_config(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        parse(f"--config {tmp_path}/none.yaml")


def test_a_script_reads_its_own_section(tmp_path, monkeypatch):
    path = tmp_path / "config.yaml"
    path.write_text(
        "num_kp: 7\ntrain_first_stage:\n  bs: 2\ntrain_second_stage:\n  lambda_vgg: 0\n"
    )
    monkeypatch.setattr("sys.argv", ["train_first_stage.py"])
    opt, _ = parse(f"--config {path}")
    assert (opt.num_kp, opt.bs) == (7, 2)


def test_the_recorded_options_read_back(tmp_path):
    opt, given = parse("--bs 3 --affine --no_resize --root_a x_seg")
    line = arguments.record(opt, given, tmp_path / "config.yaml")
    assert "bs=3" in line
    assert "delta" not in line
    again, _ = parse(f"--config {tmp_path}/config.yaml")
    assert vars(again) == vars(opt)
    assert "resume" not in yaml.safe_load((tmp_path / "config.yaml").read_text())


def test_a_command_line_can_be_handed_on():
    words = "--root_a x --norm batch --dropout --direction=ab --w 64 --bs 1 --affine --fps 12.5"
    groups = options.SCRIPTS["inference"]
    opt, given = arguments.parse("", *groups, argv=words.split())
    again = list(arguments.words(opt, given, *groups))
    kept = {"--root_a=x", "--norm=batch", "--affine", "--direction=ab", "--w=64", "--fps=12.5"}
    assert set(again) == {*kept, "--bs=1", "--dropout"}
    assert arguments.parse("", *groups, argv=again)[0] == opt
    opt, given = arguments.parse("", *groups, argv=["--no_resize"])
    assert list(arguments.words(opt, given, *groups)) == ["--no_resize"]
