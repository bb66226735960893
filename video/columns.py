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

    def names(self, number, extension):
        """File names of the rows of one video frame."""
        return [
            p.replace("*", str(number)) if "*" in p else f"{p}{number}{extension}"
            for p in self.prefixes
        ]


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
    for name in dict.fromkeys(n for column in columns for n in column.names("*", extension)):
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
