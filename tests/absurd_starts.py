"""How each script starts, on tiny clips, with limited memory and time."""

import contextlib
import os
import resource
import runpy
import signal
import sys
import tempfile
from pathlib import Path
from unittest import mock
from urllib.error import URLError

from tests.conftest import ROOT, SMALL

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


def words(option, value):
    return [value] if option.bare else [f"--{option.name}={value}"]


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
    """What a start does not wait for: curves, downloads, others' work and the user of a page."""
    yield mock.patch("engine.log.plot_losses", lambda log, path: path.touch())
    yield mock.patch("torch.hub.urlopen", side_effect=URLError("no network"))
    yield mock.patch("engine.steps.Steps.take", side_effect=SystemExit(0))
    yield mock.patch("many.cluster.refuse_missing")
    yield mock.patch("many.cluster.Cluster", side_effect=SystemExit(0))
    yield mock.patch("server.local.LocalServer.run", side_effect=SystemExit(0))
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
    pairs = Path(folder) / "pairs.yaml"
    clips = f"{{name: x, clip_a: {pair}/a/train, clip_b: {pair}/b/train}}"
    pairs.write_text(f"pairs: [{clips}]\n")
    found = {
        "train_first_stage": f"{roots} {SMALL} --bs 2 --iters 1",
        "train_second_stage": f"{roots} --bs 2 --iters 1 --lambda_vgg 0 --load {first}/checkpoint",
        "inference": f"{frames} --splitted --direction ab",
        "evaluate": f"{frames} --bs 8",
        "edit": frames,
        "gen_vid": f"--img_path {video} --end_a 3 --end_b 3 --name v.gif",
        "prepare_data": f"{video} --out new --mask file --mask_file {masks}",
        "run": f"{pair}/a/train {pair}/b/train --out new --device cpu",
        "run_many": f"{pairs} --out new",
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
