"""Draw the demo: two walking creatures, cropped frame by frame to their masks, with known truth.

Writes OUT/a and OUT/b (train/, train_seg/, crops.json), OUT/truth (for each frame of A the picture
and mask of B's creature in A's pose, and back; joints; optical flow; the ground-truth affine) and
OUT/overview.png. The demo is a cat and a fox; --level draws a random pair instead.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

from utils import arguments, kinds

OPTIONS = (
    arguments.option("out", kinds.place, "data/demo", "folder of the pair"),
    arguments.option("frames", kinds.frames, 64, "frames of each clip"),
    arguments.option("level", kinds.natural, 0, "1 (easy) to 5 of a random pair; 0 the demo"),
    arguments.option("seed", kinds.natural, 0, "of a level's pair; of the demo's markings"),
    arguments.flag("overwrite", "draw anew into a folder that holds a demo"),
)

if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(arguments.parse, __doc__, OPTIONS)

import json
import shutil

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from synthetic import canvas, drawing, flow_files, quadrupeds
from utils import locks
from utils.files import settle
from utils.numbering import spread

SIGNATURE = "overview.png"  # written last: a folder with it holds a whole demo
CLIPS, TRUTH = ("a", "b"), ("ab", "ba")
RATE = 12  # frames per second of its videos


def backdrop(size, seed):
    """A blurred meadow under a sky, RGB (H, W, 3) uint8; training never sees it."""
    width, height = size
    rng = np.random.default_rng([seed, 7])
    rise = np.clip((np.arange(height) / height - 0.55) * 6, 0, 1)[:, None, None]
    sky, grass = np.array([178, 202, 222.0]), np.array([112, 140, 84.0])
    rough = cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), 3)
    texture = (rough / rough.std())[..., None] * (4 + 10 * rise)
    return ((1 - rise) * sky + rise * grass + texture).clip(0, 255).astype(np.uint8)


def draw_frame(scene, number, meadow):
    """`canvas.Canvas`, picture on its background and joints (J, 2) of one moment."""
    root, place = scene.at(number)
    drawn = drawing.draw(scene.creature, place, root, quadrupeds.CANVAS, scene.markings)
    alpha = drawn.mask()[..., None] / 255
    picture = (alpha * drawn.picture() + (1 - alpha) * meadow).round().astype(np.uint8)
    return drawn, picture, np.stack(list(place.values()))


def bounding_box(mask):
    """Left, top, width and height of the mask's bounding box, pixels."""
    rows, columns = np.nonzero(mask.max(1) > 127)[0], np.nonzero(mask.max(0) > 127)[0]
    return [int(v) for v in (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)]


def inside(box):
    left, top, width, height = box
    return np.s_[top : top + height, left : left + width]


def write_flow(path, now, later, box, later_box):
    """Optical flow between two canvases, as one between their cropped pictures."""
    flow, valid = (field[inside(box)] for field in canvas.flow(now, later))
    flow_files.write_flow(path, flow + np.subtract(box[:2], later_box[:2]), valid)


def folders(out, name):
    """Where pictures and masks of a clip or of a truth go, and their extension."""
    if name in TRUTH:
        return out / "truth" / name, out / "truth" / f"{name}_seg", ".png"
    return out / name / "train", out / name / "train_seg", ".jpg"


def overview(out, frames):
    """Contact sheet: each clip above its motion acted by the other creature."""
    strips = []
    for name in ("a", "ab", "b", "ba"):
        pictures, masks, ext = folders(out, name)
        cells = []
        for number in spread(frames, 8):
            mask = np.asarray(Image.open(masks / f"{number}{ext}").convert("L"))[..., None] > 127
            picture = np.where(mask, np.asarray(Image.open(pictures / f"{number}{ext}")), 128)
            cells.append(np.asarray(Image.fromarray(picture.astype(np.uint8)).resize((160, 160))))
        strips.append(np.concatenate(cells, 1))
    Image.fromarray(np.concatenate(strips)).save(out / SIGNATURE)


