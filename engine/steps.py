"""Scripts that run one after the other, of which those with finished results are skipped.

A file in the folder of results remembers, of every step, a hash of what decides its results, its
arguments, and whether it came to its end. A step that was interrupted runs again when the same
chain is run again.
"""

import hashlib
import json
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from engine import run_folder
from utils import lifeline
from utils.errors import UserError
from utils.files import settle
from utils.reading import load_json, refusing

RECORD = "steps.json"
# SIGHUP comes when the terminal is closed: a step must not go on alone.
SIGNALS = [getattr(signal, s) for s in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, s)]


@dataclass(frozen=True)
class Step:
    """One call of a script.

    Attributes:
        name: the step's name in messages and in steps.json.
        script: path of the script, relative to the project's root.
        argv: arguments that decide the results.
        products: files that exist when the step is done.
        inputs: what else decides the results, as anything that JSON can hold.
        follows: names of the steps whose results this one uses.
        aside: arguments that do not change the results, like the device.
        again: arguments by which an interrupted script resumes; they are always given.
        clears: folder of a training run whose results are replaced only with `overwrite`, and
            then removed first; None for steps whose results are replaced at once.
        replacing: arguments that are added when `overwrite` replaces other results.
    """

    name: str
    script: str
    argv: tuple
    products: tuple
    inputs: object = None
    follows: tuple = ()
    aside: tuple = ()
    again: tuple = ()
    clears: Path = None
    replacing: tuple = ()


class Steps:
    """Runs steps, and remembers in the folder's steps.json which of them are done.

    Args:
        folder: an existing folder.

    Raises:
        UserError: steps.json is damaged.
    """

    def __init__(self, folder):
        self.path = Path(folder) / RECORD
        self.known = {}
        if self.path.is_file():
            with refusing(f"{self.path} is damaged; remove it, and every step is taken anew"):
                self.known = {k: _known(v) for k, v in load_json(self.path).items()}

    def knows(self, step):
        """Whether it was begun, if not ended, with these options and inputs."""
        return self.known.get(step.name, {}).get("stamp") == self._stamp(step)

    def take(self, step, overwrite=False, force=False):
        """Run a step, unless it is done: same options and inputs, and its products exist.

        Args:
            step: `Step`.
            overwrite: whether results of other options or inputs may be replaced.
            force: run the step even if it is done.

        Raises:
            UserError: a training run with other options is there, and `overwrite` is False.
            SystemExit: the script failed, with its exit code, or was interrupted, with 128 and
                the signal's number.
        """
        stamp = self._stamp(step)
        known = self.known.get(step.name, {})
        same = self.knows(step)
        there = same and known["done"] and all(Path(path).is_file() for path in step.products)
        if there and not force:
            print(f"{step.name}: done before", flush=True)
            if "argv" not in known:  # by an older version
                self._remember(step, stamp, True)
            return
        other = bool(known) and not same
        if other and step.clears and not overwrite:
            raise UserError(
                f"{step.name}: {self.path.parent} holds results of other options or clips; give "
                "the former ones, another --out, or --overwrite to replace them"
            )
        if other and step.clears:  # now: the new run, once interrupted, must not resume from them
            run_folder.clear(step.clears)
        self._remember(step, stamp, False)
        _call(step, (*step.aside, *step.again, *(step.replacing if other and overwrite else ())))
        for folder in {Path(path).parent for path in step.products}:
            settle(folder)  # what is done outlives a power cut
        self._remember(step, stamp, True)

    def _stamp(self, step):
        """Hash of everything that decides a step's results."""
        # A config file counts by its content, not by its path.
        words = [
            Path(word).read_text() if former == "--config" else word
            for former, word in zip(("", *step.argv), step.argv)
        ]
        before = [self.known.get(name, {}).get("stamp") for name in step.follows]
        text = json.dumps([step.script, words, step.inputs, before])
        return hashlib.sha1(text.encode()).hexdigest()

    def _remember(self, step, stamp, done):
        self.known[step.name] = {"stamp": stamp, "done": done, "argv": step.argv}
        run_folder.write(self.path, json.dumps(self.known, indent=1))


def recorded(folder, name, otherwise):
    """Arguments that decided the results of a step in a folder.

    Args:
        otherwise: what the user can give in place of the folder, the end of a sentence.

    Raises:
        UserError: there is no such step, or no such folder.
    """
    if not Path(folder).is_dir():
        raise UserError(f"there is no folder {folder}; give {otherwise}")
    step = Steps(folder).known.get(name, {})
    if "argv" not in step:
        raise UserError(
            f"{folder} is no folder of a finished run.py, or of an older one; give run.py's "
            f"command again, or {otherwise}"
        )
    return step["argv"]


def _known(entry):
    """What steps.json remembers of a step, checked; older versions did not note `argv`."""
    words = entry.get("argv", [])
    if not (isinstance(words, list) and all(isinstance(word, str) for word in words)):
        raise ValueError
    return {**entry, "stamp": str(entry["stamp"]), "done": bool(entry["done"])}


def heeded():
    """Those of `SIGNALS` that are not ignored, as SIGHUP is under nohup."""
    return [s for s in SIGNALS if signal.getsignal(s) is not signal.SIG_IGN]


def _call(step, extra):
    """Run a step's script to its end; each of `heeded` is passed on to it once."""
    received, unsent, children = [], [], []

    def pass_on():
        while children and unsent:
            children[0].send_signal(unsent.pop(0))

    def receive(number, _):
        received.append(number)
        unsent.append(number)
        pass_on()

    former = {s: signal.signal(s, receive) for s in heeded()}
    try:
        print(f"{step.name}: {step.script}", flush=True)
        with lifeline.start(step.script, *step.argv, *extra) as process:
            children.append(process)
            pass_on()  # what came before the process was there
            code = process.wait()
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if received:
        print(f"interrupted in {step.name}; the same command goes on from there", flush=True)
        sys.exit(128 + received[0])
    if code:
        print(f"stopped in {step.name}", flush=True)
        sys.exit(code)
