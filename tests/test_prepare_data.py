"""prepare_data.py on small drawn videos, as people would use it."""

import json
import shlex

import numpy as np
import pytest
from PIL import Image

from datasets.clip import Clip
from preparation import decoding, review
from tests import films
from tests.conftest import refuse, succeed

SCRIPT = "prepare_data.py"
pytest_plugins = ["tests.prepared"]


def test_a_video_becomes_a_clip_that_training_opens(finished, drawn):
    out, text = finished
    assert f"12 frames and masks are in {out}" in text
    assert "12 frames are few" in text
    assert sorted(p.name for p in out.iterdir()) == [
        "crops.json", "frames", "masks", "overlay.png", "prepared.json", "train", "train_seg",
    ]  # fmt: skip
    assert (
        films.overlap(films.read_masks(out / "masks"), drawn[1]) > 0.97
    )  # thin parts may be cleaned away
    clip = Clip(out / "train_seg")
    crops = json.loads((out / "crops.json").read_text())
    boxes, scale = crops["boxes"], crops["scale"]
    assert len(clip) == len(boxes) == 12
    assert np.median([max(Image.open(p).size) for p in (out / "train").iterdir()]) >= 479
    for number, (left, top, width, height) in enumerate(boxes):
        frame, mask = clip.read(number)
        assert width == height and frame.size == mask.size == 2 * (round(scale * width),)
        share = (np.asarray(mask) > 127).mean() * width * height
        assert abs(share / drawn[1][number].sum() - 1) < 0.05  # all of the object
        whole = Image.fromarray(drawn[0][number])
        crop = np.asarray(whole.crop((left, top, left + width, top + height))).astype(int)
        assert np.abs(np.asarray(frame.resize((width, height))) - crop).mean() < 8
    assert json.loads((out / "prepared.json").read_text())["fps"] == 6


def test_masks_may_be_black_on_white(again, drawn, tmp_path):
    folder = films.write_folder(tmp_path / "inverted", ~drawn[1])
    again("--mask_file", folder)
    assert films.overlap(films.read_masks(again.out / "masks"), drawn[1]) > 0.97


def test_each_masks_box_one_window_or_none(again):
    again("--crop", "tight")
    for path in (again.out / "train_seg").iterdir():
        inside = np.asarray(Image.open(path)) > 127
        assert inside.any(0)[[0, -1]].all() and inside.any(1)[[0, -1]].all()
    again("--crop", "window")
    sizes = {Image.open(p).size for p in (again.out / "train").iterdir()}
    assert len(sizes) == 1
    again("--crop", "none")
    assert {Image.open(p).size for p in (again.out / "train_seg").iterdir()} == {(480, 360)}
    assert sizes != {(480, 360)}


def test_an_excerpt_is_prepared(prepare):
    prepare("--start", "0.5", "--max_frames", "4", "--size", "80")
    assert len(list((prepare.out / "frames").iterdir())) == 4
    assert Image.open(prepare.out / "frames/0.jpg").size == (80, 60)


def test_masks_that_stand_out_are_named(again, drawn, tmp_path):
    odd = drawn[1].copy()
    odd[1:4] = False
    odd[7:9, :40, :40] = True
    text = again("--mask_file", films.write_folder(tmp_path / "odd", odd))
    assert "look at frames 1-3: empty" in text or "look at frames 2: empty" in text
    assert "look at frames 7-8: touches the border" in text
    assert "--interactive" in text and "--redo" not in text  # they are the user's own


def test_good_masks_pass_in_silence(finished):
    assert "look" not in finished[1] and "--box" not in finished[1]


def test_printed_commands_can_be_pasted(finished, tmp_path):
    out = tmp_path / "it's mine"
    content = {"method": "grabcut", "edited": [], "frames": 48}
    text = review.advice(review.Review(0.9, {4: [review.EMPTY]}), out, content)
    lines = [line[line.index("python ") :] for line in text.splitlines() if "python " in line]
    assert len(lines) == 2
    for line in lines:
        words = shlex.split(line)
        assert words[:2] == ["python", SCRIPT] and words[-2:] == ["--out", str(out)]
    assert "where they are wrong" in text


def test_masks_that_miss_the_object_are_called_so_once(again, drawn, tmp_path):
    wrong = np.roll(drawn[1], 60, 2)
    text = again("--mask_file", films.write_folder(tmp_path / "wrong", wrong))
    assert text.count("in the clip as a whole") == 1
    assert "--interactive" in text and "look at frames" not in text


