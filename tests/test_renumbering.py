"""prepare_data.py --check --renumber, killed anywhere: the same command goes on, none is lost."""

import json
import shutil

import pytest
from PIL import Image

from datasets.clip import RENUMBERING, Clip
from preparation import renumbering
from tests.conftest import refuse
from utils.errors import UserError

pytest_plugins = ["tests.dying"]
# Their shades tell pictures apart. Some new names are old ones of others, some stay as they are.
NAMES = "0.png", "2.png", "3.png", "07.png"


def write(clip):
    for folder in ("train", "train_seg"):
        (clip / folder).mkdir(parents=True)
        for number, name in enumerate(NAMES):
            Image.new("L", (8, 6), 200 + number).save(clip / folder / name)
    return clip


def shades(folder):
    return {path.name: Image.open(path).getpixel((0, 0)) for path in folder.iterdir()}


WANTED = {f"{number}.png": 200 + number for number in range(len(NAMES))}


def test_each_change_may_be_the_last_one_twice(kill, tmp_path):
    """Once in the first call, and once in the one that goes on."""
    made, at = write(tmp_path / "made"), 0
    while True:
        clip = tmp_path / "clip"
        shutil.copytree(made, clip)
        died = kill(at, renumbering.renumber, clip)
        if not died:
            break
        if at == 9:
            refuse("prepare_data.py", ["--check", str(clip)], "was interrupted", "run python")
        if (clip / "train_seg" / RENUMBERING).exists():
            with pytest.raises(UserError, match="run python prepare_data.py --check .* --renumber"):
                Clip(clip / "train_seg", ".png")
        kill(at // 2, renumbering.renumber, clip)
        assert renumbering.renumber(clip) == len(NAMES)
        for folder in ("train", "train_seg"):
            assert shades(clip / folder) == WANTED, (at, folder)
        shutil.rmtree(clip)
        at += 1
    assert at > 4 * len(NAMES)


def test_linked_folders_stay_links(tmp_path):
    clip = write(tmp_path / "clip")
    (clip / "train").rename(tmp_path / "elsewhere")
    (clip / "train").symlink_to(tmp_path / "elsewhere")
    assert renumbering.renumber(clip) == len(NAMES)
    assert (clip / "train").is_symlink()
    assert shades(tmp_path / "elsewhere") == WANTED


@pytest.mark.parametrize("text", ["{", "[]", "{}", None])
def test_a_damaged_journal_is_said(tmp_path, text):
    clip = write(tmp_path / "clip")
    outside = {"parking": True, "moves": [[True, "0.png", "../0.png"]]}
    (clip / "train_seg/.renumber.json").write_text(text or json.dumps(outside))
    with pytest.raises(UserError, match="is damaged; remove it"):
        renumbering.renumber(clip)
    assert len(shades(clip / "train")) == len(NAMES)


def test_files_on_their_way_of_a_lost_journal_are_not_overwritten(tmp_path):
    clip = write(tmp_path / "clip")
    for folder in ("train", "train_seg"):
        (clip / folder / "0.png").rename(clip / folder / ".renumber-1")
    with pytest.raises(UserError, match=r"train/\.renumber-1 is in the way .* move it away first"):
        renumbering.renumber(clip)
    assert len(shades(clip / "train")) == len(NAMES)
