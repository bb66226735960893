"""Draw the demo: two walking creatures, cut frame by frame to their masks, with known truth.

Writes OUT/a and OUT/b (train/, train_seg/, crops.json), OUT/truth (for each frame of A the picture
and mask of B's creature in A's pose, and back; joints; the planted affine) and OUT/overview.png.
"""

import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from datasets import drawing, synthetic  # noqa: E402 - the project's root must be on the path first
from utils import arguments, errors  # noqa: E402

OPTIONS = (
    arguments.option("out", str, "data/demo", "folder of the pair"),
    arguments.option("frames", arguments.count, 64, "frames of each clip"),
    arguments.option("seed", arguments.natural, 0, "of markings and background; gaits stay"),
    arguments.flag("overwrite", "draw anew into a folder that holds a demo"),
)
SIGNATURE = "overview.png"  # written last: a folder with it holds a whole demo
TURN, SCALE = -14, 0.9  # of the planted affine, which maps B's places to A's
TRUTH = ("ab", "ba")


def scenes():
    """creature, gait, path, and whether B's places are meant, of both clips and both truths."""
    cat, fox = synthetic.CAT, synthetic.FOX
    cat_moves = synthetic.CAT_GAIT, synthetic.CAT_PATH
    fox_moves = synthetic.FOX_GAIT, synthetic.FOX_PATH
    return {
        "a": (cat, *cat_moves, False),
        "b": (fox, *fox_moves, True),
        "ab": (fox, *cat_moves, True),
        "ba": (cat, *fox_moves, False),
    }


def backdrop(size, seed):
    """A blurred meadow under a sky, RGB (H, W, 3) uint8; training never sees it."""
    width, height = size
    rng = np.random.default_rng([seed, 7])
    rise = np.clip((np.arange(height) / height - 0.55) * 6, 0, 1)[:, None, None]
    sky, grass = np.array([178, 202, 222.0]), np.array([112, 140, 84.0])
    rough = cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), 3)
    texture = (rough / rough.std())[..., None] * (4 + 10 * rise)
    return ((1 - rise) * sky + rise * grass + texture).clip(0, 255).astype(np.uint8)


def draw_frame(scene, number, planted, seed, meadow):
    """Picture on its background, mask and joints (J, 2) of one moment, on the whole canvas."""
    creature, gait, path, is_b = scene
    root = synthetic.root_at(path, number)
    if is_b:
        root = np.linalg.inv(planted) @ root
    place = synthetic.joints(creature, synthetic.pose_at(gait, number), root)
    scale = float(np.hypot(*root[:2, 0]))
    markings = [seed, "ab".index("b" if creature is synthetic.FOX else "a")]
    picture, mask = drawing.draw(creature, place, scale, synthetic.CANVAS, markings)
    alpha = mask[..., None] / 255
    picture = (alpha * picture + (1 - alpha) * meadow).round().astype(np.uint8)
    return picture, mask, np.stack(list(place.values()))


def cut_box(mask):
    """Left, top, width and height of the mask's bounding box, pixels."""
    rows, columns = np.nonzero(mask.max(1) > 127)[0], np.nonzero(mask.max(0) > 127)[0]
    return [int(v) for v in (columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1)]


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
        for number in np.linspace(0, frames - 1, min(frames, 8)).astype(int):
            mask = np.asarray(Image.open(masks / f"{number}{ext}").convert("L"))[..., None] > 127
            picture = np.where(mask, np.asarray(Image.open(pictures / f"{number}{ext}")), 128)
            cells.append(np.asarray(Image.fromarray(picture.astype(np.uint8)).resize((160, 160))))
        strips.append(np.concatenate(cells, 1))
    Image.fromarray(np.concatenate(strips)).save(out / SIGNATURE)


def prepare(out, wanted, overwrite):
    """Make an empty folder at `out`, marked as a demo of the `wanted` settings.

    Only what an earlier run of this script drew is ever removed: on `overwrite`, or where that run
    was cut before its end.

    Returns:
        whether there is anything to draw.
    """
    marker = out / "demo.json"
    try:
        if out.is_dir() and any(out.iterdir()):
            if not marker.is_file():
                raise errors.UserError(f"{out} holds other files; choose another --out")
            if (out / SIGNATURE).is_file() and not overwrite:
                if json.loads(marker.read_text()) != wanted:
                    raise errors.UserError(
                        f"{out} holds a demo of other --frames or --seed; add --overwrite"
                    )
                print(f"{out} holds the demo already; --overwrite draws it anew")
                return False
            (out / SIGNATURE).unlink(missing_ok=True)
            for name in scenes():
                for folder in folders(out, name)[:2]:
                    shutil.rmtree(folder, ignore_errors=True)
        out.mkdir(parents=True, exist_ok=True)
        marker.write_text(json.dumps(wanted))
    except (OSError, ValueError) as error:
        raise errors.UserError(f"{out} cannot be written ({error}); choose another --out") from None
    return True


def draw_clip(out, name, scene, frames, planted, seed, bar):
    """Draw a clip or truth into its folders, each frame cut to its mask's box.

    Returns:
        joints (N, J, 2), xy in pixels of the cut pictures.
    """
    pictures, masks, ext = folders(out, name)
    pictures.mkdir(parents=True)
    masks.mkdir(parents=True)
    meadow = backdrop(synthetic.CANVAS, seed)
    boxes, joints = [], []
    for number in range(frames):
        picture, mask, place = draw_frame(scene, number, planted, seed, meadow)
        left, top, width, height = box = cut_box(mask)
        cut = np.s_[top : top + height, left : left + width]
        Image.fromarray(picture[cut]).save(pictures / f"{number}{ext}", quality=95)
        Image.fromarray(mask[cut]).save(masks / f"{number}{ext}", quality=95)
        boxes.append(box)
        joints.append(place - [left, top])
        bar.update()
    crops = {"boxes": boxes, "order": "left, top, width, height", "canvas": synthetic.CANVAS}
    where = "truth/{}_crops.json" if name in TRUTH else "{}/crops.json"
    (out / where.format(name)).write_text(json.dumps(crops))
    return np.stack(joints)


def main():
    opt, _ = arguments.parse(__doc__, OPTIONS)
    out = Path(opt.out)
    if not prepare(out, {"frames": opt.frames, "seed": opt.seed}, opt.overwrite):
        return
    planted = synthetic.planted_affine(TURN, SCALE, np.array(synthetic.CANVAS) / 2)
    with tqdm(total=4 * opt.frames, unit="frame", disable=None) as bar:
        joints = {
            name: draw_clip(out, name, scene, opt.frames, planted, opt.seed, bar)
            for name, scene in scenes().items()
        }
    np.savez(out / "truth" / "joints.npz", names=np.array(synthetic.JOINTS), **joints)
    text = "canvas pixels of B -> canvas pixels of A; cutting to boxes removes shift and size"
    affine = {"matrix": planted[:2].tolist(), "degrees": TURN, "scale": SCALE, "maps": text}
    (out / "truth" / "affine.json").write_text(json.dumps(affine))
    overview(out, opt.frames)
    print(f"{opt.frames} frames of each creature and their truth are in {out}; see {SIGNATURE}")


if __name__ == "__main__":
    errors.run(main)
