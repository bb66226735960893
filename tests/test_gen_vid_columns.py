"""gen_vid.py beyond the reference: columns, sound, transparency and the preview."""

import os
import shlex
import subprocess
from unittest import mock

import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from tests import films
from tests.conftest import refuse, succeed
from utils.errors import UserError
from video.columns import columns
from video.grid import FRAME, TITLE, Layout, compose
from video.writer import VideoWriter

RED, GREEN, BLUE = (200, 40, 40), (40, 200, 40), (40, 40, 200)


@pytest.fixture
def frames(tmp_path):
    """Folder of plain pictures x_, y_ and z_, 48 x 32, twelve of each."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for prefix, colour in (("x_", RED), ("y_", GREEN), ("z_", BLUE)):
        for number in range(12):
            Image.new("RGB", (48, 32), colour).save(folder / f"{prefix}{number}.jpg")
    return folder


def words(frames, text):
    return ["--img_path", str(frames), "--out", str(frames.parent), *shlex.split(text)]


def near(pixels, colour, most=14):
    return np.abs(np.asarray(pixels).astype(int) - colour).max() <= most


def seconds(path):
    """How long a file's sound is."""
    wav = path.with_suffix(".wav")
    films.ffmpeg("-i", path, "-vn", "-ac", 1, "-ar", 8000, wav)
    return (wav.stat().st_size - 44) / 16000


def test_three_titled_columns(frames):
    text = succeed("gen_vid.py", words(frames, "--columns 'cat: x_ y_; : y_ z_; fox: z_ x_' "
                                       "--end_a 12 --name v.mp4 --fps 12"))  # fmt: skip
    assert "12_v.mp4: 12 frames" in text
    video = iio.imread(frames.parent / "12_v.mp4")
    top = FRAME + TITLE
    assert video.shape == (12, top + 2 * 32 + FRAME, FRAME + 3 * (48 + FRAME), 3)
    for index, (upper, lower) in enumerate([(RED, GREEN), (GREEN, BLUE), (BLUE, RED)]):
        column = video[5, :, FRAME + index * (48 + FRAME) :][:, 8:40]
        assert near(column[top + 8 : top + 24], upper)
        assert near(column[top + 40 : top + 56], lower)
    letters = [(video[5, : top - 4, left : left + 48] < 128).any() for left in (24, 96, 168)]
    assert letters == [True, False, True]


def test_a_single_column_is_the_bare_pictures(frames):
    config = frames.parent / "config.yaml"
    config.write_text("same_length: false")  # as if it were not given
    succeed("gen_vid.py", words(frames, f"--config {config} --columns y_ --end_a 3 --name v.mp4"))
    video = iio.imread(frames.parent / "15_v.mp4")
    assert video.shape == (3, 32, 48, 3)
    assert near(video, GREEN)


def test_titles_stay_over_their_column():
    cells = [[np.full((40, 60, 3), 128, np.uint8)] for _ in range(2)]
    long = compose(cells, Layout(("the cat that walks by itself", "fox")))
    assert long.shape[1] == FRAME + 2 * (60 + FRAME)
    strip = (long[: FRAME + TITLE] < 128).any((0, 2))
    assert strip[FRAME:80].any()
    assert not strip[:4].any()
    assert not strip[FRAME + 60 + 10 : FRAME + 60 + 14].any()  # a gap between both titles


def test_a_column_needs_as_many_rows_as_the_others(frames):
    refuse("gen_vid.py", words(frames, "--columns 'a: x_ y_; b: z_'"), "as many prefixes")
    refuse("gen_vid.py", words(frames, "--columns 'a:'"), "as many prefixes")
    assert columns("b:c: x_, y_")[0].title == "b:c"


def test_columns_end_where_their_pictures_do(frames):
    for number in range(10, 12):
        (frames / f"y_{number}.jpg").unlink()
    for number in range(3):
        Image.new("RGBA", (48, 32), (*BLUE, 255)).save(frames / f"final_{number}.png")
    given = words(frames, "--name v.gif --start_a 1")
    assert "15_v.gif: 11 frames" in succeed("gen_vid.py", [*given, "--columns", "x_; z_;"])
    assert "15_v.gif: 9 frames" in succeed("gen_vid.py", [*given, "--columns", "x_; y_"])
    text = succeed("gen_vid.py", [*given, "--columns", "x_; final_*.png"])
    assert "15_v.gif: 2 frames" in text and "missing" not in text
    refuse("gen_vid.py", [*given, "--columns", "x_; no_*.png"], "no_*.png")
    refuse("gen_vid.py", [*given, "--columns", "x_", "--end_b", "3"], "--end_b", "--columns")


