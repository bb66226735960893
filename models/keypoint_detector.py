"""Keypoint detectors: a picture -> K keypoints and their heatmaps, through one soft-argmax tail."""

import torch
from torch import nn
from torch.nn import functional as F

from models.generator import ResnetGenerator
from models.layers import AntiAliasDownscale, BatchNorm2d
from utils.errors import UserError
from utils.geometry import soft_argmax

LEVELS = 5
MAX_FEATURES = 1024


class ConvBlock(nn.Module):
    """conv3x3, batch norm, ReLU."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm = BatchNorm2d(out_channels)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Encoder(nn.Module):
    """(B, 3, H, W) -> the picture and its LEVELS feature maps, each half the size of the last."""

    def __init__(self, channels):
        super().__init__()
        self.down_blocks = nn.ModuleList(map(ConvBlock, channels[:-1], channels[1:]))

    def forward(self, x):
        maps = [x]
        for block in self.down_blocks:
            maps.append(F.avg_pool2d(block(maps[-1]), 2))
        return maps


class Decoder(nn.Module):
    """The encoder's maps -> (B, expansion + 3, H, W); steps concatenate [upsampled, skipped]."""

    def __init__(self, channels, expansion):
        super().__init__()
        outputs = [min(MAX_FEATURES, expansion * 2**level) for level in reversed(range(LEVELS))]
        inputs = [channels[-1], *(o + c for o, c in zip(outputs, channels[-2:0:-1]))]
        self.up_blocks = nn.ModuleList(map(ConvBlock, inputs, outputs))

    def forward(self, maps):
        out = maps.pop()
        for block in self.up_blocks:
            out = torch.cat([block(F.interpolate(out, scale_factor=2)), maps.pop()], dim=1)
        return out


class Hourglass(nn.Module):
    """U-shaped network of first-order-model; `expansion` is the first block's width over two."""

    def __init__(self, expansion):
        super().__init__()
        widths = [min(MAX_FEATURES, expansion * 2 ** (level + 1)) for level in range(LEVELS)]
        channels = [3, *widths]
        self.encoder = Encoder(channels)
        self.decoder = Decoder(channels, expansion)

    def forward(self, x):
        return self.decoder(self.encoder(x))


class KeypointDetector(nn.Module):
    """The shared tail: downscale, logits, soft-argmax.

    Subclasses set `self.predictor` and give `logits(x)`, and `multiple`, the number of pixels that
    a downscaled side must be a multiple of.
    """

    multiple = 1
    smallest = 1  # of these multiples

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def add_downscale(self):
        """Registered last, so that the state dict's order is the reference's."""
        if self.scale != 1:
            self.down = AntiAliasDownscale(3, self.scale)

    def forward(self, frames):
        """(B, 3, H, W) in [-1, 1] -> keypoints (B, K, 2), xy in [-1, 1]; heatmap (B, K, h, w)."""
        small = frames if self.scale == 1 else self.down(frames)
        return soft_argmax(self.logits(small))

    def check_size(self, width, height):
        """Raise UserError where pictures of width x height pixels do not fit the networks."""
        step = self.multiple if self.scale == 1 else self.multiple * int(1 / self.scale)
        for name, length in (("resize_w", width), ("resize_h", height)):
            if length % step or length < step * self.smallest:
                least = step * self.smallest
                larger = ", or a larger --scale_kp" if self.scale < 1 else ""
                raise UserError(
                    f"--{name} {length} does not fit the keypoint detector at --scale_kp "
                    f"{self.scale:g}; use a multiple of {step}, at least {least}{larger}"
                )


class HourglassDetector(KeypointDetector):
    """The default detector.

    Args:
        num_keypoints: K.
        scale: the picture is downscaled by this factor first, in (0, 1].
        expansion: width of the network; the first block has twice as many channels.
    """

    multiple = 2**LEVELS

    def __init__(self, num_keypoints, scale=0.25, expansion=32):
        super().__init__(scale)
        self.predictor = Hourglass(expansion)
        self.kp = nn.Conv2d(expansion + 3, num_keypoints, 7)
        self.add_downscale()

    def logits(self, small):
        return self.kp(self.predictor(small))


class StrongDetector(KeypointDetector):
    """The ResNet-9 generator as detector (`--strong_kp`); `keywords` go to `ResnetGenerator`."""

    multiple = 4
    smallest = 2  # one pixel in the middle of the network cannot be normalised

    def __init__(self, num_keypoints, scale=0.25, **keywords):
        super().__init__(scale)
        self.predictor = ResnetGenerator(3, num_keypoints, nn.Tanh(), **keywords)
        self.add_downscale()

    def logits(self, small):
        return self.predictor(small)
