"""many.cluster with Ray itself, where that is there. Slow: Ray takes ten seconds to come up."""

import os
import signal
import time
from importlib import import_module
from importlib.util import find_spec
from unittest import mock

import pytest

from many import cluster, jobs, queue
from tests.editor import wait_for
from utils.errors import UserError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("ray"), reason="Ray is not installed"),
]


@pytest.fixture(scope="module")
def machine():
    with mock.patch.dict(os.environ), cluster.Cluster(cpus=2) as made:
        yield made


@pytest.fixture
def proof(tmp_path):
    (tmp_path / "proof").write_text("seen")
    return jobs.Proof(tmp_path / "proof", "seen")


def _die_once(path):
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def _refuse():
    raise UserError("no masks")


def _work(folder):
    try:
        (folder / "begun").touch()
        while True:
            time.sleep(0.1)
    finally:
        (folder / "ended").touch()


def test_what_a_lost_worker_did_is_done_by_another(machine, tmp_path):
    assert machine.result(machine.submit(_die_once, tmp_path / "died")) != os.getpid()


def test_a_users_mistake_comes_back_from_a_worker(machine):
    with pytest.raises(UserError, match="^no masks$"):
        machine.result(machine.submit(_refuse))


def test_every_machine_shows_that_it_sees_the_storage(machine, proof):
    queue.check_storage(machine, proof)
    with pytest.raises(cluster.Unfit, match="storage that all machines share") as refused:
        queue.check_storage(machine, jobs.Proof(proof.path, "other"))
    assert [refused.value.address] == [node.address for node in machine.nodes().values()]


def test_a_machine_without_the_project_is_unfit(machine, tmp_path, monkeypatch):
    (tmp_path / "known_here_only.py").write_text("def call(): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(cluster.Unfit, match="cannot load the project .*known_here_only") as refused:
        machine.result(machine.submit(import_module("known_here_only").call))
    assert [refused.value.address] == [node.address for node in machine.nodes().values()]


def test_what_is_cancelled_is_interrupted_and_cleans_up(machine, tmp_path):
    handle = machine.submit(_work, tmp_path)
    wait_for((tmp_path / "begun").exists)
    machine.cancel([handle], 30)
    assert (tmp_path / "ended").exists()


def test_a_broken_video_fails_with_the_sentence_of_run_py(machine, proof, tmp_path):
    videos = [tmp_path / "a.mp4", tmp_path / "b.mp4"]
    for path in videos:
        path.write_bytes(b"no video")
    out = tmp_path / "out/seed0"
    argv = *map(str, videos), f"--out={out}", "--device=cpu"
    job = jobs.Job("one", 0, argv, tmp_path, out, "quick")
    due = queue.Queue(machine, [job], 1, 0, proof)
    (found, outcome), *_ = due.step(60)
    assert (found, outcome.code) == (job, 2) and "a.mp4" in outcome.sentence
    assert outcome.sentence in (out / jobs.LOG).read_text()
