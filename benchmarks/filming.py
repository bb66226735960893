"""Videos with true masks, out of real files: drawn clips, and real ones set in a frame."""

import tempfile
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np

from datasets.clip import Clip
from synthetic import footage
from video.reader import Excerpt, open_source

LONGEST = 640  # pixels, as prepare_data.py reads a video
QUALITY, POOR_QUALITY = 20, 35  # H.264's CRF: a camera's own file; what was sent around
CANVAS = (720, 560)  # pixels, around the crops of a prepared clip
BORDERS = "plain", "smeared"


def filmed(clip):
    """Frames and true masks of a drawn clip, `footage.Clip`, at most `LONGEST` large, two lists."""
    pictures, masks = zip(*footage.film(clip))
    poor = clip.sensor == "low_bitrate"
    return through_file(pictures, masks, POOR_QUALITY if poor else QUALITY)


def pasted(folder, border):
    """A prepared clip whose crops are set in the middle of a canvas: frames and masks, two lists.

    Args:
        folder: holds train/ and train_seg/.
        border: "plain", in the clip's mean colour, or "smeared", where a crop's edges go on.

    Raises:
        UserError: what `datasets.clip.Clip` finds wrong with the folder.
    """
    clip = Clip(Path(folder, "train_seg"))
    items = [clip.read(index) for index in range(len(clip))]
    largest = np.max([frame.size for frame, _ in items], 0)
    scale = min(1, *(CANVAS / largest))
    sizes = [tuple(max(1, int(scale * side)) for side in frame.size) for frame, _ in items]
    frames = [np.asarray(frame.resize(size)) for (frame, _), size in zip(items, sizes)]
    masks = [np.asarray(mask.resize(size)) for (_, mask), size in zip(items, sizes)]
    mean = np.mean([frame.mean((0, 1)) for frame in frames], 0)
    framed = [_on_canvas(frame, None if border == "smeared" else mean) for frame in frames]
    return through_file(framed, [_on_canvas(mask, (0, 0, 0)) > 127 for mask in masks], QUALITY)


def _on_canvas(picture, colour):
    """A picture amid `CANVAS`, with borders of a colour, or None for its own edges'."""
    height, width = picture.shape[:2]
    left, top = (CANVAS[0] - width) // 2, (CANVAS[1] - height) // 2
    sides = top, CANVAS[1] - height - top, left, CANVAS[0] - width - left
    if colour is None:
        return cv2.copyMakeBorder(picture, *sides, cv2.BORDER_REPLICATE)
    return cv2.copyMakeBorder(picture, *sides, cv2.BORDER_CONSTANT, value=tuple(colour))


def through_file(pictures, masks, quality):
    """Write an H.264 file and read it at most `LONGEST` pixels large; masks become as large.

    Args:
        pictures: sequence of (H, W, 3) uint8 of even sides.
        masks: sequence of (H, W) bool.
        quality: CRF.

    Returns:
        frames and masks, two lists.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        video = imageio_ffmpeg.write_frames(
            path, pictures[0].shape[1::-1], quality=None, output_params=["-crf", str(quality)],
            macro_block_size=2,
        )  # fmt: skip
        video.send(None)
        for picture in pictures:
            video.send(np.ascontiguousarray(picture))
        video.close()
        frames = list(open_source(path, Excerpt(longest=LONGEST)))
    size = frames[0].shape[1::-1]
    covered = [
        cv2.resize(mask.astype(np.float32), size, None, 0, 0, cv2.INTER_AREA) for mask in masks
    ]
    return frames, [share > 0.5 for share in covered]
