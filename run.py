"""Two clips in, finished videos out: prepares, trains both stages, infers, writes videos, measures.

CLIP_A and CLIP_B are videos, folders of pictures, or prepared clips (folders with train_seg/). The
same command, given again, skips what is done and resumes what was interrupted.
"""

from utils import errors

errors.guard(__name__)

from preparation.pair_options import GROUPS, OF_A_CLIP, check_clips
from utils import arguments

if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(arguments.parse, __doc__, *GROUPS)

from pathlib import Path

from engine import presets
from engine.steps import Step, Steps
from preparation import clip_options, prepared_clips, record
from utils import runtime
from utils.domains import PAIR
from utils.errors import UserError
from utils.locks import locked

FEWEST = 8  # frames of a clip that evaluate.py takes


def prepare(opt, given, domain, way, trained):
    """Folder of a prepared clip: the user's own, or one made in --out of a video.

    Args:
        way: `Steps` of the clips.
        trained: whether --out holds training that another clip would not fit.
    """
    source, folder = Path(getattr(opt, f"clip_{domain}")).resolve(), Path(opt.out) / domain
    if (source / "train_seg").is_dir():
        vain = [f"--{name}_{domain}" for name in OF_A_CLIP if f"{name}_{domain}" in given]
        prepared_clips.refuse_unfit(source, vain)
        return source
    step = preparing(opt, given, domain, source, folder)
    painted = bool(record.edited_masks(folder, record.read(folder)))  # they must be cropped again
    if trained and (painted or not way.knows(step)) and not opt.overwrite:
        raise UserError(
            f"{step.name}: {opt.out} holds training with another clip, other options of it or "
            "other masks; give the former ones, another --out, or --overwrite to replace it"
        )
    try:
        way.take(step, opt.overwrite, force=painted)
    except SystemExit as end:
        if end.code == 2:  # it advised its own options
            print(
                f"if masks are what is missing: --box is --box_{domain} here; or make them by "
                f"hand, and then name {folder} in place of the video:\n"
                f"{clip_options.in_the_page(*step.argv)}"
            )
        raise
    return folder


def preparing(opt, given, domain, source, folder):
    """The `Step` of prepare_data.py that makes the clip in `folder` of the video at `source`."""
    words = [str(source), "--out", str(folder)]
    for name in OF_A_CLIP:
        if f"{name}_{domain}" in given:
            words += [f"--{name}", str(getattr(opt, f"{name}_{domain}"))]
    products = tuple(folder / name for name in ("prepared.json", "crops.json", "overlay.png"))
    masks = getattr(opt, f"mask_file_{domain}") or folder / "no"
    files = [record.file_state(path) for path in (source, masks)]
    return Step(
        f"clip {domain.upper()}", "prepare_data.py", tuple(words), products, files,
        replacing=("--overwrite",),
    )  # fmt: skip


def training(clips, words, aside, out):
    """The `Step`s of stage one and stage two."""
    both = {"again": ("--resume",), "aside": aside}
    first, second = out / "first", out / "second"
    words = *words, *clips.roots
    prints = clips.fingerprint()
    yield Step(
        "stage one", "train_first_stage.py", (*words, "--out", str(first)),
        (first / "checkpoint",), prints, clears=first, **both,
    )  # fmt: skip
    yield Step(
        "stage two", "train_second_stage.py",
        (*words, "--load", str(first / "checkpoint"), "--out", str(second)),
        (second / "checkpoint",), prints, ("stage one",), clears=second, **both,
    )  # fmt: skip


def inference(clips, words, aside, out):
    """The `Step`s of inference.py, one for each pair."""
    for domain, pair in PAIR.items():
        kinds, finish = [f"refined_{pair}_"], ()
        if clips.whole(domain):
            kinds, finish = [*kinds, f"final_{pair}_"], ("--restore", "--background", "driver")
        products = tuple(out / f"frames/{k}{clips.by_domain[domain].names[-1]}" for k in kinds)
        argv = (
            *words, *clips.roots, "--load", str(out / "second/checkpoint"), "--splitted",
            "--direction", pair, *finish, "--out", str(out / "frames"),
        )  # fmt: skip
        yield Step(
            f"frames {pair}", "inference.py", argv, products, None, ("stage two",), aside
        )  # fmt: skip


def videos(clips, out):
    """The `Step`s of gen_vid.py: one video that compares both pairs, and one of each pair alone."""
    (a, end_a), (b, end_b) = (clips.span(domain, clips.shortest) for domain in "ab")
    cells = "--prefix_a a_ --prefix_b refined_ab_ --prefix_c b_ --prefix_d refined_ba_ --resize"
    words = f"{cells} --start_a {a} --end_a {end_a} --start_b {b} --end_b {end_b}".split()
    yield video("both", out, words, min(map(clips.rate, "ab")), ("frames ab", "frames ba"))
    for domain, pair in PAIR.items():
        first, end = clips.span(domain)
        kind = "final" if clips.whole(domain) else "refined"
        words = ["--columns", f"{kind}_{pair}_", "--start_a", str(first), "--end_a", str(end)]
        sound = clips.folders[domain] / "sound.m4a"
        words += ["--audio", str(sound)] if sound.is_file() else []
        yield video(pair, out, words, clips.rate(domain), (f"frames {pair}",))


def video(name, out, words, rate, follows):
    """The `Step` of one video, OUT/<int(rate)>_<name>.mp4."""
    place = "--img_path", str(out / "frames"), "--out", str(out), "--name", f"{name}.mp4"
    argv = (*place, "--fps", str(rate), *words)
    path = out / f"{int(rate)}_{name}.mp4"
    return Step(f"video {name}", "gen_vid.py", argv, (path,), follows=follows)


def evaluation(clips, words, aside, out):
    """The `Step` of evaluate.py, if both clips have the frames that it needs."""
    if clips.shortest >= FEWEST:
        load, folder = str(out / "second/checkpoint"), out / "evaluation"
        argv = (*words, *clips.roots, "--load", load, "--report", "--out", str(folder))
        page = (folder / "report.html",)
        yield Step("measures", "evaluate.py", argv, page, None, ("stage two",), aside)


def main():
    opt, given = arguments.parse(__doc__, *GROUPS)
    if not (opt.clip_a and opt.clip_b and opt.out):
        raise UserError("two clips and a folder are needed: run.py CLIP_A CLIP_B --out DIR")
    check_clips(opt.clip_a, opt.clip_b)
    cuda = runtime.pick_device(opt.device).type == "cuda"
    words = presets.words(opt.preset, opt.settings, cuda)
    opt.out = str(Path(opt.out).resolve())
    out = Path(opt.out) / opt.preset
    with locked(opt.out), locked(out):
        take_steps(opt, given, words, out)


def take_steps(opt, given, words, out):
    """Take all steps, the results of which are in `out`; `words` go to every script."""
    of_clips, way = Steps(opt.out), Steps(out)
    trained = "stage one" in way.known
    clips = prepared_clips.PreparedClips(
        {d: prepare(opt, given, d, of_clips, trained) for d in "ab"}
    )

    words, aside = [*words, "--seed", str(opt.seed)], ("--device", opt.device)
    results = []
    for steps in (training, inference):
        for step in steps(clips, words, aside, out):
            way.take(step, opt.overwrite)
    for step in (*videos(clips, out), *evaluation(clips, words, aside, out)):
        way.take(step)
        results += step.products
    print(f"done: {', '.join(map(str, results))}")


if __name__ == "__main__":
    errors.run(main)
