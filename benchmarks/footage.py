"""Measure masks on drawn clips of many kinds, by axis, or on a real clip; print tables.

Clips of `synthetic.footage` go through a real H.264 file and are read as prepare_data.py reads
them. IoU is intersection over union of the cleaned masks with the true ones. The grabcut method is
given the box around the first frame's true mask, `found` is grabcut without a box.
"""

import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.masks import chosen, overlap  # noqa: E402 - the root must be on the path first
from segmentation import background, chroma, cleanup, grabcut  # noqa: E402
from synthetic import footage, scenery  # noqa: E402
from utils import arguments, errors  # noqa: E402
from video.reader import Excerpt, open_source  # noqa: E402

METHODS = {
    "grabcut": lambda frames, box: grabcut.track(frames, box),
    "found": lambda frames, box: grabcut.track(frames),
    "background": lambda frames, box: background.subtract(frames),
    "chroma": lambda frames, box: chroma.key(frames),
}
LONGEST = 640  # pixels, as prepare_data.py reads a video
OPTIONS = (
    arguments.option("half", str, "tuning", "of the clips", footage.HALVES),
    arguments.option("methods", str, "grabcut,found,background", "all, or some with commas"),
    arguments.option("only", str, "", "clips whose names hold this"),
    arguments.option("every", arguments.count, 1, "of so many clips one"),
    arguments.option("limit", arguments.count_or_all, -1, "so many clips; -1 for all"),
)
ROW = "{:44} {:10} {:>6} {:>6} {:>6}"


def filmed(clip):
    """Frames of a clip as they come out of a video file, and its true masks, at `LONGEST`."""
    pictures, masks = zip(*footage.film(clip))
    frames = through_file(pictures, 35 if clip.sensor == "low_bitrate" else 20)
    size = frames[0].shape[1::-1]
    small = [
        cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
        for mask in masks
    ]
    return frames, small


def through_file(pictures, quality):
    """Pictures (H, W, 3) out of an H.264 file of that quality (CRF), a list."""
    import imageio_ffmpeg

    size = pictures[0].shape[1::-1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        video = imageio_ffmpeg.write_frames(
            path, size, macro_block_size=2, quality=None, output_params=["-crf", str(quality)]
        )
        video.send(None)
        for picture in pictures:
            video.send(np.ascontiguousarray(picture))
        video.close()
        return list(open_source(path, Excerpt(longest=LONGEST)))


def measure(method, frames, masks):
    """Mean and worst IoU, and milliseconds per frame; or the sentence of a refusal."""
    begin = time.perf_counter()
    try:
        found = list(cleanup.clean(METHODS[method](frames, scenery.box_of(masks[0]))))
    except errors.UserError as refusal:
        return str(refusal)
    cost = 1000 * (time.perf_counter() - begin) / len(frames)
    scores = [overlap(*pair) for pair in zip(found, masks)]
    return np.mean(scores), min(scores), cost


def show(name, method, result):
    if isinstance(result, str):
        print(ROW.format(name, method, "-", "-", "-"), f" refused: {result}", flush=True)
    else:
        mean, worst, cost = result
        print(ROW.format(name, method, f"{mean:.3f}", f"{worst:.3f}", f"{cost:.0f}"), flush=True)


def summary(title, scores):
    """A line on mean IoUs, of which a refusal is None and counts as 0 in the shares."""
    answered = [score for score in scores if score is not None]
    shares = [sum(score > bound for score in answered) / len(scores) for bound in (0.8, 0.85)]
    mean = f"{np.mean(answered):.3f}" if answered else "-"
    refused = len(scores) - len(answered)
    cells = f"{mean:>6} {shares[0]:>6.0%} {shares[1]:>6.0%} {refused:>8}"
    print(f"{title:30} {len(scores):>5} {cells}")


def summaries(method, results):
    """Tables of one method: all clips, and by the levels of each axis.

    Args:
        results: list of (`footage.Clip`, mean IoU or None).
    """
    print(f"\n{method:30} clips   mean  >0.80  >0.85  refused")
    summary("all", [score for _, score in results])
    for axis in [*footage.AXES, "size"]:
        for level in sorted({getattr(clip, axis) for clip, _ in results}):
            own = [score for clip, score in results if getattr(clip, axis) == level]
            summary(f"{axis} {level}", own)


def main():
    opt, _ = arguments.parse(__doc__, OPTIONS)
    methods = chosen(opt.methods, METHODS, "methods")
    wanted = [clip for clip in footage.clips(opt.half) if opt.only in clip.name][:: opt.every]
    wanted = wanted[: None if opt.limit == -1 else opt.limit]
    if not wanted:
        raise errors.UserError(f"--only {opt.only}: no clip of that half has this in its name")
    print(ROW.format("clip", "method", "IoU", "worst", "ms/f"))
    results = {method: [] for method in methods}
    for clip in wanted:
        frames, masks = filmed(clip)
        for method in methods:
            if method == "chroma" and not clip.screen:
                continue
            result = measure(method, frames, masks)
            show(clip.name, method, result)
            results[method].append((clip, None if isinstance(result, str) else result[0]))
    for method, scored in results.items():
        if scored:
            summaries(method, scored)


if __name__ == "__main__":
    errors.run(main)
