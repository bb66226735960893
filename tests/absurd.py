"""Absurd values of every option of every script, made from the tables of options.

`python -m tests.absurd [SCRIPT ...]` tries all of them: whether they are parsed, as a flag and from
a config file alike, and whether the script starts with those that are. Each is refused in one
sentence, or works; one row a script says how many were tried, and each fault has a line of its own.
"""

import contextlib
import math
import os
import resource
import runpy
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from unittest import mock
from urllib.error import URLError

import yaml

import edit
import gen_vid
import prepare_data
import run
from data import make_demo, make_videos
from tests.conftest import ROOT, SMALL, succeed
from utils import arguments, errors, options
from utils.errors import UserError
from utils.kinds import Number

TABLES = {
    **options.SCRIPTS,
    "edit": (*options.SCRIPTS["edit"], (edit.RUN,)),
    "gen_vid": (gen_vid.VIDEO,),
    "prepare_data": prepare_data.GROUPS,
    "run": run.GROUPS,
    "data/make_demo": (make_demo.OPTIONS,),
    "data/make_videos": (make_videos.OPTIONS,),
}
NUMBERS = (0, -1, 10**13, 1e13, 1e300, 5e-324, math.nan, math.inf, -math.inf, 10**5000)
TEXTS = (
    "", " ", "9" * 5000, "x" * 300, "x" * 2000, "folder/" * 200, "nul\0in it", "two\nlines",
    "🦊", "-", "../..", "%d", "'\"; $(touch x)", "\x1b[31m", "\udcff", "a*b?[c]",
)  # fmt: skip
LONG = 10**100  # neither Python nor yaml writes decimals of any length
MEMORY = 3 * 2**30  # bytes beyond what a start has when it begins
SECONDS = 10  # after which a start works, if it goes on
# Options that mean something together with others only.
TOGETHER = {
    "crop_w": "--crop", "crop_h": "--crop", "w": "--resize", "h": "--resize",
    "tolerance": "--mask chroma", "key": "--mask chroma", "deform": "--render lookup",
    "lr_warmup": "--iters 4", "lr_decay": "--iters 4", "ema": "--iters 2",
}  # fmt: skip
TOGETHER_IN = {
    "inference": {"w": "--splitted", "h": "--splitted", "fps": "--smooth 1", "smooth": "--fps 5"},
    "edit": {"w": "", "h": ""},
}


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


def words(option, value):
    return [value] if option.bare else [f"--{option.name}={value}"]


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


def start(script, argv, folder):
    """How a script starts with a command line: "works", "refused", or what is wrong, in words.

    It is forked in `folder`, with limited memory and time.
    """
    log = Path(folder) / "log"
    child = os.fork()
    if not child:
        code = 1
        with contextlib.suppress(BaseException), open(log, "w", buffering=1) as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
            sys.stdout = sys.stderr = file
            code = _start(script, argv, folder)
        os._exit(code)
    _, status = os.waitpid(child, 0)
    said = log.read_text(errors="replace").strip().splitlines()
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return "works" if number == signal.SIGALRM else f"ended by {signal.Signals(number).name}"
    code = os.WEXITSTATUS(status)
    if "Traceback (most recent call last):" in said or code not in (0, 2):
        return f"code {code}: {said[-1] if said else ''}"
    if code == 0:
        return "works"
    errors_said = [line for line in said if line.startswith("error: ")]
    one = len(errors_said) == 1 and said[-1].startswith("error: ")
    return "refused" if one else f"not one sentence: {said[-3:]}"


def _start(script, argv, folder):
    os.chdir(folder)
    here = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (here + MEMORY, here + MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**28, 2**28))
    signal.alarm(SECONDS)
    sys.argv = [str(ROOT / f"{script}.py"), *argv]
    with contextlib.ExitStack() as patches:
        for patch in _patches():
            patches.enter_context(patch)
        try:
            runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as end:
            return end.code or 0
        except BaseException as error:
            sys.__excepthook__(type(error), error, error.__traceback__)
            return 1
    return 0


def _patches():
    """What a start does not wait for: curves, downloads, other scripts and the user of a page."""
    yield mock.patch("engine.log.plot_losses", lambda log, path: path.touch())
    yield mock.patch("torch.hub.urlopen", side_effect=URLError("no network"))
    yield mock.patch("engine.steps.Steps.take", side_effect=SystemExit(0))
    yield mock.patch("server.local.LocalServer.run", return_value=signal.SIGINT)
    yield mock.patch("webbrowser.open")


def commands(pair, first, second, folder):
    """The command line of each script on a tiny clip, a list of words.

    Args:
        pair, first, second: folders, as the fixtures of these names.
        folder: where what else is needed is made.
    """
    roots = f"--root_a {pair}/a/train_seg --root_b {pair}/b/train_seg --device cpu"
    frames = f"{roots} --load {second}/checkpoint"
    video, masks = Path(folder) / "video", Path(folder) / "masks"
    if not video.exists():
        video.mkdir()
        masks.mkdir()
        for kind in ("a", "b"):
            for number in range(3):
                os.symlink(f"{pair}/a/train_seg/0.jpg", masks / f"{kind}_{number}.jpg")
                os.symlink(f"{pair}/a/train/0.jpg", video / f"{kind}_{number}.jpg")
    found = {
        "train_first_stage": f"{roots} {SMALL} --bs 2 --iters 1",
        "train_second_stage": f"{roots} --bs 2 --iters 1 --lambda_vgg 0 --load {first}/checkpoint",
        "inference": f"{frames} --splitted --direction ab",
        "evaluate": f"{frames} --bs 8",
        "edit": frames,
        "gen_vid": f"--img_path {video} --end_a 3 --end_b 3 --name v.gif",
        "prepare_data": f"{video} --out new --mask file --mask_file {masks}",
        "run": f"{pair}/a/train {pair}/b/train --out new --device cpu",
        "data/make_demo": "--out new --frames 1",
        "data/make_videos": "--out new --frames 1",
    }
    return {script: line.split() for script, line in found.items()}


def starts(script, command, folder, cases):
    """Yield (option, value, verdict) of a script's start with each of the cases."""
    for option, value in cases:
        extra = {**TOGETHER, **TOGETHER_IN.get(script, {})}.get(option.name, "").split()
        extra = extra if script in ("gen_vid", "inference") or "--resize" not in extra else []
        argv = [*command, *extra, *words(option, value)]
        if option.bare:
            bare = [w for w in command if "/train" in w and not w.startswith("--")]
            argv = [value, *command[len(bare) if script == "run" else 1 :]]
        with tempfile.TemporaryDirectory(dir=folder) as place:
            yield option, value, start(script, argv, place)


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
