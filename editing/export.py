"""Writing what was edited: its keypoints, and frames and a video by scripts of the project."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from finishing import track_files
from utils import lifeline
from utils.errors import UserError
from utils.files import settle

KEYPOINTS, FRAMES = "keypoints.npz", "edited_frames"  # a clip's are called frames
PAUSE = 0.25  # seconds between looks at how far a script has come
NICE = 10  # how far scripts stand back, so that dragging goes on smoothly
ADVICE = "make room and export it again"


@dataclass(frozen=True)
class Commands:
    """The scripts that an export calls; each is a list of words, the script's path first.

    Attributes:
        frames: function of (file of keypoints, folder) -> command that writes frames.
        video: function of (folder of frames, folder) -> command that writes a video.
        pattern: of the results among the frames, as refined_ab_*.
        total: how many of these there will be.
    """

    frames: object
    video: object
    pattern: str
    total: int


class Cancelled(Exception):
    """The user does not want the export any more."""


class Export:
    """Exports into a folder, one at a time, each by a thread and by processes of its own.

    What is made lies in a hidden folder, and takes its place when all that was asked for is whole.

    Args:
        folder: of what is exported.
        domain: "a" or "b", of the driver.
        track: function that returns the `finishing.tracks.Track` as edited by now.
        commands: `Commands`.

    Attributes:
        phase: "idle", "frames", "video", "done", "failed" or "cancelled".
    """

    def __init__(self, folder, domain, track, commands):
        self.folder, self.domain, self._track, self.commands = folder, domain, track, commands
        self.listeners = []  # functions that are called when `state` has changed
        self.phase, self.done, self.total, self.trouble, self.files = "idle", 0, 0, "", []
        self._parts, self._thread = folder / ".export", None
        self._cancelled, self._turn = threading.Event(), threading.Lock()
        shutil.rmtree(self._parts, ignore_errors=True)  # of a program that was killed

    def state(self):
        """What a page shows, a dict for JSON."""
        names = "phase", "done", "total", "trouble", "files"
        return {name: getattr(self, name) for name in names}

    @property
    def busy(self):
        """Whether an export is under way."""
        return self.phase in ("frames", "video")

    def begin(self, what):
        """Export "keypoints", "frames" or a "video"; UserError where that cannot begin."""
        if what not in ("keypoints", "frames", "video"):
            raise UserError("an export of nothing known had no effect")
        with self._turn:
            if self.busy:
                raise UserError("an export is under way; wait for it or cancel it")
            self._cancelled.clear()
            self._now(phase="frames", done=0, total=0, trouble="", files=[])
            self._thread = threading.Thread(target=self._run, args=(what,), daemon=True)
            self._thread.start()

    def cancel(self):
        """Stop what is under way, and remove what of it is half made."""
        self._cancelled.set()

    def wait(self):
        """Wait until nothing is under way."""
        if self._thread:
            self._thread.join()

    def close(self):
        """`cancel`, and `wait`."""
        self.cancel()
        self.wait()

    def _now(self, **values):
        vars(self).update(values)
        for listener in self.listeners:
            listener()

    def _run(self, what):
        ended = {"phase": "cancelled"}
        try:
            ended = {"phase": "done", "files": self._export(what)}
        except Cancelled:
            pass
        except UserError as error:
            ended = {"phase": "failed", "trouble": str(error)}
        except Exception as error:
            ended = {"phase": "failed", "trouble": f"the export failed ({error!r})"}
            raise
        finally:
            shutil.rmtree(self._parts, ignore_errors=True)
            self._now(**ended)  # last: another export may begin from now on

    def _export(self, what):
        """Make what is asked for, and put it in its place; returns paths of files and folders."""
        try:
            self._parts.mkdir(exist_ok=True)
            # Of its own: what a killed program began may still be writing into another one.
            part = Path(tempfile.mkdtemp(dir=self._parts))
            new, former = part / "new", part / "former"
            former.mkdir()
            self._make(what, new)
            settle(new)  # before it takes the place of what was exported before
            return self._publish(sorted(new.iterdir()), former)
        except OSError as error:
            reason = error.strerror or error
            raise UserError(f"nothing was exported to {self.folder} ({reason}); {ADVICE}") from None

    def _make(self, what, new):
        points, frames = new / KEYPOINTS, new / FRAMES
        track_files.write(points, {self.domain: self._track()}, ADVICE)
        if what != "keypoints":
            self._now(total=self.commands.total)
            self._call(self.commands.frames(points, frames), frames)
        if what == "video":
            self._now(phase="video", done=0, total=0)
            self._call(self.commands.video(frames, new))

    def _publish(self, paths, former):
        """Put all in their places, those of before into the folder `former`; or none of them."""
        places = [self.folder.resolve() / path.name for path in paths]
        with ExitStack() as back:
            for path, place in zip(paths, places):
                with suppress(FileNotFoundError):
                    os.replace(place, former / path.name)
                    back.callback(os.replace, former / path.name, place)
                os.replace(path, place)
                back.callback(os.replace, place, path)
            back.pop_all()
        return [*map(str, places)]

    def _call(self, command, frames=None):
        """Run a script to its end, and count the files that it writes into the folder `frames`."""
        script, *words = command
        with (
            tempfile.TemporaryFile() as said,
            lifeline.start(script, *words, stdout=subprocess.DEVNULL, stderr=said) as process,
        ):
            with suppress(AttributeError, OSError):  # Windows, or it has ended
                os.setpriority(os.PRIO_PGRP, process.pid, NICE)
            try:
                self._watch(process, frames)
            finally:
                end(process)
            if process.returncode:
                said.seek(0)
                raise UserError(trouble(script, process.returncode, said.read()))

    def _watch(self, process, frames):
        while process.poll() is None:
            if self._cancelled.wait(PAUSE):
                raise Cancelled
            if frames:
                done = sum(1 for _ in frames.glob(self.commands.pattern))
                if done != self.done:
                    self._now(done=done)


def exported(folder):
    """Paths, as text, of what exports have left in a folder."""
    paths = folder / KEYPOINTS, folder / FRAMES, *sorted(folder.glob("*_edited.*"))
    return [str(path) for path in paths if path.exists()]


def end(process):
    """Kill a process that leads a group, with its group, unless it has ended."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()


def trouble(script, code, said):
    """Why a script failed, in words, from its exit code and the bytes that it wrote to stderr."""
    if code < 0:
        return f"{script} was ended from outside (signal {-code}), perhaps for want of memory"
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    return f"{script} failed: {lines[-1].removeprefix('error: ') if lines else f'code {code}'}"
