"""Numbered frames -> a labelled side-by-side video as in docs/METHOD.md, section 7.

`--columns "cat: a_ refined_ab_; fox: b_ refined_ba_"` sets any columns instead, from left to right,
each with a title, if any, and its rows from above; one column without title is the bare pictures.
A name of its own ending is written whole with a * for the number: "cat: a_ final_ab_*.png".
"""

from utils import errors

errors.guard(__name__)

from utils import arguments, kinds
from utils.arguments import flag, option
from video.columns import columns

VIDEO = (
    option("img_path", kinds.path, "", "folder of frames, as inference.py --splitted writes them"),
    option("out", kinds.place, "./", "folder of the video, which is called <int(fps)>_<name>"),
    option("name", kinds.place, "vid.avi", "name of the video: .avi, .mp4, .webm or .gif"),
    option("fps", kinds.rate, 15.0, "frames per second"),
    option("columns", columns, None, "the columns: `title: prefix prefix; title: prefix prefix`"),
    option("audio", kinds.path, "", "file whose sound the video gets, such as the driver's"),
    flag("transparent", "keep the pictures' transparency; .webm and .gif"),
    flag("preview", "a small looping .gif beside the video, too"),
    option("prefix_a", kinds.path, "a_", "left column, upper row: what stands before the number"),
    option("prefix_b", kinds.path, "b_", "left column, lower row"),
    option("prefix_c", kinds.path, "a_", "right column, upper row"),
    option("prefix_d", kinds.path, "b_", "right column, lower row"),
    option("ext_a", kinds.path, ".jpg", "file extension of the left column, and of --columns"),
    option("ext_b", kinds.path, ".jpg", "file extension of the right column"),
    option("start_a", kinds.natural, 0, "first number of the left column, and of --columns"),
    option("start_b", kinds.natural, 0, "first number of the right column"),
    option("end_a", kinds.natural, 10, "number before which it ends (--columns: at their end)"),
    option("end_b", kinds.natural, 10, "the same of the right column; the shorter one counts"),
    option("stride_a", kinds.count, 1, "step between numbers of the left column, and of --columns"),
    option("stride_b", kinds.count, 1, "step between numbers of the right column"),
    flag("same_length", "number the right column as the left one, whatever *_b say"),
    flag("crop", "crop all to crop_w x crop_h in the middle of the upper left picture"),
    option("crop_w", kinds.pixels, 256, "width of what is kept, pixels"),
    option("crop_h", kinds.pixels, 256, "height of what is kept, pixels"),
    flag("resize", "bring every picture to w x h, bicubic (after --crop, if given)"),
    option("w", kinds.pixels, 256, "width of pictures; in proportion where only --h is given"),
    option("h", kinds.pixels, 256, "height of pictures; in proportion where only --w is given"),
)

if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(arguments.parse, __doc__, VIDEO)

from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from utils import images
from utils.errors import UserError
from utils.locks import locked_file
from utils.numbering import ranges
from video.columns import common_end, find_pictures
from video.grid import Layout, compose, read_cells
from video.preview import Preview
from video.writer import VideoWriter, codec_arguments

LABELS = ("Input", "Ours")  # of the upper and the lower row
# Options of the two columns that --columns replaces.
TWO = ("prefix_a", "prefix_b", "prefix_c", "prefix_d", "ext_b", "start_b", "end_b", "stride_b")


def main():
    args, given = arguments.parse(__doc__, VIDEO)
    path = video_path(args)
    with locked_file(path):
        make_video(args, given, path)


