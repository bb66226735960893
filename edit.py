"""Edit the keypoints of a driving clip in a page, and see the result that they draw beside them.

    python edit.py --load second/checkpoint --root_a cat/train_seg/ --root_b fox/train_seg/
    python edit.py results/quick

--out keeps every edit as it is made, so that the same command goes on where it was left. The page
exports keypoints for inference.py --keypoints_in, frames as that draws them, and their video.
"""

from utils import errors

errors.guard(__name__)

from server import packages
from utils import arguments, options

WAYS = "a folder of run.py's, as results/quick, or --load and both clips (--root_a, --root_b)"
RUN = arguments.positional("run", "folder of run.py's, as results/quick, for --load and the clips")


def parse(argv=None):
    """The options of this call, and the names of those that were given.

    A config file's section for inference counts, since that draws what is exported.
    """
    return arguments.parse(__doc__, *options.SCRIPTS["edit"], (RUN,), argv=argv, script="inference")


if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(parse)
    errors.run(packages.refuse_missing, "edit.py")

import signal
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from editing.drawing import Painter
from editing.export import KEYPOINTS, Commands, Export, exported
from editing.opening import check_keypoints, digest, open_session
from editing.page import FOLDER, EditPage
from editing.results import Results
from engine import checkpoint
from engine.network_clip import NetworkClip
from engine.steps import heeded, recorded
from finishing import sheets, track_files
from finishing.final import is_finished
from finishing.tracks import Track
from preparation.clip_folder import frame_rate
from server.local import LocalServer, check_host
from utils import images, runtime
from utils.errors import UserError
from utils.locks import locked

# Options of inference.py that mean nothing here, and what does instead.
VAIN = {
    "keypoints_in": "--keypoints begins with a file of keypoints",
    "keypoints_out": "the page exports keypoints",
    "data_size": "all frames are edited",
}


def settled(argv):
    """Options and given names as `parse` returns them, those of a run's folder included."""
    opt, given = parse(argv)
    out = opt.out if "out" in given else str(Path(opt.run) / f"edited_{opt.direction}")
    for name, instead in VAIN.items():
        if name in given:
            raise UserError(f"--{name} means nothing here: {instead}; leave it out")
    if opt.run:
        edited = ["--smooth=0"] if opt.keypoints else []  # smoothed before they were exported
        drawn = recorded(opt.run, f"frames {opt.direction}", WAYS)
        opt, given = parse([*drawn, *edited, *argv])
    opt.out = out
    if not opt.load:
        raise UserError(f"nothing to edit is named; give {WAYS}")
    if opt.keypoints:
        check_keypoints(Path(opt.keypoints), Path(out) / KEYPOINTS)
    return opt, given


class Driver(NetworkClip):
    """The clip that drives, whose keypoints pass through the affine map where `align` says so."""

    def __init__(self, opt, align, device):
        super().__init__(opt, opt.direction[0], device)
        self.opt, self.align = opt, align
        self.rate = opt.fps or frame_rate(self.clip.masks.parent)
        self.given = None
        if opt.keypoints:
            known = {self.domain: self.numbers}, opt.num_kp, "--keypoints"
            self.given = track_files.read(opt.keypoints, *known)[self.domain]

    def find(self, jokr):
        """`Track` of all frames: detected, or that of --keypoints."""
        if self.given:
            keypoints, moved = self.take(jokr, self.given, self.align)
        else:
            print(f"finding the keypoints of {len(self)} frames", flush=True)
            keypoints, moved, _ = self.follow(jokr, len(self), self.align)
        moved = keypoints if moved is None else moved
        return Track(np.array(self.numbers), *(x.cpu().numpy() for x in (keypoints, moved)))

    def frame(self, index):
        """A frame as a Pillow image, padded as the networks' pictures are."""
        return images.pad(self.clip.read(index)[0], self.canvas[2])

    def belongings(self, jokr):
        """What edits belong to, for `open_session`."""
        networks = [tensor.cpu().numpy() for tensor in jokr.state_dict().values()]
        folders, points = (self.clip.frames, self.clip.masks), self.given
        sizes = [[(x / name).stat().st_size for x in folders] for name in self.clip.names]
        return {
            "checkpoint": digest(self.opt.align, *networks),
            "clip": digest(self.canvas, self.clip.names, sizes),
            "direction": self.opt.direction,
            "keypoints": points and digest(points.keypoints, points.moved),
            "rate": f"{self.rate:g}",  # of smoothing
        }


