"""The proof that matters most: the reference's own numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests import parity
from tests.conftest import ROOT
from tests.reference import Report

GOLDEN = Path(__file__).parent / "golden"
CLIPS = ROOT.parent / "shared" / "golden"  # with the pictures that may not be redistributed
MODULE_INPUTS = {"kp_in", "equi_noise", "kps", "kps_close", "kps_next", "theta", "seg"}


def checks_of(part, folder, capsys, seed=0):
    """How many numbers a part of the comparison checks, and its lines that end in FAIL."""
    report = Report()
    parity.parts(folder)[part](folder, report, seed)
    lines = capsys.readouterr().out.splitlines()
    assert len(set(lines)) == len(lines) == report.checked
    failed = [line for line in lines if line.endswith("FAIL")]
    assert len(failed) == report.failed
    return report.checked, failed


def numbers_in(part):
    """How many numbers the golden folder holds for a part, counted from its files alone."""
    if part == "state_dict_layout.json":
        return len(json.loads((GOLDEN / part).read_text()))
    if part == "modules.npz":
        with np.load(GOLDEN / part) as file:
            return len(set(file.files) - MODULE_INPUTS)
    content = {
        kind: json.loads((GOLDEN / f"{Path(part).stem}_{kind}.json").read_text())
        for kind in ("losses", "gradients", "weights")
    }
    theta = 2 * bool(content["gradients"].pop("learned_t", None))  # its gradient, its last value
    pairs = [*content["gradients"].values(), *content["weights"].values()]
    return sum(map(len, content["losses"])) + 2 * sum(norm > 1e-4 for _, norm in pairs) + theta


def test_every_file_of_numbers_is_looked_at():
    assert {path.name for path in GOLDEN.glob("*.npz")} < set(parity.parts(GOLDEN))
    assert sum(map(numbers_in, parity.parts(GOLDEN))) > 1700


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(part, marks=[pytest.mark.slow] if part.startswith("stage") else [])
        for part in parity.parts(GOLDEN)
    ],
)
def test_every_number_of_the_reference(part, capsys):
    """The slow parts are whole training steps in float64, up to 10^11 products each."""
    checked, failed = checks_of(part, GOLDEN, capsys)
    assert not failed
    assert checked >= numbers_in(part)


def test_the_command(tmp_path, monkeypatch, capsys):
    """All well, other weights, and nothing to check: exit codes 0, 1 and 2."""
    (tmp_path / "some").mkdir()
    (tmp_path / "some/state_dict_layout.json").symlink_to(GOLDEN / "state_dict_layout.json")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/modules.npz").symlink_to(GOLDEN / "modules.npz")
    (tmp_path / "none").mkdir()
    for folder, code, words in (
        ("some", 0, "6 of 6 ok"),
        ("other", 1, "FAIL"),
        ("none", 2, "holds nothing to check"),
    ):
        argv = ["parity", f"{tmp_path / folder}", *(["--seed", "1"] if code == 1 else [])]
        monkeypatch.setattr("sys.argv", argv)
        with pytest.raises(SystemExit) as end:
            parity.main()
        assert end.value.code == code
        printed = capsys.readouterr()
        assert words in printed.out + printed.err


@pytest.mark.slow
@pytest.mark.skipif(not CLIPS.is_dir(), reason="the published clips are not here")
def test_inference_pictures_of_the_reference(tmp_path, capsys):
    """Slow: every picture that the reference wrote is made anew."""
    (tmp_path / "golden").mkdir()
    for name in ("inference", "inference_sized"):
        (tmp_path / "golden" / name).symlink_to(CLIPS / name)
    (tmp_path / "data").symlink_to(CLIPS.parent / "data")
    checked, failed = checks_of("pictures", tmp_path / "golden", capsys)
    assert not failed
    pictures = [len(list((CLIPS / name).iterdir())) for name, _ in parity.CALLS]
    assert checked == sum(pictures) >= 96
