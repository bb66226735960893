"""run_many.py: its list, its jobs, its queue and its page; a cluster only where Ray is there."""

import os
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from many import cluster, jobs, listing, queue, rows
from preparation.pair_options import GROUPS
from tests.conftest import ROOT, refuse
from utils import lifeline, loss_log
from utils.errors import UserError

SHARE = {"cpus": 1, "gpus": 0}
KNOWN = {o.name: o for group in GROUPS for o in group if o.name not in ("out", "seed")}
LIST = """common: {preset: quick, seeds: [0, 1], fps_a: 12}
pairs:
  - {name: one, clip_a: a.mp4, clip_b: b.mp4}
  - name: two
    clip_a: a.mp4
    clip_b: b.mp4
    fps_a: 25
    seeds: 7
"""


@pytest.fixture
def read(tmp_path):
    """Function of a list's text: its pairs."""

    def call(text):
        (tmp_path / "pairs.yaml").write_text(text)
        return listing.read(tmp_path / "pairs.yaml", KNOWN, {"seed": "is given as seeds"})

    return call


def test_a_pairs_own_options_win(read):
    one, two = read(LIST)
    assert (one.seeds, two.seeds) == ((0, 1), (7,))
    assert [pair.options["fps_a"].content for pair in (one, two)] == ["12", "25"]
    assert [pair.options["fps_a"].line for pair in (one, two)] == [1, 7]


@pytest.mark.parametrize(
    "old, new, line, words",
    [
        ("fps_a: 25", "fsp_a: 25", 7, "did you mean fps_a"),
        ("fps_a: 25", "fps_a: 0", 7, "pair two: fps_a: '0' is not a number from 0.001"),
        ("fps_a: 25", "overwrite: 25", 7, "overwrite: it takes true or false"),
        ("fps_a: 25", "preset: slow", 7, "'slow' is none of quick, full"),
        ("fps_a: 25", "seed: 25", 7, "seed is given as seeds"),
        ("fps_a: 25", "clip_a: c.mp4", 7, "clip_a is given twice"),
        ("seeds: 7", "seeds: -7", 8, "different whole numbers"),
        ("name: two", "name: one", 4, "line 3 has a pair of this name"),
        ("name: two", "name: ONE", 4, "line 3 has a pair of this name"),
        ("name: two", "name: ../two", 4, "give letters, digits"),
        ("    clip_b: b.mp4\n", "", 4, "clip_b is missing"),
        ("common", "comon", 1, "unknown part comon"),
    ],
)
def test_mistakes_are_told_with_their_lines(read, old, new, line, words):
    with pytest.raises(UserError, match=f"pairs.yaml, line {line}") as refused:
        read(LIST.replace(old, new))
    assert words in str(refused.value)


@pytest.mark.parametrize("text", ["", "pairs: []", "pairs: {a: 1}", "- 1", "{", "\0", "a" * 100])
def test_what_is_no_list_is_refused(read, text):
    with pytest.raises(UserError, match="pairs.yaml"):
        read(text)


@pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed")
def test_missing_files_and_wrong_settings_are_told_before_anything_starts(tmp_path):
    pairs, settings = tmp_path / "pairs.yaml", tmp_path / "mine.yaml"
    pairs.write_text(LIST)
    command = [str(pairs), "--out", str(tmp_path / "out")]
    refuse("run_many.py", command, "line 3, pair one", "a.mp4 does not exist")
    for name in "ab":
        (tmp_path / f"{name}.mp4").touch()
    own = f"settings: {settings}, clip_a: {tmp_path}/a.mp4, clip_b: {tmp_path}/b.mp4"
    pairs.write_text(f"pairs:\n  - {{name: one, {own}}}\n")
    settings.write_text("itres: 3\n")
    for more in ([], ["--address", "10.0.0.1:6379"], ["--gpus_per_pair", "0"]):
        refuse("run_many.py", [*command, *more], "line 2, pair one", "itres")
    settings.write_text("seed: 3\n")
    refuse("run_many.py", command, "line 2, pair one", "seed has no effect there")
    settings.write_text("iters: 3\n")
    for wrong, words in (
        ("device: 'cuda:7'", "device: cuda:7 is none of auto, cpu, cuda, mps"),
        ("mask_a: file", "--mask file needs --mask_file"),
        ("mask_b: alpha, box_b: '1,1,9,9'", "--box has no effect with --mask alpha"),
        (f"mask_file_a: {tmp_path}/none", "none does not exist"),
    ):
        pairs.write_text(f"pairs:\n  - {{name: one, {own},\n     {wrong}}}\n")
        refuse("run_many.py", command, "pairs.yaml, line ", "pair one", words)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def job(tmp_path):
    return jobs.Job("one", 0, (), tmp_path, tmp_path / "one/seed0", "quick")


@pytest.fixture
def proof(tmp_path):
    (tmp_path / "proof").write_text("seen")
    return jobs.Proof(tmp_path / "proof", "seen")


