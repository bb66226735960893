"""What reads files of others: each with valid files, drawn in code, that are spoiled."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from benchmarks import fuzz_networks as networks
from editing.edits import Edit, History
from editing.session import FILE, Session
from editing.session import read as read_edits
from engine.steps import Step, Steps
from finishing import track_files
from finishing.crop_boxes import CropBoxes, equal_area
from finishing.tracks import Track
from preparation import clip_folder, existing, interactive, record
from report import run_page
from report.page import Curves, Page, write
from synthetic.flow_files import write_flow
from synthetic.truth import NAMES, Truth
from utils import arguments, images, loss_log, options
from video.reader import Excerpt, open_source
from video.sound import save_sound
from video.writer import VideoWriter

FRAMES, POINTS = 3, 4
OPTIONS = "iters: 5\nresize_w: 64\nno_dropout: true\nnorm: batch\ninference:\n  bs: 2\n"
RANDOM = np.random.default_rng(0)


@dataclass(frozen=True)
class Reader:
    """A reader of files.

    Attributes:
        make: function of a new folder that writes valid files, and returns those to be spoiled.
        read: function of the path of one of them, spoiled among the others.
    """

    make: Callable
    read: Callable


def text_file(name, text):
    """`Reader.make` of one file of text."""

    def make(folder):
        folder.mkdir()
        (folder / name).write_text(text)
        return [folder / name]

    return make


def script_options(path):
    groups, argv = options.STAGES["stage one"], ["--config", str(path)]
    arguments.parse("", *groups, argv=argv, script="inference")


def track():
    places = RANDOM.uniform(-0.8, 0.8, (2, FRAMES, POINTS, 2)).astype(np.float32)
    return Track(np.arange(FRAMES), *places)


def make_keypoints(folder):
    paths = [folder / "keypoints.npz", folder / "keypoints.json"]
    for path in paths:
        track_files.write(path, {"a": track(), "b": track()})
    return paths


def read_keypoints(path):
    track_files.read(path, dict.fromkeys("ab", range(FRAMES)), POINTS)


def make_edits(folder):
    history = History()
    for edit in (Edit("key", 1, (0,), (0.1,), (0.2,), 2), Edit("smooth", seconds=0.5)):
        history = history.with_edit(edit)
    folder.mkdir()
    Session(folder / FILE, {"clip": "x"}, track(), 10.0, history)
    return [folder / FILE]


def read_keypoint_edits(path):
    found = read_edits(path, FRAMES, POINTS, lambda of: None)
    if found:
        Session(path, found["of"], track(), 10.0, found["history"])


ASKED = {"frames_of": {"video": "x.mp4"}, "masks_of": {"mask": "file"}, "crop": "tight"}


def make_clip(folder):
    """A clip as prepare_data.py leaves it, of which one mask was painted since."""
    for name, ending in clip_folder.FOLDERS.items():
        (folder / name).mkdir(parents=True)
        for number in range(FRAMES):
            picture = Image.new(
                "L" if "s" in name[1:] and name != "frames" else "RGB", (16, 12), "white"
            )
            picture.save(folder / name / f"{number}{ending}")
    boxes = {"boxes": [[0, 0, 16, 12]] * FRAMES, "scale": 1.0, "canvas": [16, 12], "share": 0.5}
    clip_folder.write_json(boxes, folder / "crops.json")
    content = {"frames": FRAMES, "fps": 6.0, "size": [16, 12], "edited": [1], "redone": [2]}
    record.write(folder, {**ASKED, **content, "method": "file"})
    Image.new("L", (16, 12), 255).save(folder / "masks/0.png", compress_level=0)
    return [folder / "prepared.json", folder / "crops.json"]


def read_record(path):
    folder = path.parent
    known = existing.find_for(folder, ASKED)
    new = known.prepared(ASKED, FRAMES, 6.0, (16, 12))
    existing.find_range(folder, range(1, 2), {"crop": "tight"})
    clip_folder.frame_rate(folder)
    clip_folder.refuse_foreign_files(folder, new["frames"])


def make_crops(folder):
    make_clip(folder)
    return [folder / "crops.json"]


def read_crops(path):
    masks = path.parent / "train_seg"
    boxes = CropBoxes(masks, FRAMES, 16, 16, 0.2, zoom=equal_area(masks, masks))
    boxes.paste_back(np.zeros((16, 16), np.float32), 0)


def make_marks(folder):
    make_clip(folder)
    session = interactive.begin(folder, ASKED).session
    session.add({"frame": 0, "tool": "box", "points": [[1, 1], [9, 9]]})
    session.add({"frame": 2, "tool": "object", "points": [[1, 1]], "radius": 2})
    return [folder / interactive.SESSION / "session.json"]


def read_marks(path):
    session = interactive.begin(path.parent.parent, ASKED).session
    session.undecided(), session.missing(), session.shown()
    for anchor in session.anchors().values():
        anchor.box, anchor.strokes((12, 16)), anchor.painted


def make_steps(folder):
    step = {"stamp": "x", "done": True, "argv": ["--out", "x"]}
    return text_file("steps.json", json.dumps({"stage one": step, "frames ab": step}))(folder)


def read_steps(path):
    steps = Steps(path.parent)
    for name in ("stage one", "frames ab"):
        steps.knows(Step(name, "x.py", (), (), follows=("stage one",)))
        list(map(str, steps.known.get(name, {}).get("argv", ())))


def make_truth(folder):
    flows = folder / "flow"
    for name in NAMES:
        (flows / name).mkdir(parents=True)
        for number in range(FRAMES):
            write_flow(
                flows / name / f"{number}.png", np.zeros((12, 16, 2)), np.ones((12, 16), bool)
            )
        (folder / f"{name}_crops.json").write_text(json.dumps({"boxes": [[0, 0, 16, 12]] * FRAMES}))
    (folder / "affine.json").write_text(json.dumps({"matrix": [[1, 0, 0], [0, 1, 0]]}))
    places = {name: np.zeros((FRAMES, 2, 2)) for name in NAMES}
    np.savez(folder / "joints.npz", names=np.array(["head", "tail"]), **places)
    return [
        folder / name for name in ("joints.npz", "affine.json", "ab_crops.json", "flow/ab/0.png")
    ]


def read_truth(path):
    folder = path.parents[2] if path.suffix == ".png" else path.parent
    names, view = [f"{n}.jpg" for n in range(FRAMES)], (16, 16, 0.2)
    truth = Truth(folder, names, names)
    truth.joints("ab", *view), truth.flow("ab", *view), truth.true_affine(*view, 0.2)


def make_run(folder):
    folder.mkdir()
    (folder / "config.yaml").write_text(OPTIONS + "load: first/checkpoint\n")
    (folder / "log.csv").write_text("iteration,loss,lr\n0,1.5,20\n1,0.5,21.5\n2,nan,20\n")
    return [folder / "config.yaml", folder / "log.csv"]


def show_run(path):
    """The page of a run, in which texts from files must stay texts."""
    folder = path.parent
    run_page.run_folders(folder / "checkpoint", 2)
    curves = Curves("stage one", loss_log.curves(folder / "log.csv"))
    found = {"stage one": run_page.read_options(folder)}
    write(folder / "page.html", Page("clip", losses=[curves], options=found))
    if (folder / "page.html").read_text().count("<script") != 1:
        raise AssertionError("a text became a script")


def make_pictures(folder):
    folder.mkdir()
    picture = Image.fromarray(RANDOM.integers(0, 256, (9, 8, 3), np.uint8).astype(np.uint8))
    paths = [folder / f"0.{ending}" for ending in ("png", "jpg", "webp", "bmp", "tiff")]
    for path in paths:
        picture.save(path)
    picture.convert("RGBA").save(folder / "clear.png")
    picture.convert("P").save(folder / "0.gif", save_all=True, append_images=[picture])
    return [*paths, folder / "clear.png", folder / "0.gif"]


def read_picture(path):
    images.size_of(path), images.read(path, "RGB"), clip_folder.read_mask(path)
    images.fit(images.read(path, "RGB"), images.read(path, "L"), 32, 32, 0.2)


def make_videos(folder):
    folder.mkdir()
    paths = [folder / f"clip.{ending}" for ending in ("mp4", "webm", "avi", "gif")]
    for path in paths:
        with VideoWriter(path, 6) as video:
            for number in range(4):
                video.add(np.full((24, 32, 3), 60 * number, np.uint8))
    return paths


def read_video(path):
    source = open_source(path, Excerpt(longest=64))
    for number, _ in enumerate(source):
        if number >= 50:
            break
    save_sound(path, Excerpt(0, 1), path.parent / "sound.m4a")


READERS = {
    "options": Reader(text_file("options.yaml", OPTIONS), script_options),
    "run": Reader(make_run, show_run),
    "keypoints": Reader(make_keypoints, read_keypoints),
    "checkpoints": Reader(networks.make_checkpoints, networks.open_checkpoint),
    "resume": Reader(networks.make_first_stage, networks.resume),
    "weights": Reader(networks.make_weights, networks.read_weights),
    "edits": Reader(make_edits, read_keypoint_edits),
    "marks": Reader(make_marks, read_marks),
    "record": Reader(make_clip, read_record),
    "crops": Reader(make_crops, read_crops),
    "steps": Reader(make_steps, read_steps),
    "truth": Reader(make_truth, read_truth),
    "pictures": Reader(make_pictures, read_picture),
    "videos": Reader(make_videos, read_video),
}
