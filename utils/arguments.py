"""The mechanics of command lines and config files (no torch in here)."""

import argparse
import difflib
import re
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from utils import kinds
from utils.errors import UserError
from utils.files import replacing
from utils.reading import DAMAGE, load_yaml, refusing

PLAIN = (str, int, float, date, type(None))  # what a config file may give an option
SECTIONS = ("train_first_stage", "train_second_stage", "inference", "evaluate", "quality")


@dataclass(frozen=True)
class Option:
    """One option: `--name VALUE`, or a flag when `kind` is bool."""

    name: str
    kind: object
    default: object
    help: str
    choices: tuple = None
    opposite: str = None  # a second flag that turns a boolean off
    bare: bool = False  # given by its place alone, without a name; may be left out
    unused: bool = False  # accepted, since old commands give it, and without effect


def option(name, kind, default, help, choices=None):
    return Option(name, kind, default, help, choices)


def flag(name, help, default=False, opposite=None):
    return Option(name, bool, default, help, opposite=opposite)


def positional(name, help, default=""):
    return Option(name, kinds.path, default, help, bare=True)


def unused(name, kind, default, opposite=None):
    return Option(name, kind, default, "", opposite=opposite, unused=True)


def parse(description, *groups, defaults=None, argv=None, script=None):
    """Read flags and any number of `--config FILE.yaml` into one namespace.

    Args:
        description: text for `--help`.
        groups: tuples of `Option`; later ones win where a name repeats.
        defaults: values that differ from the groups' own, by name.
        argv: list of strings; the process's own by default.
        script: whose section of a config file counts; the running script's by default.

    Returns:
        (namespace of every option, set of names that the user gave by flag or config).

    A config file may hold sections named after scripts (`SECTIONS`), which only they read.

    Raises:
        UserError: unknown name or bad value, with the nearest name where there is one.
    """
    table = {o.name: o for group in groups for o in group}
    for name, value in (defaults or {}).items():
        table[name] = replace(table[name], default=value)
    parser = _parser(description, table.values())
    flags = vars(parser.parse(argv))
    given = {}
    for config in flags.pop("config", []):
        with refusing(f"{config} holds what no option takes; write one 'name: value' a line"):
            words, switches = _read_options(Path(config), table, script or Path(parser.prog).stem)
        given.update({**vars(parser.parse(words, source=config)), **switches})
    given.update(flags)
    resolved = {name: o.default for name, o in table.items()}
    return argparse.Namespace(**{**resolved, **given}), set(given)