def test_odd_folder_names(frames, monkeypatch):
    for out in ("-out", "a:b"):
        place = frames.parent / "within"
        place.mkdir(exist_ok=True)
        given = ["--img_path", str(frames), "--columns", "x_", "--end_a", "2", f"--out={out}"]
        monkeypatch.chdir(place)
        succeed("gen_vid.py", [*given, "--name", "v.mp4"])
        assert len(iio.imread(place / out / "15_v.mp4")) == 2


@pytest.mark.parametrize("ending", ["mp4", "webm", "avi"])
@pytest.mark.parametrize("length", [0.3, 5])
def test_sound_lasts_as_long_as_the_pictures(frames, ending, length):
    sound = frames.parent / 'it\'s 100% "füchse".m4a'
    films.ffmpeg("-f", "lavfi", "-i", f"sine=duration={length}", sound)
    given = words(frames, f"--columns x_ --end_a 12 --fps 6 --name v.{ending}")
    succeed("gen_vid.py", [*given, "--audio", str(sound)])
    path = frames.parent / f"6_v.{ending}"
    assert len(iio.imread(path)) == 12
    assert abs(seconds(path) - 2) < 0.2


def test_a_films_sound_comes_without_its_chapters(frames):
    """Opus knows no 5.1(side); chapters would be a third track."""
    marks = frames.parent / "marks.txt"
    marks.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=4\ntitle=one\n")
    film, sides = frames.parent / "film.mka", "pan=5.1(side)|FL=c0|FR=c0|FC=c0|LFE=c0|SL=c0|SR=c0"
    noise = ["-f", "lavfi", "-i", "anoisesrc=d=4", "-i", marks, "-map_chapters", "1"]
    films.ffmpeg(*noise, "-af", sides, "-c:a", "flac", film)
    given = words(frames, "--columns x_ --fps 6")
    succeed("gen_vid.py", [*given, "--audio", str(film), "--name", "v.webm"])
    succeed("gen_vid.py", [*given, "--audio", str(film), "--name", "v.mp4"])
    for ending in ("webm", "mp4"):
        path = frames.parent / f"6_v.{ending}"
        assert abs(seconds(path) - 2) < 0.2
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", path]
        told = subprocess.run(command, capture_output=True, text=True).stderr
        assert told.count("Stream #") == 2 and "Chapter" not in told


def test_what_sound_cannot_be(frames):
    given = words(frames, "--columns x_ --end_a 3 --audio SOUND --name v.mp4")
    mute = str(films.write_video(frames.parent / "mute.mp4", np.zeros((3, 32, 32, 3), np.uint8)))
    refuse("gen_vid.py", [mute if w == "SOUND" else w for w in given], "mute.mp4 holds no sound")
    refuse("gen_vid.py", given, "SOUND is not a file")
    refuse("gen_vid.py", [*given[:-1], "v.gif"], "a .gif holds no sound")
    os.mkfifo(frames.parent / "pipe")
    pipe = str(frames.parent / "pipe")
    refuse("gen_vid.py", [pipe if w == "SOUND" else w for w in given], "pipe is not a file")
    assert not list(frames.parent.glob("*v.*"))


@pytest.fixture
def clear(tmp_path):
    """Folder of 31 x 23 pictures c_ that are red on the left and transparent on the right."""
    folder = tmp_path / "clear"
    picture = np.zeros((23, 31, 4), np.uint8)
    picture[:, :15] = (*RED, 255)
    films.write_folder(folder, [picture] * 4, "c_{}.png")
    return folder


def test_a_transparent_webm(clear):
    succeed("gen_vid.py", words(clear, "--columns c_ --ext_a .png --end_a 4 --transparent "
                                "--name v.webm"))  # fmt: skip
    path = clear.parent / "15_v.webm"
    raw = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-c:v", "libvpx-vp9", "-i", path,
         "-f", "rawvideo", "-pix_fmt", "rgba", "-"], capture_output=True, check=True,
    ).stdout  # fmt: skip
    video = np.frombuffer(raw, np.uint8).reshape(4, 24, 32, 4)
    assert near(video[2, 4:20, 4:12, :3], RED)
    assert video[2, 4:20, 4:12, 3].min() > 240
    assert video[2, :, 18:, 3].max() < 15  # and the line that makes the size even


