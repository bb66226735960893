"""What frames are best cropped to: results in whole frames against the truth there.

Draws pairs in whole frames, crops them in each way by their exact masks, trains stage one on each,
and puts its silhouettes into the driver's frames, as `inference.py --restore` does. The truth is
the other creature in the driver's pose where the driver stands, of its size and turned as in its
own clip. The upper bound is what perfect silhouettes reach: those of the other creature, cropped as
its clip is, at the networks' size. Runs whose checkpoints are there are not made again.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from utils import errors

errors.guard(__name__)

from benchmarks.quality_runs import call, recipe_file, threads
from utils import arguments, options
from utils.arguments import flag, option
from utils.kinds import count

BENCHMARK = (
    option("crops", str, "tight,square,window", "values of prepare_data.py --crop, with commas"),
    option("levels", str, "2,3", "levels of difficulty, with commas"),
    option("seeds", str, "0,1", "seeds of pair and training, with commas"),
    option("frames", count, 48, "frames of each clip"),
    option("base", str, "configs/quality.yaml", "settings that all runs share"),
    option("recipe", str, "recommended", "name of a recipe in configs/recipes"),
    option("out", str, "output/crops", "folder for clips, runs and crops.json"),
    flag("bound", "the upper bound only, without any training"),
    option("jobs", count, 1, "share of the processor's cores that a run leaves to others"),
)

if __name__ == "__main__":
    errors.run(arguments.parse, __doc__, BENCHMARK)

from itertools import product

import cv2
import numpy as np
import torch

from datasets.clip import Clip
from engine import checkpoint, run_folder
from finishing.crop_boxes import CropBoxes, equal_area
from finishing.tracks import DrivingKeypoints
from metrics import silhouettes
from preparation import crops
from synthetic import drawing, quadrupeds
from utils.domains import OTHER, PAIR

GREY = 128  # of the surroundings, which training masks out
MEASURES = "IoU", "boundary F", "IoU aligned"


def drawn(scene, root, number):
    """`Canvas` of a scene's creature at a moment, where `root` (3x3) places it."""
    joints = quadrupeds.joints(scene.creature, quadrupeds.pose_at(scene.gait, number), root)
    return drawing.draw(scene.creature, joints, root, quadrupeds.CANVAS, scene.markings)


def film(scene, frames):
    """Whole frames (N, H, W, 3) uint8 and masks (N, H, W) bool of a scene."""
    seen = [drawn(scene, scene.at(number)[0], number) for number in range(frames)]
    masks = np.stack([each.mask() > 127 for each in seen])
    pictures = np.stack([each.picture() for each in seen])
    return np.where(masks[..., None], pictures, GREY).astype(np.uint8), masks


def in_place(scene, driver, degrees, frames):
    """Masks (N, H, W) bool of the creature of `scene` where that of scene `driver` stands.

    Args:
        degrees: by which it is turned there, about the middle of its trunk.
    """

    def root(number):
        there = driver.at(number)[0]
        about = quadrupeds.rigid(0, 1, there[:2, 2])
        turn = quadrupeds.rigid(degrees, 1, (0, 0))
        return about @ turn @ np.linalg.inv(about) @ there

    return np.stack([drawn(scene, root(n), n).mask() > 127 for n in range(frames)])


def decoded(opt, driver, other, domain):
    """Decoded silhouettes of the other object in whole frames, (N, H, W) bool.

    They are drawn, and put back, as `inference.py --restore` does it.

    Args:
        opt: the options of evaluate.py.
        driver, other: mask folders of both clips.
    """
    jokr, opt = checkpoint.open_jokr(opt, set(), torch.device("cpu"), None, opt.raw)
    clip, canvas = Clip(driver), options.canvas(opt, domain)
    boxes = CropBoxes(driver, len(clip), *canvas, zoom=equal_area(driver, other))
    points, found = DrivingKeypoints(boxes), []
    for index, (_, frames, seen) in enumerate(clip.stream(range(len(clip)), 1, *canvas)):
        keypoints = jokr.find(jokr.view(frames, seen), domain, opt.affine)
        place = points.place(*keypoints, torch.tensor([index]))
        mask = jokr.draw(*place, domain, *frames.shape[2:], own=False).other_mask
        found.append(boxes.paste_back(mask[0, 0].numpy(), index) > 0.5)
    return np.stack(found)


