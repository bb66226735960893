"""The quality benchmark: runs, resuming, tables."""

import csv
import json
import subprocess
from argparse import Namespace
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest
import yaml

from benchmarks import quality, quality_tables
from benchmarks.quality import COLUMNS
from tests.conftest import ROOT, refuse, run_script

TINY = {
    "resize_w": 64, "resize_h": 64, "scale_kp": 0.5, "kp_width": 4, "ngf": 4, "num_kp": 5,
    "device": "cpu", "affine": True, "evaluate": {"raw": True},
    "train_first_stage": {"bs": 2, "iters": 3, "ema": 0.98},
}  # fmt: skip


class Inline:
    """Stands in for a pool of threads: calls are made at once, here."""

    def __init__(self, workers):
        pass

    def submit(self, function, *arguments):
        future = Future()
        future.set_result(function(*arguments))
        return future

    def shutdown(self, cancel_futures):
        pass


@pytest.fixture
def benchmark(monkeypatch, capsys):
    """Function of flags that runs the benchmark, and what it starts, in this process: its text."""

    def call(command, stdout, stderr, env):
        done = run_script(Path(command[1]).relative_to(ROOT), command[2:])
        stdout.write(done.stdout + done.stderr)
        return done.returncode

    def run(flags):
        monkeypatch.setattr("sys.argv", ["quality.py", *flags.split()])
        quality.main()
        return capsys.readouterr().out

    monkeypatch.setattr(subprocess, "call", call)
    monkeypatch.setattr(quality, "ThreadPoolExecutor", Inline)
    return run


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_recipes_are_run_once_and_compared(tmp_path, benchmark):
    """Slow: it draws a pair, trains once, and evaluates three times."""
    base = tmp_path / "base.yaml"
    base.write_text(yaml.safe_dump(TINY))
    flags = f"--base {base} --levels 2 --seeds 0 --frames 8 --out {tmp_path}/out"
    text = benchmark(f"{flags} --recipes faithful,ema")
    assert "| faithful (1) |" in text and "| best trivial answer (1) |" in text
    found = {row["recipe"]: row for row in rows(tmp_path / "out/quality.csv")}
    assert set(found) == {"faithful", "ema"}
    assert found["ema"]["iou_ab"] != found["faithful"]["iou_ab"]
    assert all(0 <= float(row["iou_ab"]) <= 1 for row in found.values())
    trained = list((tmp_path / "out/runs").iterdir())
    assert len(trained) == 1  # what the recipes differ in is only looked at by inference
    before = (trained[0] / "checkpoint").stat().st_mtime_ns
    benchmark(f"{flags} --recipes faithful,sep_all")
    assert (trained[0] / "checkpoint").stat().st_mtime_ns == before
    assert [row["recipe"] for row in rows(tmp_path / "out/quality.csv")][2:] == ["sep_all"]
    assert (tmp_path / "out/quality.png").stat().st_size > 5000


def test_jobs_that_share_a_training_wait_for_it(tmp_path, monkeypatch):
    opt = Namespace(out=tmp_path, base=ROOT / "configs/quality.yaml", frames=8)
    measured = [
        {"name": name, "case": case, "value": 0.5, "better": "higher", "baselines": {"none": 0.1}}
        for name, case in quality.MEASURES.values()
    ]
    scripts, together = [], Barrier(2)

    def call(opt, log, script, *words):
        scripts.append(script)
        out = Path(words[words.index("--out") + 1])
        if script == "train_first_stage.py":
            with pytest.raises(BrokenBarrierError):
                together.wait(0.2)
            (out / "checkpoint").touch()
        else:
            out.mkdir()
            (out / "metrics.json").write_text(json.dumps({"metrics": measured}))

    monkeypatch.setattr(quality, "call", call)
    with ThreadPoolExecutor(2) as pool:
        runs = pool.map(lambda recipe: quality.run(opt, recipe, 2, 0), ("faithful", "ema"))
        assert [row["recipe"] for row in runs] == ["faithful", "ema"]
    assert sorted(scripts) == ["evaluate.py"] * 2 + ["train_first_stage.py"]


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