def commands(opt, words, driver):
    """`Commands` of inference.py, and of gen_vid.py for one column of its results."""
    pair, domain = opt.direction, driver.domain
    finished = is_finished(opt.restore, opt.background, opt.alpha)
    name = f"{getattr(opt, f'prefix_{domain}')}*{getattr(opt, f'ext_{domain}')}"
    pattern = sheets.result_name(domain, name, finished, opt.alpha)
    video = ["--columns", pattern, "--start_a", str(driver.numbers[0]), "--fps", str(driver.rate)]
    video += ["--name", "edited.webm", "--transparent"] if opt.alpha else ["--name", "edited.mp4"]
    if (sound := driver.clip.masks.parent / "sound.m4a").is_file():
        video += ["--audio", str(sound)]
    return Commands(
        lambda points, out: [
            "inference.py", *words, "--splitted", "--direction", pair,
            "--keypoints_in", str(points), "--out", str(out),
        ],
        lambda frames, out: ["gen_vid.py", "--img_path", str(frames), "--out", str(out), *video],
        pattern,
        len(driver.numbers),
    )  # fmt: skip


def make_page(jokr, driver, session, commands, opt):
    """The `EditPage` of a session, and what works for it."""
    painter = Painter(jokr, driver.domain, (opt.resize_h, opt.resize_w), driver.device)
    export = Export(Path(opt.out), driver.domain, session.track, commands)
    roots = [getattr(opt, f"root_{d}") for d in opt.direction]
    names = [Path(root).resolve().parent.name if root else "another" for root in roots]
    size = {"width": opt.resize_w, "height": opt.resize_h}
    clip = {"title": " drives ".join(names), "direction": opt.direction, **size}
    return EditPage(session, Results(session, painter), export, clip, driver.frame)


def serve(page, host):
    """Answer the page until Ctrl-C or another of `heeded`, and return the number of that."""
    server = LocalServer(page.routes, FOLDER, host)
    with ExitStack() as end:
        for part in (page.results.painter, page.export, page.session):  # the last one is the first
            end.callback(part.close)
        page.results.painter.start()
        print(f"edit the keypoints at {server.address}", flush=True)
        ended, exporting = server.run(heeded()), page.export.busy
    if exporting and page.export.phase == "cancelled":
        print("the export that was under way is dropped; it changed nothing")
    return ended


def open_page(asked, given):
    """The `EditPage` that these options ask for; `--out` is there."""
    device = runtime.start(asked.device, asked.precision)
    jokr, opt = checkpoint.open_jokr(asked, given, device)
    driver = Driver(opt, asked.affine or opt.align == "means", device)
    out, kept = Path(opt.out), given - {"out", "direction", "splitted", "smooth", *VAIN}
    words = list(arguments.words(asked, kept, *options.SCRIPTS["inference"]))
    about = driver.belongings(jokr), driver.domain, driver.numbers, opt.num_kp, driver.rate
    session = open_session(out, *about, partial(driver.find, jokr), opt.smooth, opt.overwrite)
    if opt.overwrite and (old := exported(out)):
        print(f"still of the edits before: {', '.join(old)}; exports replace them", flush=True)
    return make_page(jokr, driver, session, commands(opt, words, driver), opt)


def main():
    asked, given = settled(sys.argv[1:])
    check_host(asked.host, asked.allow_remote)
    for number in {*heeded()} - {signal.SIGINT}:  # as Ctrl-C
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with locked(Path(asked.out)):
        ended = serve(open_page(asked, given), asked.host)
    print(f"edits and exports are in {asked.out}; the same command goes on from there")
    if ended is not None:
        sys.exit(128 + ended)


if __name__ == "__main__":
    errors.run(main)
