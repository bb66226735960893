"""The two prepared clips of a pair, as later steps have to know them."""

import hashlib
from pathlib import Path

from datasets.clip import Clip
from preparation import record
from preparation.clip_folder import frame_rate
from utils.errors import UserError


class PreparedClips:
    """Two prepared clips: where they lie, how long they are, and what they hold.

    Args:
        folders: dict of domain ("a", "b") -> folder of a prepared clip.

    Attributes:
        folders: as given.
        by_domain: dict of domain -> `Clip`.
        roots: words that name both clips on the command lines of training and inference.
        shortest: frames of the shorter clip.
    """

    def __init__(self, folders):
        self.folders = folders
        self.by_domain = {domain: Clip(folder / "train_seg") for domain, folder in folders.items()}
        self.roots = [
            word for d, clip in self.by_domain.items() for word in (f"--root_{d}", str(clip.masks))
        ]
        self.shortest = min(map(len, self.by_domain.values()))

    def fingerprint(self):
        """Hashes of all frames and masks: they differ as soon as one file does."""
        both = [(c.masks, c.names) for c in self.by_domain.values()]
        both += [(c.frames, c.names) for c in self.by_domain.values()]
        files = [folder / name for folder, names in both for name in names]
        return [hashlib.sha1(path.read_bytes()).hexdigest() for path in files]

    def whole(self, domain):
        """Whether the clip still has the whole frames from which it was cropped."""
        folder = self.folders[domain]
        return (folder / "crops.json").is_file() and (folder / "frames").is_dir()

    def rate(self, domain):
        """Frames per second."""
        return frame_rate(self.folders[domain])

    def span(self, domain, count=None):
        """First number, and the number behind the last, of a clip's first `count` frames or all.

        gen_vid.py takes them as --start_a and --end_a.
        """
        first = int(Path(self.by_domain[domain].names[0]).stem)
        return first, first + (count or len(self.by_domain[domain]))


def refuse_unfit(folder, vain):
    """UserError where a prepared clip cannot be used as it is.

    Args:
        folder: Path of the clip.
        vain: options that were given, and which only a video has.
    """
    if vain:
        raise UserError(
            f"{vain[0]} is for a video, and {folder} is a clip that is prepared already; leave it "
            "out"
        )
    if painted := record.edited_masks(folder, record.read(folder)):
        raise UserError(
            f"{folder} has {len(painted)} masks painted by hand that are not cropped yet; give its "
            "prepare_data.py command again first"
        )
