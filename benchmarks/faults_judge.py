"""What a killed script left behind: is it readable, is it the same as after an unbroken run."""

import csv
import hashlib
import json
import subprocess
import time
from functools import lru_cache
from pathlib import Path

import imageio_ffmpeg
import torch
import yaml

from engine import checkpoint
from utils import images, loss_log

GROWING = "events.out.tfevents"  # TensorBoard appends to it and reads it up to a torn end
UNREADABLE = "unreadable"
VARYING = "seconds", "options"  # of a checkpoint: how long it took, and whether by --resume
PATIENCE = 20  # seconds, for what a killed script leaves to end by itself, as ffmpeg does


def files(folder):
    """(name, path) of all files in a folder that have their final name, in order."""
    for path in sorted(Path(folder).rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not hidden and not path.name.startswith(GROWING):
            yield str(name), path


def leftovers(folder):
    """Names of what is hidden in a folder: temporary files that nobody removed."""
    found = (path.relative_to(folder) for path in Path(folder).rglob(".*"))
    return sorted(str(name) for name in found)


def content(path):
    """What counts of a file, comparable; an exception where it cannot be read."""
    state = path.stat()
    return _content(path, state.st_mtime_ns, state.st_size, state.st_ino)


@lru_cache(maxsize=1000)
def _content(path, *_):
    if path.name.startswith("checkpoint"):
        return _plain({k: v for k, v in checkpoint.read(path).items() if k not in VARYING})
    if path.name == "log.csv":
        return _log(path)
    if path.suffix in (".png", ".jpg"):
        images.read(path)
    elif path.suffix in (".json", ".yaml"):
        {".json": json.loads, ".yaml": yaml.safe_load}[path.suffix](path.read_text()).keys()
    elif path.suffix == ".html":
        assert path.read_text().rstrip().endswith("</html>")
    elif path.suffix in (".mp4", ".gif", ".avi", ".m4a"):
        words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)]
        done = subprocess.run([*words, "-f", "null", "-"], capture_output=True)
        assert not done.returncode and not done.stderr
    return hashlib.sha1(path.read_bytes()).hexdigest()


def _plain(value):
    """Nested containers without tensors, which know no equality."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, torch.Tensor):
        return value.dtype, value.shape, hashlib.sha1(value.contiguous().numpy().data).hexdigest()
    return value


def _log(path):
    """Rows of a log.csv but for the speed, which varies; a last one may be torn while it grows."""
    with open(path, newline="") as file:
        assert "iteration" in next(csv.reader(file))
    return [{k: repr(v) for k, v in x.items() if k != loss_log.RATE} for x in loss_log.read(path)]


def contents(folder):
    """Dict of name -> `content` of all files; UNREADABLE for those that cannot be read."""
    found = {}
    for name, path in files(folder):
        try:
            found[name] = content(path)
        except Exception:  # each library complains in its own way
            found[name] = UNREADABLE
    return found


def unreadable(folder):
    """Names of files that have their final name and cannot be read."""
    return [name for name, what in contents(folder).items() if what == UNREADABLE]


def untouched(folder, since):
    """Whether nothing in a folder was written after a moment, in seconds of `time.time`."""
    there = (path for path in (folder, *folder.rglob("*")) if path.exists())
    return all(path.stat().st_mtime < since for path in there)


def differences(found, wanted):
    """Names under which two `contents` differ, or only one has a file."""
    return sorted(k for k in found.keys() | wanted.keys() if found.get(k) != wanted.get(k))


def survivors(place):
    """Ids of processes that work in a `Place` though the script that began them is dead."""
    end = time.monotonic() + PATIENCE
    while (found := list(place.processes())) and time.monotonic() < end:
        time.sleep(0.05)
    return found
