"""Let every frame of either clip drive the other object, with a checkpoint of stage two."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch
from tqdm import tqdm

from datasets.clip import Clip
from utils import arguments, checkpoint, errors, images, options, run_folder, runtime, visualize
from utils.pipeline import map_ahead
from utils.visualize import unit

AHEAD = 32  # frames on their way to files besides two batches, so that every core has some


def shown(frames, masks, result, splitted):
    """What the files show of a batch, by name: pictures (B, 3 or 1, H, W) uint8, and keypoints."""
    pictures = {"frame": unit(frames), "mask": masks, "other_picture": unit(result.other_picture)}
    keypoints = {}
    if splitted:
        pictures["other_mask"] = images.stretch(result.other_mask)
    else:
        pictures |= {"own_mask": result.own_mask, "own_picture": unit(result.own_picture)}
        pictures["other_mask"] = result.other_mask
        keypoints = {"keypoints": result.keypoints, "moved_keypoints": result.moved_keypoints}
    # A quarter of the bytes, and each pixel's colours side by side, which Pillow takes uncopied.
    layout = torch.channels_last
    pixels = {k: images.to_pixels(x).contiguous(memory_format=layout) for k, x in pictures.items()}
    return {**pixels, **keypoints}


def to_host(batch):
    """What is `shown` of both domains, on the CPU; waits until the device has computed it."""
    return {domain: {k: x.cpu() for k, x in parts.items()} for domain, parts in batch.items()}


def split_pictures(domain, items):
    """The pictures of one frame that `--splitted` writes, Pillow images by prefix."""
    pair, item = {"a": "ab", "b": "ba"}[domain], items[domain]
    pictures = {
        f"{domain}_": item["frame"],
        f"seg_{domain}_": item["mask"],
        f"refined_{pair}_": item["other_picture"],
        f"decoded_{pair}_": item["other_mask"],
    }
    return {prefix: images.to_pil(x[0]) for prefix, x in pictures.items()}


def sheets(domain, items):
    """The labelled sheets of one frame, Pillow images by prefix; A's include both clips' `kp_`."""
    this, other, item = domain.upper(), {"a": "B", "b": "A"}[domain], items[domain]
    picture = {f"frame {this}": item["frame"]}
    own = {f"mask {this}": item["mask"], "decoded": item["own_mask"]}
    driven = {f"decoded, shape of {other}": item["other_mask"]}
    dots = {d: {f"keypoints {d.upper()}": (x["frame"], x["keypoints"])} for d, x in items.items()}
    moved = {f"moved to {other}": (item["frame"], item["moved_keypoints"])}
    drawn = {
        f"recon_{domain}_": visualize.rows({**picture, **own, "refined": item["own_picture"]}),
        f"{domain}{other.lower()}{domain}_": visualize.rows(
            {**picture, **driven, f"look of {other}": item["other_picture"]}
        ),
        f"kp_test_{domain}": visualize.keypoint_rows({**dots[domain], **moved}),
    }
    if domain == "a":
        drawn["kp_"] = visualize.keypoint_rows({**dots["a"], **dots["b"]})
    return drawn


def write(opt, frame):
    """Write what one frame of each clip yields, each file as prefix + frame's name.

    `frame` holds file names by domain, the future of its batch's `to_host`, its index in there.
    """
    names, batch, i = frame
    items = {d: {k: x[i : i + 1] for k, x in parts.items()} for d, parts in batch.result().items()}
    for domain, name in names.items():
        drawn = split_pictures(domain, items) if opt.splitted else sheets(domain, items)
        for prefix, image in drawn.items():
            if opt.splitted:
                image = images.resize(image, opt.w or image.width, opt.h or image.height)
            images.save(image, Path(opt.out) / f"{prefix}{name}")


def compute(pool, retarget, clips, count, opt, device):
    """Yield frame after frame for `write`; the networks see `--bs` of them at once.

    Nothing here waits for the device: `pool` copies a batch while the next one is on its way.
    `retarget` takes frames and their domain.
    """
    streams = (c.stream(count, opt.bs, *options.canvas(opt, d), device) for d, c in clips.items())
    numbers = itertools.count()
    for batch in zip(*streams):
        parts = {}
        for domain, (_, frames, masks) in zip(clips, batch):
            parts[domain] = shown(frames, masks, retarget(frames, domain), opt.splitted)
        on_host = pool.submit(to_host, parts)
        for i, number in zip(range(len(frames)), numbers):
            # A clip that goes round comes to the same file again; only the last time is written.
            final = {d: number + len(clip) >= count for d, clip in clips.items()}
            yield {d: x[0][i] for d, x in zip(clips, batch) if final[d]}, on_host, i


def main():
    groups = options.CLIPS, options.RUN, options.NETWORKS, options.REFINERS, options.INFERENCE
    opt, given = arguments.parse(__doc__, *groups)
    align = opt.affine  # as asked for: opening the checkpoint sets it to what the networks have
    device = runtime.start(opt.device)
    jokr = checkpoint.open_jokr(opt, given, device)
    clips = {domain: Clip(**options.clip(opt, domain)) for domain in "ab"}
    run_folder.make_folder(opt.out)

    count = min(map(len, clips.values())) if opt.data_size == -1 else opt.data_size
    with ThreadPoolExecutor() as pool, tqdm(total=count, unit="frame", disable=None) as bar:
        retarget = partial(jokr.retarget, align=align, own=not opt.splitted)
        frames = compute(pool, retarget, clips, count, opt, device)
        try:
            for _ in map_ahead(pool, partial(write, opt), frames, 2 * opt.bs + AHEAD):
                bar.update()
        except (RuntimeError, MemoryError) as error:
            runtime.explain_full_memory(error, device, opt)
            raise
    print(f"{count} frames of each clip done; pictures are in {opt.out}")


if __name__ == "__main__":
    errors.run(main)
