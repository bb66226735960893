"""The frames of both clips that refiners copy from."""

import torch

from datasets.clip import Clip
from exemplars.gallery import Gallery
from utils import options
from utils.domains import OTHER


def open_galleries(jokr, opt, device):
    """Dict of domain -> `Gallery` of the clips that the options name, with `jokr`'s keypoints."""
    return {domain: _gallery(jokr, opt, domain, device) for domain in OTHER}


def _gallery(jokr, opt, domain, device):
    clip = Clip(**options.clip(opt, domain))
    batches = []
    for _, frames, masks in clip.stream(len(clip), opt.bs, *options.canvas(opt, domain), device):
        keypoints, _ = jokr.find(jokr.view(frames, masks), domain, align=False)
        batches.append((frames, masks, keypoints))
    return Gallery(*map(torch.cat, zip(*batches)))
