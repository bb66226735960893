"""Fixtures: clips to edit, networks that copy from their frames, and pages of edit.py.

A test module takes them in by `pytest_plugins = ["tests.edited"]`.
"""

import pytest
from PIL import Image

from tests.browser import complaints
from tests.conftest import succeed
from tests.editor import Editor
from tests.forked import serving
from tests.keypoint_page import Page, words


@pytest.fixture(scope="session")
def clips(pair, shared):
    """The flags that name both clips of the pair, as PNG, which keeps every pixel of results."""

    def convert(out):
        for path in pair.glob("[ab]/train*/*.jpg"):
            place = out / path.relative_to(pair).with_suffix(".png")
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.open(path).save(place)

    out = shared("edited_clips", convert)
    roots = f"--root_a {out}/a/train_seg/ --root_b {out}/b/train_seg/"
    return f"{roots} --ext_a .png --ext_b .png --device cpu --affine"


@pytest.fixture(scope="session")
def copying(roots, first, shared):
    """Folder of a stage two whose refiners copy from real frames."""

    def train(out):
        words = f"--load {first}/checkpoint_4 --lambda_vgg 0 --exemplar --iters 2 --bs 2"
        succeed("train_second_stage.py", f"{roots} {words} --device cpu --out {out}")

    return shared("edited_copying", train)


@pytest.fixture
def editor(clips, second, tmp_path):
    editor = Editor(f"{clips} --load {second}/checkpoint --out {tmp_path}/out")
    yield editor
    editor.page.export.close()


@pytest.fixture(scope="session")
def served(second, roots, tmp_path_factory):
    """Address of a page for tests that edit with the pointer; each puts all back at first."""
    folder = tmp_path_factory.mktemp("edited")
    flags = ["--out", folder / "out", *words(second, roots)]
    with serving("edit.py", flags, folder / "log") as (_, address):
        yield address


@pytest.fixture
def page(driver, served):
    page = Page(driver, served)
    page.put_back()
    yield page
    assert complaints(driver) == []
