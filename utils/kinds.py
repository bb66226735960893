"""Kinds of options' values: which ones an option takes, for its help and for its check alike.

A kind is called with a text and returns the value, or raises argparse.ArgumentTypeError with the
rest of a sentence. Ranges end where nothing real lies beyond them, so that no value is worth trying
that would fill the memory first.
"""

from argparse import ArgumentTypeError
from dataclasses import dataclass
from pathlib import Path

LARGEST = 2**53  # of any number, so that none overflows on its way
JPEG_SIDE = 65500  # pixels, of the largest JPEG
PATH, NAME = 1023, 255  # bytes of a path and of a name in it, that every file system takes
SHOWN = 60  # letters of a refused text


@dataclass(frozen=True)
class Number:
    """Numbers of a range.

    Attributes:
        type: int or float.
        least, most: ends of the range.
        open_below, open_above: whether that end itself lies outside.
        also: a number outside the range that is taken, too, or None.
    """

    type: type
    least: float = -LARGEST
    most: float = LARGEST
    open_below: bool = False
    open_above: bool = False
    also: float | None = None

    def __call__(self, text):
        try:
            value = self.type(text)
        except (ValueError, OverflowError):
            value = None
        if value is None or not (value in self or value == self.also):
            whole = "whole " if self.type is int else ""
            raise ArgumentTypeError(f"{quoted(text)} is not a {whole}number {self.span}".rstrip())
        return value

    def __contains__(self, value):
        above = self.least < value or (value == self.least and not self.open_below)
        return above and (value < self.most or (value == self.most and not self.open_above))

    @property
    def span(self):
        """The range in words, such as "from 1 to 120"; "" where all numbers belong to it."""
        words = []
        if self.least > -LARGEST:
            words += ["above" if self.open_below else "from", str(self.least)]
        if self.most < LARGEST:
            words += ["to below" if self.open_above else "to", str(self.most)]
        elif words and not self.open_below:
            words.append("up")
        return " ".join(words) + ("" if self.also is None else f", or {self.also}")


@dataclass(frozen=True)
class PathText:
    """Paths, or parts of them, as text that a file system can hold."""

    empty: bool = True  # whether the empty text is taken, which stands for none
    span = ""

    def __call__(self, text):
        try:
            sizes = [len(part.encode()) for part in (text, *Path(text).parts)]
        except UnicodeError:
            raise ArgumentTypeError(f"{quoted(text)} is no UTF-8; rename it") from None
        if "\0" in text or sizes[0] > PATH or max(sizes[1:], default=0) > NAME:
            raise ArgumentTypeError(
                f"{quoted(text)} cannot be a path; one has no NUL in it, at most {PATH} bytes, and "
                f"{NAME} in a name"
            )
        if not (text or self.empty):
            raise ArgumentTypeError("it is empty; name a path, or leave the option out")
        return text


def quoted(text):
    """A text in quotation marks, shortened where it is long."""
    return f"'{text if len(text) <= SHOWN else text[:SHOWN] + '...'}'"


count = Number(int, 0, open_below=True)
count_or_all = Number(int, 1, also=-1)
natural = Number(int, 0)
integer = Number(int)
positive = Number(float, 0, open_below=True)
nonnegative = Number(float, 0)
portion = Number(float, 0, 1)
fraction = Number(float, 0, 1, open_above=True)

pixels = Number(int, 1, JPEG_SIDE)
pixels_or_none = Number(int, 0, JPEG_SIDE)
padding = Number(float, 0, 4)  # share of a picture's size, on each side
strength = Number(float, 0, 4)  # of random transforms; at 5 some leave nothing of a picture
seconds = Number(float, 0, 10**6)
frames = Number(int, 1, 10**6)  # eleven hours of video
frames_or_all = Number(int, 1, 10**6, also=-1)
frames_or_none = Number(int, 0, 10**6)
rate = Number(float, 0.001, 1000)  # frames per second
rate_or_none = Number(float, 0.001, 1000, also=0)
shown_rate = Number(float, 1, 120)  # that a page plays

keypoints = Number(int, 1, 1000)
channels = Number(int, 1, 1024)
blocks = Number(int, 1, 100)
downscale = Number(float, 0.01, 1)

path = PathText()
place = PathText(empty=False)
