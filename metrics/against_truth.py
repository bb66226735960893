"""Retargeting against the truth of a drawn pair, beside trivial answers and upper bounds.

`driver` holds the `ClipResults` of the clip that gives the motion, `target` those of the clip that
gives the looks, `beside` the `references.baselines` and `references.upper_bounds` of the pair.
Functions return lists of `Row`.
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
DISTANCES = {  # of the parts of an affine map to those of the ground truth
    "angle": ("angle error, degrees", abs),
    "scale": ("scale error, ratio - 1", lambda ratio: abs(ratio - 1)),
    "shift": ("shift error, half widths", abs),
}
BACKGROUND = 0.1  # what a refined picture may be off its background, 0, in [-1, 1]


def drawn_silhouettes(refined):
    """Silhouettes of refined pictures: pixels that are not background, with holes filled."""
    from scipy.ndimage import binary_fill_holes  # slow to import

    solid = (refined.abs().amax(1, keepdim=True) > BACKGROUND).numpy()
    return torch.stack([torch.from_numpy(binary_fill_holes(x[0]))[None] for x in solid]).float()


def shapes(pair, driver, target, truth, beside):
    """Compare silhouettes, decoded and refined, with `truth` (N, 1, H, W)."""
    trivial, best = _parts(beside, 1)
    trivial["mean mask"] = silhouettes.mean_mask(target.masks).expand_as(truth)
    found = {"decoded": driver.other_mask}
    if driver.other_picture is not None:
        found["refined"] = drawn_silhouettes(driver.other_picture)
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


def looks(pair, driver, target, truth, masks, beside, lpips=None, why=""):
    """Compare refined pictures with `truth` (N, 3, H, W), whose silhouettes are `masks`.

    `lpips` is the network of `pictures.lpips`, or None and `why` the reason.
    """
    trivial, best = _parts(beside, 0)
    trivial["mean picture"] = target.frames.mean(0, keepdim=True).expand_as(truth)
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
        if driver.other_picture is None or measure is None:
            reason = why if driver.other_picture is not None else "the checkpoint has no refiners"
            rows.append(Row(LOOKS, name, case, None, better, why=reason, definition=definition))
            continue
        found = driver.other_picture
        rows.append(
            _compared(LOOKS, name, case, better, measure, found, trivial, best, truth, definition)
        )
    return rows


def sharpness(pair, driver, target, truth, masks, beside):
    """Compare the sharpness of refined pictures, inside their own silhouettes, with the truth's."""
    row = Row(LOOKS, "sharpness", f"{pair}, refined", None, "near 1")
    row.definition = (
        "Root mean square gradient inside the object's own silhouette (Subbarao et al. 1993) "
        "divided by the truth's. Own frames are sharp by nature."
    )
    if driver.other_picture is None:
        row.why = "the checkpoint has no refiners"
        return [row]

    def measure(found, silhouette):
        return pictures.sharpness(found, silhouette, truth, masks)

    row.baselines, row.upper_bounds = (
        {name: measure(*answer) for name, answer in answers.items()} for answers in beside
    )
    mean = target.frames.mean(0, keepdim=True)
    row.baselines["mean picture"] = measure(mean, silhouettes.mean_mask(target.masks))
    row.value = measure(driver.other_picture, driver.other_mask)
    row.verdict = verdicts.sharpness(row.value)
    return [row]


def _parts(beside, index):
    """Of the answers beside a result their pictures, or with `index` 1 their silhouettes."""
    return [{name: answer[index] for name, answer in answers.items()} for answers in beside]


def _compared(group, name, case, better, measure, found, trivial, best, truth, definition):
    value = measure(found, truth)
    baselines, upper_bounds = (
        {answer: measure(x, truth) for answer, x in answers.items()} for answers in (trivial, best)
    )
    verdict = verdicts.standing(value, baselines, upper_bounds, better)
    return Row(group, name, case, value, better, baselines, upper_bounds, "", verdict, definition)


