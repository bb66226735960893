"""`prepare_data.py --check DIR --renumber`: 0.jpg, 1.jpg, ..., whenever the process dies."""

import json
import os
from pathlib import Path

from datasets.clip import RENUMBERING
from preparation import check
from utils.errors import UserError
from utils.files import replacing, sync
from video.reader import pictures_in

PARKED = ".renumber-"  # and a number: a file on its way


def renumber(clip):
    """Rename frames and their masks to 0, 1, ... in natural order; returns how many there are.

    What an interrupted call began is completed first.

    Raises:
        UserError: a mask without its frame, or a clip of prepare_data.py, whose numbers are right.
    """
    frames, masks = check.folders(clip)
    if (masks.parent / "crops.json").is_file():
        raise UserError(
            f"{masks.parent} has crops.json, which goes by numbers; leave out frames by preparing "
            "the video again with --start and --end"
        )
    if (masks / RENUMBERING).exists():
        _complete(frames, masks)
    found = check.Findings()
    pairs = check.pairs(frames, pictures_in(masks), found)
    if found.faults:
        raise UserError(f"{found.faults[0]}; put that right before --renumber")
    moves = []
    for number, pair in enumerate(pairs):
        moves += [(path, path.with_name(f"{number}{path.suffix.lower()}")) for path in pair]
    _rename(frames, masks, moves)
    return len(pairs)


def _rename(frames, masks, moves):
    """Rename files, (path, new path) each; UserError where another file has a new name."""
    taken = {target for _, target in moves} - {path for path, _ in moves}
    parked = (path for folder in (frames, masks) for path in folder.glob(f"{PARKED}*"))
    if in_the_way := sorted([*parked, *(path for path in taken if path.exists())]):
        raise UserError(f"{in_the_way[0]} is in the way of new names; move it away first")
    _write(masks, [[path.parent == masks, path.name, new.name] for path, new in moves], True)
    _complete(frames, masks)


def _write(masks, moves, parking):
    """Write the journal: what is renamed, and whether it is still on the way to parked names."""
    with replacing(masks / RENUMBERING, "let the clip's folder be written to") as part:
        part.write_text(json.dumps({"moves": moves, "parking": parking}))


def _read(masks):
    """What `_write` wrote."""
    try:
        content = json.loads((masks / RENUMBERING).read_text())
        moves, parking = content["moves"], content["parking"]
        if any(name != Path(name).name for _, *names in moves for name in names):
            raise ValueError
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(
            f"{masks / RENUMBERING} is damaged; remove it, and see which files are called "
            ".renumber-*"
        ) from None
    return moves, parking


def _complete(frames, masks):
    """Do what the journal says and has not been done yet; then the journal goes.

    Files go through parked names, since new ones may be old ones of other files. So in either half
    of the way a file is there under its former name just as long as its turn has not come.
    """
    moves, parking = _read(masks)
    ways = []
    for number, (of_masks, old, new) in enumerate(moves):
        folder = masks if of_masks else frames
        ways.append((folder / old, folder / f"{PARKED}{number}", folder / new))
    if parking:
        _go((old, parked) for old, parked, _ in ways)
        sync(frames)
        sync(masks)
        _write(masks, moves, False)
    _go((parked, new) for _, parked, new in ways)
    sync(frames)
    sync(masks)
    (masks / RENUMBERING).unlink()


def _go(ways):
    for former, target in ways:
        if not os.path.lexists(former):
            continue
        try:
            os.rename(former, target)
        except OSError as error:
            raise UserError(
                f"{former} cannot be renamed ({error.strerror}); the same command goes on where "
                "it stopped"
            ) from None
