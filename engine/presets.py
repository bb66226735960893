"""The options that `run.py` gives to every script: a preset's, then those of the user's file."""

from pathlib import Path

from models import weights
from utils import arguments, options
from utils.errors import ROOT, UserError

# What run.py itself gives to the scripts.
OTHERS = {"root_a", "root_b", "out", "load", "resume", "seed", "device"}


def words(preset, settings, cuda):
    """Arguments that give every script the preset's options, then the user's file of options.

    Args:
        preset: quick or full.
        settings: path of the user's yaml file, or "".
        cuda: whether it is for an NVIDIA GPU.

    Raises:
        UserError: a script would refuse one of them, or weights of VGG16 are needed and missing.
    """
    files = [ROOT / f"configs/{preset}_{'gpu' if cuda else 'cpu'}.yaml"]
    files += [Path(settings).resolve()] if settings else []
    found = [word for path in files for word in ("--config", str(path))]
    for script, groups in options.SCRIPTS.items():
        opt, given = arguments.parse("", *groups, argv=found, script=script)
        if vain := OTHERS & given:
            raise UserError(
                f"{settings}: {min(vain)} has no effect there; what may be chosen of it is an "
                "option of the command itself"
            )
        if getattr(opt, "lambda_vgg", 0):
            weights.vgg16_state(opt.vgg_weights)
    return found
