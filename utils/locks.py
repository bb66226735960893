"""One process at a time writes into a folder; who comes second is told which one does.

The lock is a hidden file that tells of its holder. The system ends it with the process (flock),
however that ends: what a killed one left is taken over. Where a file system has no such locks, as
some network drives, what the file tells has to do.
"""

import errno
import json
import os
import platform
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from utils.errors import UserError
from utils.files import make_folder

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NAME = ".lock"  # in a folder
WITHOUT = errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL  # say file systems of flock
NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # to a file that is none of ours


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock, as the file tells; `since` is a date and time."""

    pid: int
    host: str
    command: str
    since: str

    def may_live(self):
        """Whether it is not known to have ended."""
        if os.name == "nt" or self.host != platform.node():  # Windows would end it by the question
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass
        return True


@contextmanager
def locked(folder):
    """Context of a folder that this process alone writes to.

    It is made, with the folders around it, and what was made is removed where it is empty in the
    end. Who holds a folder holds those in it, too, for the processes that it starts.

    Raises:
        UserError: another process holds it or the folder around it, or it cannot be written.
    """
    folder = Path(folder)
    with _made(folder):
        with _writing(folder):
            _refuse_within(folder.resolve().parent)
        with _held(folder / NAME, folder):
            yield


@contextmanager
def locked_file(path):
    """Context of a file that this process alone writes; its folder is made as `locked` does it."""
    with _made(path.parent), _held(path.with_name(f".{path.name}{NAME}"), path):
        yield


@contextmanager
def _made(folder):
    with _writing(folder):
        made = make_folder(folder)
    try:
        yield
    finally:
        for place in made:
            with suppress(OSError):  # there is something in it
                place.rmdir()


@contextmanager
def _writing(place):
    try:
        yield
    except (OSError, ValueError) as error:  # the latter of a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{place} cannot be written ({reason}); choose another --out") from None


@contextmanager
def _held(path, place):
    """Context in which this process has the lock at `path`, which is of `place`."""
    with _writing(place):
        handle = _take(path, place)
    try:
        with _writing(place):
            _sign(handle)
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file
            if _is_at(handle, path):
                path.unlink()
        with suppress(OSError):  # a network drive may have lost it
            os.ftruncate(handle, 0)
        os.close(handle)


def _take(path, place):
    """Handle of the lock at `path`, which this process has from now on."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o666)
        try:
            _refuse_second(handle, path, place)
            if _is_at(handle, path):
                return os.dup(handle)  # the lock is of both
        finally:
            os.close(handle)


def _sign(handle):
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    holder = Holder(os.getpid(), platform.node(), Path(sys.argv[0]).name, since)
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, json.dumps(asdict(holder)).encode())


def _is_at(handle, path):
    """Whether the file is still there: its holder before may have removed it on leaving."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _refuse_within(folder):
    """UserError where another process, which did not start this one, holds a folder."""
    path = folder / NAME
    if fcntl and path.is_file():
        with open(path, "rb") as file:
            holder = _told(file.fileno())
            if holder and holder.pid not in (os.getpid(), os.getppid()):
                _refuse_second(file.fileno(), path, folder, shared=True)


def _refuse_second(handle, path, place, shared=False):
    """UserError where another process has the lock; else this one does until it closes that."""
    holder, held, remedy = _told(handle), _is_locked(handle, shared), ""
    if held is None:
        held = holder and holder.may_live()
        remedy = f"; where that process has ended, remove {path}"
    if held:
        who = "another process"
        if holder:
            who = f"{holder.command} (process {holder.pid} on {holder.host}, since {holder.since})"
        raise UserError(
            f"{place} is in use by {who}; wait for it, end it, or choose another --out{remedy}"
        )


def _is_locked(handle, shared):
    """Whether another process has the lock; None where the system has none. Else it is taken."""
    try:
        if fcntl:
            fcntl.flock(handle, fcntl.LOCK_NB | (fcntl.LOCK_SH if shared else fcntl.LOCK_EX))
            return False
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno not in WITHOUT:
            raise
    return None


def _told(handle):
    """The `Holder` that a lock's file tells of, or None."""
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        holder = Holder(**json.loads(os.read(handle, 4096)))
        return holder if 0 < holder.pid < 2**31 else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None
