"""What results of a pair are read against: trivial answers, and how far looking frames up can go.

`driver` holds the `ClipResults` of the clip that gives the motion, `target` those of the clip that
gives the looks. Functions return a dict of name -> (pictures, silhouettes) as in `ClipResults`.
"""

import torch

from exemplars import deformation, selection
from metrics import silhouettes

FALLOFF = 2.0  # of the deformation by true joints, which are exact, so that it may follow closely
BATCH = 8  # frames that are deformed at once


def baselines(driver, target):
    """Frames of the target that need no truth, one for each of the driver's."""
    chosen = {
        "same frame": torch.arange(len(driver.frames)) % len(target.frames),
        "nearest frame": silhouettes.nearest(driver.masks, target.masks),
        "look-up by keypoints": selection.choose_frames(
            driver.moved_keypoints, driver.other_mask, target.keypoints, target.masks
        ),
    }
    return {name: (target.frames[i], target.masks[i]) for name, i in chosen.items()}


def upper_bounds(target, truth, joints, own_joints):
    """Frames of the target that only the truth can choose, and deform.

    Args:
        truth: (N, 1, H, W), the true silhouettes.
        joints: (N, J, 2) of the pair.
        own_joints: (M, J, 2) of the target's own clip.
    """
    by_joints = selection.pose_distance(joints, own_joints).argmin(1)
    chosen = {"best own frame": silhouettes.best(truth, target.masks)}
    chosen["look-up by true joints"] = by_joints
    found = {name: (target.frames[i], target.masks[i]) for name, i in chosen.items()}
    parts = (*found["look-up by true joints"], own_joints[by_joints], joints)
    batches = zip(*(part.split(BATCH) for part in parts))
    deformed = [deformation.deform(*batch, falloff=FALLOFF) for batch in batches]
    return found | {"deformed look-up by true joints": tuple(map(torch.cat, zip(*deformed)))}
