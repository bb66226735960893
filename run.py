"""Two clips in, finished videos out: prepares, trains both stages, infers, writes videos, measures.

CLIP_A and CLIP_B are videos, folders of pictures, or prepared clips (folders with train_seg/). What
is done is skipped and what was cut goes on when the same command is given again.
"""

from preparation import clip_options
from utils import arguments, errors, options
from utils.arguments import flag, natural, option, positional

CHOICES = (
    positional("clip_a", "video, folder of pictures or prepared clip of object A"),
    positional("clip_b", "the same of object B"),
    option("out", str, "", "folder for everything"),
    option("preset", str, "quick", "quick: minutes, to see; full: hours", ("quick", "full")),
    option("settings", str, "", "yaml file with options of the scripts, which win over the preset"),
    option("device", str, "auto", "auto, cpu, cuda, cuda:N or mps"),
    option("seed", natural, 0, "seed of every random draw"),
    flag("overwrite", "replace training of other options or clips in --out"),
)
OF_A_CLIP = ("start", "end", "fps", "max_frames", "size", "mask", "box", "key", "mask_file")
GROUPS = CHOICES, clip_options.of_both(OF_A_CLIP)

if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(arguments.parse, __doc__, *GROUPS)

import hashlib
from pathlib import Path

from datasets.clip import Clip
from engine import run_folder
from engine.steps import ROOT, Step, Steps
from models import weights
from preparation import record
from preparation.clip_folder import frame_rate
from utils import runtime
from utils.domains import PAIR
from utils.errors import UserError
from video.reader import DEFAULT_RATE

FEWEST = 8  # frames of a clip that evaluate.py takes


def prepare(opt, given, domain, way):
    """Folder of a prepared clip: the user's own, or one made in --out of a video."""
    source, folder = Path(getattr(opt, f"clip_{domain}")).resolve(), Path(opt.out) / domain
    if (source / "train_seg").is_dir():
        if painted := record.edited_masks(source, record.read(source)):
            raise UserError(
                f"{source} has {len(painted)} masks painted by hand that are not cut yet; give its "
                "prepare_data.py command again first"
            )
        return source
    words = [str(source), "--out", str(folder)]
    for name in OF_A_CLIP:
        if f"{name}_{domain}" in given:
            words += [f"--{name}", str(getattr(opt, f"{name}_{domain}"))]
    products = tuple(folder / name for name in ("prepared.json", "crops.json", "overlay.png"))
    painted = bool(record.edited_masks(folder, record.read(folder)))  # they have to be cut anew
    files = [
        record.file_state(source),
        record.file_state(getattr(opt, f"mask_file_{domain}") or folder / "no"),
    ]
    step = Step(
        f"clip {domain.upper()}", "prepare_data.py", tuple(words), products, files,
        replacing=("--overwrite",),
    )  # fmt: skip
    way.take(step, opt.overwrite, force=painted)
    return folder


class Films:
    """Both clips as the steps need them.

    Args:
        folders: dict of domain -> folder of a prepared clip.
    """

    def __init__(self, folders):
        self.folders = folders
        self.clips = {domain: Clip(folder / "train_seg") for domain, folder in folders.items()}
        self.roots = [
            word for d, clip in self.clips.items() for word in (f"--root_{d}", str(clip.masks))
        ]
        self.shortest = min(map(len, self.clips.values()))

    def fingerprint(self):
        """Hashes that tell one state of the clips' files from another."""
        both = [(c.masks, c.names) for c in self.clips.values()]
        both += [(c.frames, c.names) for c in self.clips.values()]
        files = [folder / name for folder, names in both for name in names]
        return [hashlib.sha1(path.read_bytes()).hexdigest() for path in files]

    def whole(self, domain):
        """Whether the frames are there that a clip was cut of."""
        folder = self.folders[domain]
        return (folder / "crops.json").is_file() and (folder / "frames").is_dir()

    def rate(self, domain):
        """Frames per second; a usual number where a clip does not tell."""
        return frame_rate(self.folders[domain]) or DEFAULT_RATE

    def span(self, domain, count=None):
        """--start_ and --end_ of gen_vid.py for `count` frames, or all."""
        first = int(Path(self.clips[domain].names[0]).stem)
        return first, first + (count or len(self.clips[domain]))


def training(films, words, aside, out):
    """The `Step`s of stage one and stage two."""
    both = {"again": ("--resume",), "aside": aside}
    first, second = out / "first", out / "second"
    words = *words, *films.roots
    prints = films.fingerprint()
    yield Step(
        "stage one", "train_first_stage.py", (*words, "--out", str(first)),
        (first / "checkpoint",), prints, clears=first, **both,
    )  # fmt: skip
    yield Step(
        "stage two", "train_second_stage.py",
        (*words, "--load", str(first / "checkpoint"), "--out", str(second)),
        (second / "checkpoint",), prints, ("stage one",), clears=second, **both,
    )  # fmt: skip


