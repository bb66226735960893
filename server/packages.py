"""The packages that pages need; the rest of the project does without."""

from importlib.util import find_spec

from utils.errors import UserError

NEEDED = ("starlette", "uvicorn", "websockets")


def refuse_missing(what):
    """UserError where a package for local pages is not installed; `what` is the user's option."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise UserError(
            f"{what} needs {', '.join(missing)}, not installed here: pip install -r "
            "requirements-editor.txt"
        )
