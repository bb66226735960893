"""Terms by which a patch discriminator tells drawn pictures from true ones (pix2pixHD).

Least squares (Mao et al. 2017, arXiv 1611.04076) and feature matching (Wang et al. 2018, arXiv
1711.11585, section 3.3). Pictures are (B, 3, H, W), silhouettes (B, 1, H, W), the same for both.
"""

import torch
from torch.nn import functional as F

FEATURES = 10.0  # weight of feature matching beside the adversarial term, of pix2pixHD


def realism(discriminator, pictures, truth, silhouettes):
    """The refiner's term: pictures pass for true, and have the features of true ones."""
    with torch.no_grad():
        *wanted, _ = discriminator(truth, silhouettes)
    *found, scores = discriminator(pictures, silhouettes)
    matching = sum(F.l1_loss(x, y) for x, y in zip(found, wanted)) / len(wanted)
    return (scores - 1).square().mean() + FEATURES * matching


def telling_apart(discriminator, pictures, truth, silhouettes):
    """The discriminator's term: true pictures are 1 and drawn ones 0."""
    both = torch.cat([truth, pictures.detach()])
    true, drawn = discriminator(both, silhouettes.repeat(2, 1, 1, 1))[-1].chunk(2)
    return ((true - 1).square().mean() + drawn.square().mean()) / 2
