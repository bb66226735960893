"""Writing files whole or not at all, so that they outlive a power cut."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from utils.errors import UserError

WRITERS = 8  # files that are waited for at once: the disk writes them together


@contextmanager
def replacing(path, advice, errors=OSError, lasting=True):
    """Write a file whole or not at all: it gets its name when the block ends without an error.

    Args:
        path: the file; its folder is made.
        advice: what the user can do where it cannot be written, the end of the sentence.
        errors: kinds of exception by which the block says that it cannot be written.
        lasting: let it be on the disk before it has its name, which takes milliseconds; many files
            that belong together are written faster by `settle` in the end.

    Yields:
        Path of an empty hidden file beside it, of the same extension, to be written to. After an
        error it is removed; what a killed process left of it, the next one overwrites.

    Raises:
        UserError: the file cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise UserError(f"{path} is a folder; choose another name")
        part.touch()  # tells about the place before the work is done
        yield part
        if lasting:
            sync(part)
        os.replace(part, path)
        if lasting:
            sync(path.parent)
    except errors as error:
        told = error if isinstance(error, OSError) else error.__context__  # by what PyTorch failed
        reason = getattr(told, "strerror", None) or error
        raise UserError(f"{path} cannot be written ({reason}); {advice}") from None
    finally:
        with suppress(OSError):  # its folder may be a file
            part.unlink(missing_ok=True)


def sync(path):
    """Wait until a file's content, or a folder's list of files, is on the disk."""
    folder = os.path.isdir(path)
    if folder and os.name == "nt":  # keeps such lists by itself
        return
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that has nothing to wait for
            raise
    finally:
        os.close(handle)


def settle(path):
    """`sync` a file, or a folder with all that is in it; UserError where the disk is full."""
    try:
        places = [place for place, *_ in os.walk(path)]
        files = [entry.path for place in places for entry in os.scandir(place) if entry.is_file()]
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(sync, [*files, *places] or [path]))
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); make room or choose another --out"
        ) from None
