"""Let every frame of either clip drive the other object, with a checkpoint of stage two."""

from pathlib import Path

import torch
from tqdm import tqdm

from datasets.clip import Clip
from models.build import build_jokr
from utils import arguments, checkpoint, errors, images, options, runtime, visualize
from utils.visualize import unit


def build(opt, given, device):
    """`JOKR` in eval mode from `--load`; the checkpoint's network options go into `opt`."""
    state = checkpoint.load(opt.load, stage=2, device=device)
    checkpoint.adopt(opt, given, opt.load, state)
    jokr = build_jokr(**options.network(opt), new_norm=opt.new_norm).to(device).eval()
    jokr.detector.check_size(opt.resize_w, opt.resize_h)
    parts = {
        "G_A": jokr.shape_decoder,
        "KP": jokr.detector,
        "R_A": jokr.refiner_a,
        "R_B": jokr.refiner_b,
    }
    checkpoint.restore(opt.load, state, parts, jokr.affine)
    return jokr


def batches(clip, count, size, width, height, pad_factor):
    """Frames 0..count-1 of a clip, wrapping round at its end, padded and resized as 8-bit pictures.

    Yields:
        file names (list of B), frames (B, 3, H, W) in [-1, 1] and masked, masks (B, 1, H, W).
    """
    for first in range(0, count, size):
        indices = [i % len(clip) for i in range(first, min(first + size, count))]
        pixels = []
        for pair in map(clip.read, indices):
            padded = (images.resize(images.pad(image, pad_factor), width, height) for image in pair)
            pixels.append(torch.cat([images.to_tensor(image) for image in padded]))
        frames, masks = images.normalise(*torch.stack(pixels).split((3, 1), dim=1))
        yield [clip.names[i] for i in indices], frames, masks


def split_pictures(domain, frame, mask, result):
    """The pictures of one frame that `--splitted` writes, by prefix; (3 or 1, H, W) in [0, 1]."""
    pair = {"a": "ab", "b": "ba"}[domain]
    return {
        f"{domain}_": unit(frame[0]),
        f"seg_{domain}_": mask[0],
        f"refined_{pair}_": unit(result.other_picture[0]),
        f"decoded_{pair}_": images.stretch(result.other_mask[0]),
    }


def sheets(domain, frame, mask, result):
    """The labelled sheets of one frame, Pillow images by prefix."""
    this, other = domain.upper(), {"a": "B", "b": "A"}[domain]
    picture = {f"frame {this}": unit(frame)}
    own = {f"mask {this}": mask, "decoded": result.own_mask, "refined": unit(result.own_picture)}
    driven = {
        f"decoded, shape of {other}": result.other_mask,
        f"look of {other}": unit(result.other_picture),
    }
    kept, moved = (unit(frame), result.keypoints), (unit(frame), result.moved_keypoints)
    return {
        f"recon_{domain}_": visualize.rows({**picture, **own}),
        f"{domain}{other.lower()}{domain}_": visualize.rows({**picture, **driven}),
        "kp_" if domain == "a" else "kp_b_": visualize.keypoint_rows({f"keypoints {this}": kept}),
        f"kp_test_{domain}": visualize.keypoint_rows(
            {f"keypoints {this}": kept, f"moved to {other}": moved}
        ),
    }


def write(out, name, domain, opt, *item):
    """Write everything that one frame yields into `out`, each file as its prefix + `name`."""
    if not opt.splitted:
        for prefix, image in sheets(domain, *item).items():
            images.save(image, out / f"{prefix}{name}")
        return
    for prefix, picture in split_pictures(domain, *item).items():
        image = images.to_pil(picture)
        image = images.resize(image, opt.w or image.width, opt.h or image.height)
        images.save(image, out / f"{prefix}{name}")


def main():
    groups = options.CLIPS, options.RUN, options.NETWORKS, options.REFINERS, options.INFERENCE
    opt, given = arguments.parse(__doc__, *groups)
    align = opt.affine
    device = runtime.pick_device(opt.device)
    jokr = build(opt, given, device)
    clips = {domain: Clip(**options.clip(opt, domain)) for domain in "ab"}
    checkpoint.make_folder(opt.out)
    out = Path(opt.out)

    count = min(map(len, clips.values())) if opt.data_size == -1 else opt.data_size
    with tqdm(total=2 * count, unit="frame", disable=None) as bar:
        for domain, clip in clips.items():
            for names, frames, masks in batches(clip, count, opt.bs, *options.canvas(opt, domain)):
                frames = frames.to(device)
                result = jokr.retarget(frames, domain, align)
                for i, name in enumerate(names):
                    write(
                        out, name, domain, opt, frames[i : i + 1], masks[i : i + 1], result.item(i)
                    )
                bar.update(len(names))
    print(f"{count} frames of each clip done; pictures are in {out}")


if __name__ == "__main__":
    errors.run(main)
