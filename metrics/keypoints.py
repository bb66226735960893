"""Measures of keypoints: beside known joints, beside the other domain's, and on their own.

Keypoints are (N, K, 2), joints (N, J, 2), of the frames of a clip in order, xy in [-1, 1]. Percents
are of the picture's width, which is 2 (and of its height along y).
"""

import numpy as np
import torch
from torch.nn import functional as F

from metrics.silhouettes import binarize

STRENGTHS = np.logspace(-6, 3, 19)  # of the ridge, in squared coordinates
BLOCKS = 3  # contiguous parts of a clip, each held out once


def split(count, share=1 / 3):
    """Split a clip into frames for fitting and for testing, which are not each other's neighbours.

    Returns:
        indices (F,) and (T,): the clip's ends, and its middle `share`.

    Raises:
        ValueError: too few frames to leave some on every side.
    """
    start = round(count * (1 - share) / 2)
    end = start + round(count * share)
    if not 0 < start < end < count:
        raise ValueError(f"{count} frames cannot be split into a middle part and two ends")
    frames = torch.arange(count)
    return torch.cat([frames[:start], frames[end:]]), frames[start:end]


def landmark_error(keypoints, joints, test_keypoints, test_joints):
    """Mean error of joints that a linear map predicts from keypoints, in percent of the width.

    Linear regression from unsupervised landmarks, with bias (Thewlis et al. 2017, Jakab et al.
    2018); a ridge whose strength is chosen on contiguous blocks of the fitting frames.

    Args:
        keypoints, joints: (N, K, 2) and (N, J, 2) to fit on.
        test_keypoints, test_joints: (M, K, 2) and (M, J, 2) to test on.

    Raises:
        ValueError: fewer than two frames to fit on.
    """
    from sklearn.linear_model import RidgeCV  # slow to import
    from sklearn.model_selection import KFold

    if len(keypoints) < 2:
        raise ValueError(f"a linear map needs 2 frames to fit on, there are {len(keypoints)}")
    folds = KFold(min(5, len(keypoints)))
    ridge = RidgeCV(STRENGTHS, cv=folds, scoring="neg_mean_squared_error")
    ridge.fit(_rows(keypoints), _rows(joints))
    predicted = torch.from_numpy(ridge.predict(_rows(test_keypoints)))
    return _mean_distance(predicted.view(test_joints.shape), test_joints)


def mean_pose_error(joints, test_joints):
    """The baseline of `landmark_error`: that of the fitting frames' mean pose for every frame."""
    return _mean_distance(joints.mean(0, keepdim=True), test_joints)


def _rows(points):
    """(N, K, 2) -> float64 array (N, 2 K)."""
    return points.detach().flatten(1).double().cpu().numpy()


def _mean_distance(found, truth):
    """Mean Euclidean distance in percent of the picture's width, over all but the last axis."""
    difference = found.double().cpu() - truth.double().cpu()
    return 50 * torch.linalg.vector_norm(difference, dim=-1).mean().item()


def domain_accuracy(keypoints_a, keypoints_b):
    """Balanced accuracy, on held-out frames, of a classifier that tells A's poses from B's.

    0.5 is chance and what domain confusion aims at (JOKR, section 3.1; a two-sample test by
    classifier, Lopez-Paz and Oquab 2017, arXiv 1610.06545). Held out are contiguous thirds of both
    clips, one after the other. Where poses recur less often than the thirds, it may fall below
    chance, since what the classifier saw of the other clip is then nearer: read that as chance.

    The classifier is a support vector machine with a Gaussian kernel: like the trained
    discriminator it sees more than means, yet it needs few frames and no seed.

    Args:
        keypoints_a, keypoints_b: (N, K, 2) and (M, K, 2).

    Raises:
        ValueError: a clip has fewer than six frames.
    """
    from sklearn.metrics import balanced_accuracy_score  # slow to import
    from sklearn.model_selection import PredefinedSplit, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    clips = _rows(keypoints_a), _rows(keypoints_b)
    if min(map(len, clips)) < 2 * BLOCKS:
        raise ValueError(f"domains are told apart by {2 * BLOCKS} frames each at least")
    domains = np.repeat([0, 1], [len(x) for x in clips])
    folds = PredefinedSplit(np.concatenate([np.arange(len(x)) * BLOCKS // len(x) for x in clips]))
    # Centred, as the kernel's width follows the coordinates' size; but not each scaled to its own
    # deviation: a keypoint that stands still would give its domain away by a tenth of a pixel.
    centre = StandardScaler(with_std=False)
    classifier = make_pipeline(centre, SVC(C=10, class_weight="balanced"))
    said = cross_val_predict(classifier, np.concatenate(clips), domains, cv=folds)
    return float(balanced_accuracy_score(domains, said))


def coverage(keypoints, masks):
    """Share of all keypoints whose nearest pixel lies on the silhouette.

    Keypoints outside the picture count as lying beside it.

    What JOKR's silhouette term asks for (eq. 5), as a yes or no.

    Args:
        masks: (N, 1, H, W) silhouettes.
    """
    solid = binarize(masks).to(keypoints)
    under = F.grid_sample(solid, keypoints[:, None], mode="nearest", align_corners=True)
    return under.mean().item()


def _squared_distances(keypoints):
    """Squared distances of every pair i < j of keypoints, (N, P), and the pairs, (2, P)."""
    count = keypoints.shape[1]
    pairs = torch.triu_indices(count, count, offset=1, device=keypoints.device)
    first, second = keypoints[:, pairs[0]], keypoints[:, pairs[1]]
    return (first - second).square().sum(-1), pairs


def duplicates(keypoints, delta):
    """Mean number per frame of pairs with squared distance below delta.

    They are the pairs that cost in JOKR's separation term (eq. 4), over all keypoints.
    """
    squared, _ = _squared_distances(keypoints)
    return (squared < delta).sum(1).double().mean().item()


def coinciding(keypoints, distance=0.05):
    """Pairs that are nearer than `distance` in more than half of the frames: [(i, j), ...]."""
    squared, pairs = _squared_distances(keypoints)
    often = (squared < distance**2).double().mean(0) > 0.5
    return [(i, j) for i, j in pairs[:, often].T.tolist()]


def jitter(keypoints):
    """Mean norm of x(t+1) - 2 x(t) + x(t-1) over frames and keypoints, in percent.

    Our own: keypoints that move evenly along a line count nothing.

    Raises:
        ValueError: fewer than three frames.
    """
    if len(keypoints) < 3:
        raise ValueError(f"jitter needs 3 frames, there are {len(keypoints)}")
    second = keypoints.double().diff(n=2, dim=0)
    return _mean_distance(second, torch.zeros_like(second))
