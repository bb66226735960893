"""LPIPS with VGG16, version 0.1 (Zhang et al. 2018, arXiv 1801.03924)."""

import importlib.util
from pathlib import Path

import torch
from torch import nn

LAYERS = (3, 8, 15, 22, 29)  # relu1_2, relu2_2, relu3_3, relu4_3, relu5_3 of `vgg16().features`
LINEAR_HEADS = "functional/image/lpips_models/vgg.pth"  # published with torchmetrics


def vgg_features(weights):
    """VGG16's `features` up to the last of `LAYERS`, from torchvision's state dict of the network.

    What follows a convolution is its ReLU, and what follows that, where it is no convolution, a
    max pooling.
    """
    layers = []
    for index in range(LAYERS[-1] + 1):
        weight = weights.get(f"features.{index}.weight")
        if weight is not None:
            with torch.device("meta"):
                layers.append(nn.Conv2d(*weight.shape[1::-1], kernel_size=3, padding=1))
            own = {"weight": weight, "bias": weights[f"features.{index}.bias"]}
            layers[-1].load_state_dict(own, assign=True)
        else:
            convolved = layers and isinstance(layers[-1], nn.Conv2d)
            layers.append(nn.ReLU() if convolved else nn.MaxPool2d(2))
    return nn.Sequential(*layers)


class LPIPS(nn.Module):
    """Perceptual distance of pictures in [-1, 1]; no gradient goes to the weights or the target.

    Args:
        vgg_weights: state dict of torchvision's ImageNet VGG16 (`features.*` are used).
        autocast: dtype to compute the features in, torch.bfloat16 or torch.float16; None is the
            pictures', in which the distance always is.
    """

    def __init__(self, vgg_weights, autocast=None):
        super().__init__()
        self.autocast = autocast
        self.features = vgg_features(vgg_weights)
        # Where torchmetrics lies, without importing it, which takes seconds.
        package = Path(importlib.util.find_spec("torchmetrics").origin).parent
        heads = torch.load(package / LINEAR_HEADS, map_location="cpu", weights_only=True)
        for level in range(len(LAYERS)):
            self.register_buffer(f"head{level}", heads[f"lin{level}.model.1.weight"])
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1))
        self.requires_grad_(False).eval()

    def unit_features(self, pictures):
        """Features of each level, (B, C, h, w), of length 1 along C."""
        out, found = (pictures - self.shift) / self.scale, []
        with torch.autocast(pictures.device.type, self.autocast, enabled=self.autocast is not None):
            for index, layer in enumerate(self.features):
                out = layer(out)
                if index in LAYERS:
                    wide = out.to(pictures.dtype)
                    length = torch.linalg.vector_norm(wide, dim=1, keepdim=True)
                    found.append(wide / (length + 1e-10))
        return found

    def forward(self, pictures, targets):
        """Mean distance over a batch of pictures and targets, (B, 3, H, W) each, in [-1, 1]."""
        with torch.no_grad():
            wanted = self.unit_features(targets)
        levels = zip(self.unit_features(pictures), wanted)
        return sum(
            nn.functional.conv2d((x - y) ** 2, getattr(self, f"head{level}")).mean()
            for level, (x, y) in enumerate(levels)
        )
