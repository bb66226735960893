"""The quality benchmark: runs, resuming, tables."""

import itertools
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from benchmarks import quality, quality_runs, quality_tables, quality_time
from benchmarks.quality_runs import COLUMNS
from engine import clock
from many import cluster
from tests.conftest import refuse, run_script
from utils import lifeline

TINY = {
    "resize_w": 64, "resize_h": 64, "scale_kp": 0.5, "kp_width": 4, "ngf": 4, "num_kp": 5,
    "device": "cpu", "affine": True, "evaluate": {"raw": True},
    "train_first_stage": {"bs": 2, "iters": 3, "ema": 0.98},
}  # fmt: skip


class Inline:
    """Stands in for a cluster: calls are made at once, here."""

    def __init__(self, cpus):
        self.results = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, function, *arguments):
        self.results[len(self.results)] = function(*arguments)
        return len(self.results) - 1

    def finished(self, handles):
        return list(handles)

    def result(self, handle):
        return self.results[handle]

    def cancel(self, handles, seconds):
        assert not handles  # all has ended


@pytest.fixture
def benchmark(monkeypatch, capsys):
    """Function of flags that runs the benchmark, and what it starts, in this process: its text."""

    def start(script, *words, stdout, stderr, env):
        done = run_script(script, words)
        stdout.write(done.stdout + done.stderr)
        return SimpleNamespace(poll=lambda: done.returncode, returncode=done.returncode)

    def run(flags):
        monkeypatch.setattr("sys.argv", ["quality.py", *flags.split()])
        quality.main()
        return capsys.readouterr().out

    monkeypatch.setattr(lifeline, "start", start)
    monkeypatch.setattr(cluster, "Cluster", Inline)
    return run


def results(tmp_path):
    """Rows of quality.csv."""
    return quality_runs.read(tmp_path / "out/quality.csv")


def flags(tmp_path, **training):
    """Words that all runs share; `training` changes what stage one takes."""
    base = tmp_path / "base.yaml"
    first = {**TINY["train_first_stage"], **training}
    base.write_text(yaml.safe_dump({**TINY, "train_first_stage": first}))
    return f"--base {base} --levels 2 --seeds 0 --frames 8 --out {tmp_path}/out"


@pytest.mark.slow
def test_recipes_are_run_once_and_compared(tmp_path, benchmark):
    """Slow: it draws a pair, trains and evaluates twice."""
    base = flags(tmp_path)
    text = benchmark(f"{base} --recipes faithful,ema")
    assert "| faithful (1) |" in text and "| best trivial answer (1) |" in text
    found = {row["recipe"]: row for row in results(tmp_path)}
    assert set(found) == {"faithful", "ema"}
    assert found["ema"]["iou_ab"] != found["faithful"]["iou_ab"]
    assert all(0 <= float(row["iou_ab"]) <= 1 for row in found.values())
    assert all(row["iterations"] == "3" and row["l1_ab"] == "" for row in found.values())
    trained = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/runs").iterdir()}
    assert text.splitlines()[-1] == benchmark(f"{base} --recipes faithful,ema").splitlines()[-1]
    assert trained == {path: path.stat().st_mtime_ns for path in (tmp_path / "out/runs").iterdir()}
    assert (tmp_path / "out/quality.png").stat().st_size > 5000


@pytest.fixture
def stubbed(monkeypatch, tmp_path):
    """Trainings by a clock of six seconds a look; recipes of their own; nothing is measured.

    Returns the scripts that were called, each with its recipe.
    """
    ticks, scripts, call = itertools.count(0, 6), [], quality_runs.call
    monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    monkeypatch.setattr(quality_runs, "recipe_file", lambda name: tmp_path / f"own/{name}.yaml")
    (tmp_path / "own").mkdir()
    second = {"bs": 2, "lambda_vgg": 0}
    both = {"quality": {"second_stage": 0.5}, "train_second_stage": second}
    for name, content in (("both", both), ("alone", {})):
        (tmp_path / f"own/{name}.yaml").write_text(yaml.safe_dump(content))
    beside = {"value": 0.5, "better": "higher", "baselines": {"mean pose": 0.1, "look-up": 0.9}}
    measured = [
        {"name": name, "case": case, **beside} for name, case in quality_runs.MEASURES.values()
    ]

    def stub(opt, log, script, *words):
        scripts.append((script, Path(words[3]).stem) if "--config" in words else script)
        if script != "evaluate.py":
            return call(opt, log, script, *words)
        out = Path(words[words.index("--out") + 1])
        out.mkdir()
        (out / "metrics.json").write_text(json.dumps({"metrics": measured}))

    monkeypatch.setattr(quality_runs, "call", stub)
    return scripts