@pytest.fixture
def says(monkeypatch):
    """Function of Python's source that takes the place of run.py."""

    def call(source):
        def start(script, **more):
            return subprocess.Popen([sys.executable, "-c", source], **more)

        monkeypatch.setattr(lifeline, "start", lambda script, *words, **more: start(script, **more))

    return call


def test_how_a_job_ended_is_told_by_its_last_sentence(job, proof, says):
    says("import os, sys; print(os.environ['OMP_NUM_THREADS']); sys.exit('error: no masks')")
    outcome = jobs.run(job, {"cpus": 3, "gpus": 0}, proof)
    assert (outcome.code, outcome.sentence) == (1, "no masks")
    assert set((job.out / jobs.LOG).read_text().splitlines()) == {"3", "error: no masks"}


@pytest.mark.parametrize(
    "said, code, sentence",
    [
        ("RuntimeError: CUDA error\nstopped in stage one", 1, "RuntimeError: CUDA error"),
        ("error: no masks\nif masks are missing", 2, "no masks"),
        ("stopped in stage one", 3, "it ended with code 3"),
        ("half a line", -11, "SIGSEGV ended it; log.txt holds what it said before"),
        ("stopped in stage one", 245, "SIGSEGV ended it; log.txt holds what it said before"),
    ],
)
def test_a_failure_has_a_reason(said, code, sentence):
    assert jobs._reason(said.splitlines(), code) == sentence


def test_seconds_are_those_of_all_commands(job, proof, says):
    says("")
    first, second = (jobs.run(job, SHARE, proof).seconds for _ in range(2))
    assert 0 < first < second
    for damage in ("nan", "inf", "-1", "1e300", "long"):
        (job.out / jobs.SPENT).write_text(damage)
        assert 0 < jobs.run(job, SHARE, proof).seconds < 60


@pytest.mark.parametrize("gpus, seen", [(0, ""), (0.5, "0,1")])
def test_a_job_without_a_gpu_sees_none(job, proof, says, monkeypatch, gpus, seen):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")  # as Ray sets it
    says("import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.getcwd())")
    assert jobs.run(job, {"cpus": 1, "gpus": gpus}, proof).code == 0
    assert (job.out / jobs.LOG).read_text() == f"{seen} {job.place}\n"


def test_what_the_system_kills_is_tried_again(job, proof, says, tmp_path):
    again = tmp_path / "again"
    says(f"import os; os.path.exists('{again}') or os.mkdir('{again}') or os.kill(os.getpid(), 9)")
    assert jobs.run(job, SHARE, proof).code == 0
    says("import os; os.kill(os.getpid(), 9)")
    assert "want of memory" in jobs.run(job, SHARE, proof).sentence


