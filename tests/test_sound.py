"""The sound that goes along with a clip."""

import os

import imageio_ffmpeg
import pytest

from preparation.decoding import decode
from tests import films
from utils.errors import UserError
from video.reader import Excerpt
from video.sound import save_sound


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    drawn = "-f", "lavfi", "-i", "testsrc=duration=2:size=32x32:rate=6"
    films.ffmpeg(*drawn, "-f", "lavfi", "-i", "sine=duration=2", "-c:a", "aac", path)
    return path


@pytest.fixture
def target(tmp_path):
    (tmp_path / "new").mkdir()
    yield tmp_path / "new" / "sound.m4a"
    assert not {*os.listdir(tmp_path / "new")} - {"sound.m4a", "frames"}


def test_sound_is_kept_for_its_seconds(video, target, tmp_path):
    assert save_sound(video, Excerpt(0.5, 1.5), target) == []
    films.ffmpeg("-i", target, tmp_path / "sound.wav")
    samples = (tmp_path / "sound.wav").stat().st_size / 2 / 44100
    assert 0.9 < samples < 1.15


def test_a_mute_video_has_no_sound(video, target, tmp_path):
    films.ffmpeg("-i", video, "-an", "-c", "copy", tmp_path / "mute.mp4")
    assert save_sound(tmp_path / "mute.mp4", Excerpt(), target) == []
    assert not target.exists()


def test_sound_that_cannot_be_decoded_is_left_out_and_told(video, target, tmp_path):
    films.ffmpeg("-i", video, "-c", "copy", "-bsf:a", "noise=amount=1", tmp_path / "noise.mp4")
    count, _, odd = decode(tmp_path / "noise.mp4", Excerpt(), 0, target.parent, lambda x, total: x)
    assert count == 12
    assert odd == [f"{tmp_path / 'noise.mp4'}: its sound cannot be decoded, and is left out"]
    assert not target.exists()


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch):
    """Function that puts a command of the shell before ffmpeg, where it is to write `$last`."""
    path, real = tmp_path / "ffmpeg", imageio_ffmpeg.get_ffmpeg_exe()

    def before(command):
        script = f'for last; do :; done; [ "$last" = - ] || {{ {command}; }}; exec "{real}" "$@"'
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(path))

    return before


def test_a_full_disk_is_no_lack_of_sound(video, target, ffmpeg):
    ffmpeg('ln -sf /dev/full "$last"')
    with pytest.raises(UserError, match=r"sound\.m4a could not be written; .*No space left"):
        save_sound(video, Excerpt(), target)
    assert not target.exists()


def test_a_folder_that_cannot_be_written_is_no_lack_of_sound(video, target, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        save_sound(video, Excerpt(), tmp_path / "file" / "sound.m4a")


@pytest.mark.parametrize("name, why", [("KILL", "SIGKILL$"), ("XFSZ", r"large \(ulimit -f\)")])
def test_the_death_of_ffmpeg_is_no_lack_of_sound(video, target, ffmpeg, name, why):
    ffmpeg(f'echo half > "$last"; kill -{name} $$')
    with pytest.raises(UserError, match=f"could not be written; .*{why}"):
        save_sound(video, Excerpt(), target)
    assert not target.exists()
