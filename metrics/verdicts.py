"""Numbers in plain words, with what to change where they are bad."""

from utils.standing import order, stand

ENOUGH = 0.65  # balanced accuracy up to which domains count as hard to tell apart


def standing(value, baselines, upper_bounds, better):
    """Verdict on a value between the best of the baselines and of the upper bounds.

    Args:
        baselines, upper_bounds: dict of name -> value; upper bounds may be none.
    """
    rank = order(better)
    trivial = {name: rank(baseline) for name, baseline in baselines.items()}
    found = stand(rank(value), trivial, max(map(rank, upper_bounds.values()), default=None))
    if not found.beats:
        return f"no better than the baseline '{found.baseline}'"
    if found.share is None:
        return "better than every baseline"
    if found.share > 1:
        return "better than every baseline, and than the upper bound"
    return f"better than every baseline, {found.share:.0%} of the way to the upper bound"


def own_silhouette(value, baselines):
    """Verdict on the silhouette IoU of a clip's own reconstruction, with baselines as above."""
    flaw = "thin parts are blurred or missing"
    if not stand(value, baselines, None).beats:
        flaw = standing(value, baselines, {}, "higher")
    elif value >= 0.9:
        return "close to the mask"
    return f"{flaw}: train longer, raise --lambda_l2 or --num_kp"


def separability(value, final):
    """Verdict on the domain classifier's balanced accuracy.

    Args:
        final: whether these keypoints draw the result, so that no affine map comes after.
    """
    if value <= ENOUGH:
        return "hard to tell apart, as they should be"
    if not final:
        return "told apart, which the affine map may take up"
    return "told apart; other gaits do that too, but if poses carry over badly, raise --lambda_disc"


def on_object(shares):
    """Verdict on the shares of frames in which each keypoint lies on the object, a list."""
    beside = [str(i) for i, share in enumerate(shares) if share < 0.8]
    if not beside:
        return "on the object"
    plural = len(beside) > 1
    which = f"keypoint{'s' * plural} {_join(beside)} {'lie' if plural else 'lies'}"
    return f"{which} beside the object: raise --lambda_sill"


def together(pairs):
    """Verdict on the pairs of keypoints that coincide, [(i, j), ...]."""
    if not pairs:
        return "no two coincide"
    words = ", ".join(f"{i} and {j}" for i, j in pairs)
    return f"keypoints {words} coincide: raise --lambda_sep"


def steadiness(ratio):
    """Verdict on the jitter of results, divided by that of the frames that drive them."""
    if ratio > 1.5:
        return "jitters more than what drives it: raise --lambda_pred"
    if ratio < 0.5:
        return "moves less than what drives it: fast motion is lost"
    return "as lively as what drives it"


def sharpness(ratio, truth="the truth"):
    """Verdict on the gradients of pictures, divided by those of what they should be."""
    if ratio < 0.8:
        return f"blurred: {1 - ratio:.0%} of the gradients of {truth} are missing"
    return f"noisier than {truth}" if ratio > 1.25 else f"as sharp as {truth}"


def meaning(value, baseline, upper_bound):
    """Verdict on a landmark error across clips, beside that of the mean pose and of true joints."""
    if upper_bound > 0.9 * baseline:
        return "true joints would be no better than a fixed pose: this pair cannot tell"
    if value < (baseline + upper_bound) / 2:
        return "keypoints mean the same on both"
    if value < baseline:
        return "keypoints mean roughly the same on both"
    return "worse than one fixed pose: keypoints change their meaning from clip to clip"


def _join(words):
    """A list of words as 'a, b and c'."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
