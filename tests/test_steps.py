"""Chains of scripts: what is skipped, what runs again, and what an interruption leaves behind."""

import json
import os
import signal

import pytest

from engine import steps
from engine.steps import Step, Steps
from utils.errors import UserError

# Each notes its arguments, does one thing, and writes its product, which is its first argument.
WORKS = """
import sys, pathlib
product = pathlib.Path(sys.argv[1])
with open(product.with_name("log"), "a") as log: print(*sys.argv[1:], file=log)
product.write_text("made")
"""
FAILS = "import sys; sys.exit(7)"
# Sends its parent a signal, as a terminal would, and waits for what the parent sends on.
INTERRUPTED = """
import os, pathlib, signal, sys, time
count, number = [], getattr(signal, sys.argv[2])
signal.signal(number, lambda *_: count.append(1))
os.kill(os.getppid(), number)
while not count: signal.pause()
time.sleep(0.05)
pathlib.Path(sys.argv[1]).with_name("signals").write_text(str(len(count)))
sys.exit(3)
"""


@pytest.fixture
def chain(tmp_path):
    """Makes steps "one", "two", "three", whose scripts do what their source says."""

    class Chain:
        folder = tmp_path

        def step(self, name="one", source=WORKS, *argv, **words):
            script, product = tmp_path / f"{name}.py", tmp_path / f"{name}.made"
            script.write_text(source)
            return Step(name, str(script), (str(product), *argv), (product,), **words)

        def calls(self):
            """The arguments of every call so far, without the product; then forgets them."""
            log = tmp_path / "log"
            lines = log.read_text().splitlines() if log.is_file() else []
            log.unlink(missing_ok=True)
            return [line.partition(" ")[2] for line in lines]

        def known(self):
            return json.loads((tmp_path / steps.RECORD).read_text())

    return Chain()


def test_a_step_that_is_done_is_skipped(chain, capfd):
    step = chain.step("one", WORKS, "--x", "1", aside=("--device", "cpu"), again=("--resume",))
    Steps(chain.folder).take(step)
    assert chain.calls() == ["--x 1 --device cpu --resume"]
    assert chain.known()["one"]["done"]
    way = Steps(chain.folder)  # as another process finds it
    before = (chain.folder / steps.RECORD).stat().st_mtime_ns
    way.take(step)
    way.take(chain.step("one", WORKS, "--x", "1", aside=("--device", "cuda")))
    assert chain.calls() == []
    assert (chain.folder / steps.RECORD).stat().st_mtime_ns == before
    assert capfd.readouterr().out.splitlines()[1:] == ["one: done before"] * 2


def test_what_a_step_wrote_is_on_the_disk_before_it_counts_as_done(chain, monkeypatch):
    seen = []

    def note(folder):
        seen.append((folder, (folder / "one.made").is_file(), chain.known()["one"]["done"]))

    monkeypatch.setattr(steps, "settle", note)
    Steps(chain.folder).take(chain.step())
    assert seen == [(chain.folder, True, False)]


def test_a_step_runs_again_for_other_arguments_inputs_or_lost_products(chain):
    way = Steps(chain.folder)
    way.take(chain.step())
    step = chain.step("one", WORKS, "--x")
    way.take(step)
    assert chain.calls() == ["", "--x"]
    step = chain.step("one", WORKS, "--x", inputs=[["frame", 3]])
    way.take(step)
    assert chain.calls() == ["--x"]
    way.take(step, force=True)
    assert chain.calls() == ["--x"]
    step.products[0].unlink()
    way.take(step)
    assert chain.calls() == ["--x"]
    way.take(step)
    assert chain.calls() == []


def test_a_config_file_counts_by_its_content(chain):
    way = Steps(chain.folder)
    paths = [chain.folder / name for name in ("a.yaml", "b.yaml")]
    for path in paths:
        path.write_text("iters: 3")
    for path in paths:
        way.take(chain.step("one", WORKS, "--config", str(path)))
    assert len(chain.calls()) == 1
    paths[1].write_text("iters: 4")
    way.take(chain.step("one", WORKS, "--config", str(paths[1])))
    assert len(chain.calls()) == 1


def test_what_follows_another_step_runs_again_with_it(chain):
    way, two = Steps(chain.folder), chain.step("two", WORKS, "2", follows=("one",))
    way.take(chain.step("one", WORKS, "1"))
    way.take(two)
    way.take(chain.step("one", WORKS, "other"))
    way.take(two)
    assert chain.calls() == ["1", "2", "other", "2"]


