"""Sound out of anything that the bundled ffmpeg opens."""

import subprocess
from pathlib import Path

from utils.errors import UserError
from utils.files import replacing
from video import ffmpeg
from video.reader import SOURCE, seconds


def save_sound(path, excerpt, target):
    """Write the sound of a video's excerpt as AAC, if it has any.

    Args:
        path: the video.
        excerpt: `Excerpt`; its seconds count.
        target: .m4a file; it is there afterwards, and whole, where there is sound.

    Returns:
        sentences about what is wrong: sound that is there but cannot be decoded.

    Raises:
        UserError: the file cannot be written.
    """
    sound = [*SOURCE, *seconds(excerpt), "-i", str(Path(path).absolute()), "-map", "0:a:0"]
    try:
        with replacing(target, "make room or choose another --out", lasting=False) as part:
            done = _run(*sound, "-c:a", "aac", "-b:a", "192k", str(part.absolute()))
            if done.returncode:
                raise ffmpeg.failure(target, done.stderr, done.returncode)
    except UserError:  # ffmpeg's code does not tell which end is to blame
        if _is_refused(*sound, "-t", "0.1", "-c", "copy"):  # no such stream
            return []
        if _is_refused(*sound):
            return [f"{path}: its sound cannot be decoded, and is left out"]
        raise
    return []


def _is_refused(*words):
    """Whether ffmpeg gives up, even where nothing is to be written; not so one that is killed."""
    return _run(*words, "-f", "null", "-").returncode > 0


def _run(*words):
    command = [*ffmpeg.quiet(), *words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
