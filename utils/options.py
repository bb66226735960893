"""Which script takes which options, and what the project makes of them."""

from argparse import ArgumentTypeError
from dataclasses import replace

from utils import arguments
from utils.option_tables import (
    ALIGNMENT,
    CLIPS,
    EDITING,
    EVALUATION,
    FIRST_STAGE,
    INFERENCE,
    NETWORKS,
    REFINERS,
    RUN,
    SECOND_STAGE,
    TRAINING,
)

STAGES = {
    "stage one": (CLIPS, RUN, NETWORKS, TRAINING, FIRST_STAGE),
    "stage two": (CLIPS, RUN, NETWORKS, REFINERS, TRAINING, SECOND_STAGE),
}

# Where nothing is trained these are accepted all the same, since one config serves all scripts.
OF_TRAINING = {"hflip", "seed", "init_type", "init_gain"}
TRAINED = tuple(replace(o, unused=True) for o in (*CLIPS, *RUN, *NETWORKS) if o.name in OF_TRAINING)

FRAMES = (CLIPS, RUN, NETWORKS, REFINERS, TRAINED, ALIGNMENT, INFERENCE)

SCRIPTS = {
    "train_first_stage": STAGES["stage one"],
    "train_second_stage": STAGES["stage two"],
    "inference": FRAMES,
    "edit": (*FRAMES, EDITING),
    "evaluate": (CLIPS, RUN, NETWORKS, REFINERS, TRAINED, ALIGNMENT, EVALUATION),
}


def parse(script, description):
    """The options of a script of `SCRIPTS`, as `utils.arguments.parse` returns them."""
    return arguments.parse(description, *SCRIPTS[script], script=script)


def defaults(stage):
    """Option -> default of "stage one" or "stage two"."""
    return {o.name: o.default for group in STAGES[stage] for o in group}


def clip(opt, domain):
    """Where the clip of domain "a" or "b" lies: keywords of `datasets.clip.Clip`."""
    return {name: getattr(opt, f"{name}_{domain}") for name in ("root", "ext", "prefix")}


def network(opt, **changes):
    """Keywords of `models.build.build_jokr` from the options of `NETWORKS`."""
    names = "num_kp scale_kp strong_kp kp_width ngf blocks norm no_dropout init_type init_gain "
    names += "affine item_stats sees_masks"
    return {**{name: getattr(opt, name) for name in names.split()}, **changes}


def canvas(opt, domain):
    """Width and height of the networks' pictures, and the clip's padding."""
    return opt.resize_w, opt.resize_h, getattr(opt, f"pad_factor_{domain}")


def check(values):
    """Raise ValueError where a value, by option name, is none that a flag could give."""
    table = {o.name: o for group in (CLIPS, NETWORKS, REFINERS) for o in group}
    for name, value in values.items():
        if not isinstance(value, (bool, int, float, str)):
            raise ValueError(f"{name}: it is a {type(value).__name__}")
        try:
            if table[name].kind is not bool:
                table[name].kind(str(value))
        except ArgumentTypeError as error:
            raise ValueError(f"{name}: {error}") from None
