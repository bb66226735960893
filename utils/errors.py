"""A user's mistake: one sentence and exit code 2, never a traceback."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

ENVIRONMENT = Path(__file__).resolve().parent.parent / ".venv"  # that `make demo` makes


class UserError(Exception):
    """Something the user can put right; its text names what was found and what to do.

    Args:
        text: the sentence.
        alone: of several processes perhaps just this one meets it.
    """

    def __init__(self, text, alone=False):
        super().__init__(text)
        self.alone = alone


def run(main, *arguments):
    """Call `main(*arguments)`; a user's mistake ends the process with code 2 and one line.

    So does a package that is not installed, even where an import after this call misses it. Any
    other exception is a programming error and keeps its traceback. A second Ctrl-C, or one outside
    a training loop, ends with code 130 as shells expect.
    """
    sys.excepthook = _uncaught
    try:
        main(*arguments)
    except UserError as error:
        _refuse(error, error.alone)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output left (`... | head`); Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _refuse(text, alone=False):
    # What all processes meet, one of each host says.
    if alone or os.environ.get("LOCAL_RANK", "0") == "0":
        print(f"error: {text}", file=sys.stderr)
    sys.exit(2)


def _uncaught(kind, error, trace):
    """`sys.excepthook` by which a package that is not installed is one sentence."""
    missing = issubclass(kind, ModuleNotFoundError) and (error.name or "").partition(".")[0]
    if not missing or find_spec(missing):  # a module of ours, or part of a package that is there
        return sys.__excepthook__(kind, error, trace)
    way = "pip install -r requirements.txt"
    if ENVIRONMENT.is_dir() and not ENVIRONMENT.samefile(sys.prefix):
        way = f"source .venv/bin/activate, and where that does not help: {way}"
    _refuse(f"the package {missing} is not installed for {sys.executable}; {way}")
