"""Small videos for tests: drawn scenes through real codecs."""

import subprocess
from functools import lru_cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from synthetic import scenery
from video.writer import VideoWriter


def ffmpeg(*words):
    """The bundled ffmpeg, quietly, on these arguments."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *map(str, words)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@lru_cache
def scene(frames=12, camera="still", name="a", size=(160, 120), seed=0):
    """Frames (N, H, W, 3) uint8 and masks (N, H, W) bool of a drawn scene; both read-only."""
    film = scenery.film(scenery.actors(seed)[name], camera, frames, size, seed)
    arrays = [np.stack(parts) for parts in zip(*film)]
    for array in arrays:
        array.setflags(write=False)
    return tuple(arrays)


def write_video(path, frames, fps=12):
    """An H.264 file, or by the ending another, of (N, H, W, 3) uint8."""
    with VideoWriter(path, fps) as video:
        for frame in frames:
            video.add(np.ascontiguousarray(frame))
    return path


def write_folder(folder, pictures, name="{}.png"):
    """Numbered pictures of (N, H, W[, C]) uint8 or bool arrays."""
    Path(folder).mkdir(parents=True)
    for number, picture in enumerate(pictures):
        if picture.dtype == bool:
            picture = np.where(picture, 255, 0).astype(np.uint8)
        Image.fromarray(picture).save(Path(folder) / name.format(number))
    return folder


def overlap(found, true):
    """Mean intersection over union of masks (N, H, W) bool."""
    both = (np.asarray(found) & true).sum((1, 2))
    return float((both / (np.asarray(found) | true).sum((1, 2))).mean())


def read_masks(folder, count=12, ending=".png"):
    """Masks (N, H, W) bool of a folder."""
    masks = [np.asarray(Image.open(folder / f"{n}{ending}").convert("L")) for n in range(count)]
    return np.stack(masks) > 127


def snapshot(folder):
    """Path -> content of every file in a folder."""
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
