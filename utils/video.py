"""Frames to a video that every player opens; the extension picks the codec (no torch in here)."""

import os
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from utils.errors import UserError

# One palette per frame keeps a .gif streaming; a common one would need every frame in memory.
_GIF_PALETTE = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1"
_CODECS = {
    ".avi": "-c:v mpeg4 -vtag XVID -q:v 2 -pix_fmt yuv420p -f avi",
    ".mp4": "-c:v libx264 -crf 16 -pix_fmt yuv420p -movflags +faststart -f mp4",
    ".webm": "-c:v libvpx-vp9 -crf 20 -b:v 0 -cpu-used 4 -row-mt 1 -pix_fmt yuv420p -f webm",
    ".gif": f"-vf {_GIF_PALETTE} -loop 0 -f gif",
}


class VideoWriter:
    """Context manager that streams frames into one video file.

    The video appears under its name only when the block ends without an error: until then it
    grows in a hidden file beside it, which every error and Ctrl-C removes.

    Args:
        path: .avi (MPEG-4), .mp4 (H.264), .webm (VP9) or .gif (looping); its folder is made.
        fps: frames per second, above 0.

    Raises:
        UserError: another extension, or a place that cannot be written.
    """

    def __init__(self, path, fps):
        self.path = Path(path)
        self.frames = 0
        self._codec = codec_arguments(self.path)
        self._rate = Fraction(fps).limit_denominator(1001)
        if self.path.suffix.lower() == ".gif" and fps > 50:
            raise UserError(f"{path}: a .gif holds at most 50 frames per second, not {fps:g}")
        self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        self._shape = self._process = None

    def __enter__(self):
        if self.path.is_dir():
            raise UserError(f"{self.path} is a folder; choose another name for the video")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._part.touch()
        except OSError as error:
            raise UserError(
                f"{self.path} cannot be written: {error.strerror}; choose another folder"
            ) from None
        self._messages = tempfile.TemporaryFile()
        return self

    def add(self, frame):
        """Append one frame.

        Args:
            frame: (H, W, 3) uint8 RGB, of one size throughout. Where the codec needs even sides,
                an odd one gets one more white line at the bottom or right; nothing is rescaled.
        """
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise ValueError(f"a frame is (H, W, 3) uint8, not {frame.shape} {frame.dtype}")
        if self._shape not in (None, frame.shape):
            raise ValueError(f"a frame of {frame.shape} in a video of {self._shape}")
        self._shape = frame.shape
        if "yuv420p" in self._codec:
            frame = _pad_to_even(frame)
        if self._process is None:
            self._start(frame.shape[1], frame.shape[0])
        try:
            self._process.stdin.write(frame.tobytes())
        except OSError:
            raise self._failure() from None
        self.frames += 1

    def __exit__(self, kind, error, trace):
        try:
            if kind is None:
                self._finish()
        finally:
            self._clean_up()

    def _start(self, width, height):
        source = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {self._rate} -i -".split()
        try:
            ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
            self._process = subprocess.Popen(
                [ffmpeg, "-y", "-loglevel", "error", *source, *self._codec, str(self._part)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=self._messages,  # a pipe that nobody reads could fill up and block
            )
        except (RuntimeError, OSError):  # none found; found but not to be started
            raise UserError(
                "ffmpeg does not start; `pip install imageio-ffmpeg` brings one"
            ) from None

    def _finish(self):
        if self._process is None:
            raise ValueError("a video needs at least one frame")
        self._process.communicate()
        if self._process.returncode:
            raise self._failure()
        os.replace(self._part, self.path)

    def _failure(self):
        self._process.communicate()
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").split("\n")
        return UserError(f"{self.path} could not be written; ffmpeg says: {lines[0].strip()}")

    def _clean_up(self):
        if self._process is not None:
            self._process.kill()  # does nothing to one that has ended
            self._process.communicate()
        self._messages.close()
        self._part.unlink(missing_ok=True)


def codec_arguments(path):
    """ffmpeg's output arguments for a file name (list of strings); UserError if not a video's."""
    try:
        return _CODECS[Path(path).suffix.lower()].split()
    except KeyError:
        raise UserError(f"{path}: a video's name ends in {', '.join(_CODECS)}") from None


def _pad_to_even(frame):
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), constant_values=255)
