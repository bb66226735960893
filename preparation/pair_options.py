"""Options of `run.py`: two clips, and what is made of them."""

from pathlib import Path

from preparation import clip_options
from utils import kinds
from utils.arguments import flag, option, positional
from utils.errors import UserError

CHOICES = (
    positional("clip_a", "video, folder of pictures or prepared clip of object A"),
    positional("clip_b", "the same of object B"),
    option("out", kinds.path, "", "folder for everything"),
    option("preset", str, "quick", "quick: minutes, to see; full: hours", ("quick", "full")),
    option("settings", kinds.path, "", "yaml file of scripts' options; they win over the preset"),
    option("device", str, "auto", "auto, cpu, cuda, cuda:N or mps"),
    option("seed", kinds.natural, 0, "seed of every random draw"),
    flag("overwrite", "replace training of other options or clips in --out"),
)
OF_A_CLIP = (
    "start", "end", "fps", "max_frames", "size", "crop", "mask", "box", "key", "mask_file"
)  # fmt: skip
GROUPS = CHOICES, clip_options.of_both(OF_A_CLIP)


def check_clips(*paths):
    """UserError where a video or a prepared clip is not there."""
    for path in paths:
        if not Path(path).exists():
            raise UserError(f"{path} does not exist; give a video or a prepared clip")
