"""Measure a run: its own reconstruction, its keypoints, and where the truth is known its results.

Takes a checkpoint of either stage. Writes metrics.json and examples.png, with --report report.html.
"""

from utils import errors

errors.guard(__name__)

from utils import options

if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(options.parse, "evaluate", __doc__)

import json
from dataclasses import fields
from itertools import chain
from pathlib import Path

import torch
from tqdm import tqdm

from datasets.clip import Clip
from engine import checkpoint, run_folder
from losses.perceptual import LPIPS
from metrics import against_truth, own, references, table
from metrics.affine import fit_affine
from metrics.clip_results import ClipResults
from metrics.pictures import inception_features
from models import weights
from synthetic.truth import Truth
from utils import images, runtime, visualize
from utils.domains import OTHER, PAIR
from utils.errors import UserError
from utils.locks import locked
from utils.numbering import spread
from utils.tensors import unit

EXAMPLES = 8  # columns of examples.png


def open_clips(opt):
    """Both clips by domain; UserError where one is too short for the measures."""
    clips = {domain: Clip(**options.clip(opt, domain)) for domain in "ab"}
    for clip in clips.values():
        if len(clip) < own.MIN_FRAMES:
            raise UserError(
                f"{clip.masks} holds {len(clip)} frames; the measures need {own.MIN_FRAMES} or more"
            )
    return clips


def open_truth(folder, clips):
    """`Truth` of these clips; UserError where it is another pair's."""
    names = (clip.names for clip in clips.values())
    sizes = ([images.size_of(c.masks / name) for name in c.names] for c in clips.values())
    return Truth(folder, *names, *sizes)


def retarget_clips(jokr, clips, opt, device):
    """Let both clips drive both objects; dict of domain -> `ClipResults`."""
    results = {}
    with tqdm(total=sum(map(len, clips.values())), unit="frame", disable=None) as bar:
        for domain, clip in clips.items():
            parts = {field.name: [] for field in fields(ClipResults)}
            stream = clip.stream(range(len(clip)), opt.bs, *options.canvas(opt, domain), device)
            for _, frames, masks in stream:
                result = jokr.retarget(jokr.view(frames, masks), domain, align=True)
                for name, tensor in {"frames": frames, "masks": masks, **vars(result)}.items():
                    parts[name].append(None if tensor is None else tensor.cpu())
                bar.update(len(frames))
            whole = {k: None if x[0] is None else torch.cat(x) for k, x in parts.items()}
            results[domain] = ClipResults(**whole)
    return results


def find_networks(opt, device):
    """The networks of KID and of LPIPS on `device`, each as `weights.find` returns it."""

    def kid_features(state):
        return inception_features(state).to(device)

    def lpips(state):
        network = LPIPS(state).to(device)
        return lambda pictures, truth: network(pictures.to(device), truth.to(device))

    return (
        weights.find(kid_features, opt.inception_weights, weights.INCEPTION_URL),
        weights.find(lpips, opt.vgg_weights, weights.VGG_URL),
    )


def measure(results, features, opt):
    """Yield lists of rows that need no truth; `features` as from `find_networks`."""
    yield own.reconstruction(results)
    yield own.points(results, opt.delta)
    yield own.steadiness(results)
    yield own.realism(results, *features)


def compare(results, truth, true, affine, lpips, opt):
    """Yield lists of rows against the truth.

    Args:
        true: dict of pair -> (pictures, silhouettes).
        lpips: as from `find_networks`.
    """
    joints = {name: truth.joints(name, *canvas(opt, name)) for name in ("a", "b", "ab", "ba")}
    directions = [(PAIR[d], driver, results[OTHER[d]]) for d, driver in results.items()]
    beside = {
        pair: (
            references.baselines(driver, target),
            references.upper_bounds(target, true[pair][1], joints[pair], joints[pair[-1]]),
        )
        for pair, driver, target in directions
    }
    for pair, driver, target in directions:
        yield against_truth.shapes(pair, driver, target, true[pair][1], beside[pair])
    for pair, driver, target in directions:
        yield against_truth.looks(pair, driver, target, *true[pair], beside[pair], *lpips)
    for pair, driver, target in directions:
        yield against_truth.sharpness(pair, driver, target, *true[pair], beside[pair])
    for pair, driver, _ in directions:
        flow = truth.flow(pair, *canvas(opt, pair))
        yield against_truth.warping(pair, driver, true[pair], *flow, beside[pair][0])
    yield against_truth.landmarks(results, joints)
    true_affine = truth.true_affine(opt.resize_w, opt.resize_h, opt.pad_factor_a, opt.pad_factor_b)
    learned = affine and affine.theta[0].detach().cpu()
    best = fit_affine(joints["b"], joints["ba"])
    yield against_truth.alignment(learned, true_affine, best)


def canvas(opt, pair):
    """Size and padding of pictures of a clip or pair: those of the clip that gives the looks."""
    return options.canvas(opt, pair[-1])


def examples(results, true):
    """Contact sheet of both directions: input with keypoints, silhouette, result, truth."""
    rows = {}
    for domain, clip in results.items():
        this, other, pair = domain.upper(), OTHER[domain].upper(), PAIR[domain]
        some = spread(len(clip.frames), EXAMPLES)
        dots = visualize.draw_keypoints(unit(clip.frames[some]), clip.keypoints[some])
        rows[f"input: {this}, with its keypoints"] = dots
        rows[f"decoded silhouette: {other} in {this}'s pose"] = clip.other_mask[some]
        if clip.other_picture is not None:
            rows[f"result: {other} in {this}'s pose"] = unit(clip.other_picture[some])
        if true:
            rows[f"truth: {other} in {this}'s pose"] = unit(true[pair][0][some])
    return visualize.rows(rows)


def save(path, opt, rows):
    """Write what has been measured so far."""
    content = {"checkpoint": opt.load, "truth": opt.truth, "options": vars(opt)}
    run_folder.write(path, json.dumps({**content, "metrics": table.to_json(rows)}, indent=1))


def main():
    asked, given = options.parse("evaluate", __doc__)
    with locked(asked.out):
        evaluate(asked, given, runtime.start(asked.device, asked.precision))


def evaluate(asked, given, device):
    """Write what is measured, and print it."""
    jokr, opt = checkpoint.open_jokr(asked, given, device, stage=None, raw=asked.raw)
    clips = open_clips(opt)
    truth = open_truth(opt.truth, clips) if opt.truth else None
    runtime.check_memory(opt, device, min(opt.bs, *map(len, clips.values())))
    features, lpips = find_networks(opt, device)
    out = Path(opt.out)
    try:
        results = retarget_clips(jokr, clips, opt, device)
    except (RuntimeError, MemoryError) as error:
        runtime.explain_full_memory(error, device, opt)
        raise

    true = {pair: truth.pictures(pair, *canvas(opt, pair)) for pair in PAIR.values() if truth}
    groups = compare(results, truth, true, jokr.affine, lpips, opt) if truth else ()
    rows = []
    for found in chain(groups, measure(results, features, opt)):
        rows += found
        save(out / "metrics.json", opt, rows)
    print(table.text(rows))
    images.save(examples(results, true), out / "examples.png")
    print(f"metrics.json and examples.png are in {out}")
    if opt.report:
        from report import run_page  # slow to import, and not always needed

        defaults = {stage: options.defaults(stage) for stage in options.STAGES}
        run_page.write_page(out / "report.html", opt, results, true, rows, defaults)
        print(f"open {out / 'report.html'}")


if __name__ == "__main__":
    errors.run(main)