def test_a_transparent_gif(clear):
    succeed("gen_vid.py", words(clear, "--columns c_ --ext_a .png --end_a 4 --transparent "
                                "--name v.gif"))  # fmt: skip
    with Image.open(clear.parent / "15_v.gif") as gif:
        assert (gif.n_frames, gif.info["loop"]) == (4, 0)
        for number in range(4):
            gif.seek(number)
            picture = np.asarray(gif.convert("RGBA"))
            assert near(picture[:, 2:12, :3], RED)
            assert (picture[:, 2:12, 3] == 255).all()
            assert (picture[:, 18:, 3] == 0).all()


def test_transparent_columns_stand_in_nothing(clear):
    succeed("gen_vid.py", words(clear, "--columns 'a: c_; b: c_' --ext_a .png --end_a 2 "
                                "--transparent --name v.gif"))  # fmt: skip
    with Image.open(clear.parent / "15_v.gif") as gif:
        picture = np.asarray(gif.convert("RGBA"))
    assert not picture[-10:, :, 3].any()
    assert picture[FRAME + TITLE + 4, FRAME + 4, 3] == 255
    words_of_it = picture[: FRAME + TITLE][picture[: FRAME + TITLE, :, 3] == 255][:, :3]
    assert words_of_it.min() < 60 and words_of_it.max() > 200  # letters in a light rim


def test_transparent_pictures_are_white_otherwise(clear):
    succeed("gen_vid.py", words(clear, "--columns c_ --ext_a .png --end_a 4 --name v.mp4"))
    video = iio.imread(clear.parent / "15_v.mp4")
    assert near(video[1, 4:20, 4:12], RED)
    assert near(video[1, :, 18:], (255, 255, 255))
    refuse("gen_vid.py", words(clear, "--columns c_ --transparent --name v.mp4"),
           "only .webm and .gif can be transparent")  # fmt: skip


def test_a_preview_loops_and_is_small(tmp_path):
    pictures = np.zeros((30, 300, 400, 3), np.uint8)
    for number, picture in enumerate(pictures):
        picture[:, : 10 * number] = RED
    films.write_folder(tmp_path / "frames", pictures, "x_{}.jpg")
    text = succeed("gen_vid.py", words(tmp_path / "frames", "--columns x_ --end_a 30 --fps 30 "
                                       "--name v.mp4 --preview"))  # fmt: skip
    assert "preview in" in text
    assert len(iio.imread(tmp_path / "30_v.mp4")) == 30
    with Image.open(tmp_path / "30_v_preview.gif") as gif:
        assert gif.size == (320, 240)
        assert gif.info["loop"] == 0
        assert gif.n_frames == 15
        assert gif.info["duration"] in (60, 70)


def test_a_long_preview_is_its_beginning(tmp_path):
    pictures = [np.zeros((20, 20, 3), np.uint8)] * 90
    films.write_folder(tmp_path / "frames", pictures, "x_{}.jpg")
    succeed("gen_vid.py", words(tmp_path / "frames", "--columns x_ --end_a 90 --fps 10 "
                                "--name v.webm --preview"))  # fmt: skip
    with Image.open(tmp_path / "10_v_preview.gif") as gif:
        assert gif.n_frames == 60


def test_a_writer_refuses_frames_of_another_kind(tmp_path):
    with pytest.raises(ValueError, match="4"), VideoWriter(tmp_path / "v.webm", 5, True) as video:
        video.add(np.zeros((8, 8, 3), np.uint8))
    assert not list(tmp_path.iterdir())


def test_a_video_that_fails_leaves_no_preview(frames):
    given = words(frames, "--columns x_ --end_a 3 --preview --name v.mp4")
    for name in ("15_v.mp4", "15_v_preview.gif"):
        (frames.parent / name).mkdir()
        refuse("gen_vid.py", given, f"{name} is a folder")
        (frames.parent / name).rmdir()
        assert [p.name for p in frames.parent.iterdir()] == ["frames"]
    finish = mock.patch.object(VideoWriter, "_add_sound", side_effect=UserError("disk full"))
    sound = films.write_video(frames.parent / "a.mp4", np.zeros((30, 32, 32, 3), np.uint8))
    loud = frames.parent / "loud.mp4"
    films.ffmpeg("-i", sound, "-f", "lavfi", "-i", "sine=d=1", "-shortest", loud)
    with finish:
        refuse("gen_vid.py", [*given, "--audio", str(loud)], "disk full")
    assert not list(frames.parent.glob("*v*"))
