"""Measure masks on drawn clips of many kinds, by axis, or on a real clip; print tables.

Clips of `synthetic.footage` go through a real H.264 file and are read as prepare_data.py reads
them. IoU is intersection over union of the cleaned masks with the true ones. The grabcut method is
given the box around the first frame's true mask, `found` is grabcut without a box, and `auto` what
prepare_data.py does unless told. A method that refuses a clip is shown with its sentence; shares
count it as a failure. `judged` is the IoU that `segmentation.judge` estimates without the true
masks, with ! where preparation flags it.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

import cv2
import numpy as np

from benchmarks import filming
from benchmarks.masks import chosen, overlap
from preparation import review
from segmentation import auto, chroma, cleanup, follow, judge, motion
from synthetic import footage, scenery
from utils import arguments, kinds

METHODS = {
    "grabcut": lambda frames, box: follow.track(frames, box),
    "found": lambda frames, box: motion.find(frames, ("grabcut",)).masks,
    "background": lambda frames, box: motion.find(frames, ("background",)).masks,
    "auto": lambda frames, box: auto.choose(frames).masks,
    "chroma": lambda frames, box: chroma.key(frames),  # on screens alone
}
OPTIONS = (
    arguments.option("half", str, "tuning", "of the clips", footage.HALVES),
    arguments.option("methods", str, "all", f"all, none, or some of {', '.join(METHODS)}"),
    arguments.option("only", str, "", "clips whose names hold this"),
    arguments.option("every", kinds.count, 1, "of so many clips one"),
    arguments.option("limit", kinds.count_or_all, -1, "so many clips; -1 for all"),
    arguments.option("sheet", str, "", "picture to write: each clip's middle frame, outlined"),
    arguments.option("clip", str, "", "folder of a prepared clip, instead of drawn ones"),
)
ROW = "{:40} {:10} {:>6} {:>6} {:>6} {:>6}"
BANDS = (0.0, 0.7), (0.7, 0.9), (0.9, 1.01)  # of mean IoU: to be flagged, either way, silent
CELL, CAPTION = (320, 240), 18  # pixels of a sheet's cell, and of what stands below
TRUE, FOUND = (255, 255, 255), (255, 0, 255)  # colours of outlines


def measure(method, frames, masks):
    """Found masks and (mean and worst IoU, that judged, ms per frame); None and why, if refused."""
    begin = time.perf_counter()
    try:
        found = list(cleanup.clean(METHODS[method](frames, scenery.box_of(masks[0]))))
    except errors.UserError as refusal:
        return None, str(refusal)
    cost = 1000 * (time.perf_counter() - begin) / len(frames)
    scores = [overlap(*pair) for pair in zip(found, masks)]
    return found, (np.mean(scores), min(scores), judge.scores(frames, found).quality, cost)


def show(name, method, result):
    if isinstance(result, str):
        print(ROW.format(name, method, "-", "-", "-", "-"), f" refused: {result}", flush=True)
    else:
        *scores, judged, cost = result
        cells = [f"{score:.3f}" for score in scores]
        mark = "!" if judged < review.DOUBTFUL else ""
        print(ROW.format(name, method, *cells, f"{judged:.2f}{mark}", f"{cost:.0f}"), flush=True)


def summary(title, scores):
    """Print a line on mean IoUs, where a refusal is None."""
    answered = [score for score in scores if score is not None]
    shares = [sum(score > bound for score in answered) / len(scores) for bound in (0.8, 0.85)]
    mean = f"{np.mean(answered):.3f}" if answered else "-"
    refused = len(scores) - len(answered)
    print(f"{title:24} {len(scores):>5} {mean:>6} {shares[0]:>6.0%} {shares[1]:>6.0%} {refused:>8}")


def summaries(method, results):
    """Print a table of one method: all clips, and by the levels of each axis.

    Args:
        results: list of (`footage.Clip`, mean IoU or None).
    """
    print(f"\n{method:24} clips   mean  >0.80  >0.85  refused")
    summary("all", [score for _, score in results])
    for axis in [*footage.AXES, "size"]:
        for level in sorted({getattr(clip, axis) for clip, _ in results}):
            own = [score for clip, score in results if getattr(clip, axis) == level]
            title = "x".join(map(str, level)) if axis == "size" else level
            summary(f"{axis} {title}", own)


def verdicts(pairs):
    """Print how many masks of each band of mean IoU are flagged, and how often the better is known.

    Args:
        pairs: for each clip, a list of (mean IoU, judged IoU), one for each method that answered.
    """
    print(f"\n{'verdict':24} masks flagged")
    for low, high in BANDS:
        own = [judged for clip in pairs for mean, judged in clip if low <= mean < high]
        share = f"{np.mean(np.array(own) < review.DOUBTFUL):.0%}" if own else "-"
        print(f"{f'IoU {low:.1f} to {min(high, 1):.1f}':24} {len(own):>5} {share:>7}")
    apart = [
        good[1] > bad[1]
        for clip in pairs
        for good in clip
        for bad in clip
        if good[0] > bad[0] + 0.1
    ]
    share = f"{np.mean(apart):.0%}" if apart else "-"
    print(
        f"of two methods on a clip that differ by more than .1, the better is known: {share} "
        f"of {len(apart)}"
    )


def cell(name, frame, outlined):
    """A frame (H, W, 3) with outlines and its name, (h, w, 3) uint8, of one size for all.

    Args:
        outlined: list of (mask (H, W) bool, colour).
    """
    scale = min(CELL[0] / frame.shape[1], CELL[1] / frame.shape[0])
    picture = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for mask, colour in outlined:
        large = cv2.resize(mask.astype(np.uint8), picture.shape[1::-1])
        lines, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, lines, -1, colour, 1)
    canvas = np.zeros((CELL[1] + CAPTION, CELL[0], 3), np.uint8)
    canvas[: picture.shape[0], : picture.shape[1]] = picture
    cv2.putText(canvas, name, (2, CELL[1] + 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, TRUE, 1)
    return canvas


def write_sheet(path, cells):
    """Write cells, at most six in a row, as one picture."""
    across = min(6, len(cells))
    cells = cells + [np.zeros_like(cells[0])] * (-len(cells) % across)
    rows = [np.hstack(cells[first : first + across]) for first in range(0, len(cells), across)]
    if not cv2.imwrite(path, np.vstack(rows)[..., ::-1]):
        raise errors.UserError(f"--sheet {path} cannot be written; choose another place")


def videos(opt):
    """Triples (clip or None, name, frames and masks) of what the options ask for."""
    if opt.clip:
        for border in filming.BORDERS:
            yield None, f"{Path(opt.clip).name} {border}", filming.pasted(opt.clip, border)
        return
    wanted = [clip for clip in footage.clips(opt.half) if opt.only in clip.name][:: opt.every]
    if not wanted:
        raise errors.UserError(f"--only {opt.only}: no clip of that half has this in its name")
    for clip in wanted[: None if opt.limit == -1 else opt.limit]:
        yield clip, clip.name, filming.filmed(clip)


def main():
    opt, _ = arguments.parse(__doc__, OPTIONS)
    methods = [] if opt.methods == "none" else chosen(opt.methods, METHODS, "methods")
    print(ROW.format("clip", "method", "IoU", "worst", "judged", "ms/f"))
    results, cells, judged = {method: [] for method in methods}, [], []
    for clip, name, (frames, masks) in videos(opt):
        middle, outlined = len(frames) // 2, []
        judged.append([])
        for method in methods:
            if method == "chroma" and not (clip and clip.screen):
                continue
            found, result = measure(method, frames, masks)
            show(name, method, result)
            results[method].append((clip, result[0] if found else None))
            if found:
                judged[-1].append((result[0], result[2]))
            if found and not outlined:
                outlined.append((found[middle], FOUND))
        if opt.sheet:
            cells.append(cell(name, frames[middle], [(masks[middle], TRUE), *outlined]))
    for method, scored in results.items():
        if scored and not opt.clip:
            summaries(method, scored)
    if methods:
        verdicts(judged)
    if opt.sheet:
        write_sheet(opt.sheet, cells)


if __name__ == "__main__":
    errors.run(main)
