"""LPIPS with VGG16, version 0.1 (Zhang et al. 2018, arXiv 1801.03924)."""

from pathlib import Path

import torch
import torchmetrics
from torch import nn
from torchvision.models import vgg16

LAYERS = (3, 8, 15, 22, 29)  # relu1_2, relu2_2, relu3_3, relu4_3, relu5_3 of `vgg16().features`
LINEAR_HEADS = "functional/image/lpips_models/vgg.pth"  # published with torchmetrics


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
        with torch.device("meta"):  # VGG16's unused classifier alone would fill half a gigabyte
            self.features = vgg16(weights=None).features[: LAYERS[-1] + 1]
        own = {f"features.{k}" for k in self.features.state_dict()}
        self.load_state_dict({k: vgg_weights[k] for k in own}, assign=True)
        for layer in self.features:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False
        heads = torch.load(
            Path(torchmetrics.__file__).parent / LINEAR_HEADS, map_location="cpu", weights_only=True
        )
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
        """(B, 3, H, W) each, in [-1, 1] -> distance, mean over the batch."""
        with torch.no_grad():
            wanted = self.unit_features(targets)
        levels = zip(self.unit_features(pictures), wanted)
        return sum(
            nn.functional.conv2d((x - y) ** 2, getattr(self, f"head{level}")).mean()
            for level, (x, y) in enumerate(levels)
        )
