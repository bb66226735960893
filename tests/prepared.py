"""Fixtures: a small drawn video, its true masks, and the clip that prepare_data.py makes of them.

A test module takes them in by `pytest_plugins = ["tests.prepared"]`.
"""

import shutil

import pytest

from tests import films
from tests.conftest import succeed

SCRIPT = "prepare_data.py"


@pytest.fixture(scope="session")
def drawn():
    """Frames (12, 120, 160, 3) uint8 and masks (12, 120, 160) bool."""
    return films.scene(12)


@pytest.fixture(scope="session")
def video(drawn, tmp_path_factory):
    return films.write_video(tmp_path_factory.mktemp("video") / "my clip.mp4", drawn[0], fps=6)


@pytest.fixture(scope="session")
def truth(drawn, tmp_path_factory):
    """The true masks as a folder of pictures."""
    return films.write_folder(tmp_path_factory.mktemp("truth") / "masks", drawn[1])


def caller(video, truth, out):
    """A function that calls the script on the video with the true masks and further words."""

    def call(*words, ends=succeed):
        given = [video, "--out", out, "--mask", "file", "--mask_file", truth]
        return ends(SCRIPT, [str(word) for word in (*given, *words)])

    call.out = out
    return call


@pytest.fixture
def prepare(video, truth, tmp_path):
    """Call the script on the video with the true masks; further words are added."""
    return caller(video, truth, tmp_path / "clip")


@pytest.fixture(scope="session")
def finished(video, truth, tmp_path_factory):
    """A clip prepared with the true masks, and what was printed."""
    call = caller(video, truth, tmp_path_factory.mktemp("finished") / "clip")
    return call.out, call()


@pytest.fixture
def again(prepare, finished):
    """`prepare`, where the clip has been prepared before without further words."""
    shutil.copytree(finished[0], prepare.out)
    return prepare
