"""Score the demo against its truth and draw the contact sheet.

For every frame the decoded silhouette is compared with the true one (intersection over union, IoU),
beside three floors that need no method: the target's own mean mask, the target's own frame of the
same number, and the driver's own mask.
"""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from datasets.clip import Clip  # noqa: E402 - the project's root must be on the path first
from utils import arguments, checkpoint, errors, images, options, run_folder, runtime, visualize  # noqa: E402
from utils.visualize import unit  # noqa: E402

DEMO = (arguments.option("demo", str, "data/demo", "folder that make_demo.py wrote"),)
SHOWN = 8  # columns of the sheet


def load_truth(folder, names, width, height, pad_factor):
    """True pictures (N, 3, H, W) in [-1, 1] and silhouettes (N, 1, H, W), padded alike."""
    files = [Path(name).with_suffix(".png").name for name in names]
    fitted = [
        images.fit(
            images.read(folder / file, "RGB"),
            images.read(Path(f"{folder}_seg") / file, "L"),
            *(width, height, pad_factor),
        )
        for file in files
    ]
    return images.to_batch(fitted)


def iou(masks, truth):
    """Mean over pictures of intersection over union, (N or 1, 1, H, W) each, cut at 0.5."""
    one, two = masks > 0.5, truth > 0.5
    both, either = (one & two).sum((1, 2, 3)), (one | two).sum((1, 2, 3))
    return (both / either.clamp(min=1)).mean().item()


def score(decoded, truth, target, driver):
    """IoU of the decoded silhouettes with the truth, then of the floors; all (N, 1, H, W)."""
    return {
        "decoded": iou(decoded, truth),
        "target's mean mask": iou(target.mean(0, keepdim=True), truth),
        "target's same frame": iou(target, truth),
        "driver's own mask": iou(driver, truth),
    }


def main():
    groups = options.CLIPS, options.RUN, options.NETWORKS, options.REFINERS, options.INFERENCE
    opt, given = arguments.parse(__doc__, *groups, DEMO, defaults={"out": "output/demo.png"})
    align = opt.affine
    device = runtime.start(opt.device)
    jokr = checkpoint.open_jokr(opt, given, device)
    rows, seen = {}, {}
    for domain in "ab":
        clip = Clip(**options.clip(opt, domain))
        stream = clip.stream(len(clip), len(clip), *options.canvas(opt, domain))
        names, frames, masks = next(stream)
        result = jokr.retarget(frames.to(device), domain, align)
        pair, other = {"a": ("ab", "b"), "b": ("ba", "a")}[domain]
        truth = load_truth(Path(opt.demo) / "truth" / pair, names, *options.canvas(opt, other))
        seen[domain] = masks, result.other_mask.cpu(), truth[1]
        some = torch.linspace(0, len(clip) - 1, SHOWN).long()
        this, that = domain.upper(), other.upper()
        dots = visualize.draw_keypoints(unit(frames[some]), result.keypoints.cpu()[some])
        rows[f"input: {this}, with its keypoints"] = dots
        rows[f"decoded silhouette: {that} in {this}'s pose"] = result.other_mask[some]
        rows[f"result: {that} in {this}'s pose"] = unit(result.other_picture[some])
        rows[f"truth: {that} in {this}'s pose"] = unit(truth[0][some])
    for pair, driver, target in (("ab", "a", "b"), ("ba", "b", "a")):
        masks, decoded, truth = seen[driver]
        values = score(decoded, truth, seen[target][0], masks)
        text = "  ".join(f"{name} {value:.3f}" for name, value in values.items())
        print(f"silhouette IoU with the truth, {pair}: {text}")
    run_folder.make_folder(Path(opt.out).parent)
    images.save(visualize.rows(rows), opt.out)
    print(f"contact sheet: {opt.out}")


if __name__ == "__main__":
    errors.run(main)