def prepare(out, wanted, overwrite):
    """Empty the folder `out`, and mark it as a demo of the `wanted` settings.

    Only what an earlier run of this script drew is ever removed: on `overwrite`, or where that run
    was interrupted.

    Returns:
        whether there is anything to draw.
    """
    marker = out / "demo.json"
    try:
        if any(path.name != locks.NAME for path in out.iterdir()):
            if not marker.is_file():
                raise errors.UserError(f"{out} holds other files; choose another --out")
            whole = (out / SIGNATURE).is_file() and (out / "truth/flow").is_dir()
            if whole and not overwrite:
                if json.loads(marker.read_text()) != wanted:
                    raise errors.UserError(
                        f"{out} holds a pair of other --frames, --seed or --level; add --overwrite"
                    )
                print(f"{out} holds the demo already; --overwrite draws it anew")
                return False
            (out / SIGNATURE).unlink(missing_ok=True)
            for name in CLIPS + TRUTH:
                for folder in (*folders(out, name)[:2], out / "truth/flow" / name):
                    shutil.rmtree(folder, ignore_errors=True)
        marker.write_text(json.dumps(wanted))
    except (OSError, ValueError) as error:
        raise errors.UserError(f"{out} cannot be written ({error}); choose another --out") from None
    return True


def draw_clip(out, name, scene, frames, seed, bar):
    """Draw a clip or truth into its folders, each frame cropped to its mask's box.

    Returns:
        joints (N, J, 2), xy in pixels of the cropped pictures.
    """
    pictures, masks, ext = folders(out, name)
    flows = out / "truth/flow" / name
    for folder in (pictures, masks, flows):
        folder.mkdir(parents=True)
    meadow = backdrop(quadrupeds.CANVAS, seed)
    boxes, joints, former = [], [], None
    for number in range(frames):
        drawn, picture, place = draw_frame(scene, number, meadow)
        boxes.append(bounding_box(drawn.mask()))
        crop = inside(boxes[-1])
        Image.fromarray(picture[crop]).save(pictures / f"{number}{ext}", quality=95)
        Image.fromarray(drawn.mask()[crop]).save(masks / f"{number}{ext}", quality=95)
        joints.append(place - boxes[-1][:2])
        if former:
            write_flow(flows / f"{number - 1}.png", former, drawn, *boxes[-2:])
        former = drawn
        bar.update()
    crops = {"boxes": boxes, "order": "left, top, width, height", "canvas": quadrupeds.CANVAS}
    (out / "truth" / f"{name}_crops.json").write_text(json.dumps(crops))
    if name in CLIPS:
        (out / name / "crops.json").write_text(json.dumps({**crops, "fps": RATE}))
    return np.stack(joints)


def settings(opt):
    """Content of demo.json; UserError for a level that does not exist."""
    if opt.level not in (quadrupeds.DEMO, *quadrupeds.LEVELS):
        raise errors.UserError(
            f"--level {opt.level} is none; give 1 to {max(quadrupeds.LEVELS)}, or 0 for the demo"
        )
    level = {} if opt.level == quadrupeds.DEMO else {"level": opt.level}
    return {"frames": opt.frames, "seed": opt.seed, **level}


def main():
    opt, _ = arguments.parse(__doc__, OPTIONS)
    out = Path(opt.out)
    with locks.locked(out):
        if prepare(out, settings(opt), opt.overwrite):
            draw(opt, out)


def draw(opt, out):
    scenes, true_affine = quadrupeds.scenes(opt.level, opt.seed)
    with tqdm(total=4 * opt.frames, unit="frame", disable=None) as bar:
        joints = {
            name: draw_clip(out, name, scene, opt.frames, opt.seed, bar)
            for name, scene in scenes.items()
        }
    np.savez(out / "truth" / "joints.npz", names=np.array(quadrupeds.JOINTS), **joints)
    text = "canvas pixels of B -> canvas pixels of A; cropping to boxes removes shift and size"
    numbers = {"degrees": true_affine.degrees, "scale": true_affine.scale}
    affine = {"matrix": true_affine.matrix()[:2].tolist(), **numbers, "maps": text}
    (out / "truth" / "affine.json").write_text(json.dumps(affine))
    settle(out)
    overview(out, opt.frames)
    print(f"{opt.frames} frames of each creature and their truth are in {out}; see {SIGNATURE}")


if __name__ == "__main__":
    errors.run(main)
