"""Which frames of the other object a driver's are made of."""

import torch

from exemplars.lookup import LookUp
from utils.domains import OTHER
from utils.overlap import thumbnails


def choose_examples(jokr, driver, opt):
    """Choose frames of the other object, where it is made of these, for a driver's poses.

    Args:
        jokr: `JOKR`; its galleries hold the frames that its refiners copy from, if any.
        driver: `NetworkClip` with all its keypoints in `points`, a
            `finishing.tracks.DrivingKeypoints`. With a `target`, the other object's `NetworkClip`,
            it gets a `look_up`, a `LookUp` of its frames; else, with galleries, `chosen`, the
            index of a frame for each of its own.
        opt: options of `inference.py`.
    """
    if driver.target:
        keypoints, _, masks = driver.target.follow(jokr, len(driver.target))
        known = driver.target.stream, keypoints, masks
        driver.look_up = LookUp(*known, *_poses(jokr, driver, opt), opt.deform)
    elif jokr.galleries:
        driver.chosen = jokr.galleries[OTHER[driver.domain]].path(*_poses(jokr, driver, opt))


@torch.no_grad()
def _poses(jokr, driver, opt):
    """What a driver gives the other object: keypoints (N, K, 2), `thumbnails` of silhouettes."""
    points, other = driver.points, "ba".index(driver.domain)
    _, moved = points.export(range(len(points.keypoints))).tensors(driver.device)
    size = opt.resize_h, opt.resize_w
    decoded = (jokr.decode(x, *size, per_item=True)[other] for x in moved.split(opt.bs))
    return moved, torch.cat([thumbnails(x) for x in decoded])
