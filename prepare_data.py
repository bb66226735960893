"""Make a clip for training of your own video: frames, masks, and both cropped to the object.

Everything goes into --out: frames/ and masks/ are whole, train/ and train_seg/ are cropped to the
object. Look at overlay.png. To mend masks use --interactive, --redo, or paint in masks/<n>.png and
give the same command again: masks that you edited are kept.
"""

from utils import errors

errors.guard(__name__)

from preparation import clip_options
from utils import arguments

GROUPS = clip_options.FRAMES, clip_options.MASKING, clip_options.REPAIR
if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(arguments.parse, __doc__, *GROUPS)

from functools import partial
from pathlib import Path

from tqdm import tqdm

from preparation import clip_folder, decoding, existing, finding, masking, publish, record, review
from preparation.finish import finish
from server import packages
from utils.errors import UserError
from utils.locks import locked
from utils.numbering import ranges
from video.reader import Excerpt, open_source


def excerpt(opt):
    return Excerpt(opt.start, opt.end, opt.fps, opt.size)


def decode(opt, new):
    """Write frames and sound of the excerpt into `new`; returns (number of frames, their rate)."""
    bar = partial(tqdm, desc="frames", disable=None)
    count, fps, odd = decoding.decode(opt.video, excerpt(opt), opt.max_frames, new, bar)
    for sentence in odd:
        print(sentence)
    return count, fps


def finder(opt):
    """The `Finder` of masks by the options."""
    return finding.Finder(
        opt.mask, opt.video, excerpt(opt), opt.box, opt.key, opt.tolerance,
        opt.mask_file, opt.mask_weights, partial(device, opt), bool(opt.max_frames),
        partial(tqdm, desc="search", disable=None),
    )  # fmt: skip


def device(opt):
    from utils import runtime  # with torch, which is slow to import

    return runtime.pick_device(opt.device)


def write_masks(raw, numbers, new):
    bar = partial(tqdm, desc="masks", total=len(numbers), disable=None)
    return masking.write(raw, numbers, new / "masks", bar)


def prepare(opt, given, out, new):
    """Make the whole clip; what the same options made before is kept. Returns a `Review`."""
    wanted, masker = existing.asked(vars(opt)), finder(opt)
    known = existing.Existing() if opt.overwrite else existing.find_for(out, wanted)
    masker.check(given, open_source(opt.video, excerpt(opt)))
    if known.same_frames:
        folder, count, fps = out, known.record["frames"], known.record["fps"]
    else:
        publish.refuse_links(out, ["frames"])
        folder, (count, fps) = new, decode(opt, new)
    frames = clip_folder.Frames(folder / "frames", count)
    record.keep_masks(out, new, known.kept(count), known.painted)
    content = known.prepared(wanted, count, fps, frames[0].shape[1::-1])
    parts = {}
    if not known.same_masks:
        found = masker.choose(frames)
        if found.why:
            print(f"--mask {found.method} was chosen: {found.why}")
        content["method"] = found.method
        parts = write_masks(found.masks, range(count), new)
    return finish(out, new, content, parts)


def redo(opt, given, out, new):
    """Make the masks of a range anew, by the options of the clip where none are given.

    Masks outside the range, and edited ones, stay as they are. Returns a `Review`.
    """
    names = given & {*clip_options.FRAMES_HANG_ON, "crop"}
    frames_of, numbers = {name: getattr(opt, name) for name in names}, opt.redo
    known = existing.find_range(out, numbers, frames_of, opt.overwrite)
    former = {**known.record["frames_of"], **known.record["masks_of"]}
    vars(opt).update(clip_options.for_range(former, given, opt.mask))
    masker = finder(opt).of_range()
    frames = clip_folder.Frames(out / "frames", known.record["frames"])
    masker.check(given, frames)
    if "video" in given or masker.method == "alpha":
        known.refuse_other_video(opt.video)
    if stay := {n for n in known.edited & {*numbers} if (out / f"masks/{n}.png").is_file()}:
        print(f"masks {ranges(stay)} were edited and stay; --overwrite makes them anew too")
    others = set(range(len(frames))) - set(numbers)
    record.keep_masks(out, new, stay | others, known.painted)
    before = None if opt.box else masking.before(new / "masks", numbers)
    find = partial(masker.masks, masker.method)
    raw = masking.of_range(find, masker.method, frames, numbers, before)
    parts = write_masks(raw, numbers, new)
    return finish(out, new, known.remade(parts), parts)


