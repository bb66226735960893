"""What a clip's folder holds from earlier calls, and how much of it a new call keeps."""

from dataclasses import dataclass, field

from preparation import clip_options, record
from utils.errors import UserError
from utils.numbering import ranges


@dataclass(frozen=True)
class Existing:
    """A clip's folder as earlier calls, and the user's painting since, left it.

    Attributes:
        record: content of prepared.json; empty for a folder without a clip.
        same_frames: whether its frames were made from the same video with the same options.
        same_masks: whether its masks were made from these frames with the same options.
        painted: number -> mask (H, W) bool, of masks painted since prepared.json was written.
        edited: numbers of all masks that were ever painted by hand, `painted` included.
        redone: numbers of masks that `--redo` made.
    """

    record: dict = field(default_factory=dict)
    same_frames: bool = False
    same_masks: bool = False
    painted: dict = field(default_factory=dict)
    edited: frozenset = frozenset()
    redone: frozenset = frozenset()

    def kept(self, count):
        """Numbers of the masks that a new call with `count` frames takes over."""
        return set(range(count)) if self.same_masks else self.edited | self.redone

    def prepared(self, asked, frames, fps, size):
        """New content of prepared.json, when the clip was prepared as it was asked."""
        made = {"frames": frames, "fps": fps, "size": size, "edited": sorted(self.edited)}
        return {**self.record, **asked, **made}

    def refuse_other_video(self, path):
        """UserError where the file or folder at `path` is not as the frames were made of it."""
        state = self.record["frames_of"].get("state")  # earlier versions did not note it
        if state is not None and state != record.file_state(path):
            raise UserError(
                f"{path} is another now than the clip's frames were made of; leave it out, or "
                "prepare the clip anew without --redo"
            )

    def remade(self, numbers, painted=frozenset()):
        """New content of prepared.json, when masks of these numbers were made anew.

        Those of the numbers `painted` were painted.
        """
        edited = self.edited - set(numbers) | painted
        redone = (self.redone | set(numbers)) - painted
        return {**self.record, "edited": sorted(edited), "redone": sorted(redone)}


def asked(values):
    """What decides a clip of these options, a dict by name, as prepared.json remembers it."""
    frames = {name: values[name] for name in clip_options.FRAMES_HANG_ON}
    masks = {name: values[name] for name in clip_options.MASKS_HANG_ON}
    frames["state"] = record.file_state(values["video"])
    masks["state"] = record.file_state(values["mask_file"]) if values["mask_file"] else []
    return {"frames_of": frames, "masks_of": masks, "crop": values["crop"]}


def find(folder, asked=None, aside=()):
    """`Existing` content of a folder.

    Args:
        folder: of the clip; it need not exist.
        asked: `frames_of` and `masks_of`, what now decides the frames and the masks, as
            prepared.json holds it; None to go on with what is there.
        aside: numbers of masks whose painting does not count.
    """
    known = record.read(folder)
    if not known:
        return Existing()
    painted = record.edited_masks(folder, known, aside)
    same_frames = asked is None or known["frames_of"] == asked["frames_of"]
    return Existing(
        record=known,
        same_frames=same_frames,
        same_masks=same_frames and (asked is None or known["masks_of"] == asked["masks_of"]),
        painted=painted,
        edited=frozenset(known["edited"]) - set(aside) | painted.keys(),
        redone=frozenset(known.get("redone", ())),
    )


def find_for(folder, asked):
    """`find`, for a call that makes the whole clip.

    Raises:
        UserError: the folder holds masks edited or redone by the user, but for other frames.
    """
    found = find(folder, asked)
    by_hand = found.edited | found.redone
    if by_hand and not found.same_frames:
        raise UserError(
            f"{folder} holds masks edited or redone for other frames ({ranges(by_hand)}); "
            "give the options they were made with, another --out, or --overwrite to drop them"
        )
    return found


def find_range(folder, numbers, asked, overwrite=False):
    """`find`, for a call that makes the masks of a range of frames anew.

    Args:
        folder: of the clip.
        numbers: a range.
        asked: those options that decide frames and their crops which were given, by name.
        overwrite: whether painting in the range does not count.

    Raises:
        UserError: there is no clip, or it has no frames of these numbers, or was made with other
            options than `asked`.
    """
    found = find(folder, aside=numbers if overwrite else ())
    if not found.record:
        raise UserError(f"{folder} holds no clip yet; prepare it without --redo")
    if numbers[-1] >= (count := found.record["frames"]):
        raise UserError(
            f"--redo {ranges(numbers)}: {folder} has frames 0 to {count - 1}; give some of them"
        )
    held = {**found.record["frames_of"], "crop": found.record["crop"]}
    if other := [name for name, value in asked.items() if value != held.get(name)]:
        raise UserError(
            f"--redo keeps the frames of {folder}, which was made with another {other[0]}; leave "
            "that out, or prepare the clip anew without --redo"
        )
    return found
