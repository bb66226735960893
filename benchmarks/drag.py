"""What dragging one keypoint does to the result: near it, and elsewhere.

Every keypoint in turn is moved in some frames of clip A, and the pictures of B's object before and
after are compared: mean absolute difference within a radius of where the keypoint was and is, and
in the rest of the picture. drag.png shows the frames of one keypoint.

    python benchmarks/drag.py --config configs/demo.yaml --load output/demo/second/checkpoint
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

import torch

from datasets.clip import Clip
from engine import checkpoint, run_folder
from utils import arguments, images, options, runtime, visualize
from utils.arguments import option
from utils.geometry import coordinate_grid
from utils.kinds import count, natural, positive
from utils.numbering import spread
from utils.tensors import unit

DRAG = (
    option("shift", positive, 0.2, "how far a keypoint is moved, half widths of the picture"),
    option("radius", positive, 0.35, "what is near it, half widths of the picture"),
    option("frames", count, 8, "frames, evenly spread over clip A"),
    option("show", natural, 0, "index of the keypoint in drag.png"),
)
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1))


def drag(jokr, moved, index, shift, direction, size):
    """Pictures (B, 3, H, W) in [0, 1] of B's object, one keypoint of `moved` (B, K, 2) shifted."""
    points = moved.clone()
    points[:, index] += shift * torch.tensor(direction, dtype=moved.dtype, device=moved.device)
    return unit(jokr.draw(points, None, "a", *size, own=False).other_picture).clamp(0, 1), points


def near(points, radius, size):
    """Where pictures are within `radius` of any of points (B, P, 2): (B, 1, H, W) bool."""
    grid = coordinate_grid(*size, like=points)
    away = (grid[None, :, :, None] - points[:, None, None]).norm(dim=-1)
    return (away.amin(-1) < radius)[:, None]


def measure(jokr, moved, index, opt, size):
    """Mean absolute change near keypoint `index` and elsewhere, over frames and directions."""
    before = unit(jokr.draw(moved, None, "a", *size, own=False).other_picture).clamp(0, 1)
    sums = torch.zeros(2, 2)
    for direction in DIRECTIONS:
        after, points = drag(jokr, moved, index, opt.shift, direction, size)
        change = (after - before).abs().mean(1, keepdim=True)
        inside = near(torch.stack([moved[:, index], points[:, index]], 1), opt.radius, size)
        for row, where in enumerate((inside, ~inside)):
            sums[row] += torch.stack([change[where].sum(), where.sum()]).cpu()
    return (sums[:, 0] / sums[:, 1]).tolist()


def picture(jokr, moved, opt, size):
    """Before, after and what changed, as a Pillow image."""
    before = unit(jokr.draw(moved, None, "a", *size, own=False).other_picture).clamp(0, 1)
    after, points = drag(jokr, moved, opt.show, opt.shift, (0, -1), size)
    one = slice(opt.show, opt.show + 1)
    rows = {
        "before": visualize.draw_keypoints(before, moved[:, one]),
        "keypoint moved up": visualize.draw_keypoints(after, points[:, one]),
        "difference": (after - before).abs().mean(1, keepdim=True) * 2,
    }
    return visualize.rows(rows)


def main():
    groups = (*options.SCRIPTS["inference"], DRAG)
    asked, given = arguments.parse(__doc__, *groups, defaults={"out": "drag"}, script="inference")
    device = runtime.start(asked.device, asked.precision)
    jokr, opt = checkpoint.open_jokr(asked, given, device)
    clip = Clip(**options.clip(opt, "a"))
    if opt.show >= opt.num_kp:
        raise errors.UserError(f"--show {opt.show}: keypoints are 0 to {opt.num_kp - 1}")
    run_folder.make_folder(opt.out)
    stream = clip.stream(range(len(clip)), len(clip), *options.canvas(opt, "a"), device)
    _, frames, masks = next(stream)
    chosen = spread(len(clip), opt.frames)
    keypoints, moved = jokr.find(jokr.view(frames, masks)[chosen], "a", opt.affine)
    moved = keypoints if moved is None else moved
    size = frames.shape[2:]
    ratios = []
    for index in range(opt.num_kp):
        inside, outside = measure(jokr, moved, index, opt, size)
        ratios.append(inside / max(outside, 1e-9))
        print(f"keypoint {index}: {inside:.4f} near, {outside:.4f} elsewhere, {ratios[-1]:.1f} : 1")
    median = torch.tensor(ratios).median().item()
    images.save(picture(jokr, moved, opt, size), Path(opt.out) / "drag.png")
    print(f"median {median:.1f} : 1; see {Path(opt.out) / 'drag.png'}")


if __name__ == "__main__":
    errors.run(main)