def test_a_former_attempt_is_waited_for(job, proof, says, monkeypatch):
    """It holds the folder from a process of its own, and lets it go."""
    held = "with locks.locked(sys.argv[1]): print(flush=True); time.sleep(float(sys.argv[2]))"
    says("")

    def hold(seconds):
        source = f"import sys, time; from utils import locks\n{held}"
        command = [sys.executable, "-c", source, str(job.out), str(seconds)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        process.stdout.readline()
        return process

    with hold(0.5):
        assert jobs.run(job, SHARE, proof).code == 0
    monkeypatch.setattr(jobs, "DYING", 0)
    with hold(60) as process:
        assert "is in use by" in jobs.run(job, SHARE, proof).sentence
        process.kill()


def test_a_machine_without_the_storage_does_nothing(job, proof, says):
    says("1/0")
    for shown in (jobs.Proof(proof.path, "other"), jobs.Proof(Path("/no/such"), "seen")):
        with pytest.raises(cluster.Unfit, match="has to be on storage that all machines share"):
            jobs.run(job, SHARE, shown)
    assert not job.out.exists()


def test_shares_of_machines():
    gpus, plain = (cluster.Machine("", "", *has) for has in ((64.0, 8.0), (2.0, 0.0)))
    assert queue.share([plain], 0, None) == (1, 0)
    assert queue.share([gpus, plain], 0, None) == (8, 1)
    assert queue.share([gpus], 0, 0.5) == (4, 0.5)
    assert queue.places(gpus, 4, 0.5) == 16 and queue.places(plain, 4, 0.5) == 0
    assert [queue.places(gpus, 1, share) for share in (0.6, 0.3, 3)] == [8, 24, 2]
    with pytest.raises(UserError, match="the largest has 2 and 0"):
        queue.share([plain], 3, None)


class Machines:
    """Stands in for a cluster of two places: what is handed in ends in turn."""

    def __init__(self, unfit=()):
        self.calls, self.there, self.unfit = [], {"x", "y"}, list(unfit)

    def nodes(self):
        return {name: cluster.Machine(name, name, 1.0, 0.0) for name in self.there}

    def shun(self, address):
        new = address in self.there
        self.there.discard(address)
        return new

    def submit(self, function, job, *rest, cpus, gpus):
        self.calls.append(job)
        return job.name

    def finished(self, handles, seconds):
        return handles[:1]

    def result(self, handle):
        if self.unfit:
            error = cluster.Unfit("no storage")
            error.address = self.unfit.pop(0)
            raise error
        if handle == "1":
            raise UserError("the worker was lost")
        return jobs.Outcome(0)


def test_few_jobs_are_handed_in_and_a_lost_one_fails_alone(tmp_path, proof):
    waiting = [jobs.Job(str(i), 0, (), tmp_path, tmp_path, "quick") for i in range(7)]
    machines, ended = Machines(), []
    due = queue.Queue(machines, waiting, 1, 0, proof)
    while due:
        ended += due.step(0)
        assert len(due.running) <= 4
    assert [job for job, _ in ended] == waiting == machines.calls
    assert [outcome.code for _, outcome in ended] == [0, 2, 0, 0, 0, 0, 0]


def test_an_unfit_machine_gets_nothing_more_and_its_jobs_go_elsewhere(tmp_path, proof):
    waiting = [jobs.Job(str(i), 0, (), tmp_path, tmp_path, "quick") for i in range(2, 5)]
    machines, ended = Machines(unfit=["y", "y"]), []
    due = queue.Queue(machines, waiting, 1, 0, proof)
    while due:
        ended += due.step(0)
    assert {job for job, _ in ended} == {*waiting} and len(machines.calls) == 5
    assert all(outcome.code == 0 for _, outcome in ended)
    assert due.left_out == ["no storage"] and machines.there == {"x"}
    due = queue.Queue(Machines(unfit=["y", "x"]), waiting, 1, 0, proof)
    due.step(0)
    with pytest.raises(cluster.Unfit, match="no storage"):
        due.step(0)


def test_a_pair_that_is_refused_fails_in_no_step(job):
    (job.out / "quick").mkdir(parents=True)
    row, record = rows.Row("one", 0), job.out / "quick/steps.json"
    for done, step in (("true", ""), ("false", "stage one")):
        record.write_text(f'{{"stage one": {{"done": {done}}}, "measures": {{"done": true}}}}')
        rows.finish(row, job, jobs.Outcome(2, "stage one: other options"))
        assert row.step == step


def test_the_newest_video_is_shown_and_a_lost_one_does_no_harm(job):
    here = job.out / job.preset
    here.mkdir(parents=True)
    for age, name in enumerate(("12_both.mp4", "5_both.mp4")):
        (here / name).touch()
        os.utime(here / name, (1000 - age, 1000 - age))
    row = rows.Row("one", 0)
    rows.finish(row, job)
    assert row.links["both"].endswith("/12_both.mp4")
    (here / "3_ab.mp4").symlink_to(here / "none")
    rows.finish(row, job)
    assert row.links.keys() == {"both"} and row.links["both"].endswith("/12_both.mp4")


def test_a_silent_address_is_refused_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        cluster._refuse_silent(address)
    for silent in (address, "no.such.host.invalid:1", "127.0.0.1:99999"):
        with pytest.raises(UserError, match=f"nothing answers at {silent}"):
            cluster._refuse_silent(silent)
    with pytest.raises(UserError, match="give host:port, or auto"):
        cluster._refuse_silent("nonsense")


def test_what_a_background_shell_ignores_can_still_be_cancelled():
    """Ray cancels by Python's own SIGINT, which a process may have inherited as ignored."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert cluster._call(signal.getsignal, signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, former)


def test_what_a_former_command_left_is_not_running(job):
    row, lock = rows.Row("one", 0), job.out / ".lock"
    job.out.mkdir(parents=True)
    lock.write_text('{"host": "node7"}')
    rows.follow_all({job: row}, lock.stat().st_mtime + 1)
    assert row.state == "queued"
    rows.follow_all({job: row}, lock.stat().st_mtime)
    assert (row.state, row.note) == ("running", "node7")
    rows.leave({job: row})
    assert (row.state, row.note) == ("queued", "")


def test_rows_tell_how_far_a_job_is(job):
    here = job.out / "quick"
    (here / "first").mkdir(parents=True)
    (job.out / ".lock").write_text('{"pid": 1, "host": "node7"}')
    (here / "steps.json").write_text('{"stage one": {"done": false}}')
    (here / "first/config.yaml").write_text("bs: 2\niters: 40\n")
    log = "iteration,loss_pred_a,iterations_per_second\n0,1.5,2.0\n10,0.5,2.0\n20,0."
    (here / "first/log.csv").write_text(log)
    row = rows.Row("one", 0)
    rows.follow(row, job)
    assert (row.note, row.step, row.iteration, row.iterations) == ("node7", "stage one", 10, 40)
    assert row.loss == ("loss_pred_a", 0.5) and 10 < row.left <= 15
    assert row.progress().startswith("stage one 10/40, loss_pred_a 0.5, 0:00:1")
    assert loss_log.last(here / "none.csv") == {}


def test_without_ray_it_is_one_sentence(monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    refuse("run_many.py", [], "run_many.py needs ray", "pip install -r requirements-many.txt")
