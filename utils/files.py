"""Writing files whole or not at all."""

import os
from contextlib import contextmanager, suppress
from pathlib import Path

from utils.errors import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


@contextmanager
def replacing(path, advice, errors=OSError):
    """Write a file whole or not at all: it gets its name when the block ends without an error.

    Args:
        path: the file; its folder is made.
        advice: what the user can do where it cannot be written, the end of the sentence.
        errors: kinds of exception by which the block says that it cannot be written.

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
        os.replace(part, path)
    except errors as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path} cannot be written ({reason}); {advice}") from None
    finally:
        with suppress(OSError):  # its folder may be a file
            part.unlink(missing_ok=True)


@contextmanager
def locked(folder, busy):
    """Context of a folder that one process at a time works in; it ends with the process.

    Args:
        folder: made where it is not there, and removed where it is empty in the end; so its parent.
        busy: the sentence for who comes second.

    Raises:
        UserError: another process is in the context, or the folder cannot be made.
    """
    made = [path for path in (folder, folder.parent) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be made ({error.strerror}); choose another --out"
        ) from None
    with _flock(folder, busy):
        try:
            yield
        finally:
            with suppress(OSError):  # there is something in it
                for path in (folder, *made[1:]):
                    path.rmdir()


@contextmanager
def _flock(folder, busy):
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(busy) from None
        yield
    finally:
        os.close(handle)