def warping(pair, driver, truth, flow, valid, trivial):
    """E_warp of the results by the true optical flow; the upper bound is the true pictures' own.

    `trivial` is of `references.baselines`.
    """
    refined = driver.other_picture is not None
    chosen = (lambda x, y: x) if refined else (lambda x, y: signed(y))

    def measure(*answer):
        return motion.warp_error(chosen(*answer), flow, valid)

    value = measure(driver.other_picture, driver.other_mask)
    row = Row(MOTION, "E_warp", f"{pair}, {'refined' if refined else 'decoded'}", value, "lower")
    row.baselines = {name: measure(*answer) for name, answer in trivial.items()}
    row.upper_bounds = {"truth": measure(*truth)}
    row.verdict = verdicts.standing(value, row.baselines, {}, "lower")
    row.definition = (
        "Squared difference between a frame and the next one warped back by the true flow (Lai et "
        "al. 2018); the upper bound is the truth's own, which is not 0 for want of "
        "resolution. Low values are also had by pictures that stand still."
    )
    return [row]


def landmarks(results, joints):
    """Joints predicted from keypoints by a linear map, within each clip and from one to the other.

    Args:
        results: dict of "a", "b" -> `ClipResults`.
        joints: dict of "a", "b", "ab", "ba" -> (N, J, 2).
    """
    rows = []
    for domain, clip in results.items():
        fit, test = keypoints.split(len(clip.keypoints))
        found, true = clip.keypoints, joints[domain]
        data = found[fit], true[fit], found[test], true[test]
        rows.append(_landmark_row(f"within {domain.upper()}", data))
    # After the affine map the keypoints of one clip stand for the other's object in this clip's
    # pose, whose joints are those of the pair.
    for looks, pair in (("a", "ba"), ("b", "ab")):
        fitted, tested = results[looks], results[pair[0]]
        data = fitted.keypoints, joints[looks], tested.moved_keypoints, joints[pair]
        case = f"fitted on {looks.upper()}, tested on {pair[0].upper()}"
        rows.append(_landmark_row(case, data, _joints_error(joints, pair)))
    return rows


def _joints_error(joints, pair):
    """What true joints would get if the best affine map moved them as the keypoints are moved."""
    motion_of, looks_of = (joints[domain] for domain in pair)
    best = affine.fit_affine(motion_of, joints[pair])[None]
    moved = affine_apply(best, motion_of)
    return keypoints.landmark_error(looks_of, looks_of, moved, joints[pair])


def _landmark_row(case, data, upper_bound=None):
    """`Row` of a landmark error; `data` are the four arguments of `keypoints.landmark_error`."""
    value = keypoints.landmark_error(*data)
    baseline = keypoints.mean_pose_error(data[1], data[3])
    baselines = {"mean pose": baseline}
    if upper_bound is None:
        verdict, upper_bounds = verdicts.standing(value, baselines, {}, "lower"), {}
    else:
        verdict = verdicts.meaning(value, baseline, upper_bound)
        upper_bounds = {"true joints": upper_bound}
    row = Row(MEANING, "landmark error, %", case, value, "lower", baselines, upper_bounds)
    row.verdict = verdict
    row.definition = (
        "Mean distance of joints predicted by a linear map of the keypoints, percent of the width "
        "(Thewlis et al. 2017); across clips after the affine map, where the upper bound is what "
        "the true joints get by the best map."
    )
    return row


def alignment(learned, true_affine, best):
    """Compare the learned affine map with the ground truth, in the networks' coordinates.

    Proportions and cropped boxes leave their traces beside those of the ground-truth map. So the
    map that fits B's joints to A's best has an error, too, which is the upper bound; the trivial
    answer is the identity.

    Args:
        learned: (2, 3), or None without a map.
        true_affine, best: (2, 3).
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
    definition = "Polar decomposition of the map from B's places to A's (Higham 1986)."
    why = _why_not_aligned(learned, found, parts)
    rows = []
    for key, (name, distance) in DISTANCES.items():
        row = Row(AFFINE, name, true_values[key], None, "lower", why=why, definition=definition)
        if not why:
            row.value = distance(found[key])
            row.baselines = {"no map": distance(trivial[key])}
            row.upper_bounds = {"best map of joints": distance(attainable[key])}
            row.verdict = verdicts.standing(row.value, row.baselines, {}, "lower")
        rows.append(row)
    return rows


def _why_not_aligned(learned, found, true_parts):
    """Why a learned map cannot be compared with the ground truth; empty where it can."""
    if learned is None:
        return "the checkpoint has no affine map"
    if found["mirrored_agrees"]:
        return ""
    if true_parts.mirrored:
        return "the ground-truth map alone mirrors: mirror the frames and masks of one clip"
    return "the learned map alone mirrors"
