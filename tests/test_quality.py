"""The quality benchmark: runs, resuming, tables."""

import csv

import pytest
import yaml

from benchmarks import quality_tables
from benchmarks.quality import COLUMNS
from tests.conftest import refuse, succeed

TINY = {
    "resize_w": 64, "resize_h": 64, "scale_kp": 0.5, "kp_width": 4, "ngf": 4, "num_kp": 5,
    "device": "cpu", "affine": True, "evaluate": {"raw": True},
    "train_first_stage": {"bs": 2, "iters": 3, "ema": 0.98},
}  # fmt: skip


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_recipes_are_run_once_and_compared(tmp_path):
    base = tmp_path / "base.yaml"
    base.write_text(yaml.safe_dump(TINY))
    flags = f"--base {base} --levels 2 --seeds 0 --frames 8 --out {tmp_path}/out"
    text = succeed("benchmarks/quality.py", f"{flags} --recipes faithful,ema --jobs 2")
    assert "| faithful (1) |" in text and "| best trivial answer (1) |" in text
    found = {row["recipe"]: row for row in rows(tmp_path / "out/quality.csv")}
    assert set(found) == {"faithful", "ema"}
    assert found["ema"]["iou_ab"] != found["faithful"]["iou_ab"]
    assert all(0 <= float(row["iou_ab"]) <= 1 for row in found.values())
    trained = list((tmp_path / "out/runs").iterdir())
    assert len(trained) == 1  # what the recipes differ in is only looked at by inference
    before = (trained[0] / "checkpoint").stat().st_mtime_ns
    succeed("benchmarks/quality.py", f"{flags} --recipes faithful,sep_all")
    assert (trained[0] / "checkpoint").stat().st_mtime_ns == before
    assert [row["recipe"] for row in rows(tmp_path / "out/quality.csv")][2:] == ["sep_all"]
    assert (tmp_path / "out/quality.png").stat().st_size > 5000


def test_mistakes_are_one_sentence(tmp_path):
    out = f"--out {tmp_path}"
    refuse("benchmarks/quality.py", f"{out} --recipes magic", "recipe magic is not in")
    refuse("benchmarks/quality.py", f"{out} --levels two", "whole numbers with commas")
    refuse("benchmarks/quality.py", f"{out} --base {tmp_path}/none.yaml", "cannot be read")
    refuse("benchmarks/quality.py", f"{out} --levels 9 --recipes faithful", "--level 9")


def row(recipe, seed, iou, landmark):
    values = dict.fromkeys(COLUMNS, 0.5)
    values.update(recipe=recipe, level="2", seed=seed, iou_ab=iou, iou_ba=iou)
    return {**values, "landmark_a_to_b": landmark}


def test_changes_are_taken_seed_by_seed():
    found = [row("faithful", "0", 0.4, 10), row("faithful", "1", 0.6, 5)]
    found += [row("better", "0", 0.5, 8), row("better", "1", 0.65, 4)]
    text = quality_tables.text(found)
    (line,) = (x for x in text.splitlines() if x.startswith("| better"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[0] == "better (2)"
    assert cells[1] == "0.575 ±0.11"
    assert cells[-2] == "+0.075 (+0.050..+0.100)"
    assert cells[-1] == "-20% (-20%..-20%)"
    (own,) = (x for x in text.splitlines() if x.startswith("| faithful"))
    assert own.strip("|").split("|")[-1].strip() == ""


def test_a_table_of_one_seed_has_no_spread():
    assert "±" not in quality_tables.text([row("faithful", "0", 0.4, 10)])
    with pytest.raises(KeyError):
        quality_tables.gather([{"level": "2"}])
