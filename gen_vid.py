"""Numbered frames -> a labelled side-by-side video: inputs above, results below (METHOD.md 7)."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from utils import arguments, errors
from utils.arguments import count, flag, natural, option, positive
from utils.errors import UserError
from utils.video import VideoWriter, codec_arguments

FRAME = 24  # white around and between the columns, pixels
MARGIN = 60  # more white on the left, for the labels
LABELS = ("Input", "Ours")  # of the upper and the lower row
FONT, FONT_SCALE, STROKE = cv2.FONT_HERSHEY_SIMPLEX, 0.75, 2
LABEL_X = 15  # where a label begins, pixels from the left

VIDEO = (
    option("img_path", str, "", "folder of the frames, as inference.py --splitted writes them"),
    option("out", str, "./", "folder of the video, which is called <int(fps)>_<name>"),
    option("name", str, "vid.avi", "name of the video: .avi, .mp4, .webm or .gif"),
    option("fps", positive, 15.0, "frames per second"),
    option("prefix_a", str, "a_", "left column, upper row: what stands before the number"),
    option("prefix_b", str, "b_", "left column, lower row"),
    option("prefix_c", str, "a_", "right column, upper row"),
    option("prefix_d", str, "b_", "right column, lower row"),
    option("ext_a", str, ".jpg", "file extension of the left column"),
    option("ext_b", str, ".jpg", "file extension of the right column"),
    option("start_a", natural, 0, "first number of the left column"),
    option("start_b", natural, 0, "first number of the right column"),
    option("end_a", natural, 10, "the left column ends before this number"),
    option("end_b", natural, 10, "the right column ends before this one; the shorter one counts"),
    option("stride_a", count, 1, "step between numbers of the left column"),
    option("stride_b", count, 1, "step between numbers of the right column"),
    flag("same_length", "number the right column as the left one, whatever *_b say"),
    flag("crop", "cut the middle crop_w x crop_h of the upper left picture out of all four"),
    option("crop_w", count, 256, "width of the cut, pixels"),
    option("crop_h", count, 256, "height of the cut, pixels"),
    flag("resize", "bring every picture to w x h, bicubic (after the cut, if any)"),
    option("w", count, 256, "width of a picture, pixels"),
    option("h", count, 256, "height of a picture, pixels"),
)


def main():
    args, _ = arguments.parse("Frames to a labelled side-by-side video.", VIDEO)
    path = video_path(args)
    complete, gaps = find_frames(args)
    for missing in gaps:
        print(f"skipping a frame, missing: {', '.join(missing)}")
    with VideoWriter(path, args.fps) as video:
        for cells in tqdm(read_cells(complete, args), "frames", len(complete), disable=None):
            video.add(compose(cells))
    print(f"{path}: {video.frames} frames")


def video_path(args):
    """Where the video goes, checked before any work."""
    if Path(args.name).name != args.name:
        raise UserError(f"--name {args.name} is not a plain file name; folders belong to --out")
    codec_arguments(args.name)
    return Path(args.out) / f"{int(args.fps)}_{args.name}"


def find_frames(args):
    """Look for the four pictures of each video frame.

    Returns:
        list of [upper left, lower left, upper right, lower right] paths that all exist,
        list of the missing names of each frame that lacks some.
    """
    folder = Path(args.img_path)
    if not args.img_path or not folder.is_dir():
        raise UserError(f"--img_path '{args.img_path}' is not a folder; give the frames' folder")
    complete, gaps = [], []
    for i, j in zip(*number_ranges(args)):
        names = [f"{prefix}{i}{args.ext_a}" for prefix in (args.prefix_a, args.prefix_b)]
        names += [f"{prefix}{j}{args.ext_b}" for prefix in (args.prefix_c, args.prefix_d)]
        missing = [name for name in dict.fromkeys(names) if not (folder / name).is_file()]
        if missing:
            gaps.append(missing)
        else:
            complete.append([folder / name for name in names])
    if not complete:
        raise UserError(
            f"no video frame has all its pictures in {folder}: {', '.join(gaps[0])} missing, and "
            "so on; check --img_path, the prefixes, --ext_a, --ext_b, --start_a and --end_a"
        )
    return complete, gaps


def number_ranges(args):
    """The numbers of the left and of the right column, two ranges."""
    for side in "a" if args.same_length else "ab":
        start, end = getattr(args, f"start_{side}"), getattr(args, f"end_{side}")
        if end <= start:
            raise UserError(f"--end_{side} {end} must be above --start_{side} {start}")
    left = range(args.start_a, args.end_a, args.stride_a)
    right = range(args.start_b, args.end_b, args.stride_b)
    return left, left if args.same_length else right


def read_cells(complete, args):
    """Yield each video frame's four pictures, (h, w, 3) uint8 RGB of one size throughout."""
    size = None
    for paths in complete:
        pictures = [read_picture(path) for path in paths]
        if args.crop:
            pictures = crop_middle(pictures, args.crop_w, args.crop_h, paths)
        if args.resize:
            pictures = [p.resize((args.w, args.h), Image.Resampling.BICUBIC) for p in pictures]
        size = size or pictures[0].size
        for picture, path in zip(pictures, paths):
            if picture.size != size:
                raise UserError(
                    f"{path} is {in_words(picture.size)} where the video's first picture is "
                    f"{in_words(size)}; pass --resize --w {size[0]} --h {size[1]}"
                )
        yield [np.asarray(picture) for picture in pictures]


def read_picture(path):
    """One file as an RGB Pillow image (`utils.images.read` would load torch)."""
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ):  # Pillow's own ways to say that a file is broken
        raise UserError(f"{path} is not a readable picture; write it again or remove it") from None


def crop_middle(pictures, width, height, paths):
    """Cut one box, centred in the first picture (A's), out of every picture."""
    left = (pictures[0].width - width) // 2
    top = (pictures[0].height - height) // 2
    for picture, path in zip(pictures, paths):
        if min(left, top) < 0 or left + width > picture.width or top + height > picture.height:
            raise UserError(
                f"{path} is {in_words(picture.size)}, too small for the cut of {width} x {height}; "
                "pass a smaller --crop_w and --crop_h"
            )
    return [picture.crop((left, top, left + width, top + height)) for picture in pictures]


def in_words(size):
    return f"{size[0]} x {size[1]}"


def compose(cells):
    """Set four pictures in white, with labels.

    Args:
        cells: upper left, lower left, upper right, lower right, each (h, w, 3) uint8 RGB.

    Returns:
        (2h + 48, 2w + 132, 3) uint8 RGB.
    """
    height, width = cells[0].shape[:2]
    canvas = np.full((2 * height + 2 * FRAME, MARGIN + 2 * width + 3 * FRAME, 3), 255, np.uint8)
    for index, cell in enumerate(cells):
        column, row = divmod(index, 2)
        left = MARGIN + FRAME + column * (width + FRAME)
        top = FRAME + row * height
        canvas[top : top + height, left : left + width] = cell
    for row, label in enumerate(LABELS):
        write_label(canvas, label, FRAME + row * height + (height + 1) // 2)
    return canvas


def write_label(canvas, label, middle):
    """Letter one row in place, its middle `middle` pixels below the top of the canvas."""
    (_, ascent), descent = cv2.getTextSize(label, FONT, FONT_SCALE, STROKE)
    # Half of the whole line below the middle, as the reference: it sits a little low.
    origin = (LABEL_X, middle + (ascent + descent + 1) // 2)
    cv2.putText(canvas, label, origin, FONT, FONT_SCALE, (0, 0, 0), STROKE, cv2.LINE_AA)


if __name__ == "__main__":
    errors.run(main)
