"""Hostile files: readers refuse them in a sentence or read them, within seconds and a GiB.

`benchmarks/fuzz.py` tries thousands for each reader. CORPUS holds those of them that once were more
than a sentence.
"""

import io
import json
import pickle
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.fuzz_cases import ARRAYS, DROPPED, with_value
from benchmarks.fuzz_readers import READERS
from benchmarks.fuzz_watch import explore
from utils import reading
from utils.errors import UserError

FEW = {"run": 5, "resume": 5, "checkpoints": 30, "videos": 6}  # files of readers that take longer
DEEP = b"[" * 50_000
STROKE = "history", "edits", 1
CORPUS = (  # reader, file, and either its content or an entry of it with another value
    ("options", "options.yaml", DEEP),
    ("options", "options.yaml", b"a: &a [1]\nb: &b [*a, *a]\n" * 9),
    ("options", "options.yaml", b"bs: !!python/object/apply:os.system ['true']\n"),
    ("options", "options.yaml", b"bs: 1\n" * 20_000),
    ("options", "options.yaml", b"norm: " + b"x" * 9000),
    ("options", "options.yaml", b"no_dropout: 0x" + b"f" * 5000),
    ("keypoints", "keypoints.json", DEEP),
    ("steps", "steps.json", DEEP),
    ("steps", "steps.json", ("stage one", "argv"), 7),
    ("steps", "steps.json", ("stage one", "argv", 0), None),
    ("steps", "steps.json", ("stage one", "stamp"), DROPPED),
    ("edits", "edits.json", DEEP),
    ("edits", "edits.json", ("history", "done"), float("inf")),
    ("record", "prepared.json", DEEP),
    ("record", "crops.json", DEEP),
    ("record", "crops.json", ("boxes", 0), []),
    ("record", "crops.json", ("boxes", 0, 2), 10**9),
    ("record", "crops.json", ("scale",), "1"),
    ("record", "prepared.json", ("frames",), 10**15),
    ("record", "prepared.json", ("size",), [16]),
    ("record", "prepared.json", ("edited",), None),
    ("record", "prepared.json", ("redone",), 3),
    ("record", "prepared.json", ("crop",), DROPPED),
    ("record", "prepared.json", ("masks_of",), DROPPED),
    ("crops", "crops.json", DEEP),
    ("crops", "crops.json", ("boxes", 0, 2), float("inf")),
    ("crops", "crops.json", ("canvas", 0), 10**9),
    ("crops", "crops.json", ("canvas", 0), 10**400),
    ("marks", "session.json", DEEP),
    ("marks", "session.json", ("clip", "frames"), 10**15),
    ("marks", "session.json", ("clip", "size"), None),
    ("marks", "session.json", ("clip",), []),
    ("marks", "session.json", ("history", "done"), "2"),
    ("marks", "session.json", ("history", "next_id"), 1),
    ("marks", "session.json", (*STROKE, "frame"), -1),
    ("marks", "session.json", (*STROKE, "points"), [[1, None]]),
    ("marks", "session.json", (*STROKE, "points"), [1]),
    ("marks", "session.json", (*STROKE, "radius"), 10**40),
    ("marks", "session.json", (*STROKE, "id"), "2"),
    ("marks", "session.json", (*STROKE, "former"), []),
    ("truth", "affine.json", DEEP),
    ("truth", "ab_crops.json", ("boxes", 0, 0), 10**40),
    ("truth", "joints.npz", b""),
)  # fmt: skip


@pytest.fixture
def spoiled(tmp_path):
    """Function of a reader's name, a file's and what replaces its content -> what reads it."""

    def spoil(name, file, *change):
        reader = READERS[name]
        path = next(p for p in reader.make(tmp_path / "files") if p.name == file)
        content = change[0]
        if len(change) == 2:
            content = json.dumps(with_value(json.loads(path.read_text()), *change)).encode()
        path.write_bytes(content)
        return lambda: reader.read(path)

    return spoil


@pytest.mark.parametrize("name", READERS)
def test_hostile_files_do_no_harm(name):
    tally = explore(READERS[name], FEW.get(name, 60))
    assert not tally.findings
    assert tally.refused + tally.read == tally.tried == FEW.get(name, 60)


@pytest.mark.parametrize("case", CORPUS, ids=[f"{x[0]} {i}" for i, x in enumerate(CORPUS)])
def test_what_once_was_more_than_a_sentence_is_one(spoiled, case):
    with pytest.raises(UserError) as caught:
        spoiled(*case)()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("content", ARRAYS, ids=range(len(ARRAYS)))