def test_training_is_replaced_only_when_asked_and_its_checkpoints_go_first(chain):
    run, way = chain.folder / "run", Steps(chain.folder)
    run.mkdir()
    more = {"clears": run, "replacing": ("--anew",)}
    way.take(chain.step("one", WORKS, "--seed", "0", **more))
    for name in ("checkpoint", "checkpoint_2"):
        (run / name).touch()
    before, other = chain.known(), ("--seed", "1")
    with pytest.raises(UserError, match="one: .* other options or clips.*--overwrite"):
        way.take(chain.step("one", WORKS, *other, **more))
    assert chain.known() == before
    way.take(chain.step("one", WORKS, "--seed", "0", **more), overwrite=True)  # nothing to replace
    assert (run / "checkpoint").exists()
    assert chain.calls() == ["--seed 0"]
    with pytest.raises(SystemExit):  # stops before it did anything
        way.take(chain.step("one", FAILS, *other, **more), overwrite=True)
    assert list(run.iterdir()) == []
    assert not chain.known()["one"]["done"]
    way.take(chain.step("one", WORKS, *other, **more))  # the same as the one that stopped
    way.take(chain.step("one", WORKS, "--seed", "2", **more), overwrite=True)
    assert chain.calls() == ["--seed 1", "--seed 2 --anew"]


def test_other_results_are_replaced_unasked(chain):
    way = Steps(chain.folder)
    way.take(chain.step("one", WORKS, "1", replacing=("--anew",)))
    way.take(chain.step("one", WORKS, "2", replacing=("--anew",)))
    assert chain.calls() == ["1", "2"]


def test_a_step_that_fails_ends_the_chain_with_its_code(chain, capfd):
    step = chain.step("one", FAILS)
    for _ in range(2):
        with pytest.raises(SystemExit) as end:
            Steps(chain.folder).take(step)
        assert end.value.code == 7
        assert "stopped in one" in capfd.readouterr().out
        assert not chain.known()["one"]["done"]
        step.products[0].touch()  # a product alone does not make a step done


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("number", steps.SIGNALS)
def test_an_interrupted_chain_goes_on_from_there(chain, capfd, at, number):
    names, handler = ["one", "two", "three"], signal.getsignal(number)

    def run(interrupted):
        way = Steps(chain.folder)
        for place, name in enumerate(names):
            source = INTERRUPTED if place == interrupted else WORKS
            follows = tuple(names[:place])
            way.take(chain.step(name, source, number.name, follows=follows, again=("--resume",)))

    with pytest.raises(SystemExit) as end:
        run(at)
    assert end.value.code == 128 + number
    said = f"interrupted in {names[at]}; the same command goes on from there"
    assert capfd.readouterr().out.splitlines()[-1] == said
    assert (chain.folder / "signals").read_text() == "1"  # passed on once
    assert signal.getsignal(number) == handler
    done = {name: entry["done"] for name, entry in chain.known().items()}
    assert done == {name: place < at for place, name in enumerate(names[: at + 1])}
    chain.calls()
    run(None)
    assert chain.calls() == [f"{number.name} --resume"] * (3 - at)
    assert all(entry["done"] for entry in chain.known().values())


def test_a_signal_before_the_script_is_there_reaches_it(chain, monkeypatch):
    start = steps.lifeline.start

    def interrupted(*words, **more):
        os.kill(os.getpid(), signal.SIGINT)
        return start(*words, **more)

    monkeypatch.setattr(steps.lifeline, "start", interrupted)
    step = chain.step("one", f"import time; time.sleep(20)\n{WORKS}")
    with pytest.raises(SystemExit) as end:
        Steps(chain.folder).take(step)
    assert end.value.code == 130
    assert not step.products[0].exists()  # it did not sleep to its end


def test_under_nohup_a_terminal_that_is_closed_ends_nothing(chain):
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        closes = "import os, signal; os.kill(os.getppid(), signal.SIGHUP)"
        Steps(chain.folder).take(chain.step("one", f"{closes}\n{WORKS}"))
    finally:
        signal.signal(signal.SIGHUP, former)
    assert chain.known()["one"]["done"]


@pytest.mark.parametrize("content", ["{", "[1]", '{"one": 3}', "null"])
def test_a_damaged_record_is_said(chain, content):
    (chain.folder / steps.RECORD).write_text(content)
    with pytest.raises(UserError, match=r"steps\.json is damaged; remove it"):
        Steps(chain.folder)
