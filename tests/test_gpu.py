"""`make gpu`: its parts, its figures and the tables that they fill, without a GPU.

These tests are slow: they measure a row for every setting.
"""

import json
import re
import shutil
import sys
import time

import pytest
import torch

from benchmarks import gpu, gpu_parts, gpu_tables, sweep
from tests.conftest import ROOT, SMALL
from utils import arguments, options
from utils.errors import UserError

pytestmark = pytest.mark.slow

SPEED = {
    "product TFLOP/s": 100.0,
    "stage first: 256x256": {"plain": dict.fromkeys(gpu_tables.STEPS.values(), 1.0)},
}
OUTCOMES = """<testsuites><testsuite><testcase name="good"/><testcase name="idle"><skipped/>
</testcase><testcase name="bad"><failure/></testcase></testsuite></testsuites>"""


@pytest.fixture
def gpu_run(tmp_path, monkeypatch):
    """Function that runs benchmarks/gpu.py whose commands write their files at once."""
    page = tmp_path / "page.md"
    shutil.copy(ROOT / "docs/performance.md", page)
    calls = []

    def call(words, end):
        calls.append(" ".join(map(str, words)))
        if "--json" in words:
            target = tmp_path / "out" / f"{words[2]}.json"
            rows = {"256 x 256": {"GiB fp32": 2.5, "it/s fp32": 10.0}}
            target.write_text(json.dumps({**SPEED, words[2]: rows}))
        elif "pytest" in words:
            (tmp_path / "out/tests.xml").write_text(OUTCOMES)
        return "python " + calls[-1], 0

    def run(*words):
        argv = ["gpu.py", *words, "--device", "cpu", "--json", f"{tmp_path}/gpu.json"]
        argv += ["--page", str(page), "--out", f"{tmp_path}/out"]
        monkeypatch.setattr(sys, "argv", argv)
        calls.clear()
        gpu.main()
        return calls, json.loads((tmp_path / "gpu.json").read_text()), page.read_text()

    monkeypatch.setattr(gpu_parts, "call", call)
    monkeypatch.setenv("TEST_DEVICE", "cpu")
    return run


def test_gpu_figures_come_part_by_part_into_the_page(gpu_run, tmp_path, monkeypatch):
    calls, found, page = gpu_run()
    assert list(found["parts"]) == list(gpu.PARTS)
    assert found["parts"]["tests"]["figures"] == {"passed": 1, "skipped": 1, "failed": ["bad"]}
    assert "1 passed, 1 skipped, 1 failed (bad)" in page
    assert "| plain | 1 | 1 | 1 | 1 | 1 | 1 |" in page
    assert "| 256 x 256 | 2.5 | 10 |" in page
    assert found["parts"]["first"]["command"] in page
    assert gpu_tables.NOTHING not in page
    calls, *_ = gpu_run()
    assert calls == []
    calls, *_ = gpu_run("inference")
    assert [call.split()[2] for call in calls] == ["inference"]
    monkeypatch.setattr(torch, "__version__", "another")
    with pytest.raises(UserError, match="holds figures of cpu, torch"):
        gpu_run()


def test_a_gpu_part_is_not_begun_without_the_time_for_it(gpu_run, capsys):
    calls, found, page = gpu_run("--minutes", "0.01")
    assert list(found["parts"]) == ["tests"]
    assert gpu_tables.NOTHING in page
    calls, found, _ = gpu_run("--minutes", "0.01")
    assert list(found["parts"]) == ["tests", "first"]
    assert "still lacking: second" in capsys.readouterr().out


def test_a_gpu_run_that_is_not_through_is_gone_on_with(gpu_run, monkeypatch):
    both = [
        {"first": {"iterations": 9, "of": 10}, "second": None, "finished": done} for done in (0, 1)
    ]
    states = iter(both)
    monkeypatch.setitem(gpu.PARTS, "run", lambda opt, end: ("python run.py", next(states)))
    *_, page = gpu_run("run")
    assert "Not finished" in page and "| stage first | 9 | 10 | - | - |" in page
    gpu_run()
    assert next(states, None) is None


def test_a_command_out_of_time_is_interrupted():
    words = "-c", "import time; time.sleep(60)"
    assert gpu_parts.call(words, 0)[1] is None
    assert gpu_parts.call(("-c", "raise SystemExit(3)"), time.monotonic() + 60)[1] == 3


def test_every_gpu_table_has_its_place_in_the_page():
    page = (ROOT / "docs/performance.md").read_text()
    assert re.findall(r"<!-- gpu: (\w+) -->", page) == list(gpu_tables.TABLES) == list(gpu.PARTS)
    assert page.count("<!-- end -->") == len(gpu.PARTS)


@pytest.mark.parametrize("stage", ["first", "second"])
def test_the_sweep_has_a_row_for_every_setting(stage, roots, monkeypatch):
    monkeypatch.setattr(sweep, "BATCHES", (1, 2))
    monkeypatch.setattr(sweep, "LARGE_BATCHES", (1,))
    groups = options.STAGES[f"stage {stage.replace('first', 'one').replace('second', 'two')}"]
    words = f"{roots} {SMALL} --precision bf16".split()
    opt = arguments.parse("", *groups, argv=words)[0]
    opt.steps, opt.lambda_vgg, opt.bs = 1, 0, 2
    rows = sweep.sweep(stage, opt, torch.device("cpu"))
    assert len(rows) == 5
    assert "128 x 128, ngf 4, bs 1" in rows
    assert all(row["it/s bf16"] > 0 and row["GiB bf16"] is None for row in rows.values())