def _parser(description, options):
    parser = _Parser(
        description=description,
        epilog=_unused_line(options),
        formatter_class=_Help,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser._negative_number_matcher = re.compile(r"-[\d.]")  # -5,10,20,20 is a value, too
    for o in options:
        _add(parser, o)
    parser.add_argument(
        "--config",
        metavar="FILE.yaml",
        action="append",
        help="options from a file; flags win, and of several files the later ones",
    )
    return parser


def _unused_line(options):
    names = [f"--{name}" for o in options if o.unused for name in (o.name, o.opposite) if name]
    return f"Accepted for old commands, without effect: {', '.join(names)}." if names else None


def _add(parser, o):
    if o.bare:
        return parser.add_argument(o.name, nargs="?", type=o.kind, help=o.help)
    words, opposite = o.help, f"turns --{o.name} off"
    if o.kind is not bool and (limits := _limits(o)):
        words += f" ({limits})"
    words = words.replace("%", "%%")
    if o.unused:
        words = opposite = argparse.SUPPRESS
    if o.kind is not bool:
        return parser.add_argument(f"--{o.name}", type=o.kind, choices=o.choices, help=words)
    parser.add_argument(f"--{o.name}", dest=o.name, action="store_true", help=words)
    if o.opposite:
        parser.add_argument(f"--{o.opposite}", dest=o.name, action="store_false", help=opposite)


class _Help(argparse.HelpFormatter):
    """Keeps the paragraphs of a description, and those that are indented as they are."""

    def _fill_text(self, text, width, indent):
        fill, parts = super()._fill_text, text.split("\n\n")
        return "\n\n".join(p if p.startswith(" ") else fill(p, width, indent) for p in parts)


def _limits(o):
    """The range of an option's values and its default, in words."""
    default = "" if o.default in ("", None) else f"default {o.default}"
    return "; ".join(filter(None, (getattr(o.kind, "span", ""), default)))


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence and offer the nearest option."""

    def error(self, message):
        raise UserError(f"{message} (--help lists the options)")

    def parse(self, argv, source=None):
        try:
            known, unknown = self.parse_known_args(argv)
        except UserError as error:
            raise UserError(f"{source}: {error}" if source else str(error)) from None
        if unknown:
            names = list(self._option_string_actions)
            raise UserError(
                f"unknown option {unknown[0]}{_nearest(unknown[0].split('=')[0], names)}"
            )
        return known


def _nearest(name, names):
    match = difflib.get_close_matches(name, names, 1, 0.65)
    return f"; did you mean {match[0]}?" if match else "; --help lists the options"


def read_config(path):
    """The content of a config file, a dict; UserError where it is none."""
    try:
        content = load_yaml(path) or {}
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}; give an existing yaml file"
        ) from None
    except DAMAGE:
        raise UserError(
            f"{path} is not yaml of plain 'name: value' lines; write one a line"
        ) from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no 'name: value' lines; write one option a line")
    return content


def _read_options(path, table, script):
    """The options of a config file, its section for `script` included.

    Returns:
        (words of a command line for all but flags, {flag: bool}).
    """
    content = read_config(path)
    sections = {name: content.pop(name) for name in SECTIONS if name in content}
    section = sections.get(script) or {}
    if not isinstance(section, dict):
        raise UserError(f"{path}: section {script} holds no 'name: value' lines")
    content.update(section)
    argv, switches = [], {}
    opposites = {o.opposite: o.name for o in table.values() if o.opposite}
    for name, value in content.items():
        if name not in table and name not in opposites:
            raise UserError(
                f"{path}: unknown option {name}{_nearest(str(name), [*table, *opposites])}"
            )
        if name in table and table[name].bare:
            raise UserError(f"{path}: {name} has no place in a file; give it on the command line")
        if not isinstance(value, PLAIN) or isinstance(value, bool) != _is_flag(name, table):
            kind = "true or false" if _is_flag(name, table) else "one value"
            raise UserError(f"{path}: {name} is {value!r}; it takes {kind}")
        if name in opposites:
            switches[opposites[name]] = not value
        elif isinstance(value, bool):
            switches[name] = value
        else:
            argv.append(f"--{name}={_word(value)}")
    return argv, switches


def _word(value):
    """A value of a config file as it stands on a command line."""
    if isinstance(value, int) and abs(value) > kinds.LARGEST:
        return hex(value)  # decimals of any length are slow to make, and no option takes so many
    return "" if value is None else str(value)


def _is_flag(name, table):
    return name not in table or table[name].kind is bool


def record(namespace, given, path, leave_out=("resume", "overwrite")):
    """Save the resolved options as a config file that `--config` reads back.

    Returns:
        one line that names what the user set, and the file.
    """
    import yaml

    values = {k: v for k, v in vars(namespace).items() if k not in leave_out}
    with replacing(path, "choose another --out") as part:
        part.write_text(yaml.safe_dump(values, sort_keys=False))
    chosen = " ".join(f"{name}={values[name]}" for name in values if name in given)
    return f"options: {chosen or 'defaults'} (all in {Path(path)})"


def words(namespace, given, *groups):
    """A command line's words for those options of `groups` that the user gave.

    Args:
        namespace, given: as `parse` returned them, perhaps for more options.
    """
    for o in {o.name: o for group in groups for o in group}.values():
        value = getattr(namespace, o.name)
        if o.name not in given:
            continue
        if o.kind is not bool:
            yield f"--{o.name}={value}"
        elif flags := o.name if value else o.opposite:
            yield f"--{flags}"