@pytest.mark.slow
def test_recipes_take_turns_by_the_clock(tmp_path, benchmark, stubbed):
    """Slow: six short trainings of two recipes, of which one has a stage two."""
    base = flags(tmp_path, save_check=1)
    text = benchmark(f"{base} --recipes both,alone --minutes 0.8 --slices 2")
    assert "| both (1) |" in text and "1 at a time, " in text
    first, second = "train_first_stage.py", "train_second_stage.py"
    turns = [(first, "both"), (first, "alone"), (first, "alone"), (first, "both")]
    assert stubbed[:7] == ["data/make_demo.py", *turns, *[(second, "both")] * 2]
    assert stubbed[7:] == [("evaluate.py", "both")] * 4 + [("evaluate.py", "alone")] * 2
    found = [(row["recipe"], row["minutes"], row["iterations"]) for row in results(tmp_path)]
    assert [x for x in found if x[0] == "alone"] == [("alone", "0.4", "4"), ("alone", "0.8", "8")]
    assert [x[1:] for x in found if x[0] == "both"] == [
        ("0.2", "2"), ("0.4", "4"), ("0.6", "2"), ("0.8", "4")
    ]  # fmt: skip
    assert {row["floor_iou_ab"] for row in results(tmp_path)} == {"0.1"}
    assert (tmp_path / "out/quality_time.png").stat().st_size > 5000
    (tmp_path / "out/quality.csv").unlink()
    del stubbed[:]
    for path in (tmp_path / "out/runs").glob("*/*/evaluation_of_*"):
        shutil.rmtree(path)
    benchmark(f"{base} --recipes both,alone --minutes 0.8 --slices 2")
    assert {name[0] for name in stubbed[1:]} == {"evaluate.py"}  # an interrupted one goes on
    assert len(results(tmp_path)) == 6


def test_mistakes_are_one_sentence(tmp_path):
    out = f"--out {tmp_path}"
    refuse("benchmarks/quality.py", f"{out} --recipes magic", "recipe magic is not in")
    refuse("benchmarks/quality.py", f"{out} --levels two", "whole numbers with commas")
    refuse("benchmarks/quality.py", f"{out} --base {tmp_path}/none.yaml", "cannot be read")
    refuse("benchmarks/quality.py", f"{out} --levels 9 --recipes faithful", "--level 9")
    base = tmp_path / "base.yaml"
    base.write_text("quality: {second_stage: 1}")
    flags = f"{out} --base {base} --minutes 1 --recipes faithful --frames 8"
    refuse("benchmarks/quality.py", flags, "second_stage is 1; give a share")


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


def test_curves_over_time_are_averaged_where_all_have_a_point():
    def at(seed, minutes, **values):
        return {"seed": seed, "minutes": minutes, "x_ab": "", "x_ba": "", **values}

    found = [at("0", "2.0", x_ab="0.6", x_ba="0.2"), at("0", "1.0", x_ab="0.4", x_ba="")]
    found.append(at("1", "2.0", x_ab="0.5", x_ba="0.3"))
    curves = quality_time.curves(found, ("x_ab", "x_ba"))
    assert curves["0", "x_ab"] == [(1, 0.4), (2, 0.6)] and curves["1", "x_ba"] == [(2, 0.3)]
    assert quality_time.mean(curves.values()) == [(2, pytest.approx(0.4))]


def test_what_was_not_measured_is_left_out_of_the_table():
    text = quality_tables.text([{**row("faithful", "0", 0.4, 10), "l1_ab": ""}])
    assert "nan" not in text


def test_a_table_of_one_seed_has_no_spread():
    assert "±" not in quality_tables.text([row("faithful", "0", 0.4, 10)])
    with pytest.raises(KeyError):
        quality_tables.gather([{"level": "2"}])
