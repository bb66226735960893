"""The folder of a run: which checkpoints it holds, where to go on, what to clear."""

import re
from contextlib import nullcontext
from pathlib import Path

from engine import checkpoint
from utils import parallel
from utils.errors import UserError
from utils.files import replacing
from utils.locks import locked


def numbered(folder):
    """Files `checkpoint_<i>` in `folder`: dict of i -> path."""
    return {
        int(path.name.removeprefix("checkpoint_")): path
        for path in Path(folder).glob("checkpoint_*")
        if re.fullmatch(r"checkpoint_\d+", path.name) and path.is_file()
    }


def newest(folder):
    """Path of the checkpoint in `folder` with the highest iteration, or None.

    `checkpoint`, written when a run ends, outranks `checkpoint_<i>` unless a longer run left one.
    """
    found = numbered(folder)
    latest = max(found, default=-1)
    final = Path(folder) / "checkpoint"
    if final.is_file():
        try:
            iteration = checkpoint.read(final).get("iteration", latest + 1)
        except (UserError, AttributeError):
            return final  # opening it will say what is wrong with it
        if not isinstance(iteration, int) or iteration > latest:
            return final
    return found.get(latest)


def hold(out):
    """`utils.locks.locked`; of several processes of a run the first holds its folder for all."""
    return locked(out) if parallel.is_main() else nullcontext()


def starting_point(out, resume, load, overwrite, continues=True):
    """Which checkpoint a training run goes on from, and whether its folder must be cleared first.

    Args:
        out: folder of the run; it is created.
        resume: go on from the newest checkpoint in it, if any.
        load: path of a checkpoint given by the user, or "".
        overwrite: begin anew although `out` holds a run.
        continues: whether `load` names a checkpoint to go on from (not just weights to start with).

    Returns:
        (path or None for a fresh start, whether `clear` is to remove what would be mixed up).

    Raises:
        UserError: `out` cannot be written, or holds checkpoints that this run would mix with.
    """
    out = Path(out)
    if parallel.is_main():
        make_folder(out)
    parallel.wait()
    present = newest(out)
    if resume and present:
        return present, False
    source = Path(load) if load and continues else None
    inside = bool(load) and Path(load).resolve().parent == out.resolve()
    if inside and not continues:
        raise UserError(f"{load} lies in --out itself; choose another --out for this stage")
    if present and not (inside and present.samefile(load)) and not overwrite:
        ways = "--overwrite to drop what came later" if inside else "--overwrite to begin anew"
        raise UserError(
            f"{out} already holds {present.name}; add --resume to go on from it, {ways}, or choose "
            "another --out"
        )
    return source, bool(present and overwrite)


def make_folder(out):
    """Create a folder and prove that it can be written to; UserError where not."""
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"folder {out} cannot be written ({error.strerror}); choose another --out"
        ) from None


def write(path, text):
    """Write a text file whole or not at all; UserError where that fails."""
    with replacing(path, "choose another --out") as part:
        part.write_text(text)


def open_second_stage(out, resume, load, continues, overwrite):
    """The checkpoint that stage two starts with; arguments as for `starting_point`.

    Returns:
        (its path, its content, whether a run of stage two goes on from it, whether `out` must be
        cleared first).

    Raises:
        UserError: there is none, it is no checkpoint of the stage that is needed; or as above.
    """
    begun, clears = starting_point(out, resume, load, overwrite, continues)
    path = begun or load
    if not path:
        raise UserError("no checkpoint of stage one given; pass one to --load")
    return path, checkpoint.load(path, stage=2 if begun else 1), bool(begun), clears


def clear(out, kept=None):
    """Remove an earlier run's checkpoints and logs from `out`.

    With `kept`, a checkpoint in `out` to go on from, only checkpoints that came later go.
    """
    out, found = Path(out), numbered(out)
    if kept is None or Path(kept).resolve().parent != out.resolve():
        for path in (out / "log.csv", *out.glob("events.out.tfevents.*"), *found.values()):
            path.unlink(missing_ok=True)
        (out / "checkpoint").unlink(missing_ok=True)
        return
    last = next((i for i, path in found.items() if path.samefile(kept)), None)
    for number, path in found.items():
        if last is not None and number > last:
            path.unlink()
    if Path(kept).name != "checkpoint":
        (out / "checkpoint").unlink(missing_ok=True)