def make_video(args, given, path):
    """Write the video, and say what of it there is."""
    folder = frames_folder(args)
    if args.columns:
        settle_columns(args, given, folder)
    complete, missing = find_frames(args, folder)
    settle_size(args, given, complete[0][0][0])
    layout = Layout((), LABELS)
    if args.columns:
        titles = tuple(column.title for column in args.columns)
        layout = Layout(titles, (), bare=len(titles) == 1 and not any(titles))
    if missing:
        print(f"skipping frames that lack pictures: {missing}")
    with ExitStack() as files:
        video = VideoWriter(path, args.fps, args.transparent, args.audio)
        preview = None
        if args.preview:
            preview = files.enter_context(Preview(path, args.fps, args.transparent))
        files.enter_context(video)  # last, so that it ends first and a failure takes both away
        crop = (args.crop_w, args.crop_h) if args.crop else None
        size = (args.w, args.h) if args.resize else None
        cells_of = read_cells(complete, args.transparent, crop, size)
        for cells in tqdm(cells_of, "frames", len(complete), disable=None):
            frame = compose(cells, layout)
            video.add(frame)
            if preview:
                preview.add(frame)
    print(f"{path}: {video.frames} frames" + (f"; preview in {preview.path}" if preview else ""))


def video_path(args):
    """Where the video goes, checked before any work."""
    if Path(args.name).name != args.name:
        raise UserError(f"--name {args.name} is not a plain file name; folders belong to --out")
    codec_arguments(args.name, args.transparent)
    return Path(args.out) / f"{int(args.fps)}_{args.name}"


def frames_folder(args):
    folder = Path(args.img_path)
    if not args.img_path or not folder.is_dir():
        raise UserError(f"--img_path '{args.img_path}' is not a folder; give the frames' folder")
    return folder


def settle_columns(args, given, folder):
    """Let the video end where the pictures of --columns do, unless --end_a is given."""
    refused = (*TWO, "same_length") if args.same_length else TWO
    if other := [name for name in refused if name in given]:
        raise UserError(f"--{other[0]} has no meaning for --columns; leave one of both out")
    if "end_a" not in given:
        args.end_a = common_end(folder, args.columns, args.ext_a)


def find_frames(args, folder):
    """Look for the pictures of each video frame.

    Returns:
        list of columns from the left, each a list of paths from above, that all exist;
        what is missing of others, in words, or "".
    """
    complete, missing = find_pictures(folder, numbered_columns(args))
    words = "; ".join(f"{name} {ranges(numbers)}" for name, numbers in missing.items())
    if not complete:
        raise UserError(
            f"no video frame has all its pictures in {folder}, which lacks {words}; check "
            "--img_path, the prefixes, --ext_a, --ext_b, --start_a and --end_a"
        )
    return complete, words


def numbered_columns(args):
    """The columns from the left: names of their rows, with a * for the number, and numbers."""
    left = numbers(args, "a")
    if args.columns:
        return [(column.patterns(args.ext_a), left) for column in args.columns]
    right = left if args.same_length else numbers(args, "b")
    return [
        ([f"{prefix}*{args.ext_a}" for prefix in (args.prefix_a, args.prefix_b)], left),
        ([f"{prefix}*{args.ext_b}" for prefix in (args.prefix_c, args.prefix_d)], right),
    ]


def settle_size(args, given, first):
    """Let --w or --h, given alone, set the other in proportion to the picture at `first`."""
    if len(given & {"w", "h"}) == 1:
        size = (args.crop_w, args.crop_h) if args.crop else images.size_of(first)
        asked = (getattr(args, name) if name in given else 0 for name in ("w", "h"))
        args.w, args.h = images.in_proportion(size, *asked)
    if args.resize:
        images.refuse_huge(args.w, args.h, "--w and --h")


def numbers(args, side):
    """The numbers of the left or right column, a range."""
    start, end = getattr(args, f"start_{side}"), getattr(args, f"end_{side}")
    if end <= start:
        raise UserError(f"--end_{side} {end} must be above --start_{side} {start}")
    found = range(start, end, getattr(args, f"stride_{side}"))
    if end - start > found.step * kinds.frames.most:
        raise UserError(
            f"--start_{side} {start} to --end_{side} {end} are more than {kinds.frames.most} "
            "frames; give fewer"
        )
    return found


if __name__ == "__main__":
    errors.run(main)
