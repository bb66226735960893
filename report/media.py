"""Pictures and videos as data URIs, which a page carries in itself."""

import tempfile
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import torch

from utils.tensors import to_pixels
from utils.visualize import draw_keypoints
from video.writer import VideoWriter

_WIDEST = 2560  # pixels; a wider picture is reduced, since no screen shows more of it
_FLAT = 256  # up to so many colours PNG is both exact and smaller


def data_uri(kind, content):
    """Bytes of a media type such as "image/png" -> "data:..."."""
    return f"data:{kind};base64,{b64encode(content).decode()}"


def picture(image):
    """A Pillow image -> data URI of a PNG where it has few colours, of a JPEG otherwise."""
    image = image.convert("RGB")
    flat = image.getcolors(_FLAT) is not None
    if image.width > _WIDEST:
        image.thumbnail((_WIDEST, image.height))
    file = BytesIO()
    if flat:
        image.save(file, "PNG", optimize=True)
        return data_uri("image/png", file.getvalue())
    # Full colour resolution: the dots of keypoints are a few pixels wide.
    image.save(file, "JPEG", quality=85, subsampling=0)
    return data_uri("image/jpeg", file.getvalue())


def video(frames, fps):
    """Frames -> data URI of an H.264 mp4 and the (height, width) of its first frame.

    Args:
        frames: iterable of (H, W, 3) uint8 RGB, at least one.
        fps: frames per second, above 0.
    """
    shape = None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        with VideoWriter(path, fps) as writer:
            for frame in frames:
                shape = shape or frame.shape[:2]
                writer.add(frame)
        return data_uri("video/mp4", path.read_bytes()), shape


def with_keypoints(frames, keypoints):
    """Yield frames (H, W, 3) uint8 with their keypoints (N, K, 2), xy in [-1, 1], as dots."""
    for frame, points in zip(frames, keypoints, strict=True):
        shown = torch.from_numpy(frame).permute(2, 0, 1)[None] / 255
        drawn = draw_keypoints(shown, torch.as_tensor(points)[None])[0]
        yield to_pixels(drawn).permute(1, 2, 0).numpy()
