"""What inference shows of a frame: which pictures, under which names."""

import torch

from utils import tensors, visualize
from utils.domains import OTHER, PAIR
from utils.tensors import unit


def shown(frames, masks, result, splitted):
    """What the files show of a batch, by name: pictures (B, 3 or 1, H, W) uint8, and keypoints."""
    pictures = {"frame": unit(frames), "mask": masks, "other_picture": unit(result.other_picture)}
    pictures["other_mask"] = result.other_mask
    keypoints = {}
    if splitted:
        pictures["stretched_mask"] = tensors.stretch(result.other_mask)
    else:
        pictures |= {"own_mask": result.own_mask, "own_picture": unit(result.own_picture)}
        keypoints = {"keypoints": result.keypoints, "moved_keypoints": result.moved_keypoints}
    # A quarter of the bytes, and each pixel's colours side by side, which Pillow takes uncopied.
    layout = torch.channels_last
    pixels = {k: tensors.to_pixels(x).contiguous(memory_format=layout) for k, x in pictures.items()}
    return {**pixels, **keypoints}


def to_host(batch):
    """What is `shown` of both domains, on the CPU; waits until the device has computed it."""
    return {domain: {k: x.cpu() for k, x in parts.items()} for domain, parts in batch.items()}


def split_pictures(domain, items):
    """The pictures of one frame that `--splitted` writes, Pillow images by prefix."""
    pair, item = PAIR[domain], items[domain]
    pictures = {
        f"{domain}_": item["frame"],
        f"seg_{domain}_": item["mask"],
        f"refined_{pair}_": item["other_picture"],
        f"decoded_{pair}_": item["stretched_mask"],
    }
    return {prefix: tensors.to_pil(x[0]) for prefix, x in pictures.items()}


def sheets(domain, items):
    """The labelled sheets of one frame, Pillow images by prefix; one of `kp_` for both clips."""
    this, other, item = domain.upper(), OTHER[domain].upper(), items[domain]
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
    if domain == min(items):
        drawn["kp_"] = visualize.keypoint_rows(
            {k: x for both in dots.values() for k, x in both.items()}
        )
    return drawn
