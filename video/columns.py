"""The columns of a video's grid: which pictures stand in them, as `--columns` says it."""

import re
from argparse import ArgumentTypeError
from dataclasses import dataclass

from utils.errors import UserError


@dataclass(frozen=True)
class Column:
    """A column's title, perhaps empty, and what stands before the number in its rows' names."""

    title: str
    prefixes: tuple  # one with a * for the number is the whole name, such as final_ab_*.png

    def patterns(self, extension):
        """File names of the rows, with a * for the number."""
        return [p if "*" in p else f"{p}*{extension}" for p in self.prefixes]


def columns(text):
    """Parse an option like `cat: a_ refined_ab_; fox: b_ refined_ba_` into a tuple of `Column`."""
    found = []
    for part in text.strip().removesuffix(";").split(";"):
        title, _, prefixes = part.rpartition(":")
        found.append(Column(title.strip(), tuple(prefixes.replace(",", " ").split())))
    if not found[0].prefixes or len({len(column.prefixes) for column in found}) > 1:
        raise ArgumentTypeError(
            f"'{text}' is not like 'cat: a_ refined_ab_; fox: b_ refined_ba_', with as many "
            "prefixes in every column"
        )
    return tuple(found)


def common_end(folder, columns, extension):
    """The number after the last one that the pictures of every column in `folder` reach."""
    ends = []
    for name in dict.fromkeys(n for column in columns for n in column.patterns(extension)):
        before, _, behind = (folder / name).name.partition("*")
        number = re.compile(f"{re.escape(before)}(0|[1-9][0-9]*){re.escape(behind)}")
        place = (folder / name).parent
        paths = place.iterdir() if place.is_dir() else ()
        ends.append(
            max((int(m[1]) for m in (number.fullmatch(p.name) for p in paths) if m), default=-1)
        )
        if ends[-1] < 0:
            raise UserError(
                f"no picture is called {name} in {folder}, with a number for the *; check "
                "--img_path, --columns and --ext_a"
            )
    return min(ends) + 1


def find_pictures(folder, columns):
    """Look for the pictures of each video frame; the column with the fewest numbers ends them.

    Args:
        folder: Path of the pictures.
        columns: from the left, each a list of its rows' file names, with a * for the number, and
            the sequence of its numbers.

    Returns:
        list of columns, each a list of paths from above, of the frames that have all of them;
        dict of file name, with a * for the number, -> set of the numbers that are missing.
    """

    def path(name, number):
        return folder / name.replace("*", str(number))

    complete, missing = [], {}
    for numbers in zip(*(numbers for _, numbers in columns)):
        frame = [[(name, n) for name in names] for (names, _), n in zip(columns, numbers)]
        lacking = [cell for column in frame for cell in column if not path(*cell).is_file()]
        for name, number in lacking:
            missing.setdefault(name, set()).add(number)
        if not lacking:
            complete.append([[path(*cell) for cell in column] for column in frame])
    return complete, missing
