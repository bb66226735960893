"""Options of `prepare_data.py`: which frames, which masks."""

import shlex
from argparse import ArgumentTypeError
from itertools import chain

from utils import kinds
from utils.arguments import flag, option, positional
from utils.errors import UserError

# Where masks come from, and which of the options that decide masks have an effect there.
MASKS = {
    "auto": ("box", "tolerance"),
    "grabcut": ("box",),
    "background": (),
    "chroma": ("key", "tolerance"),
    "file": ("mask_file",),
    "alpha": (),
    "sam2": ("box", "mask_weights"),
    "rembg": ("mask_weights",),
    "torchvision": ("mask_weights",),
}
MEANING = ("mask_weights", "mask_file", "key")  # what tells the meaning of --mask auto, in order
CROPS = ("square", "tight", "window", "none")


class Box(str):
    """`x,y,w,h`, each in pixels or, with a % sign, in percent of the picture's width or height.

    It remains the text that was given, for prepared.json and for other command lines.
    """

    def __new__(cls, text):
        parts = [part.strip() for part in text.split(",")]
        try:
            numbers = [float(part.removesuffix("%")) for part in parts]
            good = len(parts) == 4 and all(0 <= n < 1e6 for n in numbers) and min(numbers[2:]) > 0
        except ValueError:
            good = False
        if not good:
            raise ArgumentTypeError(
                f"'{text}' is not x,y,width,height in pixels or percent (with %)"
            )
        box = super().__new__(cls, text)
        box.numbers, box.percent = numbers, [part.endswith("%") for part in parts]
        return box

    def pixels(self, width, height):
        """(x, y, w, h) in pixels of a picture of this size.

        Raises:
            UserError: the box reaches outside the picture.
        """
        x, y, w, h = (
            round(number * side / 100 if percent else number)
            for number, percent, side in zip(self.numbers, self.percent, (width, height) * 2)
        )
        if min(w, h) < 1 or x + w > width or y + h > height:
            raise UserError(
                f"--box {self} reaches outside the frame, which is {width}x{height}; give "
                "x,y,width,height inside it, or percent with %"
            )
        return x, y, w, h


class Colour(str):
    """A colour's name or #rrggbb, which remains the text that was given; `rgb` is 0..255."""

    def __new__(cls, text):
        from PIL import ImageColor  # slow to import

        colour = super().__new__(cls, text)
        try:
            colour.rgb = ImageColor.getrgb(text)[:3]
        except ValueError:
            raise ArgumentTypeError(f"'{text}' is no colour; give a name or #rrggbb") from None
        return colour


def frame_numbers(text):
    """`40-55` or `40` as a range of frames' numbers."""
    first, _, last = text.partition("-")
    last = last if "-" in text else first
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise ArgumentTypeError(f"'{text}' is no range of frames; write it like 40-55")
    return range(int(first), int(last) + 1)


FRAMES = (
    positional("video", "a video or a folder of pictures; with --redo it is not needed"),
    option("out", kinds.path, "", "folder of the clip, like data/cat"),
    option("start", kinds.seconds, 0.0, "second at which to begin"),
    option("end", kinds.seconds, None, "second at which to end"),
    option("fps", kinds.rate, None, "frames per second to take; the video's own if not given"),
    option("max_frames", kinds.frames_or_none, 0, "frames at most; 0: all"),
    option("size", kinds.pixels, 640, "longer side of the frames at most, pixels"),
    option(
        "crop",
        str,
        "square",
        "what frames are cropped to: steady squares around the masks, each one's mask, one window "
        "for all masks, or nothing",
        CROPS,
    ),
)

MASKING = (
    option("mask", str, "auto", "where masks come from (docs/your_own_videos.md)", tuple(MASKS)),
    option(
        "box",
        Box,
        None,
        "x,y,w,h around the object in the first frame, with --redo in the first of its range; "
        "pixels or percent",
    ),
    option("key", Colour, None, "background of --mask chroma; the border's colour if not given"),
    option(
        "tolerance",
        kinds.positive,
        16.0,
        "of --mask chroma: distance in L*a*b*; more is background",
    ),
    option(
        "mask_file",
        kinds.path,
        "",
        "for --mask file: a video that runs along with VIDEO, or a folder with one mask for each "
        "frame that is taken",
    ),
    option("mask_weights", kinds.path, "", "file of weights, for sam2, rembg and torchvision"),
    option(
        "device",
        str,
        "auto",
        "of sam2 and torchvision: auto, cpu, cuda, cuda:N or mps; rembg's is its package's choice",
    ),
)

REPAIR = (
    flag("interactive", "make or mend masks in a page of the browser"),
    option("redo", frame_numbers, None, "make the masks of these frames anew, as 40-55"),
    flag("overwrite", "replace masks that were edited or redone, too"),
    option("check", kinds.path, "", "folder of a clip, like data/cat, to look through"),
    flag("renumber", "with --check: rename frames and masks to 0.jpg, 1.jpg, ..."),
)

# Which of them decide the frames, and which the masks of given frames.
FRAMES_HANG_ON = ("video", "start", "end", "fps", "max_frames", "size")
MASKS_HANG_ON = ("mask", "box", "key", "tolerance", "mask_file", "mask_weights")


def of_both(names):
    """Some of the options, once for each of two clips: `box_a`, `box_b`."""
    found = {o.name: o for o in (*FRAMES, *MASKING)}
    return tuple(
        option(f"{o.name}_{domain}", o.kind, o.default, f"{domain.upper()}: {o.help}", o.choices)
        for domain in "ab"
        for o in map(found.get, names)
    )


def recorded(values):
    """Options' values by name, from what prepared.json holds of them: numbers, texts and null."""
    kinds = {o.name: o.kind for o in (*FRAMES, *MASKING)}
    return {n: v if v is None else kinds[n](v) for n, v in values.items() if n in kinds}


def for_range(values, given, mask):
    """Those options of a clip that decide the masks of a range of it, too, as `recorded` ones.

    A box in the clip's first frame is not for the range; nor is the method, where "auto" is `given`
    for the range, or an option that has no effect with the clip's method and so means another.

    Args:
        values: what prepared.json holds.
        given: names of the options that are given.
        mask: the method that is asked for, "auto" if none is.
    """
    aside = {"box", *given}
    own = () if values["mask"] == "auto" else MASKS[values["mask"]]
    if mask == "auto" and given & {"mask", "box", *MEANING}.difference(own):
        aside |= {"mask", *MEANING}
    return recorded({name: value for name, value in values.items() if name not in aside})


def command(*words):
    """The command line, to be pasted, that gives these words to `prepare_data.py`."""
    return f"python prepare_data.py {shlex.join(map(str, words))}"


def in_the_page(video, *words):
    """The command line for a clip's masks by hand, from `words` for others: options with values."""
    pairs = zip(words[::2], words[1::2])
    kept = [p for p in pairs if p[0].removeprefix("--") not in MASKS_HANG_ON]
    return command(video, *chain(*kept), "--interactive")
