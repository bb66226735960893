"""Make a clip for training of your own video: frames, masks, and both cut to the object.

Everything goes into --out: frames/ and masks/ are whole, train/ and train_seg/ cut to the object.
Look at overlay.png. To mend masks use --redo, or paint in masks/<n>.png and give the same command
again: masks that you edited are kept.
"""

from itertools import islice
from pathlib import Path

import numpy as np
from PIL import ImageColor
from tqdm import tqdm

from preparation import check, clip_folder, clip_options, publish, record, review
from segmentation import cleanup, methods, weights
from utils import arguments, errors, runtime
from utils.errors import UserError
from video.reader import Excerpt, open_source, save_sound

FEW, MANY = 30, 300  # frames; below and above there is a word of advice
PROMISED = 0.9  # of the frames that a file promises; fewer, and it seems to be cut short


def excerpt(opt):
    return Excerpt(opt.start, opt.end, opt.fps, opt.size)


def decode(opt, new):
    """Write frames and sound of the excerpt into `new`; returns (number of frames, their rate)."""
    source = open_source(opt.video, excerpt(opt))
    most = min(opt.max_frames or np.inf, source.expected or np.inf)
    frames = islice(source, opt.max_frames or None)
    total = None if most == np.inf else most
    written = clip_folder.write_frames(tqdm(frames, "frames", total, disable=None), new / "frames")
    if most < np.inf and written < PROMISED * most:
        print(
            f"{opt.video}: {written} of about {most} frames could be decoded, and are used; it "
            "seems to be cut short or damaged"
        )
    if written < 2:
        raise UserError(f"{opt.video} yields one frame only; a clip needs at least two")
    if Path(opt.video).is_file():
        part = Excerpt(opt.start, opt.start + written / source.fps)
        save_sound(opt.video, part, new / "sound.m4a")
    return written, source.fps


def find_masks(opt, frames, mask=None):
    """Masks (H, W) bool by `--mask`, one for each of `frames`; `mask` is the first, if known."""
    box = clip_options.pixels(opt.box, *frames[0].shape[1::-1])
    source = None
    if opt.mask == "file" and not opt.mask_file:
        raise UserError("--mask file needs --mask_file, a video or folder of masks")
    if opt.mask == "file":
        every = Path(opt.mask_file).is_dir()  # then there is one for each frame that was taken
        source = open_source(opt.mask_file, Excerpt() if every else excerpt(opt))
    if opt.mask == "alpha":
        source = open_source(opt.video, excerpt(opt), alpha=True)
    key = ImageColor.getrgb(opt.key)[:3] if opt.key else None
    learned = {"weights": opt.mask_weights, "device": runtime.pick_device(opt.device)}
    more = bool(opt.max_frames)
    return methods.masks(opt.mask, frames, box, mask, key, opt.tolerance, source, more, **learned)


def write_masks(raw, numbers, new):
    """Clean masks and write those of `numbers` that `new` lacks; returns parts by number."""
    parts, lacking = {}, [n for n in numbers if not (new / f"masks/{n}.png").exists()]
    clean = cleanup.clean(review.counted(raw, numbers, parts))
    bar = tqdm(clean, "masks", len(numbers), disable=None)
    clip_folder.write_masks(bar, numbers, new / "masks")
    return {number: parts[number] for number in lacking}


def finish(out, new, known, parts):
    """Cut, review, put everything in its place and say what looks odd; `known` is the record."""
    count = known["frames"]
    folder = (new if (new / "frames").is_dir() else out) / "frames"
    frames, masks = clip_folder.Frames(folder, count), clip_folder.Masks(new / "masks", count)
    looks = [review.look(mask, parts.get(number)) for number, mask in enumerate(masks)]
    if not any(seen.area for seen in looks):
        raise UserError("no object was found in any frame; give --box, or another --mask")
    found = review.suspects(looks)
    clip_folder.cut(frames, masks, known["crop"], new)
    clip_folder.save_picture(np.asarray(review.sheet(frames, masks, found)), new / "overlay.png")
    record.write(new, known)
    publish.publish(out)
    print(review.advice(found, out), end="")
    if not FEW <= count <= MANY:
        print(f"{count} frames are {'few' if count < FEW else 'many'}; 50 to 200 are a good number")
    print(f"{count} frames and masks are in {out}; see overlay.png; train on {out}/train_seg/")


