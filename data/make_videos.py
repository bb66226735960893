"""Draw two videos with known masks: a creature each, walking over a scene of its own.

Writes OUT/a.mp4 and OUT/b.mp4 (H.264), OUT/truth/a and OUT/truth/b (a mask for every frame), and
OUT/boxes.json (a box around each creature in the first frame). They stand in for a user's videos:
try `prepare_data.py` on them.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

from synthetic import CAMERAS
from utils import arguments, kinds

OPTIONS = (
    arguments.option("out", kinds.place, "data/videos", "folder of the two videos"),
    arguments.option(
        "camera",
        str,
        "panning",
        "still, panning (with the creature, by hand), or still before a green screen",
        CAMERAS,
    ),
    arguments.option("frames", kinds.frames, 48, "frames of each video"),
    arguments.option("fps", kinds.shown_rate, 12.0, "frames per second"),
    arguments.option("width", kinds.pixels, 320, "of the pictures, even, pixels"),
    arguments.option("height", kinds.pixels, 240, "of the pictures, even, pixels"),
    arguments.option("seed", kinds.natural, 0, "of creatures and scenes"),
    arguments.flag("overwrite", "draw anew into a folder that holds such videos"),
)

if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(arguments.parse, __doc__, OPTIONS)

import json
import shlex
import shutil

from PIL import Image
from tqdm import tqdm

from synthetic import scenery
from utils import locks
from utils.files import settle
from utils.images import refuse_huge, save
from video.writer import VideoWriter

SIGNATURE = "boxes.json"  # written last: a folder with it holds both videos
MARKER = ".make_videos"  # written first: what lies beside it is this script's
LEAST = 64  # pixels of either side


def prepare(out, overwrite):
    """Empty the folder `out`; only what this script drew is ever removed."""
    try:
        if any(path.name != locks.NAME for path in out.iterdir()):
            if not (out / MARKER).is_file():
                raise errors.UserError(f"{out} holds other files; choose another --out")
            if (out / SIGNATURE).is_file() and not overwrite:
                raise errors.UserError(f"{out} holds videos already; add --overwrite to replace")
            for name in (SIGNATURE, "a.mp4", "b.mp4"):
                (out / name).unlink(missing_ok=True)
            for name in "ab":
                shutil.rmtree(out / "truth" / name, ignore_errors=True)
        (out / MARKER).touch()
    except OSError as error:
        raise errors.UserError(
            f"{out} cannot be written ({error.strerror}); choose another --out"
        ) from None


def draw(out, name, film, fps, bar):
    """Write a video and its masks; returns the box around the first mask."""
    truth = out / "truth" / name
    truth.mkdir(parents=True)
    box = None
    with VideoWriter(out / f"{name}.mp4", fps) as video:
        for number, (frame, mask) in enumerate(film):
            box = box or scenery.box_of(mask)
            video.add(frame)
            save(Image.fromarray(mask), truth / f"{number}.png")
            bar.update()
    return box


def check(opt):
    if opt.width % 2 or opt.height % 2 or min(opt.width, opt.height) < LEAST:
        raise errors.UserError(
            f"--width {opt.width} --height {opt.height}: both must be even and at least {LEAST}"
        )
    refuse_huge(opt.width, opt.height, "--width and --height")


def main():
    opt, _ = arguments.parse(__doc__, OPTIONS)
    check(opt)
    out = Path(opt.out)
    with locks.locked(out):
        prepare(out, opt.overwrite)
        draw_both(opt, out)


def draw_both(opt, out):
    boxes = {}
    with tqdm(total=2 * opt.frames, unit="frame", disable=None) as bar:
        for number, (name, actor) in enumerate(scenery.actors(opt.seed).items()):
            # Two places, so that the two videos have nothing in common but the way of walking.
            film = scenery.film(
                actor, opt.camera, opt.frames, (opt.width, opt.height), 2 * opt.seed + number
            )
            boxes[name] = draw(out, name, film, opt.fps, bar)
    settle(out)
    (out / SIGNATURE).write_text(json.dumps({"boxes": boxes, "order": "x, y, width, height"}))
    print(f"{opt.frames} frames of each creature; masks are in {out / 'truth'}")
    videos = (str(out / f"{name}.mp4") for name in boxes)
    told = (f"--box_{name}={','.join(map(str, box))}" for name, box in boxes.items())
    print(shlex.join(["python", "run.py", *videos, "--out", "results", *told]))


if __name__ == "__main__":
    errors.run(main)
