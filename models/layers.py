"""Layers and modes that several networks share."""

import contextlib

import torch
from torch import nn
from torch.nn import functional as F

from utils import parallel


class BatchNorm2d(nn.BatchNorm2d):
    """Batch norm of (B, C, H, W) over the items of all processes.

    Where `per_item` is set it normalises every picture by that picture's own statistics instead.
    """

    def __init__(self, channels):
        super().__init__(channels)
        self.per_item = False

    def forward(self, x):
        if self.per_item:
            return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)
        if self.training and parallel.size() > 1:
            return self._synchronised(x)
        return super().forward(x)

    def _synchronised(self, x):
        """Statistics over all processes; PyTorch's own SyncBatchNorm does not run on CPUs."""
        wide = _wide(x)
        mean = parallel.mean(wide.mean((0, 2, 3)))
        centred = wide - mean[:, None, None]
        variance = parallel.mean(centred.square().mean((0, 2, 3)))
        count = parallel.size() * x.numel() / x.shape[1]
        with torch.no_grad():
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def _wide(x):
    """A tensor of a 16-bit type as float32, in which statistics are computed; others unchanged."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


class InstanceNorm2d(nn.InstanceNorm2d):
    """PyTorch's instance norm of (B, C, H, W) that copies no channels-last tensor on CPUs."""

    def forward(self, x):
        if torch.compiler.is_compiling():
            # As plain arithmetic it fuses with its neighbours; statistics stay in float32.
            wide = _wide(x)
            variance, mean = torch.var_mean(wide, (2, 3), correction=0, keepdim=True)
            return ((wide - mean) * (variance + self.eps).rsqrt()).to(x.dtype)
        if x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last):
            with torch.autocast("cpu", enabled=False):  # squares overflow in float16
                return _ChannelsLastInstanceNorm.apply(_wide(x), self.eps).to(x.dtype)
        return super().forward(x)


class _ChannelsLastInstanceNorm(torch.autograd.Function):
    """Instance norm of a channels-last tensor; means over the pixels are matrix products."""

    @staticmethod
    def forward(ctx, x, eps):
        pixels = x.permute(0, 2, 3, 1).flatten(1, 2)  # (B, H W, C), the order in memory
        average = pixels.new_full((1, 1, pixels.shape[1]), 1 / pixels.shape[1])
        average = average.expand(len(x), -1, -1)
        unit = pixels - average @ pixels
        scale = torch.rsqrt(average @ unit.square() + eps)
        unit *= scale
        ctx.save_for_backward(unit, scale, average)
        return unit.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx, gradient):
        unit, scale, average = ctx.saved_tensors
        size = gradient.shape[2:]
        gradient = gradient.permute(0, 2, 3, 1).flatten(1, 2)
        slope = average @ (gradient * unit)
        result = torch.addcmul(-scale * (average @ gradient), gradient, scale)
        result.addcmul_(unit, scale * slope, value=-1)
        return result.unflatten(1, size).permute(0, 3, 1, 2), None


@contextlib.contextmanager
def evaluation(network):
    """Inside, `network` is in eval mode; every module's own mode comes back on leaving."""
    training = [module for module in network.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextlib.contextmanager
def per_item_statistics(network):
    """Evaluate `network` as the reference infers: batch norm in train mode at batch size 1.

    Inside, every output is a function of its own picture alone, whatever the batch; dropout is
    off and no running statistic moves.
    """
    norms = [(m, m.per_item) for m in network.modules() if isinstance(m, BatchNorm2d)]
    with evaluation(network):
        for norm, _ in norms:
            norm.per_item = True
        try:
            yield
        finally:
            for norm, former in norms:
                norm.per_item = former


def uncompiled(network):
    """Context in which `network` runs as if it had not been compiled."""
    if any(module._compiled_call_impl is not None for module in network.modules()):
        return torch.compiler.set_stance("force_eager")
    return contextlib.nullcontext()


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
        return InstanceNorm2d(channels)
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
