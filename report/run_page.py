"""The page of one run, made of evaluate.py's measures and of the files of its training."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

from report.page import Curves, Page, Picture, Tracks, Video, write
from utils import loss_log, tensors, visualize
from utils.domains import OTHER, PAIR
from utils.numbering import spread
from utils.reading import DAMAGE, load_yaml

LIBRARIES = "torch", "torchvision", "torchmetrics", "scikit-image", "scikit-learn", "numpy"
COLUMNS = 8  # of the picture of silhouettes
STAGES = ("stage one", "stage two")


def write_page(path, opt, results, truth, rows, defaults):
    """Write the page of a run to `path`.

    Args:
        opt: options of the evaluation; `load` leads to the run's losses and options.
        results: dict of domain -> `metrics.clip_results.ClipResults`.
        truth: dict of pair -> (pictures, silhouettes); empty where it is not known.
        rows: `metrics.table.Row`.
        defaults: stage -> option -> default; its keys are "stage one" and "stage two".
    """
    runs = run_folders(Path(opt.load), 1 if results["a"].own_picture is None else 2)
    page = Page(
        title=title(opt.root_a, opt.root_b),
        summary=summary(rows),
        videos=[video(domain, results, truth, opt.fps) for domain in results],
        pictures=[silhouettes(domain, clip, truth) for domain, clip in results.items()],
        tracks=[tracks(domain, clip, opt.fps) for domain, clip in results.items()],
        losses=[
            Curves(stage, loss_log.curves(folder / "log.csv")) for stage, folder in runs.items()
        ],
        rows=rows,
        options={stage: read_options(folder) for stage, folder in runs.items()},
        defaults={stage: defaults[stage] for stage in runs},
        versions=versions(),
    )
    write(path, page)


def title(*roots):
    """The clips' folders: "data: cat (A) and fox (B)" for data/cat/train_seg and data/fox/..."""
    clips = [Path(root).resolve().parent for root in roots]
    parents = list(dict.fromkeys(clip.parent.name for clip in clips))
    return f"{', '.join(parents)}: {clips[0].name} (A) and {clips[1].name} (B)"


def run_folders(checkpoint, stage):
    """Folders of the training that led to a checkpoint of `stage` 1 or 2, where they are found.

    Returns:
        dict of the stage's name -> folder.
    """
    folder = checkpoint.parent
    if stage == 1:
        return {STAGES[0]: folder}
    load = read_options(folder).get("load")
    first = Path(load).parent if isinstance(load, str) and load else None
    known = first and "lambda_l2" in read_options(first)
    return {**({STAGES[0]: first} if known else {}), STAGES[1]: folder}


def read_options(folder):
    """The options that a run recorded; none where there is no such file."""
    try:
        found = load_yaml(folder / "config.yaml")
        str(found)  # Python prints no number of thousands of digits, nor would the page
    except DAMAGE:
        return {}
    return found if isinstance(found, dict) else {}


def versions():
    """Python, the platform and the libraries that numbers may depend on."""
    found = {"Python": platform.python_version(), "platform": sys.platform}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    if torch.cuda.is_available():
        found["GPU"] = torch.cuda.get_device_name()
    return found


def summary(rows):
    """Sentences for the page's head: the silhouettes' IoU, and verdicts that ask for a change."""
    shapes = [row for row in rows if row.name == "silhouette IoU" and "decoded" in row.case]
    first = shapes or [row for row in rows if row.name == "own silhouette IoU"]
    lines = [f"{row.name} ({row.case}) {row.value:.2f}: {row.verdict}." for row in first]
    asking = [row for row in rows if ": " in row.verdict and row not in first]
    return lines + [f"{row.name} ({row.case}): {row.verdict}." for row in asking]


def pixels(pictures):
    """(N, 3 or 1, H, W) in [0, 1] -> (N, H, W, 3) uint8."""
    three = tensors.to_pixels(visualize.enlarge(pictures)).expand(-1, 3, -1, -1)
    return three.permute(0, 2, 3, 1).numpy()


def video(domain, results, truth, fps):
    """Input, decoded silhouette, result and truth side by side."""
    clip = results[domain]
    pair, other = PAIR[domain], OTHER[domain]
    parts = {"input": tensors.unit(clip.frames), "silhouette": clip.other_mask}
    if clip.other_picture is not None:
        parts["result"] = tensors.unit(clip.other_picture)
    if truth:
        parts["truth"] = tensors.unit(truth[pair][0])
    cells = [pixels(x) for x in parts.values()]
    if len(cells) == 4:  # two lines, which a phone shows large enough
        cells = [np.concatenate(cells[i::2], axis=1) for i in range(2)]
    caption = f"{pair}: {other.upper()} acts {domain.upper()}'s motion ({', '.join(parts)})"
    return Video(caption, np.concatenate(cells, axis=2), fps)


def silhouettes(domain, clip, truth):
    """Decoded silhouettes; where the truth is known, colours show what is missing and too much."""
    pair, other = PAIR[domain], OTHER[domain]
    some = spread(len(clip.frames), COLUMNS)
    shown = {
        f"input {domain.upper()}": tensors.unit(clip.frames[some]),
        "decoded": clip.other_mask[some],
    }
    caption = f"{pair}: decoded silhouettes of {other.upper()}"
    if truth:
        true = (truth[pair][1][some] > 0.5).float()
        drawn = (clip.other_mask[some] > 0.5).float()
        shown["against the truth"] = torch.cat([drawn, drawn * true, true], 1)
        caption += "; white: right, red: too much, blue: missing"
    return Picture(caption, visualize.rows(shown), caption)


def tracks(domain, clip, fps):
    frames = pixels(tensors.unit(clip.frames))
    return Tracks(f"clip {domain.upper()}", clip.keypoints.numpy(), frames, fps)