def inference(films, words, aside, out):
    """The `Step`s that make the pictures of either direction."""
    for domain, pair in PAIR.items():
        kinds, finish = [f"refined_{pair}_"], ()
        if films.whole(domain):
            kinds, finish = [*kinds, f"final_{pair}_"], ("--restore", "--background", "driver")
        products = tuple(out / f"frames/{k}{films.clips[domain].names[-1]}" for k in kinds)
        argv = (
            *words, *films.roots, "--load", str(out / "second/checkpoint"), "--splitted",
            "--direction", pair, *finish, "--out", str(out / "frames"),
        )  # fmt: skip
        yield Step(
            f"frames {pair}", "inference.py", argv, products, None, ("stage two",), aside
        )  # fmt: skip


def videos(films, out):
    """The `Step`s of the video that compares, and of each direction's result for itself."""
    (a, end_a), (b, end_b) = (films.span(domain, films.shortest) for domain in "ab")
    cells = "--prefix_a a_ --prefix_b refined_ab_ --prefix_c b_ --prefix_d refined_ba_ --resize"
    words = f"{cells} --start_a {a} --end_a {end_a} --start_b {b} --end_b {end_b}".split()
    yield video("both", out, words, min(map(films.rate, "ab")), ("frames ab", "frames ba"))
    for domain, pair in PAIR.items():
        first, end = films.span(domain)
        kind = "final" if films.whole(domain) else "refined"
        words = ["--columns", f"{kind}_{pair}_", "--start_a", str(first), "--end_a", str(end)]
        sound = films.folders[domain] / "sound.m4a"
        words += ["--audio", str(sound)] if sound.is_file() else []
        yield video(pair, out, words, films.rate(domain), (f"frames {pair}",))


def video(name, out, words, rate, follows):
    """The `Step` of one video, OUT/<int(rate)>_<name>.mp4."""
    place = "--img_path", str(out / "frames"), "--out", str(out), "--name", f"{name}.mp4"
    argv = (*place, "--fps", str(rate), *words)
    path = out / f"{int(rate)}_{name}.mp4"
    return Step(f"video {name}", "gen_vid.py", argv, (path,), follows=follows)


def evaluation(films, words, aside, out):
    """The `Step` that measures, where the clips are long enough."""
    if films.shortest >= FEWEST:
        load, folder = str(out / "second/checkpoint"), out / "evaluation"
        argv = (*words, *films.roots, "--load", load, "--report", "--out", str(folder))
        page = (folder / "report.html",)
        yield Step("measures", "evaluate.py", argv, page, None, ("stage two",), aside)


def configs(opt, device):
    """The words that give the scripts the preset's options, then the user's; checked early."""
    preset = ROOT / f"configs/{opt.preset}_{'gpu' if device.type == 'cuda' else 'cpu'}.yaml"
    words = ["--config", str(preset), *(["--config", opt.settings] if opt.settings else [])]
    for script, groups in options.SCRIPTS.items():
        found, _ = arguments.parse("", *groups, argv=words, script=script)
        if getattr(found, "lambda_vgg", 0):
            weights.vgg16_state(found.vgg_weights)
    return words


def main():
    opt, given = arguments.parse(__doc__, *GROUPS)
    if not (opt.clip_a and opt.clip_b and opt.out):
        raise UserError("two clips and a folder are needed: run.py CLIP_A CLIP_B --out DIR")
    for path in (opt.clip_a, opt.clip_b):
        if not Path(path).exists():
            raise UserError(f"{path} does not exist; give a video or a prepared clip")
    words = configs(opt, runtime.pick_device(opt.device))
    opt.out = str(Path(opt.out).resolve())
    out = Path(opt.out) / opt.preset
    run_folder.make_folder(out)
    way = Steps(opt.out)
    films = Films({domain: prepare(opt, given, domain, way) for domain in "ab"})

    words, aside, way = [*words, "--seed", str(opt.seed)], ("--device", opt.device), Steps(out)
    results = []
    for steps in (training, inference):
        for step in steps(films, words, aside, out):
            way.take(step, opt.overwrite)
    for step in (*videos(films, out), *evaluation(films, words, aside, out)):
        way.take(step)
        results += step.products
    print(f"done: {', '.join(map(str, results))}")


if __name__ == "__main__":
    errors.run(main)
