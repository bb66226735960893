"""Frames to a video that every player opens; the extension picks the codec (no torch in here)."""

import os
import subprocess
import tempfile
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from utils.errors import UserError
from utils.files import replacing
from video import ffmpeg

# One palette per frame keeps a .gif streaming; a common one would need every frame in memory.
_GIF_PALETTE = "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1"
_GIF_CLEAR = _GIF_PALETTE.replace("single[p]", "single:reserve_transparent=1[p]")
_CODECS = {
    ".avi": "-c:v mpeg4 -vtag XVID -q:v 2 -pix_fmt yuv420p -f avi",
    ".mp4": "-c:v libx264 -crf 16 -pix_fmt yuv420p -movflags +faststart -f mp4",
    ".webm": "-c:v libvpx-vp9 -crf 20 -b:v 0 -cpu-used 4 -row-mt 1 -pix_fmt yuv420p "
    "-fflags +bitexact -f webm",  # else no two are the same: they get random numbers
    ".gif": f"-vf {_GIF_PALETTE} -loop 0 -f gif",
}
_CLEAR_CODECS = {
    ".webm": _CODECS[".webm"].replace("yuv420p", "yuva420p") + " -auto-alt-ref 0",
    ".gif": f"-vf {_GIF_CLEAR}:alpha_threshold=128 -loop 0 -f gif",
}
_SOUND_CODECS = {".avi": "pcm_s16le", ".mp4": "aac", ".webm": "libopus"}


class VideoWriter:
    """Context manager that streams frames into one video file.

    The video appears under its name only when the block ends without an error: until then it
    grows in a hidden file beside it, which every error and Ctrl-C removes.

    Args:
        path: .avi (MPEG-4), .mp4 (H.264), .webm (VP9) or .gif (looping); its folder is made.
        fps: frames per second, above 0.
        transparent: frames have an alpha channel, which .webm and .gif keep.
        audio: file whose sound goes along, padded with silence or shortened to the video's length;
            "" for none.

    Raises:
        UserError: another extension, a place that cannot be written, `audio` without sound.
    """

    def __init__(self, path, fps, transparent=False, audio=""):
        self.path = Path(path)
        self.frames = 0
        self._codec = codec_arguments(self.path, transparent)
        self._channels, self._layout = (4, "rgba") if transparent else (3, "rgb24")
        self._audio = audio and _check_sound(self.path, audio)
        self._rate = Fraction(fps).limit_denominator(1001)
        if self.path.suffix.lower() == ".gif" and fps > 50:
            raise UserError(f"{path}: a .gif holds at most 50 frames per second, not {fps:g}")
        self._shape = self._process = None

    def __enter__(self):
        self._opened = self._open()
        return self._opened.__enter__()

    def __exit__(self, *error):
        return self._opened.__exit__(*error)

    @contextmanager
    def _open(self):
        place = replacing(self.path, "choose another folder")
        with place as part, tempfile.TemporaryFile() as self._messages:
            # Absolute, or ffmpeg would take a leading dash for an option, a colon for a protocol.
            self._part = part.absolute()
            try:
                yield self
                self._finish()
            finally:
                if self._process is not None:
                    self._process.kill()  # does nothing to one that has ended
                    self._process.communicate()

    def add(self, frame):
        """Append one frame.

        Args:
            frame: (H, W, 3) uint8 RGB, or (H, W, 4) RGBA for a transparent video, of one size
                throughout. Where the codec needs even sides, an odd one gets one more line, white
                or transparent, at the bottom or right; nothing is rescaled.
        """
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != self._channels:
            raise ValueError(
                f"a frame is (H, W, {self._channels}) uint8, not {frame.shape} {frame.dtype}"
            )
        if self._shape not in (None, frame.shape):
            raise ValueError(f"a frame of {frame.shape} in a video of {self._shape}")
        self._shape = frame.shape
        if {"yuv420p", "yuva420p"} & set(self._codec):
            frame = _pad_to_even(frame)
        if self._process is None:
            self._start(frame.shape[1], frame.shape[0])
        try:
            self._process.stdin.write(frame.tobytes())
        except OSError:
            raise self._failure() from None
        self.frames += 1

    def _start(self, width, height):
        source = f"-f rawvideo -pix_fmt {self._layout} -s {width}x{height} -r {self._rate} -i -"
        try:
            self._process = subprocess.Popen(
                [*ffmpeg.quiet(), *source.split(), *self._codec, str(self._part)],
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
        if self._audio:
            self._add_sound()

    def _add_sound(self):
        """Add the sound, as long as the pictures: silence follows sound that is shorter."""
        loud = self._part.with_suffix(".loud")
        ending, container = self.path.suffix.lower(), self._codec[-2:]
        if ending == ".mp4":
            container = ["-movflags", "+faststart", *container]
        inputs = ["-i", str(self._part), "-i", str(Path(self._audio).absolute())]
        taken = ["-map", "0:v", "-map", "1:a:0", "-map_chapters", "-1"]
        # Stereo: Opus knows no 5.1 with the channels at the sides, which films often have.
        coded = ["-c:v", "copy", "-c:a", _SOUND_CODECS[ending], "-ac", "2"]
        length = ["-af", "apad", "-t", str(float(self.frames / self._rate))]
        command = [*ffmpeg.quiet(), *inputs, *taken, *coded, *length, *container, str(loud)]
        try:
            self._messages.seek(0, os.SEEK_END)
            begun = self._messages.tell()
            loud.unlink(missing_ok=True)  # the program of a killed call may still write to it
            code = subprocess.call(command, stdin=subprocess.DEVNULL, stderr=self._messages)
            if code:
                raise self._failure(code, begun)
            os.replace(loud, self._part)
        finally:
            loud.unlink(missing_ok=True)

    def _failure(self, code=0, begun=0):
        """Of the program that writes pictures, if no other code and place of messages is given."""
        self._process.communicate()
        self._messages.seek(begun)
        messages = self._messages.read()
        return ffmpeg.failure(self.path, messages, code or self._process.returncode)


def codec_arguments(path, transparent=False):
    """ffmpeg's output arguments for a file name (list of strings); UserError if not a video's."""
    ending = Path(path).suffix.lower()
    if ending not in _CODECS:
        raise UserError(f"{path}: a video's name ends in {', '.join(_CODECS)}")
    if transparent and ending not in _CLEAR_CODECS:
        raise UserError(f"{path}: only {' and '.join(_CLEAR_CODECS)} can be transparent")
    return (_CLEAR_CODECS if transparent else _CODECS)[ending].split()


def _check_sound(path, audio):
    """Returns `audio`; UserError where it holds no sound, or the format of `path` holds none."""
    if path.suffix.lower() not in _SOUND_CODECS:
        raise UserError(f"{path}: a {path.suffix} holds no sound; leave --audio out")
    if not Path(audio).is_file():  # a pipe, too, could keep ffmpeg waiting for ever
        raise UserError(f"--audio {audio} is not a file; give one that has sound")
    words = ["-i", str(Path(audio).absolute()), "-map", "0:a:0", "-t", "0.1", "-f", "null", "-"]
    command = [*ffmpeg.quiet(), *words]
    if subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True).returncode:
        raise UserError(f"--audio {audio} holds no sound that ffmpeg can read; give another file")
    return audio


def _pad_to_even(frame):
    height, width, channels = frame.shape
    sides = (0, height % 2), (0, width % 2), (0, 0)
    return np.pad(frame, sides, constant_values=255 if channels == 3 else 0)
