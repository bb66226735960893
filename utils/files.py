"""Writing files whole or not at all, so that they outlive a power cut."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from utils.errors import UserError

WINDOWS = os.name == "nt"
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
        error it is removed, as is what a killed process left of it: a program that outlived that
        one may still be writing there.

    Raises:
        UserError: the file cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        make_folder(path.parent)
        if path.is_dir():
            raise UserError(f"{path} is a folder; choose another name")
        if os.path.lexists(part):
            part.unlink()
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


def make_folder(folder):
    """Make a folder and those around it, whose names are on the disk then.

    Returns:
        list of paths of those that were not there, the innermost first.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in reversed(made):
        sync(place.parent)
    return made


def sync(path):
    """Wait until a file's content, or a folder's list of files, is on the disk."""
    if WINDOWS and os.path.isdir(path):  # keeps such lists by itself
        return
    handle = os.open(path, os.O_RDWR if WINDOWS else os.O_RDONLY)  # some are read-only
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
        walked = list(os.walk(path))
        names = [os.path.join(place, name) for place, _, names in walked for name in names]
        places = [place for place, *_ in walked]
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(_sync_ours, [*filter(os.path.isfile, names), *places] or [path]))
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}); make room or choose another --out"
        ) from None


def _sync_ours(path):
    with suppress(FileNotFoundError, PermissionError):  # what others removed, or keep from us
        sync(path)
