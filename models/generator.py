"""CycleGAN's ResNet generator and its heads: the shape decoder and the refiners.

The layout of `self.model` decides the names inside checkpoints; it is the reference's.
"""

import torch
from torch import nn

from models.layers import initialise, make_norm


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), normalised; no activation after the sum."""

    def __init__(self, channels, norm, dropout):
        super().__init__()
        bias = norm == "instance"
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=bias),
            make_norm(norm, channels),
            nn.ReLU(),
            *([nn.Dropout(0.5)] if dropout else []),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=bias),
            make_norm(norm, channels),
        )

    def forward(self, x):
        return x + self.conv_block(x)


class ResnetGenerator(nn.Module):
    """(B, in_channels, H, W) -> (B, out_channels, H, W), H and W multiples of 4.

    Args:
        in_channels, out_channels: of the pictures.
        width: channels after the first convolution (`--ngf`).
        blocks: residual blocks; the reference has nine.
        norm: instance, batch or none.
        dropout: 0.5 inside the residual blocks.
        activation: module applied to the last convolution's output.
        init_type, init_gain: see `layers.initialise`.
        autocast: dtype to compute in, torch.bfloat16 or torch.float16, all but the last convolution
            and the activation, whose rounding one would see; None: float32. Weights stay float32.
    """

    def __init__(
        self,
        in_channels,
        out_channels,
        activation,
        width=64,
        blocks=9,
        norm="instance",
        dropout=True,
        init_type="normal",
        init_gain=0.02,
        autocast=None,
    ):
        super().__init__()
        self.norm, self.autocast = norm, autocast
        bias = norm == "instance"

        def normalised(conv):
            return [conv, make_norm(norm, conv.out_channels), nn.ReLU()]

        def down(c):
            return nn.Conv2d(c, 2 * c, 3, stride=2, padding=1, bias=bias)

        def up(c):
            return nn.ConvTranspose2d(c, c // 2, 3, 2, padding=1, output_padding=1, bias=bias)

        self.model = nn.Sequential(
            nn.ReflectionPad2d(3),
            *normalised(nn.Conv2d(in_channels, width, 7, bias=bias)),
            *normalised(down(width)),
            *normalised(down(2 * width)),
            *[ResidualBlock(4 * width, norm, dropout) for _ in range(blocks)],
            *normalised(up(4 * width)),
            *normalised(up(2 * width)),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, out_channels, 7),
            activation,
        )
        initialise(self, init_type, init_gain)

    def forward(self, x):
        *layers, last, activation = self.model
        out = x
        with torch.autocast(x.device.type, self.autocast, enabled=self.autocast is not None):
            for layer in layers:
                out = layer(out)
        return activation(last(out.to(x.dtype)))


class ShapeDecoder(ResnetGenerator):
    """Redrawn keypoints (B, K, H, W) -> silhouettes of A and of B, each (B, 1, H, W) in [0, 1]."""

    def __init__(self, num_keypoints, **keywords):
        super().__init__(num_keypoints, 2, nn.Sigmoid(), **keywords)

    def forward(self, heatmaps):
        mask_a, mask_b = super().forward(heatmaps).split(1, dim=1)
        return mask_a, mask_b


class Refiner(ResnetGenerator):
    """Silhouette (B, 1, H, W) in [0, 1] -> picture (B, 3, H, W) in [-1, 1], grey background."""

    def __init__(self, **keywords):
        super().__init__(3, 3, nn.Tanh(), **keywords)

    def forward(self, mask):
        return super().forward(torch.cat([mask] * 3, dim=1))


class ExemplarRefiner(ResnetGenerator):
    """A silhouette and a real frame, brought into its pose -> picture, grey background.

    What fits is copied and the rest is painted, blended as in Wang et al. 2019 (arXiv 1910.12713,
    equation 2).
    """

    def __init__(self, **keywords):
        super().__init__(5, 4, nn.Identity(), **keywords)

    def forward(self, mask, exemplar):
        """Silhouette (B, 1, H, W) in [0, 1], frame and mask (B, 4, H, W) -> (B, 3, H, W)."""
        painted, share = super().forward(torch.cat([mask, exemplar], 1)).split((3, 1), dim=1)
        return painted.tanh().lerp(exemplar[:, :3], share.sigmoid())