def test_transparency_is_the_mask(drawn, tmp_path):
    pictures = np.dstack([drawn[0].reshape(-1, 160, 3), drawn[1].reshape(-1, 160) * 255])
    pictures = pictures.astype(np.uint8).reshape(12, 120, 160, 4)
    films.write_folder(tmp_path / "clear", pictures)
    text = succeed(SCRIPT, f"{tmp_path}/clear --out {tmp_path}/clip")
    assert "--mask alpha was chosen: its surroundings are transparent" in text
    assert films.overlap(films.read_masks(tmp_path / "clip/masks"), drawn[1]) > 0.97


def test_a_method_is_chosen_said_and_recorded(drawn, tmp_path):
    films.write_video(tmp_path / "clip.mp4", drawn[0], fps=6)
    words = f"{tmp_path}/clip.mp4 --out {tmp_path}/clip"
    text = succeed(SCRIPT, words)
    assert text.count("--mask grabcut was chosen: the camera stands still and the object mov") == 1
    assert films.overlap(films.read_masks(tmp_path / "clip/masks"), drawn[1]) > 0.8
    record = json.loads((tmp_path / "clip/prepared.json").read_text())
    assert record["masks_of"]["mask"] == "auto" and record["method"] == "grabcut"
    assert "was chosen" not in succeed(SCRIPT, words)  # its masks are there
    assert json.loads((tmp_path / "clip/prepared.json").read_text())["method"] == "grabcut"


@pytest.mark.parametrize("words, named", [
    (["--key", "#778b7c"], "chroma"),
    (["--mask_file", "TRUTH"], "file"),
])  # fmt: skip
def test_an_option_of_one_method_names_it(video, truth, tmp_path, words, named):
    words = [str(truth) if word == "TRUTH" else word for word in words]
    text = succeed(SCRIPT, [str(video), "--out", str(tmp_path / "clip"), *words])
    assert "was chosen" not in text
    assert json.loads((tmp_path / "clip/prepared.json").read_text())["method"] == named


def test_a_scene_where_nothing_moves_is_refused_with_what_fits(drawn, tmp_path):
    still = films.write_folder(tmp_path / "still", np.repeat(drawn[0][:1], 6, 0))
    said = "nothing moves against the background", "--box x,y,w,h", "--interactive"
    refuse(SCRIPT, f"{still} --out {tmp_path}/clip", *said)
    assert not (tmp_path / "clip").exists()


def test_sound_is_kept_aside(video, truth, tmp_path):
    films.ffmpeg("-i", video, "-f", "lavfi", "-i", "sine=duration=2", "-c:v", "copy",
                 tmp_path / "loud.mp4")  # fmt: skip
    words = f"{tmp_path}/loud.mp4 --out {tmp_path}/clip --mask file --mask_file {truth}"
    succeed(SCRIPT, words)
    assert (tmp_path / "clip/sound.m4a").stat().st_size > 1000


@pytest.mark.parametrize("words, said", [
    (["--mask_file", "SHORT"], "holds 5 masks for 12 frames; a folder must hold one for each"),
    (["--start", "1"], "holds 12 masks for 6 frames; a folder must hold one for each"),
    (["--mask_file", "TALL"], "proportions"),
    (["--start", "9"], "no frame between"),
    (["--start", "1", "--end", "0.5"], "--end 0.5 must be after --start 1"),
    (["--max_frames", "1"], "one frame only, with --max_frames;"),
    (["--start", "1.8"], "one frame only, with --start;"),
    (["--size", "0"], "not a whole number from 1 to 65500"),
])  # fmt: skip
def test_mistakes_leave_nothing_behind(prepare, drawn, tmp_path, words, said):
    films.write_folder(tmp_path / "SHORT", drawn[1][:5])
    films.write_folder(tmp_path / "TALL", drawn[1][:, :60])
    words = [str(tmp_path / word) if word.isupper() else word for word in words]
    prepare(*words, ends=lambda script, argv: refuse(script, argv, said))
    assert not prepare.out.exists()


