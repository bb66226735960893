"""Frames out of files as people have them.

These tests are slow: ffmpeg writes a file for each.
"""

import time
from itertools import chain, repeat
from types import SimpleNamespace

import numpy as np
import pytest

from preparation.decoding import decode
from tests import films
from utils.errors import UserError
from video.reader import Excerpt, open_source, pictures_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def frames():
    return films.scene(12)[0]


@pytest.fixture(scope="module")
def video(frames, tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    films.write_video(folder / "mute.mp4", frames, fps=6)
    films.ffmpeg(
        "-i", folder / "mute.mp4", "-f", "lavfi", "-i", "sine=duration=2", "-c:v", "copy",
        "-shortest", folder / "video.mp4",
    )  # fmt: skip
    return folder / "video.mp4"


def close(read, drawn):
    """Mean difference in grey levels is what a codec does, no more."""
    assert read.shape == drawn.shape
    assert np.abs(read.astype(int) - drawn).mean() < 6


def test_a_video_yields_its_frames_in_order(video, frames):
    source = open_source(video)
    assert (source.fps, source.expected) == (6, 12)
    for _ in range(2):  # as often as one likes
        close(np.stack(list(source)), frames)


def test_an_excerpt_has_its_seconds_rate_and_size(video, frames):
    source = open_source(video, Excerpt(start=0.5, end=1.5, longest=80))
    assert source.expected == 6
    read = list(source)
    assert [frame.shape for frame in read] == [(60, 80, 3)] * 6
    reduced = frames[3].reshape(60, 2, 80, 2, 3).mean((1, 3))
    assert np.abs(read[0] - reduced).mean() < 6
    assert len(list(open_source(video, Excerpt(fps=3)))) == 6
    assert next(iter(open_source(video, Excerpt(longest=1000)))).shape == (120, 160, 3)


def test_rotation_metadata_is_honoured(video, frames, tmp_path):
    films.ffmpeg("-display_rotation", 90, "-i", video, "-c", "copy", tmp_path / "phone.mp4")
    read = np.stack(list(open_source(tmp_path / "phone.mp4")))
    close(read, np.rot90(frames, axes=(1, 2)))


def test_an_incomplete_file_yields_what_it_has(video, tmp_path):
    films.ffmpeg("-i", video, "-c", "copy", "-movflags", "+faststart", tmp_path / "whole.mp4")
    whole = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "part.mp4").write_bytes(whole[: len(whole) * 6 // 10])
    source = open_source(tmp_path / "part.mp4")
    assert source.expected == 12
    assert 2 <= len(list(source)) < 11


@pytest.mark.parametrize("ending", [".gif", ".webm", ".avi"])
def test_other_containers_open(frames, tmp_path, ending):
    path = films.write_video(tmp_path / f"clip{ending}", frames)
    read = np.stack(list(open_source(path, Excerpt(fps=12))))
    assert len(read) in (11, 12)
    assert np.abs(read[0].astype(int) - frames[0]).mean() < 12


@pytest.mark.parametrize(
    "name",
    [
        "a b.mp4", 'it\'s "x" $(id)\n.mp4', "füchse-狐🦊.mp4", "a%03d.mp4", "-i <b>.mp4",
        f"{'x' * 251}.mp4",
    ],
)  # fmt: skip
def test_any_name_opens(video, tmp_path, name):
    (tmp_path / name).write_bytes(video.read_bytes())
    assert len(list(open_source(tmp_path / name))) == 12


def test_a_folder_comes_in_natural_order(frames, tmp_path):
    films.write_folder(tmp_path / "shots", frames, "shot {}.png")
    (tmp_path / "shots/notes.txt").write_text("not a picture")
    assert [p.name for p in pictures_in(tmp_path / "shots")][1:3] == ["shot 1.png", "shot 2.png"]
    source = open_source(tmp_path / "shots", Excerpt(start=0.5, fps=4))
    assert np.array_equal(np.stack(list(source)), frames[2:])


def test_transparency_is_read(tmp_path):
    films.ffmpeg(
        "-f", "lavfi", "-i", "color=red@0.5:size=64x48:rate=10:duration=0.3,format=yuva420p",
        "-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", tmp_path / "clear.webm",
    )  # fmt: skip
    frame = next(iter(open_source(tmp_path / "clear.webm", alpha=True)))
    assert frame.shape == (48, 64, 4)
    assert 120 <= frame[20, 30, 3] <= 135


def test_a_clock_that_jumps_takes_no_video_away(video, monkeypatch):
    jumps = chain([0, 1e9, 2e9], repeat(3e9))  # into the wait for the header, and then no more
    clock = SimpleNamespace(time=lambda: next(jumps), sleep=time.sleep)
    monkeypatch.setattr("imageio_ffmpeg._io.time", clock)
    assert open_source(video).expected == 12


def test_mistakes_are_said(video, frames, tmp_path):
    films.ffmpeg("-f", "lavfi", "-i", "sine=duration=1", tmp_path / "sound.wav")
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "empty.mp4").touch()
    for name in ("sound.wav", "text.mp4", "empty.mp4"):
        with pytest.raises(UserError, match=f"{name} holds no video"):
            open_source(tmp_path / name)
    with pytest.raises(UserError, match="does not exist"):
        open_source(tmp_path / "nothing.mp4")
    with pytest.raises(UserError, match="no frame between --start and --end"):
        list(open_source(video, Excerpt(start=50)))
    (tmp_path / "bare").mkdir()
    with pytest.raises(UserError, match="holds no pictures"):
        open_source(tmp_path / "bare")
    films.write_folder(tmp_path / "mixed", [frames[0], frames[1][:50]])
    with pytest.raises(UserError, match="1.png is 160x50 but 0.png is 160x120"):
        list(open_source(tmp_path / "mixed"))


ODD_FILMS = {  # name -> ffmpeg's words, and how many frames of which height and width there are
    "ten_bits.mp4": ("-c:v libx264 -pix_fmt yuv420p10le", 12, 120, 160),
    "odd_sides.mkv": ("-vf format=yuv444p,crop=157:119:0:0 -c:v ffv1", 12, 119, 157),
    "slower_later.mp4": (
        "-vf setpts='if(lt(N\\,6)\\,N\\,5*N-24)/6/TB' -fps_mode vfr",
        37,
        120,
        160,
    ),
    "long_pixels.mp4": ("-vf setsar=20", 12, 120, 3200),
    "wrong_rate.mkv": ("-c copy -bsf:v setts=ts=TS/1000", 1, 120, 160),
}


@pytest.mark.parametrize("name", ODD_FILMS)
def test_odd_films_are_read(video, tmp_path, name):
    words, count, *size = ODD_FILMS[name]
    films.ffmpeg("-i", video, "-an", *words.split(), tmp_path / name)
    read = list(open_source(tmp_path / name))
    assert len(read) == pytest.approx(count, abs=3)
    assert {frame.shape for frame in read} == {(*size, 3)}


def test_a_film_cut_short_anywhere_yields_what_it_has_or_is_refused(video, tmp_path):
    films.ffmpeg("-i", video, "-c", "copy", "-movflags", "+faststart", tmp_path / "whole.mp4")
    whole, counts = (tmp_path / "whole.mp4").read_bytes(), []
    for tenths in range(10):
        path = tmp_path / f"{tenths}.mp4"
        path.write_bytes(whole[: len(whole) * tenths // 10])
        try:
            counts.append(len(list(open_source(path))))
        except UserError as error:
            assert "holds no video" in str(error) or "yields no frame" in str(error)
            counts.append(0)
    assert counts == sorted(counts) and counts[0] == 0 < counts[-1]


def test_a_film_without_frames_is_refused(video, tmp_path):
    films.ffmpeg("-i", video, "-an", "-frames:v", "0", "-c:v", "libx264", tmp_path / "none.mp4")
    with pytest.raises(UserError, match="holds no video"):
        open_source(tmp_path / "none.mp4")


def test_a_film_of_too_many_pixels_is_refused(video, tmp_path, monkeypatch):
    films.ffmpeg("-i", video, "-an", "-vf", "setsar=100", tmp_path / "wide.mp4")
    monkeypatch.setattr("video.reader.PIXELS", 10**6)
    with pytest.raises(UserError, match="16000x120, more than"):
        open_source(tmp_path / "wide.mp4")


def test_a_film_that_promises_years_is_refused(video, tmp_path):
    films.ffmpeg(
        "-i", video, "-an", "-vf", "setpts=PTS*100000", "-fps_mode", "vfr", tmp_path / "years.mkv"
    )
    with pytest.raises(UserError, match="promises 1[0-9]{6} frames"):
        decode(tmp_path / "years.mkv", Excerpt(), 0, tmp_path, lambda frames, total: frames)


def test_a_playlist_reads_nothing_else(video, tmp_path):
    """ffmpeg may follow a list to other places; it must not go to a network."""
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:2,\nhttp://127.0.0.1:9/x.ts\n")
    with pytest.raises(UserError, match="holds no video"):
        open_source(tmp_path / "list.m3u8")
