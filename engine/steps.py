"""Steps of a longer way, each a script of its own: skipped when done, taken up when cut."""

import hashlib
import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from engine import run_folder
from utils.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
RECORD = "steps.json"
# Of a closed terminal, too: a step must not go on alone.
SIGNALS = [getattr(signal, s) for s in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, s)]


@dataclass(frozen=True)
class Step:
    """One call of a script.

    Attributes:
        name: under which it is remembered.
        script: file name in the project's root.
        argv: arguments that decide its results.
        products: files that are there when it is done.
        inputs: what else decides its results: anything that JSON can hold.
        follows: names of the steps whose results it uses.
        aside: arguments that do not change its results.
        again: more such arguments, with which it goes on where it was cut.
        clears: folder of a training run, whose results are not replaced unasked; None for others.
        replacing: arguments for when they are to be.
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
    """What is done in a folder, in its steps.json.

    Args:
        folder: exists.

    Raises:
        UserError: steps.json is damaged.
    """

    def __init__(self, folder):
        self.path = Path(folder) / RECORD
        self.known = {}
        if self.path.is_file():
            try:
                self.known = {k: dict(v) for k, v in json.loads(self.path.read_text()).items()}
            except (OSError, ValueError, AttributeError, TypeError):
                raise UserError(
                    f"{self.path} is damaged; remove it, and every step is taken anew"
                ) from None

    def take(self, step, overwrite=False, force=False):
        """Run a step unless its results are there and it was the same.

        Args:
            step: `Step`.
            overwrite: whether it may replace results of other options.
            force: run it even so.

        Raises:
            UserError: it was another one, and `overwrite` is not given.
            SystemExit: it failed, with its code, or was interrupted.
        """
        stamp = self._stamp(step)
        known = self.known.get(step.name, {})
        same = known.get("stamp") == stamp
        there = same and known["done"] and all(Path(path).is_file() for path in step.products)
        if there and not force:
            print(f"{step.name}: done before", flush=True)
            return
        other = bool(known) and not same
        if other and step.clears and not overwrite:
            raise UserError(
                f"{step.name}: {self.path.parent} holds results of other options or clips; give "
                "the former ones, another --out, or --overwrite to replace them"
            )
        if other and step.clears:  # now, so that a run cut from here on never goes on from them
            run_folder.clear(step.clears)
        self._remember(step, stamp, False)
        _call(step, (*step.aside, *step.again, *(step.replacing if other and overwrite else ())))
        self._remember(step, stamp, True)

    def _stamp(self, step):
        """Hash of all that decides a step's results."""
        # Of a config file its content counts, not where it lies.
        words = [
            Path(word).read_text() if former == "--config" else word
            for former, word in zip(("", *step.argv), step.argv)
        ]
        before = [self.known.get(name, {}).get("stamp") for name in step.follows]
        text = json.dumps([step.script, words, step.inputs, before])
        return hashlib.sha1(text.encode()).hexdigest()

    def _remember(self, step, stamp, done):
        self.known[step.name] = {"stamp": stamp, "done": done}
        run_folder.write(self.path, json.dumps(self.known, indent=1))


def _call(step, extra):
    """Run a step's script to its end; it gets the signals that this process gets, once each."""
    command = [sys.executable, str(ROOT / step.script), *step.argv, *extra]
    noted, children = [], []

    def hand_on(number, _):
        noted.append(number)
        for child in children:
            child.send_signal(number)

    former = {s: signal.signal(s, hand_on) for s in SIGNALS}
    try:
        print(f"{step.name}: {step.script}", flush=True)
        # In a session of its own, so that a terminal's Ctrl-C does not reach it twice.
        process = subprocess.Popen(command, start_new_session=True)
        for number in noted:  # what came before it was there
            process.send_signal(number)
        children.append(process)
        code = process.wait()
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if noted:
        print(f"interrupted in {step.name}; the same command goes on from there", flush=True)
        sys.exit(128 + noted[0])
    if code:
        print(f"stopped in {step.name}", flush=True)
        sys.exit(code)
