"""Measure the masks of every method on drawn videos, whose true masks are known; print a table.

Scenes go through a real H.264 file. IoU is intersection over union of the cleaned masks with the
true ones; `raw` is the mean before `segmentation.cleanup`. The grabcut method is given the box
around the first frame's true mask, `found` is grabcut without a box.
"""

import sys
import tempfile
import time
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

import numpy as np

from segmentation import background, chroma, cleanup, follow
from synthetic import CAMERAS, scenery
from utils import arguments, kinds
from video.reader import open_source
from video.writer import VideoWriter

CONDITIONS = {
    "plain": {},
    "alike": {"alike": 0.35},  # a third of the background in the creature's colours
    "fine": {"grain": 0.5},
    "coarse": {"grain": 2.5},
    "exposure": {"exposure": 0.12},
    "shake": {"shake": 3.0},
    "noise": {"noise": 6.0},
    "shadow": {"shadow": 0.5},
    "fast": {"pan": 6.0},
}
METHODS = {
    "grabcut": (("still", "panning"), lambda frames, box: follow.track(frames, box)),
    "found": (("still", "panning"), lambda frames, box: follow.track(frames)),
    "background": (("still", "panning"), lambda frames, box: background.subtract(frames)),
    "chroma": (("green",), lambda frames, box: chroma.key(frames)),
}
OPTIONS = (
    arguments.option("methods", str, ",".join(METHODS), "with commas"),
    arguments.option("seeds", str, "0,1", "of creatures and scenes, with commas"),
    arguments.option("conditions", str, "plain", f"all, or some of {', '.join(CONDITIONS)}"),
    arguments.option("frames", kinds.count, 48, "of each video"),
    arguments.option("width", kinds.count, 320, "pixels"),
    arguments.option("height", kinds.count, 240, "pixels"),
)
ROW = "{:10} {:8} {:9} {:8} {:>4} {:>6} {:>6} {:>6} {:>6}"


def overlap(found, true):
    """Intersection over union of two masks; 1 where both are empty."""
    union = (found | true).sum()
    return (found & true).sum() / union if union else 1.0


def filmed(camera, condition, name, seed, frames, size):
    """Frames as they come out of a video file, and the true masks."""
    conditions = scenery.Conditions(**CONDITIONS[condition])
    actor = scenery.actors(seed)[name]
    masks = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "scene.mp4")
        with VideoWriter(path, 12) as video:
            for frame, mask in scenery.film(actor, camera, frames, size, seed, conditions):
                video.add(frame)
                masks.append(mask)
        return list(open_source(path)), masks


def measure(method, frames, masks):
    """Mean and worst IoU, mean without cleaning, milliseconds per frame."""
    begin = time.perf_counter()
    found = list(METHODS[method][1](frames, scenery.box_of(masks[0])))
    cleaned = list(cleanup.clean(found))
    seconds = time.perf_counter() - begin
    scores = [overlap(*pair) for pair in zip(cleaned, masks)]
    raw = np.mean([overlap(*pair) for pair in zip(found, masks)])
    return np.mean(scores), min(scores), raw, 1000 * seconds / len(frames)


def chosen(text, known, name):
    """Words of an option; UserError for one that is not known."""
    words = list(known) if text == "all" else [word.strip() for word in text.split(",")]
    for word in words:
        if word not in known:
            raise errors.UserError(f"--{name} {word} is none; there are {', '.join(known)}")
    return words


def main():
    opt, _ = arguments.parse(__doc__, OPTIONS)
    methods = chosen(opt.methods, METHODS, "methods")
    conditions = chosen(opt.conditions, CONDITIONS, "conditions")
    try:
        seeds = [int(word) for word in opt.seeds.split(",")]
    except ValueError:
        raise errors.UserError("--seeds are whole numbers with commas") from None
    size = opt.width, opt.height
    print(
        ROW.format(
            "method", "camera", "condition", "creature", "seed", "IoU", "worst", "raw", "ms/f"
        )
    )
    for condition, camera in product(conditions, CAMERAS):
        fitting = [method for method in methods if camera in METHODS[method][0]]
        for seed, name in product(seeds if fitting else [], "ab"):
            frames, masks = filmed(camera, condition, name, seed, opt.frames, size)
            for method in fitting:
                *scores, cost = measure(method, frames, masks)
                cells = [f"{score:.3f}" for score in scores]
                print(
                    ROW.format(method, camera, condition, name, seed, *cells, f"{cost:.0f}"),
                    flush=True,
                )


if __name__ == "__main__":
    errors.run(main)
