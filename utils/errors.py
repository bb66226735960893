"""A user's mistake: one sentence and exit code 2, never a traceback."""

import errno
import os
import signal
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"  # that `make demo` makes
# What a disk or the system may refuse at any moment; other errors of files are mistakes of ours.
REFUSALS = ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "EIO", "ESTALE")
REFUSALS += ("EMFILE", "ENFILE", "ENOLCK")
REFUSED = {getattr(errno, name) for name in REFUSALS if hasattr(errno, name)}
LONGEST = 800  # letters of a sentence, which may quote what a file holds


class UserError(Exception):
    """Something the user can put right; its text names what was found and what to do.

    Args:
        text: the sentence.
        alone: of several processes perhaps just this one meets it.
    """

    def __init__(self, text, alone=False):
        half = LONGEST // 2
        super().__init__(text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}")
        self.alone = alone


def guard(name):
    """Let imports end without a traceback, be it by a package that is missing or by Ctrl-C.

    Args:
        name: `__name__` of the module that imports; nothing is done unless it is run as a script.
    """
    if name == "__main__":
        sys.excepthook = _uncaught
        _on_interrupt(_leave)


def run(main, *arguments):
    """Call `main(*arguments)`; a user's mistake ends the process with code 2 and one line.

    So do a package that is not installed and a disk that is full, gone or closed; Ctrl-C ends with
    code 130 as shells expect, even while imports after this call are under way, and SIGTERM with
    143 once `main` has cleaned up; a second one does so at once. Any other exception is a
    programming error and keeps its traceback.
    """
    guard("__main__")
    with suppress(AttributeError):  # it is caught, as tests do
        sys.stdout.reconfigure(errors="backslashreplace")  # a name may have letters that it lacks
    try:
        _on_interrupt(signal.default_int_handler)  # `main` may have to clean up
        _on_termination(signal.SIG_DFL, _clean_up)
        main(*arguments)
    except UserError as error:
        _refuse(error, error.alone)
    except KeyboardInterrupt:
        _on_interrupt(signal.SIG_IGN)  # until the end, which a second one would tear
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output left (`... | head`); Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        where = f" ({error.filename})" if error.filename else ""
        again = "give the same command again, and --resume with it where it trains"
        _refuse(f"{error.strerror}{where}; put that right and {again}", alone=True)
    finally:
        _on_interrupt(_leave)
        _on_termination(_clean_up, signal.SIG_DFL)


def _on_interrupt(handler):
    """Handle Ctrl-C, unless it is ignored, as under nohup, or handled in another way."""
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _leave):
        signal.signal(signal.SIGINT, handler)


def _on_termination(former, handler):
    """Handle SIGTERM, unless it is handled in another way than the former one."""
    if signal.getsignal(signal.SIGTERM) == former:
        signal.signal(signal.SIGTERM, handler)


def _clean_up(*_):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # for whom that takes too long
    sys.exit(128 + signal.SIGTERM)


def _leave(*_):
    # Not by an exception: what is imported may catch it, print it or be torn down by it.
    with suppress(Exception):
        sys.stdout.flush()
    os.write(2, b"interrupted\n")
    os._exit(130)


def _refuse(text, alone=False):
    # What all processes meet, one of each host says.
    if alone or os.environ.get("LOCAL_RANK", "0") == "0":
        print(f"error: {on_one_line(str(text))}", file=sys.stderr)
    sys.exit(2)


def on_one_line(text):
    """A text whose line breaks and other control characters are written as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _uncaught(kind, error, trace):
    """`sys.excepthook` by which a package that is not installed is one sentence."""
    missing = issubclass(kind, ModuleNotFoundError) and (error.name or "").partition(".")[0]
    if not missing or find_spec(missing):  # a module of ours, or part of a package that is there
        return sys.__excepthook__(kind, error, trace)
    listed = (f for f in ROOT.glob("requirements-*.txt") if missing in f.read_text())
    way = f"pip install -r {next(listed, ROOT / 'requirements.txt').name}"
    if ENVIRONMENT.is_dir() and not ENVIRONMENT.samefile(sys.prefix):
        way = f"source .venv/bin/activate, and where that does not help: {way}"
    _refuse(f"the package {missing} is not installed for {sys.executable}; {way}")
