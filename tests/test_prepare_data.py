"""prepare_data.py on small drawn videos, as people would use it."""

import contextlib
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from datasets.clip import Clip
from preparation import publish
from tests import films
from tests.conftest import refuse, succeed

SCRIPT = "prepare_data.py"


@pytest.fixture(scope="module")
def drawn():
    return films.scene(12)


@pytest.fixture(scope="module")
def video(drawn, tmp_path_factory):
    return films.write_video(tmp_path_factory.mktemp("video") / "my clip.mp4", drawn[0], fps=6)


@pytest.fixture(scope="module")
def truth(drawn, tmp_path_factory):
    """The true masks as a folder of pictures."""
    return films.write_folder(tmp_path_factory.mktemp("truth") / "masks", drawn[1])


def caller(video, truth, out):
    def call(*words, ends=succeed):
        given = [video, "--out", out, "--mask", "file", "--mask_file", truth]
        return ends(SCRIPT, [str(word) for word in (*given, *words)])

    call.out = out
    return call


@pytest.fixture
def prepare(video, truth, tmp_path):
    """Call the script on the video with the true masks; further words are added."""
    return caller(video, truth, tmp_path / "clip")


@pytest.fixture(scope="module")
def finished(video, truth, tmp_path_factory):
    """A clip prepared with the true masks, and what was printed."""
    call = caller(video, truth, tmp_path_factory.mktemp("finished") / "clip")
    return call.out, call()


@pytest.fixture
def again(prepare, finished):
    """`prepare`, where the clip has been prepared before without further words."""
    shutil.copytree(finished[0], prepare.out)
    return prepare


def read(folder, count=12, ending=".png"):
    masks = [np.asarray(Image.open(folder / f"{n}{ending}").convert("L")) for n in range(count)]
    return np.stack(masks) > 127


