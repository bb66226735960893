"""Pieces that several networks share."""

import contextlib

import torch
from torch import nn
from torch.nn import functional as F


class BatchNorm2d(nn.BatchNorm2d):
    """Batch norm that can also normalise every picture by its own statistics (`per_item`)."""

    per_item = False

    def forward(self, x):
        if self.per_item:
            return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)
        return super().forward(x)


@contextlib.contextmanager
def evaluation(network):
    """Inside, `network` is in eval mode; every module's own mode comes back on leaving."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextlib.contextmanager
def per_item_statistics(network):
    """Evaluate `network` as the reference infers: batch norm in train mode at batch size 1.

    Inside, every output is a function of its own picture alone, whatever the batch; dropout is
    off and no running statistic moves.
    """
    norms = [m for m in network.modules() if isinstance(m, BatchNorm2d)]
    with evaluation(network):
        for norm in norms:
            norm.per_item = True
        try:
            yield
        finally:
            for norm in norms:
                norm.per_item = False


class AntiAliasDownscale(nn.Module):
    """Gaussian blur, then every int(1/scale)-th pixel, as in first-order-model.

    Args:
        channels: of the pictures.
        scale: in (0, 1); the blur's sigma is (1/scale - 1) / 2 pixels.
    """

    def __init__(self, channels, scale):
        super().__init__()
        sigma = (1 / scale - 1) / 2
        radius = round(4 * sigma)
        x = torch.arange(-radius, radius + 1, dtype=torch.float32)
        profile = torch.exp(-(x**2) / (2 * sigma**2))
        kernel = profile[:, None] * profile[None, :]
        self.stride = int(1 / scale)
        self.register_buffer("weight", (kernel / kernel.sum()).repeat(channels, 1, 1, 1))

    def forward(self, x):
        """(B, C, H, W) -> (B, C, ceil(H/stride), ceil(W/stride))."""
        channels, _, size, _ = self.weight.shape
        return F.conv2d(x, self.weight, stride=self.stride, padding=size // 2, groups=channels)


def make_norm(name, channels):
    """The generators' normalisation: instance (no affine, no running statistics), batch or none."""
    if name == "instance":
        return nn.InstanceNorm2d(channels)
    return BatchNorm2d(channels) if name == "batch" else nn.Identity()


def initialise(network, init_type="normal", gain=0.02):
    """Fill convolutions and norms in place as CycleGAN does; biases become 0.

    Args:
        init_type: normal (std `gain`), xavier, kaiming or orthogonal.
        gain: std or gain of the fill; batch norm weights are N(1, gain).
    """
    fill = {
        "normal": lambda w: nn.init.normal_(w, 0.0, gain),
        "xavier": lambda w: nn.init.xavier_normal_(w, gain=gain),
        "kaiming": lambda w: nn.init.kaiming_normal_(w, a=0, mode="fan_in"),
        "orthogonal": lambda w: nn.init.orthogonal_(w, gain=gain),
    }[init_type]
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            fill(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, gain)
            nn.init.zeros_(module.bias)
    return network
