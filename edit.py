"""Edit the keypoints of a driving clip in a page, and see the result that they draw beside them.

    python edit.py --load second/checkpoint --root_a cat/train_seg/ --root_b fox/train_seg/
    python edit.py results/quick

--out keeps every edit as it is made, so that the same command goes on where it was left. The page
exports keypoints for inference.py --keypoints_in, frames as that draws them, and their video.
"""

from utils import arguments, errors, options


def parse(argv=None):
    """The options of this call, and the names of those that were given.

    A config file's section for inference counts, since that draws what is exported.
    """
    return arguments.parse(__doc__, *options.SCRIPTS["edit"], argv=argv, script="inference")


if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(parse)

import hashlib
import sys
from pathlib import Path

import numpy as np

from editing.drawing import Painter
from editing.export import Commands, Export
from editing.opening import open_session
from editing.page import FOLDER, EditPage
from editing.results import Results
from engine import checkpoint, run_folder
from engine.network_clip import NetworkClip
from engine.steps import Steps
from finishing import track_files
from finishing.tracks import Track
from preparation.clip_folder import frame_rate
from server import packages
from server.local import LocalServer, check_host
from utils import images, runtime
from utils.errors import UserError
from utils.files import locked
from video.reader import DEFAULT_RATE

# Options of inference.py that mean nothing here, and what does instead.
VAIN = {
    "keypoints_in": "--keypoints begins with a file of keypoints",
    "keypoints_out": "the page exports keypoints",
    "smooth": "the page smooths",
    "data_size": "all frames are edited",
}


def settled():
    """Options and given names as `parse` returns them, those of a run's folder included."""
    opt, given = parse()
    if opt.run:
        own = opt.out if "out" in given else str(Path(opt.run) / f"edited_{opt.direction}")
        opt, given = parse([*recorded(opt.run, opt.direction), *sys.argv[1:]])
        opt.out = own
    for name, instead in VAIN.items():
        if name in given:
            raise UserError(f"--{name} means nothing here: {instead}; leave it out")
    if opt.keypoints:
        track_files.check_name(opt.keypoints)
    return opt, given


def recorded(run, direction):
    """Words by which run.py called inference.py."""
    step = Steps(run).known.get(f"frames {direction}", {})
    if "argv" not in step:
        raise UserError(
            f"{run} is no folder of a finished run.py, as results/quick, or of an older one; give "
            "run.py's command again, or --load and the clips in place of the folder"
        )
    return step["argv"]


class Driver:
    """The clip that drives, and what is needed of it here."""

    def __init__(self, jokr, opt, device):
        self.domain = opt.direction[0]
        self.clip = NetworkClip(opt, self.domain, device)
        first = self.clip.clip.names[0].removeprefix(getattr(opt, f"prefix_{self.domain}"))
        first = int(Path(first).stem)
        self.numbers = range(first, first + len(self.clip))
        self.rate = opt.fps or frame_rate(self.clip.clip.masks.parent) or DEFAULT_RATE
        self.jokr, self.opt, self.device = jokr, opt, device

    def find(self):
        """`Track` of all frames: detected, or read from --keypoints."""
        align, spans = self.opt.affine or self.opt.align == "means", {self.domain: self.numbers}
        if self.opt.keypoints:
            known = spans, self.opt.num_kp, "--keypoints"
            track = track_files.read(self.opt.keypoints, *known)[self.domain]
            keypoints, moved = track.tensors(self.device)
            if moved is None and align:
                moved = self.jokr.move(keypoints, self.domain).detach()
        else:
            keypoints, moved, _ = self.clip.follow(self.jokr, len(self.clip), align)
        moved = keypoints if moved is None else moved
        return Track(np.array(self.numbers), *(x.cpu().numpy() for x in (keypoints, moved)))

    def frame(self, index):
        """A frame as a Pillow image, padded as the networks' pictures are."""
        pad_factor = getattr(self.opt, f"pad_factor_{self.domain}")
        return images.pad(self.clip.clip.read(index)[0], pad_factor)

    def belongings(self):
        """What edits belong to, for `open_session`."""
        networks, files = hashlib.sha1(), hashlib.sha1(str(self.clip.canvas).encode())
        for tensor in self.jokr.state_dict().values():
            networks.update(tensor.cpu().numpy().tobytes())
        for name in self.clip.clip.names:
            sizes = [
                (x / name).stat().st_size for x in (self.clip.clip.frames, self.clip.clip.masks)
            ]
            files.update(f"{name} {sizes}".encode())
        points = self.opt.keypoints and hashlib.sha1(Path(self.opt.keypoints).read_bytes())
        return {
            "checkpoint": networks.hexdigest() + self.opt.align,
            "clip": files.hexdigest(),
            "direction": self.opt.direction,
            "keypoints": points and points.hexdigest(),
        }


def words(asked, given):
    """Words by which inference.py gets the options of this call."""
    for o in (o for group in options.SCRIPTS["inference"] for o in group):
        value = getattr(asked, o.name)
        if o.name not in given or o.name in ("out", "direction", "splitted"):
            continue
        if o.kind is not bool:
            yield f"--{o.name}={value}"
        elif value != o.default:
            yield f"--{o.name if value else o.opposite}"


def commands(opt, words, driver):
    """`Commands` of inference.py, and of gen_vid.py for one column of its results."""
    pair, domain = opt.direction, driver.domain
    finished = opt.restore or opt.alpha or opt.background != "none"
    ext = ".png" if opt.alpha else getattr(opt, f"ext_{domain}")
    pattern = (
        f"{'final' if finished else 'refined'}_{pair}_{getattr(opt, f'prefix_{domain}')}*{ext}"
    )
    video = ["--columns", pattern, "--start_a", str(driver.numbers[0]), "--fps", str(driver.rate)]
    video += ["--name", "edited.webm", "--transparent"] if opt.alpha else ["--name", "edited.mp4"]
    if (sound := driver.clip.clip.masks.parent / "sound.m4a").is_file():
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


def serve(jokr, driver, session, commands, opt):
    """Answer the page until Ctrl-C."""
    painter = Painter(jokr, driver.domain, (opt.resize_h, opt.resize_w), driver.device)
    results = Results(session, painter)
    export = Export(Path(opt.out), driver.domain, session.track, commands)
    names = [Path(getattr(opt, f"root_{d}")).resolve().parent.name for d in opt.direction]
    clip = {"title": " drives ".join(names), "direction": opt.direction}
    size = {"width": opt.resize_w, "height": opt.resize_h}
    page = EditPage(session, results, export, {**clip, **size}, driver.frame)
    server = LocalServer(page.routes, FOLDER, opt.host)
    painter.start()
    print(f"edit the keypoints at {server.address}", flush=True)
    try:
        server.run()
    finally:
        export.close()
        session.save()


def main():
    packages.refuse_missing("edit.py")
    asked, given = settled()
    check_host(asked.host, asked.allow_remote)
    device = runtime.start(asked.device, asked.precision)
    jokr, opt = checkpoint.open_jokr(asked, given, device)
    driver, out = Driver(jokr, opt, device), Path(opt.out)
    with locked(out, f"{out} is open in another edit.py; close that, or choose another --out"):
        run_folder.make_folder(out)
        session = open_session(
            out, driver.belongings(), driver.domain, driver.numbers, opt.num_kp, driver.find,
            driver.rate, opt.overwrite,
        )  # fmt: skip
        serve(jokr, driver, session, commands(opt, list(words(asked, given)), driver), opt)
    print(f"edits and exports are in {out}; the same command goes on from there")


if __name__ == "__main__":
    errors.run(main)