def snapshot(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_video_becomes_a_clip_that_training_opens(finished, drawn):
    out, text = finished
    assert f"12 frames and masks are in {out}" in text
    assert "12 frames are few" in text
    assert sorted(p.name for p in out.iterdir()) == [
        "crops.json", "frames", "masks", "overlay.png", "prepared.json", "train", "train_seg",
    ]  # fmt: skip
    assert films.overlap(read(out / "masks"), drawn[1]) > 0.97  # thin parts may be cleaned away
    clip = Clip(out / "train_seg")
    crops = json.loads((out / "crops.json").read_text())
    boxes, scale = crops["boxes"], crops["scale"]
    assert len(clip) == len(boxes) == 12
    assert np.median([max(Image.open(p).size) for p in (out / "train").iterdir()]) >= 479
    for number, (left, top, width, height) in enumerate(boxes):
        frame, mask = clip.read(number)
        assert frame.size == mask.size == (round(scale * width), round(scale * height))
        inside = np.asarray(mask) > 127
        assert inside.any(0)[[0, -1]].all()  # the box is tight
        assert inside.any(1)[[0, -1]].all()
        crop = drawn[0][number, top : top + height, left : left + width]
        assert np.abs(np.asarray(frame.resize((width, height))).astype(int) - crop).mean() < 8
    assert json.loads((out / "prepared.json").read_text())["fps"] == 6


def test_masks_may_be_black_on_white(again, drawn, tmp_path):
    folder = films.write_folder(tmp_path / "inverted", ~drawn[1])
    again("--mask_file", folder)
    assert films.overlap(read(again.out / "masks"), drawn[1]) > 0.97


def test_one_window_or_none(again):
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


def test_the_same_command_again_keeps_what_is_painted(again, drawn):
    masks = again.out / "masks"
    painted = np.zeros((120, 160), np.uint8)
    painted[30:90, 40:120] = 255
    Image.fromarray(painted).save(masks / "3.png")
    before = snapshot(again.out / "frames")
    again()
    assert np.array_equal(read(masks)[3], painted > 0)
    boxes = json.loads((again.out / "crops.json").read_text())["boxes"]
    assert boxes[3] == [40, 30, 80, 60]
    assert snapshot(again.out / "frames") == before
    again("--mask_file", masks)  # other masks: all but the painted one change
    assert np.array_equal(read(masks)[3], painted > 0)
    refuse(SCRIPT, [*["--mask", "alpha", "--size", "80"], "x.mp4", "--out", str(again.out)],
           "edited or redone for other frames (3)", "--overwrite")  # fmt: skip
    again("--overwrite")
    assert films.overlap(read(masks)[3:4], drawn[1][3:4]) > 0.97


def test_painting_in_a_cut_mask_counts(again):
    part = again.out / "train_seg/5.jpg"
    left, top, width, height = json.loads((again.out / "crops.json").read_text())["boxes"][5]
    Image.new("L", Image.open(part).size, 255).save(part)
    again()
    assert read(again.out / "masks")[5].sum() == width * height
    assert read(again.out / "masks")[5, top : top + height, left : left + width].all()


def test_redo_touches_its_range_only(again, drawn, truth, tmp_path):
    broken = drawn[1].copy()
    broken[4:7, :, 90:] = False
    folder = films.write_folder(tmp_path / "broken", broken)
    text = again("--mask_file", folder)
    before = snapshot(again.out / "masks")
    redo = ["--redo", "4-6", "--out", str(again.out), "--mask", "file", "--mask_file"]
    succeed(SCRIPT, [*redo, str(truth)])
    after = snapshot(again.out / "masks")
    changed = {path.name for path in before if before[path] != after[path]}
    assert changed == {"4.png", "5.png", "6.png"}
    assert films.overlap(read(again.out / "masks"), drawn[1]) > 0.97
    assert "12 frames" in text
    Image.new("L", (160, 120), 255).save(again.out / "masks/5.png")
    text = succeed(SCRIPT, [*redo, str(folder)])
    assert "masks 5 were edited and stay" in text
    assert read(again.out / "masks")[5].all()
    refuse(SCRIPT, ["--redo", "10-14", "--out", str(again.out)], "has frames 0 to 11")


def test_redo_goes_on_from_the_mask_before(again, drawn, tmp_path):
    broken = drawn[1].copy()
    broken[4:6] = False
    broken[4:6, :20, :20] = True
    again("--mask_file", films.write_folder(tmp_path / "broken", broken))
    assert films.overlap(read(again.out / "masks")[4:6], drawn[1][4:6]) < 0.05
    succeed(SCRIPT, ["--redo", "4-5", "--mask", "grabcut", "--out", str(again.out)])
    assert films.overlap(read(again.out / "masks")[4:6], drawn[1][4:6]) > 0.6


def test_odd_masks_are_named(again, drawn, tmp_path):
    odd = drawn[1].copy()
    odd[1:5] = False
    odd[6, 10:60, 10:60] = True
    odd[9:, 40:] = True
    text = again("--mask_file", films.write_folder(tmp_path / "odd", odd))
    assert "frames 1-4: empty" in text or "frames 2-3: empty" in text
    assert "look at frames 9-11: touches the border" in text
    assert "several parts" in text
    assert "area jumps" in text
    assert "--redo FIRST-LAST" in text


def test_transparency_is_the_mask(drawn, tmp_path):
    pictures = np.dstack([drawn[0].reshape(-1, 160, 3), drawn[1].reshape(-1, 160) * 255])
    pictures = pictures.astype(np.uint8).reshape(12, 120, 160, 4)
    films.write_folder(tmp_path / "clear", pictures)
    succeed(SCRIPT, f"{tmp_path}/clear --mask alpha --out {tmp_path}/clip")
    assert films.overlap(read(tmp_path / "clip/masks"), drawn[1]) > 0.97


def test_sound_is_kept_aside(video, truth, tmp_path):
    films.ffmpeg("-i", video, "-f", "lavfi", "-i", "sine=duration=2", "-c:v", "copy",
                 tmp_path / "loud.mp4")  # fmt: skip
    words = f"{tmp_path}/loud.mp4 --out {tmp_path}/clip --mask file --mask_file {truth}"
    succeed(SCRIPT, words)
    assert (tmp_path / "clip/sound.m4a").stat().st_size > 1000


@pytest.mark.parametrize("words, said", [
    (["--mask_file", "SHORT"], "holds 5 masks for 12 frames"),
    (["--mask_file", "TALL"], "proportions"),
    (["--mask", "alpha"], "has no transparency"),
    (["--mask", "grabcut", "--box", "100,50,80,20"], "reaches outside the frame"),
    (["--mask", "grabcut", "--box", "1,2,3"], "is not x,y,width,height"),
    (["--start", "9"], "no frame between"),
    (["--start", "1", "--end", "0.5"], "--end 0.5 must be after --start 1"),
    (["--max_frames", "1"], "one frame only"),
    (["--mask", "file", "--mask_file", ""], "needs --mask_file"),
    (["--size", "0"], "not a whole number above 0"),
])  # fmt: skip
def test_mistakes_leave_nothing_behind(prepare, drawn, tmp_path, words, said):
    films.write_folder(tmp_path / "SHORT", drawn[1][:5])
    films.write_folder(tmp_path / "TALL", drawn[1][:, :60])
    words = [str(tmp_path / word) if word.isupper() else word for word in words]
    prepare(*words, ends=lambda script, argv: refuse(script, argv, said))
    assert not prepare.out.exists()


def test_a_mistake_keeps_what_was_there(again):
    before = snapshot(again.out)
    words = ["--mask", "grabcut", "--box", "150,0,20,20"]
    again(*words, ends=lambda script, argv: refuse(script, argv, "outside the frame"))
    assert snapshot(again.out) == before


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


def test_a_full_disk_is_said(again, monkeypatch):
    before = snapshot(again.out)
    real = Image.Image.save

    def full(image, path, **words):
        if str(path).endswith("masks/7.png"):
            raise OSError(28, "No space left on device")
        real(image, path, **words)

    monkeypatch.setattr(Image.Image, "save", full)
    said = lambda script, argv: refuse(script, argv, "7.png", "No space left")  # noqa: E731
    again("--overwrite", ends=said)
    assert snapshot(again.out) == before


def test_a_run_killed_while_it_replaces_files_loses_nothing(again):
    painted = np.zeros((120, 160), np.uint8)
    painted[30:90, 40:120] = 255
    Image.fromarray(painted).save(again.out / "masks/3.png")
    # Every other place where it may die is for tests/test_publish.py.
    real, calls = os.replace, []

    def killed(source, target):
        calls.append(target)
        if len(calls) > 5:
            os._exit(9)
        real(source, target)

    words = ["--crop", "window"]
    if (child := os.fork()) == 0:
        os.replace = killed
        with contextlib.suppress(BaseException):
            again(*words)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 9
    again(*words)
    assert np.array_equal(read(again.out / "masks")[3], painted > 0)
    assert len({Image.open(p).size for p in (again.out / "train").iterdir()}) == 1
    assert not {publish.NEW, publish.OLD} & {p.name for p in again.out.iterdir()}


def test_masks_of_any_program_are_taken(again):
    clear = np.zeros((120, 160, 4), np.uint8)
    clear[..., :3] = 255
    clear[30:90, 40:120, 3] = 255  # white on nothing
    Image.fromarray(clear).save(again.out / "masks/3.png")
    (again.out / "masks/.DS_Store").write_text("left by a file manager")
    again()
    assert read(again.out / "masks")[3].sum() == 60 * 80
    Image.new("L", (50, 50), 255).save(again.out / "masks/4.png")
    said = lambda script, argv: refuse(script, argv, "4.png is 50x50 but its frame 160x120")  # noqa: E731
    again(ends=said)
    (again.out / "masks/4.png").unlink()
    again(ends=lambda script, argv: refuse(script, argv, "4.png is missing", "--redo 4"))
    succeed(SCRIPT, ["--redo", "4", "--out", str(again.out)])
    assert read(again.out / "masks")[4].any()
    (again.out / "masks/777.png").write_bytes((again.out / "masks/5.png").read_bytes())
    again(ends=lambda script, argv: refuse(script, argv, "masks/777.png"))


def test_another_video_under_the_same_name_is_seen(prepare, drawn, truth, tmp_path):
    path = films.write_video(tmp_path / "x.mp4", drawn[0], fps=6)
    words = [str(path), "--out", str(tmp_path / "x"), "--mask", "file", "--mask_file", str(truth)]
    succeed(SCRIPT, words)
    before = (tmp_path / "x/frames/0.jpg").read_bytes()
    films.write_video(path, drawn[0][:, ::-1], fps=6)
    succeed(SCRIPT, words)
    assert (tmp_path / "x/frames/0.jpg").read_bytes() != before


def test_a_source_is_never_replaced_by_itself(again):
    frames = str(again.out / "frames")
    refuse(SCRIPT, [frames, "--out", str(again.out), "--size", "80"], "lies in --out")


def test_a_prepared_clip_passes_its_check(again):
    text = succeed(SCRIPT, ["--check", str(again.out)])
    assert "12 frames are fit for training" in text
    assert "fault" not in text
    assert "fills little" not in text
