"""Frames out of anything that the bundled ffmpeg opens, or out of a folder of pictures.

Names of files go to ffmpeg as absolute paths in a list of arguments, never through a shell.
"""

import logging
import math
import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from utils import images
from utils.errors import UserError
from utils.reading import PIXELS

# A playlist cannot make ffmpeg read from elsewhere, nor can a header have it allocate without end.
SOURCE = ["-protocol_whitelist", "file", "-max_pixels", str(PIXELS)]
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
DEFAULT_RATE = 25.0  # frames per second where the source does not tell
COLOURS = {"RGB": "rgb24", "RGBA": "rgba"}  # ffmpeg's names
# Without the latter two ffmpeg repeats colour, stored at half size: its edges move half a pixel.
SCALED = "bicubic+accurate_rnd+full_chroma_int"

# imageio_ffmpeg, imported where a video is read; it warns of every size that the rotation metadata
# turns.
logging.getLogger("imageio_ffmpeg").setLevel(logging.ERROR)


@dataclass(frozen=True)
class Excerpt:
    """Which frames are wanted, at what rate and size.

    Attributes:
        start, end: seconds; `end` None is the source's.
        fps: frames per second; None is the source's own. A folder of pictures has this rate.
        longest: most pixels of the longer side; None keeps the source's size.
    """

    start: float = 0.0
    end: float | None = None
    fps: float | None = None
    longest: int | None = None

    def size(self, width, height):
        """The size that a picture of `width` x `height` is reduced to; none is enlarged."""
        scale = min(1, (self.longest or math.inf) / max(width, height))
        return max(1, round(width * scale)), max(1, round(height * scale))


def open_source(path, excerpt=None, alpha=False):
    """`Video` or `Pictures` at `path`: iterate over it for frames, as often as you like.

    Frames are (H, W, 3) uint8 RGB, or (H, W, 4) RGBA with `alpha`, upright by rotation metadata,
    of one size throughout. `fps` is their rate; `expected` says about how many the source
    promises, None where it does not tell.

    Raises:
        UserError: nothing there, no video in it, or no frame in the excerpt (on iterating).
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path} does not exist; give a video or a folder of pictures")
    return (Pictures if path.is_dir() else Video)(path, excerpt or Excerpt(), alpha)


class Video:
    """Frames of a file, by ffmpeg; see `open_source`."""

    def __init__(self, path, excerpt, alpha):
        self.path, self.excerpt, self.mode = path, excerpt, "RGBA" if alpha else "RGB"
        self._decoder = []
        with closing(self._stream()) as stream:
            told = next(stream)
        if alpha and told["codec"].startswith(("vp8", "vp9")):  # ffmpeg's own ones drop alpha
            self._decoder = ["-c:v", "libvpx-vp9" if "9" in told["codec"] else "libvpx"]
        self.fps = excerpt.fps or told["fps"] or DEFAULT_RATE
        seconds = min(told["duration"], excerpt.end or math.inf) - excerpt.start
        self.expected = max(0, round(seconds * self.fps)) if told["duration"] else None

    def __iter__(self):
        with closing(self._stream()) as stream:
            width, height = next(stream)["size"]
            index = -1
            try:
                for index, frame in enumerate(stream):  # noqa: B007 - counts them
                    yield np.frombuffer(frame, np.uint8).reshape(height, width, -1)
            except RuntimeError:  # the last one is incomplete
                pass
        if index < 0:
            raise UserError(
                f"{self.path} yields no frame between --start and --end (from second "
                f"{self.excerpt.start:g}); check both, and whether it plays"
            )

    def _stream(self):
        """ffmpeg's description of the file, a dict, and then each frame as bytes."""
        excerpt = self.excerpt
        source = [*SOURCE, *self._decoder, *seconds(excerpt)]
        # ffmpeg makes pixels square first, and then the size that `Excerpt.size` tells.
        share = f"min(1,{excerpt.longest or 1e9}/max(iw,ih))"
        scale = f"scale=w='max(1,round(iw*{share}))':h='max(1,round(ih*{share}))'"
        rate = [] if excerpt.fps is None else [f"fps={excerpt.fps}"]
        filters = ",".join([*rate, "scale=w='iw*sar':h=ih", f"{scale}:flags={SCALED}"])
        try:
            told, frames = _begin(
                str(self.path.absolute()),
                pix_fmt=COLOURS[self.mode],
                bits_per_pixel=8 * len(self.mode),
                input_params=source,
                output_params=["-map", "0:v:0", "-vf", filters],
            )
            with closing(frames):
                self._check_size(*told["size"])
                yield told
                yield from frames
        except (OSError, IndexError, AttributeError):  # its ways to say that there is no video
            raise UserError(
                f"{self.path} holds no video that ffmpeg can read; check whether it plays, or "
                "convert it to mp4"
            ) from None

    def _check_size(self, width, height):
        """Pixels that are no squares may make a small picture a huge one."""
        if width * height > PIXELS:
            raise UserError(
                f"{self.path} has frames of {width}x{height}, more than {PIXELS} pixels; convert "
                "it to smaller ones"
            )


def _begin(*words, **more):
    """ffmpeg's description of a file, and the generator of its frames; see `read_frames`."""
    import imageio_ffmpeg  # machines that only train may lack it

    for once_more in (True, False):
        frames = imageio_ffmpeg.read_frames(*words, **more)
        try:
            return next(frames), frames
        except OSError:  # also where the clock jumped while it waited
            if not once_more:
                raise


class Pictures:
    """Frames of a folder, in natural order of their names; see `open_source`."""

    def __init__(self, path, excerpt, alpha):
        self.path, self.excerpt, self.mode = path, excerpt, "RGBA" if alpha else "RGB"
        self.fps = excerpt.fps or DEFAULT_RATE
        files = pictures_in(path)
        last = None if excerpt.end is None else round(excerpt.end * self.fps)
        self._files = files[round(excerpt.start * self.fps) : last]
        if not files:
            raise UserError(f"{path} holds no pictures ({', '.join(PICTURES)}); give another")
        if not self._files:
            raise UserError(
                f"{path} holds {len(files)} pictures, at {self.fps:g} per second none between "
                "--start and --end; check both and --fps"
            )
        self.expected = len(self._files)

    def __iter__(self):
        first = None
        for file in self._files:
            picture = self._read(file)
            first = first or picture.size
            if picture.size != first:
                raise UserError(
                    f"{file} is {picture.width}x{picture.height} but {self._files[0].name} is "
                    f"{first[0]}x{first[1]}; make all pictures of a folder the same size"
                )
            yield np.asarray(picture.resize(self.excerpt.size(*first), Image.Resampling.BOX))

    def _read(self, file):
        with images.opened(file, "replace it or take it out") as image:
            return ImageOps.exif_transpose(image).convert(self.mode)


def pictures_in(folder):
    """Paths of a folder's pictures in natural order: 2.jpg before 10.jpg."""
    files = (p for p in Path(folder).iterdir() if p.suffix.lower() in PICTURES and p.is_file())
    return sorted((p for p in files if not p.name.startswith(".")), key=_natural)


def _natural(path):
    parts = re.split(r"(\d+)", path.name)
    return [(part.isdigit() and int(part), part) for part in parts]


def seconds(excerpt):
    """ffmpeg's arguments for where to begin and to end.

    None where that is the file's own begin or end, since some files cannot be sought in.
    """
    begin = ["-ss", str(excerpt.start)] if excerpt.start else []
    return begin + ([] if excerpt.end is None else ["-to", str(excerpt.end)])
