"""A folder's new content, made beside the old one and put in its place whole."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from utils.errors import UserError
from utils.files import settle, sync

READY = ".ready"  # in the new folder, once that is whole
NEW, OLD = ".prepare_data.new", ".prepare_data.old"  # where the new is made, where the old goes


@contextmanager
def workspace(folder):
    """Context of an empty folder in `folder`, in which to make what `publish` puts in its place.

    Whatever was not published is gone when the context ends.
    """
    folder = Path(folder)
    new, was_there = folder / NEW, folder.exists()
    with _writing(folder):
        _sweep(folder)
        new.mkdir(parents=True)
    try:
        yield new
    finally:
        recover(folder)
        if not was_there and not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def _writing(folder):
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written ({error.strerror}); make room or choose another --out"
        ) from None


def refuse_links(folder, names):
    """UserError where one of these names in a folder is a link, which `publish` would replace."""
    if links := [folder / name for name in names if (folder / name).is_symlink()]:
        raise UserError(
            f"{links[0]} is a link to {os.readlink(links[0])}, which a new clip would replace; put "
            "a folder in its place, or choose another --out"
        )


def recover(folder):
    """Complete a `publish` that was interrupted, and remove what an earlier `workspace` left."""
    if (folder / NEW / READY).exists():
        with _writing(folder):
            _move(folder)
    _sweep(folder)


def _sweep(folder):
    for name in (NEW, OLD):
        shutil.rmtree(folder / name, ignore_errors=True)


def publish(folder):
    """Put everything from the `workspace` in its place, where it replaces what had that name.

    Once the mark says that the new content is whole, `recover` completes what was interrupted, be
    it by a power cut.
    """
    refuse_links(folder, [path.name for path in (folder / NEW).iterdir()])
    settle(folder / NEW)
    with _writing(folder):
        (folder / NEW / READY).touch()
        sync(folder / NEW)
        _move(folder)
    _sweep(folder)


def _move(folder):
    new, old = folder / NEW, folder / OLD
    old.mkdir(exist_ok=True)
    for path in new.iterdir():
        if path.name == READY:
            continue
        if (folder / path.name).exists():
            os.replace(folder / path.name, old / path.name)
        os.replace(path, folder / path.name)
    sync(folder)
    (new / READY).unlink()
