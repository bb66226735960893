"""Discriminators: from which domain do keypoints come, and is a picture drawn or true?"""

import torch
from torch import nn

from models.layers import initialise, make_norm


class DomainDiscriminator(nn.Module):
    """(B, K, 2) -> probability that the keypoints are A's, (B, 1)."""

    def __init__(self, num_keypoints):
        super().__init__()
        self.classify = nn.Sequential(
            nn.Linear(2 * num_keypoints, 512),
            nn.LeakyReLU(0.2),
            nn.Linear(512, 512),
            nn.LeakyReLU(0.2),
            nn.Linear(512, 64),
            nn.LeakyReLU(0.2),
            nn.Linear(64, 1),
            nn.Sigmoid(),
        )

    def forward(self, keypoints):
        return self.classify(keypoints.flatten(1))


class PatchDiscriminator(nn.Module):
    """Scores of a picture's patches, 1 for true; PatchGAN (Isola et al. 2017) of three layers.

    Args:
        width: channels after the first convolution.
    """

    def __init__(self, width):
        super().__init__()

        def layer(inputs, outputs, stride):
            convolution = nn.Conv2d(inputs, outputs, 4, stride, padding=1)
            return [convolution, make_norm("instance", outputs), nn.LeakyReLU(0.2)]

        first = nn.Conv2d(4, width, 4, 2, padding=1), nn.LeakyReLU(0.2)
        layers = first, layer(width, 2 * width, 2), layer(2 * width, 4 * width, 1)
        last = nn.Conv2d(4 * width, 1, 4, padding=1)
        self.layers = nn.ModuleList(nn.Sequential(*parts) for parts in (*layers, [last]))
        initialise(self)

    def forward(self, pictures, silhouettes):
        """Pictures (B, 3, H, W), silhouettes (B, 1, H, W) -> each layer's features, scores last."""
        out, found = torch.cat([pictures, silhouettes], 1), []
        for layer in self.layers:
            out = layer(out)
            found.append(out)
        return found
