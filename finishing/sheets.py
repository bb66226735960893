"""The pictures that inference writes of each frame, and their names."""

from pathlib import Path

import torch

from utils import images, tensors, visualize
from utils.domains import OTHER, PAIR
from utils.tensors import unit


def batch_pictures(frames, masks, result, splitted, sized, silhouette=None):
    """What the files of a batch show, on its device.

    Args:
        frames: (B, 3, H, W) in [-1, 1].
        masks: (B, 1, H, W) in {0, 1}.
        result: `models.jokr.Retargeted` of the frames.
        splitted: for `split_pictures`; otherwise for `labelled_sheets`.
        sized: the pictures are going to be resized. So they are truncated to 8 bits, not rounded,
            and not stretched yet (docs/METHOD.md, section 6).
        silhouette: (B, 1, H, W) in [0, 1], that of the result's pictures, where it is not the
            decoded one.

    Returns:
        dict of name -> pictures (B, 3 or 1, H, W) uint8, or keypoints (B, K, 2).
    """
    pictures = {"frame": unit(frames), "mask": masks, "other_picture": unit(result.other_picture)}
    pictures["other_mask"] = result.other_mask
    if silhouette is not None:
        pictures["silhouette"] = silhouette
    keypoints = {}
    if not splitted:
        pictures["own_mask"] = result.own_mask
        if result.own_picture is not None:
            pictures["own_picture"] = unit(result.own_picture)
        keypoints = {"keypoints": result.keypoints, "moved_keypoints": result.moved_keypoints}
    elif not sized:
        pictures["stretched_mask"] = tensors.stretch(result.other_mask)
    # A quarter of the bytes, and each pixel's colours side by side, which Pillow takes uncopied.
    layout = {"memory_format": torch.channels_last}
    pixels = {k: tensors.to_pixels(x, sized).contiguous(**layout) for k, x in pictures.items()}
    return {**pixels, **keypoints}


def result_name(domain, name, finished=False, alpha=False):
    """File name of a frame's result.

    Args:
        domain: "a" or "b", of the driver.
        name: of the frame's own file.
        finished: see `finishing.final`; with `alpha` it is PNG.
    """
    path = Path(f"{'final' if finished else 'refined'}_{PAIR[domain]}_{name}")
    return str(path.with_suffix(".png") if finished and alpha else path)


def split_pictures(domain, item, size=None):
    """The pictures of one frame that `--splitted` writes.

    Args:
        domain: "a" or "b", of the driver.
        item: `batch_pictures` of the frame, (1, ...) each, on the CPU.
        size: (width, height) to resize them to, where they were prepared for that.

    Returns:
        dict of file name prefix -> Pillow RGB image.
    """
    pair = PAIR[domain]
    pictures = {
        f"{domain}_": item["frame"],
        f"seg_{domain}_": item["mask"],
        result_name(domain, ""): item["other_picture"],
        f"decoded_{pair}_": item["other_mask"] if size else item["stretched_mask"],
    }
    drawn = {prefix: tensors.to_pil(x[0]) for prefix, x in pictures.items()}
    if size:
        drawn = {prefix: images.resize(image, *size) for prefix, image in drawn.items()}
        grey = drawn[f"decoded_{pair}_"].getchannel(0)
        drawn[f"decoded_{pair}_"] = tensors.stretch_grey(grey).convert("RGB")
    return drawn


def labelled_sheets(domain, items):
    """The sheets of one frame that are written without `--splitted`.

    Args:
        domain: "a" or "b", of the driver.
        items: dict of domain -> `batch_pictures` of the frame, (1, ...) each, on the CPU. `kp_`
            shows all of them, and is drawn with the first domain.

    Returns:
        dict of file name prefix -> Pillow RGB image.
    """
    this, other, item = domain.upper(), OTHER[domain].upper(), items[domain]
    picture = {f"frame {this}": item["frame"]}
    own = {f"mask {this}": item["mask"], "decoded": item["own_mask"]}
    driven = {f"decoded, shape of {other}": item["other_mask"]}
    dots = {d: {f"keypoints {d.upper()}": (x["frame"], x["keypoints"])} for d, x in items.items()}
    moved = {f"moved to {other}": (item["frame"], item["moved_keypoints"])}
    if "own_picture" in item:
        own["refined"] = item["own_picture"]
    drawn = {
        f"recon_{domain}_": visualize.rows({**picture, **own}),
        f"{domain}{other.lower()}{domain}_": visualize.rows(
            {**picture, **driven, f"look of {other}": item["other_picture"]}
        ),
        f"kp_test_{domain}": visualize.keypoint_rows({**dots[domain], **moved}),
    }
    if domain == min(items):
        drawn["kp_"] = visualize.keypoint_rows(
            {k: x for both in dots.values() for k, x in both.items()}
        )
    return drawn
