"""Retargeting against the truth of a drawn pair, beside trivial answers and the best own frame.

`side` is the driver's, `target` that of the clip whose object acts. Functions return lists of
`Row`.
"""

import torch

from metrics import affine, keypoints, motion, pictures, silhouettes, verdicts
from metrics.table import Row
from utils.geometry import affine_apply
from utils.tensors import signed

SHAPES = "Silhouettes against the truth"
LOOKS = "Pictures against the truth"
MOTION = "Motion against the truth"
MEANING = "Keypoints against known joints"
AFFINE = "Affine map against the ground truth"
BACKGROUND = 0.1  # what a refined picture may be off its background, 0, in [-1, 1]


def own_frames(side, target):
    """Indices (N,) into the target's clip of answers that need no method, by name."""
    same = torch.arange(len(side.frames)) % len(target.frames)
    return {"same frame": same, "nearest frame": silhouettes.nearest(side.masks, target.masks)}


def drawn_silhouettes(refined):
    """Silhouettes of refined pictures: what differs from the background, holes filled."""
    from scipy.ndimage import binary_fill_holes  # slow to import

    solid = (refined.abs().amax(1, keepdim=True) > BACKGROUND).numpy()
    return torch.stack([torch.from_numpy(binary_fill_holes(x[0]))[None] for x in solid]).float()


def shapes(pair, side, target, truth):
    """Silhouettes, decoded and refined, against `truth` (N, 1, H, W)."""
    trivial = {name: target.masks[i] for name, i in own_frames(side, target).items()}
    trivial["mean mask"] = silhouettes.mean_mask(target.masks).expand_as(truth)
    best = target.masks[silhouettes.best(truth, target.masks)]
    found = {"decoded": side.other_mask}
    if side.other_picture is not None:
        found["refined"] = drawn_silhouettes(side.other_picture)
    measures = {
        "silhouette IoU": (silhouettes.iou, "Intersection over union (Jaccard 1912)."),
        "boundary F": (silhouettes.boundary_f, "F of outlines as in DAVIS (Perazzi et al. 2016)."),
    }
    return [
        _compared(SHAPES, name, f"{pair}, {case}", "higher", measure, masks, trivial, best, truth,
                  definition=definition)
        for name, (measure, definition) in measures.items()
        for case, masks in found.items()
    ]  # fmt: skip


def looks(pair, side, target, truth, masks, lpips=None, why=""):
    """Refined pictures against `truth` (N, 3, H, W), whose silhouettes are `masks`.

    `lpips` is the network of `pictures.lpips`, or None and `why` the reason.
    """
    trivial = {name: target.frames[i] for name, i in own_frames(side, target).items()}
    trivial["mean picture"] = target.frames.mean(0, keepdim=True).expand_as(truth)
    best = target.frames[silhouettes.best(masks, target.masks)]
    measures = {
        "foreground L1": ("lower", lambda x, y: pictures.foreground_l1(x, y, masks),
                          "Mean absolute difference on the true object, 0..1."),
        "SSIM": ("higher", pictures.ssim, "Structural similarity (Wang et al. 2004)."),
        "PSNR": ("higher", pictures.psnr, "Peak signal-to-noise ratio, decibels."),
        "LPIPS": ("lower", lpips and (lambda x, y: pictures.lpips(x, y, lpips)),
                  "Learned perceptual distance, VGG16 (Zhang et al. 2018)."),
    }  # fmt: skip
    case, rows = f"{pair}, refined", []
    for name, (better, measure, definition) in measures.items():
        if side.other_picture is None or measure is None:
            reason = why if side.other_picture is not None else "the checkpoint has no refiners"
            rows.append(Row(LOOKS, name, case, None, better, why=reason, definition=definition))
            continue
        rows.append(
            _compared(LOOKS, name, case, better, measure, side.other_picture, trivial, best, truth,
                      definition=definition)
        )  # fmt: skip
    return rows


def _compared(group, name, case, better, measure, found, trivial, best, truth, definition):
    value = measure(found, truth)
    baselines = {answer: measure(x, truth) for answer, x in trivial.items()}
    upper_bound = measure(best, truth)
    verdict = verdicts.standing(value, baselines, upper_bound, better)
    return Row(group, name, case, value, better, baselines, upper_bound, "", verdict, definition)


