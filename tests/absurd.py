"""Absurd values of every option of every script, made from the tables of options.

`python -m tests.absurd [SCRIPT ...]` tries all of them: whether they are parsed, as a flag and from
a config file alike, and whether the script starts with those that are. Each is refused in one
sentence, or works; one row a script says how many were tried, and each fault has a line of its own.
"""

import math
import sys
import tempfile
from collections import Counter
from pathlib import Path
from unittest import mock

import yaml

import edit
import gen_vid
import prepare_data
import run
import run_many
from data import make_demo, make_videos
from tests.absurd_starts import commands, start, starts, words
from tests.conftest import SMALL, succeed
from utils import arguments, errors, options
from utils.errors import UserError
from utils.kinds import Number

TABLES = {
    **options.SCRIPTS,
    "edit": (*options.SCRIPTS["edit"], (edit.RUN,)),
    "gen_vid": (gen_vid.VIDEO,),
    "prepare_data": prepare_data.GROUPS,
    "run": run.GROUPS,
    "run_many": (run_many.MANY,),
    "data/make_demo": (make_demo.OPTIONS,),
    "data/make_videos": (make_videos.OPTIONS,),
}
NUMBERS = (0, -1, 10**13, 1e13, 1e300, 5e-324, math.nan, math.inf, -math.inf, 10**5000)
TEXTS = (
    "", " ", "9" * 5000, "x" * 300, "x" * 2000, "folder/" * 200, "nul\0in it", "two\nlines",
    "🦊", "-", "../..", "%d", "'\"; $(touch x)", "\x1b[31m", "\udcff", "a*b?[c]",
)  # fmt: skip
LONG = 10**100  # neither Python nor yaml writes decimals of any length


def values(option):
    """Values to try of an option: absurd ones, and both ends of its range with their neighbours."""
    if option.choices:
        return ("", "0", "x" * 2000, "nul\0in it", *option.choices)
    if not isinstance(option.kind, Number):
        return (*TEXTS, *NUMBERS)
    kind, ends = option.kind, []
    for end, beyond in ((kind.least, -math.inf), (kind.most, math.inf)):
        step = int(math.copysign(1, beyond))
        ends += [end, end + step if kind.type is int else math.nextafter(end, beyond)]
    return (*NUMBERS, *ends, "", " ", "9" * 5000, "many", "x" * 2000, "🦊", "nul\0in it")


def text(value):
    """A value as it stands on a command line."""
    return hex(value) if isinstance(value, int) and value > LONG else str(value)


def _yaml(name, value):
    if isinstance(value, int) and value > LONG:
        return f"{name}: {text(value)}"
    return yaml.safe_dump({name: value})


def table(script):
    """The options of a script that take a value."""
    found = {o.name: o for group in TABLES[script] for o in group}
    return [o for o in found.values() if o.kind is not bool]


def one_of_each_kind():
    """Of those options that take the same values, one."""
    return list({(o.kind, o.choices): o for s in TABLES for o in table(s) if not o.bare}.values())


def parsed(option, argv):
    """The value that a command line gives an option; None where it is refused."""
    try:
        return getattr(arguments.parse("", (option,), argv=argv, script="")[0], option.name)
    except UserError:
        return None


def parse_cases(chosen, folder):
    """Yield (option, value as text, what it is parsed to, fault or "") of every value.

    What is refused is parsed to None.

    Args:
        chosen: options.
        folder: for a config file.
    """
    path = Path(folder) / "config.yaml"
    for option in chosen:
        for value in values(option):
            fault = ""
            try:
                found = parsed(option, words(option, text(value)))
                if not option.bare and value != "\udcff":
                    path.write_text(_yaml(option.name, value))
                    other = parsed(option, ["--config", str(path)])
                    if repr(found) != repr(other):
                        fault = "as a flag and in a config file it is not the same"
            except Exception as error:
                found, fault = None, f"{type(error).__name__}: {error}"[:200]
            yield option, text(value), found, fault


def main(scripts):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        pair, first, second = (folder / name for name in ("pair", "first", "second"))
        succeed("data/make_demo.py", f"--out {pair} --frames 8")
        with mock.patch("engine.log.plot_losses", lambda log, path: path.touch()):
            roots = f"--root_a {pair}/a/train_seg --root_b {pair}/b/train_seg"
            flags = f"{roots} {SMALL} --affine --bs 2 --iters 1 --out {first}"
            succeed("train_first_stage.py", flags)
            flags = f"{roots} --device cpu --bs 2 --load {first}/checkpoint --lambda_vgg 0"
            succeed("train_second_stage.py", f"{flags} --iters 1 --out {second}")
        lines = commands(pair, first, second, folder)
        for script in scripts or TABLES:
            print(row(script, lines[script], folder), flush=True)


def row(script, command, folder):
    """What came of all values for a script, in words; faults are printed."""
    cases = list(parse_cases(table(script), folder))
    with tempfile.TemporaryDirectory(dir=folder) as place:
        assert start(script, command, place) == "works", (Path(place) / "log").read_text()
    for option, value, _, fault in cases:
        if fault:
            print(f"  {script} --{option.name} {value[:40]!r}: {fault}", flush=True)
    # Of values that are parsed to the same, one is started with.
    taken = {(o.name, repr(found)): (o, v) for o, v, found, _ in cases if found is not None}
    refused = sum(found is None for _, _, found, _ in cases)
    verdicts = Counter()
    for option, value, verdict in starts(script, command, folder, taken.values()):
        known = verdict in ("works", "refused")
        verdicts[verdict if known else "faults"] += 1
        if not known:
            print(f"  {script} --{option.name} {value[:40]!r}: {verdict[:300]}", flush=True)
    return f"{script}: {len(cases)} tried, {refused} refused at once, started: {dict(verdicts)}"


if __name__ == "__main__":
    errors.run(main, sys.argv[1:])
