"""Pictures as tensors: from and to 8-bit pixels, and their ranges [0, 1] and [-1, 1]."""

import numpy as np
import torch
from PIL import Image


def unit(pictures):
    """Pictures in [-1, 1], as the networks take and give them, -> [0, 1]."""
    return pictures / 2 + 0.5


def signed(pictures):
    """Pictures in [0, 1] -> [-1, 1], the inverse of `unit`."""
    return 2 * pictures - 1


def to_tensor(image):
    """Pillow RGB or L image -> uint8 (C, H, W)."""
    array = np.array(image)
    return torch.from_numpy(array[None] if array.ndim == 2 else array.transpose(2, 0, 1))


def to_batch(fitted, device="cpu"):
    """Arrays from `utils.images.fit` -> frames (B, 3, H, W), masks (B, 1, H, W) as by `normalise`.

    They cross to the device in 8 bits, and without waiting for what it is doing.
    """
    return normalise(*send(torch.from_numpy(np.stack(fitted)), device).split((3, 1), dim=1))


def send(tensor, device):
    """A CPU tensor on `device`, without waiting for what that is doing."""
    if torch.device(device).type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def fetch(tensors):
    """Start copying a dict of tensors on one device to the CPU, in the order of its work.

    From an NVIDIA GPU they come into pinned memory, and nothing waits here. Copied into pageable
    memory by another thread, each would wait for all that was launched in the meantime.

    Returns:
        function that waits until the copies are there, and returns their dict; for any thread.
    """
    device = next(iter(tensors.values())).device
    if device.type != "cuda":
        copies = {name: tensor.cpu() for name, tensor in tensors.items()}
        return lambda: copies
    copies = {name: tensor.to("cpu", non_blocking=True) for name, tensor in tensors.items()}
    done = torch.cuda.Event(blocking=True)  # threads that wait for it sleep
    done.record(torch.cuda.current_stream(device))

    def wait():
        done.synchronize()
        return copies

    return wait


def normalise(pixels, mask):
    """8-bit pixels and mask -> what the networks see.

    Args:
        pixels: (..., 3, H, W), values 0..255 of any dtype.
        mask: (..., 1, H, W), values 0..255.

    Returns:
        frame (..., 3, H, W) float in [-1, 1], 0 outside the mask; mask in {0, 1}.
    """
    mask = (mask > 127.5).float()
    return (pixels.float() / 127.5 - 1) * mask, mask


def to_pixels(pictures, truncate=False):
    """(..., C, H, W) in [0, 1], clipped -> uint8 on the same device; uint8 stays as it is.

    Values are rounded, or with `truncate` lose their fraction.
    """
    if pictures.dtype == torch.uint8:
        return pictures
    rounding = 0.0 if truncate else 0.5
    return (pictures.detach().float() * 255 + rounding).clamp(0, 255).to(torch.uint8)


def to_pil(picture):
    """(1 or 3, H, W), uint8 or in [0, 1] and clipped -> 8-bit RGB Pillow image."""
    array = to_pixels(picture).cpu().permute(1, 2, 0).numpy()
    return Image.fromarray(array if array.shape[2] == 3 else array[..., 0]).convert("RGB")


def stretch(pictures):
    """Spread each picture's values (..., C, H, W) over [0, 1]; a constant one becomes 0."""
    low = pictures.amin((-3, -2, -1), keepdim=True)
    high = pictures.amax((-3, -2, -1), keepdim=True)
    return (pictures - low) / (high - low).clamp(min=1e-5)


def stretch_grey(image):
    """`stretch` of an 8-bit Pillow image of one channel."""
    low, high = image.getextrema()
    values = torch.arange(256).clamp(low, high).view(1, 1, 256) / 255
    return image.point(to_pixels(stretch(values)).flatten().tolist())