def perfect(opt, driver, other, domain):
    """The same of silhouettes that are those in the clip `other`, a frame for each frame."""
    clip, canvas = Clip(other), options.canvas(opt, domain)
    boxes = CropBoxes(driver, len(clip), *canvas, zoom=equal_area(driver, other))
    masks = (masks[0, 0].numpy() for _, _, masks in clip.stream(range(len(clip)), 1, *canvas))
    return np.stack([boxes.paste_back(mask, index) > 0.5 for index, mask in enumerate(masks)])


def aligned(found, true):
    """A mask (H, W) bool moved and scaled to the centroid and the area of the true one."""
    if not found.any():
        return found
    here, there = (cv2.moments(mask.astype(np.uint8), binaryImage=True) for mask in (found, true))
    scale = np.sqrt(there["m00"] / here["m00"])
    shift = [there[m] / there["m00"] - scale * here[m] / here["m00"] for m in ("m10", "m01")]
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return cv2.warpAffine(found.astype(np.float32), matrix, found.shape[::-1]) > 0.5


def compare(found, true):
    """Figures by `MEASURES`, from masks (N, H, W) bool in whole frames."""
    moved = np.stack([aligned(*both) for both in zip(found, true)])
    found, true, moved = (
        torch.from_numpy(x[:, None].astype(np.float32)) for x in (found, true, moved)
    )
    figures = silhouettes.iou(found, true), silhouettes.boundary_f(found, true)
    return dict(zip(MEASURES, (*figures, silhouettes.iou(moved, true))))


def draw_pair(level, seed, frames):
    """Films of clips and truths by name ("a", "ab"), and true masks in place by pair ("ab")."""
    scenes, true_affine = quadrupeds.scenes(level, seed)
    films = {name: film(scene, frames) for name, scene in scenes.items()}
    turns = {"a": -true_affine.degrees, "b": true_affine.degrees}
    true = {p: in_place(scenes[p], scenes[d], turns[d], frames) for d, p in PAIR.items()}
    return films, true


def run(opt, films, true, kind, level, seed):
    """Crop, train and measure; returns a dict of pair ("ab bound", "ab") -> figures."""
    out = Path(opt.out) / f"{level}-{seed}-{kind}"
    roots = {name: out / name / "train_seg" for name in films}
    for name, (frames, masks) in films.items():
        if not (out / name / "crops.json").is_file():
            (out / name).mkdir(parents=True)
            crops.crop(frames, masks, kind, out / name)
    words = ["--config", opt.base, "--config", recipe_file(opt.recipe)]
    words = [*map(str, words), "--root_a", str(roots["a"]), "--root_b", str(roots["b"])]
    if not (opt.bound or (out / "checkpoint").is_file()):
        flags = "--seed", seed, "--out", out, "--resume"
        call(opt, out / "log.txt", "train_first_stage.py", *words, *flags)
    argv = [*words, "--load", str(out / "checkpoint")]
    asked, _ = arguments.parse("", *options.SCRIPTS["evaluate"], argv=argv, script="evaluate")
    found = {}
    for d, p in PAIR.items():
        found[f"{p} bound"] = compare(perfect(asked, roots[d], roots[p], d), true[p])
        if not opt.bound:
            found[p] = compare(decoded(asked, roots[d], roots[OTHER[d]], d), true[p])
    return found


def show(rows):
    """Print means over seeds and directions, a line for each level and way to crop."""
    print("".join(f"{name:>14}" for name in ("level", "crop", "pairs", "", *MEASURES)))
    for level, kind in dict.fromkeys((row["level"], row["crop"]) for row in rows):
        some = [row for row in rows if (row["level"], row["crop"]) == (level, kind)]
        for what in ("", " bound"):
            cases = [row[p + what] for row in some for p in PAIR.values() if p + what in row]
            if cases:
                means = [np.mean([case[measure] for case in cases]) for measure in MEASURES]
                cells = level, kind, len(some), what or " trained"
                print("".join(f"{x:>14}" for x in cells) + "".join(f"{x:14.3f}" for x in means))


def main():
    opt, _ = arguments.parse(__doc__, BENCHMARK)
    opt.threads = threads(opt)
    levels, seeds = ([int(x) for x in text.split(",")] for text in (opt.levels, opt.seeds))
    run_folder.make_folder(opt.out)
    rows = []
    for seed, level in product(seeds, levels):
        films, true = draw_pair(level, seed, opt.frames)
        for kind in opt.crops.split(","):
            found = run(opt, films, true, kind, level, seed)
            rows.append({"level": level, "seed": seed, "crop": kind, **found})
            (Path(opt.out) / "crops.json").write_text(json.dumps(rows, indent=1))
            print(rows[-1], flush=True)
    show(rows)


if __name__ == "__main__":
    errors.run(main)
