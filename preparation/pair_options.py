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


def check_pair(domain, given):
    """UserError where one clip of a pair is not there, or what is given for it does not fit.

    Args:
        domain: "a" or "b".
        given: dict of option -> its text, of the pair.
    """
    from preparation import prepared_clips  # slow to import

    clip = Path(given[f"clip_{domain}"])
    check_clips(clip)
    texts = {name: given[f"{name}_{domain}"] for name in OF_A_CLIP if f"{name}_{domain}" in given}
    if (clip / "train_seg").is_dir():
        prepared_clips.refuse_unfit(clip, [f"{name}_{domain}" for name in texts])
    else:
        _check_masks(texts)


def _check_masks(texts):
    from preparation.finding import Finder  # slow to import, as is what follows
    from video.reader import Excerpt

    known = {o.name: o for o in clip_options.MASKING}
    own = {name: known[name].kind(text) for name, text in texts.items() if name in known}
    values = {name: o.default for name, o in known.items()} | own
    Finder(
        values["mask"], "", Excerpt(), values["box"], values["key"], values["tolerance"],
        values["mask_file"], values["mask_weights"], None, False, iter,
    ).check_choice(own.keys())  # fmt: skip