def test_no_array_but_those_of_keypoints_is_taken(spoiled, content):
    file = io.BytesIO()
    points = np.zeros((3, 4, 2))
    np.savez(file, a=points, a_frames=np.arange(3), b_frames=np.arange(3))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("b.npy", content)
    with pytest.raises(UserError):
        spoiled("keypoints", "keypoints.npz", file.getvalue())()


def test_arrays_that_unfold_are_refused_unread(spoiled, monkeypatch):
    file = io.BytesIO()
    np.savez_compressed(file, a=np.zeros((3, 4, 2)), a_frames=np.arange(3), c=np.zeros(10**6))
    read = spoiled("keypoints", "keypoints.npz", file.getvalue())
    monkeypatch.setattr(reading, "ARRAYS", 10**6)
    monkeypatch.setattr(np, "load", lambda path: pytest.fail("it was read"))
    with pytest.raises(UserError):
        read()


def nested(depth):
    """Lists that hold themselves twice each, 2^depth in all, in few numbers."""
    found = []
    for _ in range(depth):
        found = [found, found]
    return found


def saved(**entries):
    file = io.BytesIO()
    torch.save(entries, file)
    return file.getvalue()


def compressed():
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved(KP={}))) as plain,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        saved(KP={"kp.weight": torch.zeros(1).expand(10**7, 5, 3, 3)}, G_A={}, R_A={}, R_B={}),
        saved(KP={"kp.weight": torch.zeros(9, device="meta")}),
        saved(KP=nested(60)),
        pickle.dumps(nested(60)),
        b"\x80\x02ctorch." + b"[" * 50_000 + b"\nx\n.",  # torch.load takes 10 s to say what it is
        compressed(),
    ],
    ids=["promise", "meta", "nested", "pickled", "name", "compressed"],
)
def test_tensors_that_promise_more_than_they_hold_are_refused(spoiled, content):
    with pytest.raises(UserError, match="damaged|holds no checkpoint"):
        spoiled("checkpoints", "second", content)()


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        (("means",), torch.zeros(3, 4, 2)),
        (("means",), "x"),
        (("options", "scale_kp"), nested(60)),
        (("options", "scale_kp"), -1),
        (("options", "resize_w"), 10**5000),
        (("learned_t",), torch.zeros(7)),
    ],
    ids=range(6),
)
def test_entries_of_a_checkpoint_are_checked(spoiled, tmp_path, entry, value):
    (first, _) = READERS["checkpoints"].make(tmp_path)
    state = with_value(torch.load(first, weights_only=True), entry, value)
    with pytest.raises(UserError):
        spoiled("checkpoints", "first", saved(**state))()


def test_a_count_of_a_checkpoint_is_one(spoiled, tmp_path):
    (first,) = READERS["resume"].make(tmp_path)
    state = {**torch.load(first, weights_only=True), "iteration": 2**60}
    with pytest.raises(UserError, match="broken iteration"):
        spoiled("resume", "first", saved(**state))()


def picture(width, height, kind="PNG"):
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("side", [9000, 60_000])
def test_a_picture_of_too_many_pixels_is_refused_undecoded(spoiled, monkeypatch, side):
    header = picture(1, 1).replace(b"\0\0\0\1" * 2, 2 * side.to_bytes(4, "big"))
    header = header[:29] + zlib.crc32(header[12:29]).to_bytes(4, "big") + header[33:]
    read = spoiled("pictures", "0.png", header)
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(UserError, match=f"{side}x{side} are more than|exceeds limit"):
        read()


def test_a_line_of_pixels_is_a_picture(spoiled):
    spoiled("pictures", "0.png", picture(100_000, 1))()


def test_a_picture_starts_no_program(spoiled):
    """PostScript, by whatever name, is drawn by Ghostscript."""
    with pytest.raises(UserError, match="cannot be read as a picture"):
        spoiled("pictures", "0.png", picture(8, 8, "EPS"))()


def test_texts_in_a_page_stay_texts(spoiled):
    lines = b'"<script>alert(1)</script>": "\\ud800"\nload: "<script>"\n'
    spoiled("run", "config.yaml", lines)()


def test_a_number_that_python_would_not_print_does_no_harm_to_a_page(spoiled):
    spoiled("run", "config.yaml", b"iters: 0x" + b"f" * 5000)()
