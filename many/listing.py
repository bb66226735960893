"""The list of pairs, a yaml file, of which every mistake is told with its pair and its line.

    common: {preset: quick, seeds: [0, 1]}
    pairs:
      - {name: cat-fox, clip_a: cat.mp4, clip_b: fox.mp4, mask_b: grabcut}

A pair's own options win over the common ones.
"""

import difflib
import re
from argparse import ArgumentTypeError
from dataclasses import dataclass

from utils import kinds
from utils.arguments import option
from utils.errors import UserError
from utils.reading import DAMAGE, compose_yaml

LETTERS = 2**24  # of the file, which is a hundred thousand pairs
NAME = re.compile(r"\w[\w+-]{0,59}")  # of a folder, with at most 255 bytes
NAMED = option("name", str, "", "of the pair, and of the folder of its results")
NEEDED = "name", "clip_a", "clip_b"
PARTS = "common", "pairs"
SEEDS = 1000  # of a pair
HELP = "run.py --help lists the options; those of its scripts go into a file of settings"
ADVICE = "docs/many.md shows how such a list is written"


@dataclass(frozen=True)
class Value:
    """What is given to an option: a text or a flag's truth, and the line where it stands."""

    content: str | bool
    line: int


@dataclass(frozen=True)
class Pair:
    """One pair of the list: its name, its seeds, its options by name, and where it stands."""

    path: str
    name: str
    line: int
    seeds: tuple
    options: dict

    def refusal(self, text, name=None):
        """UserError about this pair, or about one of its options."""
        line = self.options[name].line if name in self.options else self.line
        return UserError(f"{self.path}, line {line}, pair {self.name}: {text}")


def read(path, known, others=None):
    """The pairs of a list.

    Args:
        path: the yaml file.
        known: option -> `utils.arguments.Option`, those that a pair may have.
        others: option -> why a pair cannot have it.

    Returns:
        list of `Pair`, at least one.

    Raises:
        UserError: names the line, and the pair where there is one.
    """
    reader = _Reader(path, {**known, "name": NAMED}, others or {})
    parts = reader.mapping(reader.whole(), PARTS)
    common = reader.options(parts["common"], "common") if "common" in parts else {}
    if "name" in common:
        raise reader.refusal(common["name"].line, "a name is one pair's own; give it there")
    if "pairs" not in parts or parts["pairs"].id != "sequence" or not parts["pairs"].value:
        raise UserError(f"{path} lists no pairs; {ADVICE}")
    return _of_different_names([reader.pair(node, common) for node in parts["pairs"].value])


def _of_different_names(pairs):
    seen = {}
    for pair in pairs:
        key = pair.name.casefold()  # some file systems know no other difference
        if key in seen:
            raise pair.refusal(f"line {seen[key]} has a pair of this name; give each its own")
        seen[key] = pair.line
    return pairs


class _Reader:
    """Reads the nodes of one file."""

    def __init__(self, path, known, others):
        self.path, self.known, self.others = path, known, others

    def refusal(self, line, text):
        return UserError(f"{self.path}, line {line}: {text}")

    def whole(self):
        """The topmost node."""
        try:
            node = compose_yaml(self.path, LETTERS)
        except OSError as error:
            raise UserError(
                f"{self.path} cannot be read: {error.strerror}; give a yaml file that lists pairs"
            ) from None
        except DAMAGE as error:
            found = " ".join(str(error).replace('in "<unicode string>", ', "in ").split())
            raise UserError(f"{self.path} is no yaml file ({found}); {ADVICE}") from None
        if node is None:
            raise UserError(f"{self.path} lists no pairs; {ADVICE}")
        return node

    def mapping(self, node, names=None):
        """Name -> node of a mapping that holds no name twice, and none beside `names`."""
        if node.id != "mapping":
            raise self.refusal(_line(node), f"there are no 'name: value' lines; {ADVICE}")
        found = {}
        for key, value in node.value:
            name = key.value if key.id == "scalar" else "?"
            if name in found:
                raise self.refusal(_line(key), f"{name} is given twice; leave one")
            if names and name not in names:
                raise self.refusal(_line(key), f"unknown part {name}; there are {', '.join(names)}")
            found[name] = value
        return found

    def options(self, node, where):
        """Option -> `Value`; of `seeds` the content is a tuple."""
        return {n: self.value(n, v, where) for n, v in self.mapping(node).items()}

    def value(self, name, node, where):
        line = _line(node)
        if name == "seeds":
            return Value(self.seeds(node, where), line)
        if name in self.others:
            raise self.refusal(line, f"{where}: {name} {self.others[name]}")
        if name not in self.known:
            near = difflib.get_close_matches(name, [*self.known, "seeds"], 1, 0.65)
            hint = f"did you mean {near[0]}?" if near else HELP
            raise self.refusal(line, f"{where}: unknown option {name}; {hint}")
        try:
            return Value(_content(self.known[name], node), line)
        except (ArgumentTypeError, ValueError, OverflowError) as error:
            raise self.refusal(line, f"{where}: {name}: {error}") from None

    def seeds(self, node, where):
        """Whole numbers of a list, or one."""
        nodes = node.value if node.id == "sequence" else [node]
        try:
            found = tuple(kinds.natural(each.value) for each in nodes)
        except (ArgumentTypeError, TypeError):
            found = ()
        if not 0 < len(found) <= SEEDS or len(set(found)) < len(found):
            text = f"{where}: seeds are different whole numbers from 0 up, such as [0, 1, 2]"
            raise self.refusal(_line(node), text)
        return found

    def pair(self, node, common):
        """The `Pair` of a node."""
        line = _line(node)
        nodes = self.mapping(node)
        name = nodes["name"].value if "name" in nodes else ""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            text = f"the pair's name is {kinds.quoted(str(name))}" if name else "a pair has no name"
            raise self.refusal(line, f"{text}; give letters, digits, + - and _, 60 at most")
        options = {**common, **self.options(node, f"pair {name}")}
        lacking = [each for each in NEEDED if each not in options or not options[each].content]
        if lacking:
            raise self.refusal(line, f"pair {name}: {lacking[0]} is missing")
        options.pop("name")
        seeds = options.pop("seeds", Value((0,), line)).content
        return Pair(str(self.path), name, line, seeds, options)


def _content(taker, node):
    """What a node gives to an option, as a command line's text or a truth; or ArgumentTypeError."""
    flag = taker.kind is bool
    if node.id != "scalar" or flag != node.tag.endswith(":bool"):
        raise ArgumentTypeError(f"it takes {'true or false' if flag else 'one value'}")
    if flag:
        return node.value.lower() in ("true", "yes", "on")
    text = "" if node.tag.endswith(":null") else node.value
    taker.kind(text)
    if taker.choices and text not in taker.choices:
        shown = ", ".join(taker.choices)
        raise ArgumentTypeError(f"{kinds.quoted(text)} is none of {shown}")
    return text


def _line(node):
    return node.start_mark.line + 1
