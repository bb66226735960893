"""The domain discriminator: from which domain do keypoints come?"""

from torch import nn


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
