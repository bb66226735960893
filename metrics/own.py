"""Measures without a ground truth: each clip's own reconstruction, and properties of keypoints.

Every function takes `results`, dict of domain "a", "b" -> `ClipResults`, and returns a list of
`Row`.
"""

import torch

from metrics import keypoints, motion, pictures, silhouettes, verdicts
from metrics.table import Row
from utils.domains import OTHER, PAIR
from utils.tensors import signed

MIN_FRAMES = 8
RECONSTRUCTION = "Each clip's own reconstruction"
POINTS = "Keypoints"
RESULTS = "Results"


def reconstruction(results):
    """Compare the clip's own object, drawn from its own keypoints, with its own frames."""
    rows = []
    for domain, clip in results.items():
        rows.append(_own_silhouette(domain, clip))
        if clip.own_picture is not None:
            rows += [*_own_pictures(domain, clip), _own_sharpness(domain, clip)]
    return sorted(rows, key=lambda row: row.name)


def _own_silhouette(domain, clip):
    overlap = silhouettes.iou(clip.own_mask, clip.masks)
    mean = silhouettes.iou(silhouettes.mean_mask(clip.masks), clip.masks)
    name, baselines = "own silhouette IoU", {"mean mask": mean}
    row = Row(RECONSTRUCTION, name, domain.upper(), overlap, "higher", baselines)
    definition = "Intersection over union of the decoded silhouette and the mask (Jaccard 1912)."
    return _with(row, verdicts.own_silhouette(overlap, baselines), definition)


def _own_pictures(domain, clip):
    def foreground_l1(drawn, frames):
        return pictures.foreground_l1(drawn, frames, clip.masks)

    mean = clip.frames.mean(0, keepdim=True).expand_as(clip.frames)
    for name, better, measure, definition in (
        ("own L1", "lower", foreground_l1, "Mean absolute difference of colours on the object, on "
         "0..1 (Siarohin et al. 2019)."),
        ("own SSIM", "higher", pictures.ssim, "Structural similarity (Wang et al. 2004)."),
    ):  # fmt: skip
        value, baseline = (measure(x, clip.frames) for x in (clip.own_picture, mean))
        baselines = {"mean picture": baseline}
        row = Row(RECONSTRUCTION, name, domain.upper(), value, better, baselines)
        yield _with(row, verdicts.standing(value, baselines, {}, better), definition)


def _own_sharpness(domain, clip):
    mean = clip.frames.mean(0, keepdim=True), silhouettes.mean_mask(clip.masks)
    value, baseline = (
        pictures.sharpness(*drawn, clip.frames, clip.masks)
        for drawn in ((clip.own_picture, clip.own_mask), mean)
    )
    row = Row(RECONSTRUCTION, "own sharpness", domain.upper(), value, "near 1")
    row.baselines = {"mean picture": baseline}
    definition = (
        "Root mean square gradient inside the object's silhouette (Subbarao et al. 1993), divided "
        "by the frames' own."
    )
    return _with(row, verdicts.sharpness(value, "the frames"), definition)


def _with(row, verdict, definition):
    row.verdict, row.definition = verdict, definition
    return row


def points(results, delta):
    """Domain confusion, coverage, duplicates and jitter of the keypoints."""
    return [*_separability(results), *_places(results, delta)]


def _separability(results):
    a, b = results["a"], results["b"]
    definition = (
        "Balanced accuracy of a support vector machine on held-out thirds of both clips "
        "(Lopez-Paz and Oquab 2017); 0.5 is chance."
    )
    tests = {"before the affine map": (a.keypoints, b.keypoints)}
    if not torch.equal(b.keypoints, b.moved_keypoints):
        tests["after the affine map"] = (a.keypoints, b.moved_keypoints)
    rows = []
    for case, pair in tests.items():
        value = keypoints.domain_accuracy(*pair)
        verdict = verdicts.separability(value, case == list(tests)[-1])
        row = Row(POINTS, "domain accuracy", case, value, "near 0.5")
        rows.append(_with(row, verdict, definition))
    return rows


def _places(results, delta):
    rows = []
    for domain, clip in results.items():
        found, case = clip.keypoints, domain.upper()
        each = [keypoints.coverage(k[:, None], clip.masks) for k in found.unbind(1)]
        covered = Row(POINTS, "coverage", case, sum(each) / len(each), "higher")
        near = Row(POINTS, "near pairs", case, keypoints.duplicates(found, delta), "lower")
        jitter = Row(POINTS, "keypoint jitter", case, keypoints.jitter(found), "lower")
        rows += [
            _with(covered, verdicts.on_object(each), "Share of keypoints on the mask (eq. 5)."),
            _with(
                near,
                verdicts.together(keypoints.coinciding(found)),
                f"Pairs a frame with a squared distance below delta = {delta:g} (eq. 4); they "
                "coincide where they are nearer than 0.05 in most frames.",
            ),
            _with(jitter, "", "Mean second difference, percent of the width."),
        ]
    return sorted(rows, key=lambda row: row.name)


def steadiness(results):
    """Jitter of the results, divided by that of the frames that drive them."""
    rows = []
    for domain, clip in results.items():
        if clip.other_picture is None:
            drawn, driver = map(signed, (clip.other_mask, clip.masks))
        else:
            drawn, driver = clip.other_picture, clip.frames
        ratio = motion.picture_jitter(drawn) / max(motion.picture_jitter(driver), 1e-9)
        what = "decoded" if clip.other_picture is None else "refined"
        rows.append(
            Row(
                RESULTS, "jitter, relative to the driver's", f"{PAIR[domain]}, {what}", ratio,
                "lower", verdict=verdicts.steadiness(ratio),
                definition="Mean second difference of the pictures over time, divided by that of "
                "the driving frames.",
            )
        )  # fmt: skip
    return rows


def realism(results, features, why):
    """KID of the results and the clip that gives their looks.

    Args:
        features: network of `pictures.kid`, or None.
        why: the reason where it is None.
    """
    rows = []
    definition = "Kernel Inception Distance (Binkowski et al. 2018), torchvision's weights"
    for domain, clip in results.items():
        case, target = f"{PAIR[domain]}, refined", results[OTHER[domain]].frames
        reason = why if clip.other_picture is not None else "the checkpoint has no refiners"
        row = Row(RESULTS, "KID", case, None, "lower", why=reason)
        if features is not None and clip.other_picture is not None:
            count = min(len(target), len(clip.frames))
            size = max(2, count // 2)
            row.value = pictures.kid(clip.other_picture, target, features, size)
            row.baselines = {"driver's frames": pictures.kid(clip.frames, target, features, size)}
            row.verdict = verdicts.standing(row.value, row.baselines, {}, "lower")
            if count < 1000:
                row.verdict += f"; {count} frames are few"
        rows.append(_with(row, row.verdict, f"{definition}; subsets smaller than the clip."))
    return rows