def prepare(opt, out, new):
    """The whole way from the video; what is there with the same options is taken over."""
    known = {} if opt.overwrite else record.read(out)
    wanted = {
        "frames_of": {name: getattr(opt, name) for name in clip_options.FRAMES_HANG_ON},
        "masks_of": {name: getattr(opt, name) for name in clip_options.MASKS_HANG_ON},
        "crop": opt.crop,
    }
    wanted["frames_of"]["state"] = record.file_state(opt.video)
    wanted["masks_of"]["state"] = record.file_state(opt.mask_file) if opt.mask_file else []
    same = known.get("frames_of") == wanted["frames_of"]
    by_hand = record.edited_masks(out, known)
    touched = {*known.get("redone", ()), *known.get("edited", ()), *by_hand}
    if touched and not same:
        raise UserError(
            f"{out} holds masks edited or redone for other frames ({review.ranges(touched)}); "
            "give the options they were made with, another --out, or --overwrite to drop them"
        )
    if opt.mask in weights.NEEDED:
        weights.find(opt.mask, opt.mask_weights)  # before the work, not after
    count, fps = (known["frames"], known["fps"]) if same else decode(opt, new)
    frames = clip_folder.Frames((out if same else new) / "frames", count)
    done = same and known["masks_of"] == wanted["masks_of"]
    record.keep_masks(out, new, range(count) if done else touched, by_hand)
    parts = {} if done else write_masks(find_masks(opt, frames), range(count), new)
    edited = sorted({*known.get("edited", ()), *by_hand})
    made = {"frames": count, "fps": fps, "size": frames[0].shape[1::-1], "edited": edited}
    finish(out, new, {**known, **wanted, **made}, parts)


def redo(opt, given, out, new):
    """Make the masks of a range anew; those outside, and edited ones, stay as they are."""
    known = record.read(out)
    if not known:
        raise UserError(f"--out {out or '(none)'} holds no clip yet; prepare it without --redo")
    count, numbers = known["frames"], clip_options.numbers(opt.redo)
    if numbers[-1] >= count:
        raise UserError(f"--redo {opt.redo}: {out} has frames 0 to {count - 1}; give some of them")
    former = {**known["frames_of"], **known["masks_of"], "box": None}
    for name in former.keys() - given:
        setattr(opt, name, former[name])
    by_hand = record.edited_masks(out, known)
    edited = {*known["edited"], *by_hand}
    spared = set() if opt.overwrite else edited
    if hit := spared.intersection(numbers):
        print(f"masks {review.ranges(hit)} were edited and stay; --overwrite makes them anew too")
    record.keep_masks(out, new, spared | (set(range(count)) - set(numbers)), by_hand)
    frames = clip_folder.Frames(out / "frames", count)
    first, last = numbers[0], numbers[-1]
    if opt.mask == "grabcut" and first and not opt.box:  # go on from the mask before
        mask = clip_folder.read_mask(new / f"masks/{first - 1}.png")
        raw = islice(find_masks(opt, frames[first - 1 : last + 1], mask), 1, None)
    elif opt.mask in ("grabcut", "sam2"):
        raw = find_masks(opt, frames[first : last + 1])
    else:
        raw = islice(find_masks(opt, frames), first, last + 1)
    parts = write_masks(raw, numbers, new)
    redone = {*known.get("redone", ()), *numbers} - spared
    known |= {"edited": sorted(edited - set(parts)), "redone": sorted(redone)}
    finish(out, new, known, parts)


def main():
    groups = clip_options.FRAMES, clip_options.MASKING, clip_options.REPAIR
    opt, given = arguments.parse(__doc__, *groups)
    if opt.check:
        return check.look_through(opt.check, opt.renumber)
    if not opt.out:
        raise UserError("no folder for the clip given; pass --out, like --out data/cat")
    if not (opt.video or opt.redo):
        raise UserError("no video given; name a video file or a folder of pictures")
    if opt.end is not None and opt.end <= opt.start:
        raise UserError(f"--end {opt.end:g} must be after --start {opt.start:g}")
    out = Path(opt.out)
    for name in ("video", "mask_file"):
        setattr(opt, name, getattr(opt, name) and str(Path(getattr(opt, name)).resolve()))
    if out.resolve() in (Path(opt.video), *Path(opt.video).parents):
        raise UserError(f"{opt.video} lies in --out, where it would be replaced; choose another")
    publish.recover(out)
    clip_folder.refuse_foreign_files(out, record.read(out).get("frames", 0))
    with publish.workspace(out) as new:
        if opt.redo:
            redo(opt, given, out, new)
        else:
            prepare(opt, out, new)


if __name__ == "__main__":
    errors.run(main)
