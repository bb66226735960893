"""Frames and sound of a video, written into a clip's folder."""

import math
from itertools import islice
from pathlib import Path

from preparation import clip_folder
from utils.errors import UserError
from utils.reading import FRAMES
from video.reader import Excerpt, open_source
from video.sound import save_sound

PROMISED = 0.9  # of the frames that a file promises; with fewer it seems to be incomplete


def decode(video, excerpt, max_frames, new, progress):
    """Write frames and sound of the excerpt into folder `new`.

    Args:
        video: path of a file or of a folder of pictures.
        excerpt: `Excerpt`.
        max_frames: frames at most; 0 for all.
        progress: function of the frames and of `total`, their expected number or None, that hands
            them on and shows how far it is, as tqdm.

    Returns:
        number of frames, frames per second, and sentences about what seems to be wrong, a list.

    Raises:
        UserError: the video yields less than two frames, or promises more than `FRAMES`; or the
            sound cannot be written.
    """
    source = open_source(video, excerpt)
    most = min(max_frames or math.inf, source.expected or math.inf)
    if FRAMES < most < math.inf:
        raise UserError(
            f"{video} promises {most} frames, more than {FRAMES}; give --end, --fps or --max_frames"
        )
    frames = progress(islice(source, max_frames or None), total=None if most == math.inf else most)
    written = clip_folder.write_frames(frames, new / "frames")
    if written < 2:
        raise UserError(_too_short(video, excerpt, max_frames))
    odd = []
    if most < math.inf and written < PROMISED * most:
        odd.append(_incomplete(video, written, most))
    if Path(video).is_file():
        part = Excerpt(excerpt.start, excerpt.start + written / source.fps)
        odd += save_sound(video, part, new / "sound.m4a")
    return written, source.fps, odd


def _too_short(video, excerpt, max_frames):
    limits = {"start": excerpt.start, "end": excerpt.end, "fps": excerpt.fps}
    limits["max_frames"] = max_frames == 1
    chosen = " and ".join(f"--{name}" for name, given in limits.items() if given)
    by = f", with {chosen}" if chosen else ""
    return f"{video} yields one frame only{by}; a clip needs at least two"


def _incomplete(video, written, most):
    return (
        f"{video}: {written} of about {most} frames could be decoded, and are used; it seems to be "
        "incomplete or damaged"
    )