def warping(pair, side, target, truth, flow, valid):
    """E_warp of the results on the truth's optical flow, whose own is the upper bound."""
    refined = side.other_picture is not None
    wear = (lambda x, y: x) if refined else (lambda x, y: signed(y))
    drawn = wear(side.other_picture, side.other_mask)
    trivial = own_frames(side, target)
    frames = wear(target.frames, target.masks)
    value = motion.warp_error(drawn, flow, valid)
    baselines = {name: motion.warp_error(frames[i], flow, valid) for name, i in trivial.items()}
    row = Row(MOTION, "E_warp", f"{pair}, {'refined' if refined else 'decoded'}", value, "lower")
    row.baselines, row.upper_bound = baselines, motion.warp_error(wear(*truth), flow, valid)
    row.verdict = verdicts.standing(value, baselines, None, "lower")
    row.definition = (
        "Squared difference between a frame and the next one warped back by the true flow (Lai et "
        "al. 2018); the upper bound is the truth's own, which is not 0 for want of "
        "resolution. Low values are also had by pictures that stand still."
    )
    return [row]


def landmarks(sides, joints):
    """Joints from keypoints by a linear map, within each clip and from one to the other.

    Args:
        sides: dict of "a", "b" -> `ClipResults`.
        joints: dict of "a", "b", "ab", "ba" -> (N, J, 2).
    """
    a, b = sides["a"], sides["b"]
    # After the map B's keypoints stand for A's object in B's pose, whose joints are those of "ba".
    across = {
        "fitted on A, tested on B": (a.keypoints, joints["a"], b.moved_keypoints, joints["ba"]),
        "fitted on B, tested on A": (b.keypoints, joints["b"], a.moved_keypoints, joints["ab"]),
    }
    # What the true joints would get, moved by the one best map as the keypoints are.
    upper_bounds = {}
    for case, one, two, both in zip(across, "ab", "ba", ("ba", "ab")):
        best = affine.fit_affine(joints[two], joints[both])[None]
        moved = affine_apply(best, joints[two])
        upper_bounds[case] = keypoints.landmark_error(joints[one], joints[one], moved, joints[both])
    cases = {}
    for domain, side in sides.items():
        fit, test = keypoints.split(len(side.keypoints))
        found, true = side.keypoints, joints[domain]
        cases[f"within {domain.upper()}"] = found[fit], true[fit], found[test], true[test]
    rows = []
    for case, (found, true, tested, wanted) in {**cases, **across}.items():
        value = keypoints.landmark_error(found, true, tested, wanted)
        baseline = keypoints.mean_pose_error(true, wanted)
        if case in across:
            verdict = verdicts.meaning(value, baseline, upper_bounds[case])
        else:
            verdict = verdicts.standing(value, {"mean pose": baseline}, None, "lower")
        rows.append(
            Row(
                MEANING, "landmark error, %", case, value, "lower", {"mean pose": baseline},
                upper_bounds.get(case), verdict=verdict,
                definition="Mean distance of joints predicted by a linear map of the keypoints, "
                "percent of the width (Thewlis et al. 2017); across clips after the affine map, "
                "where the upper bound is what the true joints get by the best map.",
            )
        )  # fmt: skip
    return rows


def alignment(learned, true_affine, best):
    """The learned affine map (2, 3) against the ground truth, in the networks' coordinates.

    Proportions and cropped boxes leave their traces beside those of the ground-truth map, so the
    map `best`, which fits B's joints to A's, has an error too: it is the upper bound. The trivial
    answer is the identity. `learned` is None without a map.
    """
    identity = torch.eye(2, 3, dtype=true_affine.dtype)
    own = identity if learned is None else learned.to(true_affine)
    found, trivial, attainable = (
        affine.affine_error(x, true_affine) for x in (own, identity, best)
    )
    parts = affine.affine_parts(true_affine)
    true_values = {
        "angle": f"ground truth {parts.angle:.1f} degrees",
        "scale": f"ground truth {parts.scale:.2f}",
        "shift": f"ground truth ({parts.shift[0]:.2f}, {parts.shift[1]:.2f})",
    }
    distances = {
        "angle": ("angle error, degrees", abs),
        "scale": ("scale error, ratio - 1", lambda ratio: abs(ratio - 1)),
        "shift": ("shift error, half widths", abs),
    }
    rows = []
    for key, (name, distance) in distances.items():
        row = Row(AFFINE, name, true_values[key], None, "lower")
        if learned is None:
            row.why = "the checkpoint has no affine map"
        elif not found["mirrored_agrees"]:
            row.why = f"{'the ground-truth' if parts.mirrored else 'the learned'} map alone mirrors"
            row.why += ": mirror the frames and masks of one clip" if parts.mirrored else ""
        else:
            row.value = distance(found[key])
            row.baselines = {"no map": distance(trivial[key])}
            row.upper_bound = distance(attainable[key])
            row.verdict = verdicts.standing(row.value, row.baselines, None, "lower")
        row.definition = "Polar decomposition of the map from B's places to A's (Higham 1986)."
        rows.append(row)
    return rows
