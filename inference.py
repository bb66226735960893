"""Let every frame of either clip drive the other object, with a checkpoint of stage two."""

from pathlib import Path

from tqdm import tqdm

from datasets.clip import Clip
from utils import arguments, checkpoint, errors, images, options, runtime, visualize
from utils.visualize import unit


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
    dots = {
        f"keypoints {this}": (unit(frame), result.keypoints),
        f"moved to {other}": (unit(frame), result.moved_keypoints),
    }
    return {
        f"recon_{domain}_": visualize.rows({**picture, **own}),
        f"{domain}{other.lower()}{domain}_": visualize.rows({**picture, **driven}),
        f"kp_test_{domain}": visualize.keypoint_rows(dots),
    }


def write(out, opt, items):
    """Write everything that one frame of each clip yields, each file as prefix + frame's name.

    `items` holds (name, frame, mask, result) by domain.
    """
    for domain, (name, *item) in items.items():
        if opt.splitted:
            for prefix, picture in split_pictures(domain, *item).items():
                image = images.to_pil(picture)
                image = images.resize(image, opt.w or image.width, opt.h or image.height)
                images.save(image, out / f"{prefix}{name}")
        else:
            for prefix, image in sheets(domain, *item).items():
                images.save(image, out / f"{prefix}{name}")
    if not opt.splitted:
        dots = {f"keypoints {d.upper()}": (unit(x[1]), x[3].keypoints) for d, x in items.items()}
        images.save(visualize.keypoint_rows(dots), out / f"kp_{items['a'][0]}")


def main():
    groups = options.CLIPS, options.RUN, options.NETWORKS, options.REFINERS, options.INFERENCE
    opt, given = arguments.parse(__doc__, *groups)
    align = opt.affine
    device = runtime.pick_device(opt.device)
    jokr = checkpoint.open_jokr(opt, given, device)
    clips = {domain: Clip(**options.clip(opt, domain)) for domain in "ab"}
    checkpoint.make_folder(opt.out)

    count = min(map(len, clips.values())) if opt.data_size == -1 else opt.data_size
    streams = (c.stream(count, opt.bs, *options.canvas(opt, d)) for d, c in clips.items())
    with tqdm(total=count, unit="frame", disable=None) as bar:
        for batch in zip(*streams):
            results = [jokr.retarget(x[1].to(device), d, align) for d, x in zip(clips, batch)]
            for i in range(len(batch[0][0])):
                items = {
                    domain: (names[i], frames[i : i + 1], masks[i : i + 1], result.item(i))
                    for domain, (names, frames, masks), result in zip(clips, batch, results)
                }
                write(Path(opt.out), opt, items)
                bar.update()
    print(f"{count} frames of each clip done; pictures are in {opt.out}")


if __name__ == "__main__":
    errors.run(main)