@pytest.mark.parametrize("words, said", [
    ("--box -5,10,20,20", "'-5,10,20,20' is not x,y,width,height"),
    ("--mask grabcut --box 100,50,80,20", "reaches outside the frame, which is 160x120"),
    ("--mask file", "needs --mask_file"),
    ("--mask_file gone", "gone does not exist"),
    ("--mask sam2", "--mask sam2 needs --box"),
    ("--mask chroma --mask_file gone", "--mask_file has no effect with --mask chroma"),
    ("--key green --box 1,2,3,4", "--box has no effect with --key;"),
    ("--mask_weights u2net.onnx --box 1,2,3,4", "--box has no effect with --mask_weights;"),
    ("--mask_weights u2net.onnx --mask_file gone", "--mask_file has no effect with --mask_weights"),
    ("--mask_weights mine.pt", "does not tell its network"),
])  # fmt: skip
def test_what_cannot_work_is_refused_before_the_work(video, tmp_path, monkeypatch, words, said):
    monkeypatch.setattr(decoding, "decode", lambda *_: pytest.fail("the video was decoded"))
    refuse(SCRIPT, [str(video), "--out", str(tmp_path / "clip"), *words.split()], said)
    assert not (tmp_path / "clip").exists()


def test_a_source_of_one_frame_is_said_to_have_one(drawn, tmp_path):
    folder = films.write_folder(tmp_path / "one", drawn[0][:1])
    words = [str(folder), "--out", str(tmp_path / "clip"), "--mask", "background"]
    refuse(SCRIPT, words, "yields one frame only; a clip needs at least two")


def test_a_box_is_advised_where_none_was_given(video, drawn, tmp_path):
    black = films.write_folder(tmp_path / "black", np.zeros_like(drawn[1]))
    words = [str(video), "--out", str(tmp_path / "clip"), "--mask_file", str(black)]
    refuse(SCRIPT, words, "try --mask grabcut --box x,y,w,h around the object in the first frame")


def test_what_is_not_transparent_has_no_alpha(video, tmp_path):
    refuse(SCRIPT, [str(video), "--out", str(tmp_path / "x"), "--mask", "alpha"], "no transparency")


@pytest.mark.parametrize("words", ["", "cat.mp4", "--out data/cat", "--redo 3"])
def test_a_video_and_a_folder_are_asked_for(words):
    refuse(SCRIPT, words, "a video, or a folder of pictures, and a folder for the clip are needed")


def test_renumber_goes_with_check(tmp_path):
    refuse(SCRIPT, f"--renumber --out {tmp_path}", "--renumber goes with --check")


def test_foreign_files_are_left_alone(prepare, tmp_path):
    prepare.out.mkdir()
    (prepare.out / "diary.txt").write_text("mine")
    prepare(ends=lambda script, argv: refuse(script, argv, "diary.txt", "choose another --out"))
    (prepare.out / "diary.txt").unlink()
    for name in (".old", ".new"):  # hidden, and not ours
        (prepare.out / name).mkdir()
        (prepare.out / name / "letter.txt").write_text("mine")
    prepare()
    assert {(prepare.out / x / "letter.txt").read_text() for x in (".old", ".new")} == {"mine"}
    (prepare.out / "train/.notes").write_text("mine")
    prepare(ends=lambda script, argv: refuse(script, argv, "train/.notes"))
    (prepare.out / "train/.notes").unlink()
    (prepare.out / "train/sketch.psd").write_text("mine")
    prepare(ends=lambda script, argv: refuse(script, argv, "train/sketch.psd"))
    assert (prepare.out / "train/sketch.psd").read_text() == "mine"


def test_a_prepared_clip_passes_its_check(again):
    text = succeed(SCRIPT, ["--check", str(again.out)])
    assert "12 frames are fit for training" in text
    assert "fault" not in text
    assert "fills little" not in text


def test_folders_and_files_have_any_name(video, truth, tmp_path):
    name = "-i \n'\"`$(id)`<script>%d🦊;"
    (place := tmp_path / name).mkdir()
    (place / f"{name}.mp4").write_bytes(video.read_bytes())
    given = f"{place}/{name}.mp4", "--out", f"{place}/clip", "--mask", "file"
    succeed(SCRIPT, [*given, "--mask_file", str(truth)])
    assert len(Clip(place / "clip/train_seg")) == 12
    cells = "--img_path", f"{place}/clip/frames", "--columns", "*.jpg", "--out", str(place)
    succeed("gen_vid.py", [*cells, f"--name={name}.mp4"])
    assert sorted(place.iterdir()) == [
        place / f"{name}.mp4",
        place / f"15_{name}.mp4",
        place / "clip",
    ]
    assert list(tmp_path.iterdir()) == [place]