def interact(opt, out):
    """Let the user make or mend masks in a page, until the clip is finished or left for later."""
    from preparation import interactive  # with the packages of the server

    wanted = existing.asked(vars(opt)) if opt.video else None
    decoder = partial(decode, opt) if opt.video else None
    work = interactive.begin(out, wanted, decoder, opt.overwrite)
    found = work.edit(lambda address: print(f"the page is at {address}", flush=True))
    if found is None:
        again = clip_options.command("--interactive", "--out", out)
        return print(f"all is kept; go on with: {again}")
    report(found, out)


def report(found, out):
    """Print what looks odd in the finished clip, and what to do now."""
    content = record.read(out)
    count = content["frames"]
    print(review.advice(found, out, content), end="")
    if words := review.length(count):
        print(words)
    print(f"{count} frames and masks are in {out}; see overlay.png; train on {out}/train_seg/")


def look_through(folder, renumber):
    """Print what is wrong with a clip, and draw what training will see of it."""
    from preparation import check, renumbering  # with torch, which is slow to import

    if renumber:
        with locked(check.folders(folder)[0].parent):
            count = renumbering.renumber(folder)
        print(f"{count} frames and masks are named 0.jpg, 1.jpg, ... now")
    found = check.examine(folder)
    faults = [*found.misnamed, *found.faults]
    for kind, sentences in (("fault", faults), ("advice", found.advice)):
        for sentence in sentences:
            print(f"{kind}: {sentence}")
    if faults:
        way = "; --renumber mends names and numbers" if found.misnamed else ""
        raise UserError(f"{folder} is not ready for training, see above{way}")
    print(check.odd_masks(folder), end="")
    count, picture = check.draw(folder, found)
    print(f"{count} frames are fit for training; see {picture}")


def refuse_contradictions(opt, given):
    """UserError where options of a clip are missing or exclude each other."""
    if opt.renumber:
        raise UserError("--renumber goes with --check; give both, like --check data/cat --renumber")
    if not (opt.out and (opt.video or opt.redo or opt.interactive)):
        raise UserError(
            "a video, or a folder of pictures, and a folder for the clip are needed: "
            "prepare_data.py VIDEO --out DIR"
        )
    if opt.interactive:
        packages.refuse_missing("--interactive")
        if unused := given & {"redo", *clip_options.MASKS_HANG_ON}:
            raise UserError(f"--{min(unused)} cannot be combined with --interactive; use it first")
    if opt.end is not None and opt.end <= opt.start:
        raise UserError(f"--end {opt.end:g} must be after --start {opt.start:g}")
    if Path(opt.out).resolve() in (Path(opt.video), *Path(opt.video).parents):
        raise UserError(f"{opt.video} lies in --out, where it would be replaced; choose another")


def main():
    opt, given = arguments.parse(__doc__, *GROUPS)
    if opt.check:
        return look_through(opt.check, opt.renumber)
    for name in ("video", "mask_file"):
        setattr(opt, name, getattr(opt, name) and str(Path(getattr(opt, name)).resolve()))
    refuse_contradictions(opt, given)
    out = Path(opt.out)
    with locked(out):
        publish.recover(out)
        clip_folder.refuse_foreign_files(out, record.read(out).get("frames", 0))
        publish.refuse_links(out, ("masks", "train", "train_seg"))
        if opt.interactive:
            return interact(opt, out)
        with publish.workspace(out) as new:
            found = (redo if opt.redo else prepare)(opt, given, out, new)
        report(found, out)


if __name__ == "__main__":
    errors.run(main)
