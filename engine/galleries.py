"""The frames of both clips that refiners copy from."""

import torch

from engine.network_clip import NetworkClip
from exemplars.gallery import Gallery
from utils.domains import OTHER


def open_galleries(jokr, opt, device):
    """Dict of domain -> `Gallery` of the clips that the options name, with `jokr`'s keypoints."""
    return {domain: _gallery(jokr, opt, domain, device) for domain in OTHER}


def _gallery(jokr, opt, domain, device):
    clip = NetworkClip(opt, domain, device)
    batches = []
    for _, frames, masks in clip.stream(range(len(clip))):
        keypoints, _ = jokr.find(jokr.view(frames, masks), domain, align=False)
        batches.append((frames, masks, keypoints))
    return Gallery(*map(torch.cat, zip(*batches)))
