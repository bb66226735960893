"""Absurd values of options, made from the tables of all scripts: refused in one sentence, or work.

`python -m tests.absurd` tries every option; here each kind of values is tried once a script.
"""

import pytest

from tests import absurd
from tests.conftest import refuse
from utils import kinds
from utils.kinds import Number


def test_each_kind_takes_the_same_as_a_flag_and_in_a_file(tmp_path):
    cases = list(absurd.parse_cases(absurd.one_of_each_kind(), tmp_path))
    assert [(o.name, value, fault) for o, value, _, fault in cases if fault] == []
    assert len(cases) > 500
    assert {found is None for *_, found, _ in cases} == {True, False}


@pytest.mark.parametrize("script", absurd.TABLES)
def test_every_number_has_a_range_with_its_default_in_it(script):
    for found in absurd.table(script):
        assert found.kind not in (int, float), found.name
        if isinstance(found.kind, Number) and found.default is not None:
            assert found.kind(str(found.default)) == found.default


def test_what_a_range_takes_and_says():
    taken = {"1": 1, "7": 7}
    for kind, span, others in (
        (Number(int, 1, 7), "from 1 to 7", ("0", "8", "1.0", "nan", "", "9" * 5000)),
        (Number(int, 0, 7, open_below=True), "above 0 to 7", ("0", "8")),
        (Number(float, 1, 8, open_above=True), "from 1 to below 8", ("8", "nan", "inf")),
        (Number(float, 1), "from 1 up", ("0.99", "-inf", "1e16")),
        (Number(int, 1, also=-1), "from 1 up, or -1", ("0", "-2")),
        (Number(int), "", ("a", "1e3", "9" * 17)),
    ):
        assert kind.span == span
        assert {text: kind(text) for text in taken} == taken
        for text in others:
            with pytest.raises(kinds.ArgumentTypeError, match=f"number {span}".rstrip()) as caught:
                kind(text)
            assert len(str(caught.value)) < 200
    assert Number(int, 1, also=-1)("-1") == -1


@pytest.mark.parametrize("text", ["a\0b", "a" * 256, "a/" * 600, "\udcff", "é" * 128])
def test_what_no_file_system_holds_is_no_path(text):
    with pytest.raises(kinds.ArgumentTypeError):
        kinds.path(text)
    assert kinds.path("") == ""
    with pytest.raises(kinds.ArgumentTypeError, match="is empty"):
        kinds.place("")


def test_a_name_with_line_breaks_is_told_on_one_line(tmp_path):
    done = refuse("inference.py", ["--load", f"{tmp_path}/two\nlines\x1b[31m"], r"two\nlines\x1b[")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "flags", "words"),
    [
        ("train_first_stage", "--resize_w 65408 --resize_h 65408", "GiB at least are needed"),
        ("train_first_stage", "--bs 10000000000000", "GiB at least are needed"),
        ("train_first_stage", "--ngf 1024 --blocks 100", "GiB at least are needed"),
        ("train_second_stage", "--bs 10000000000000", "GiB at least are needed"),
        ("inference", "--w 65500", "pixels are too many; a picture has 67 million at most"),
        ("gen_vid", "--end_a 10000000000000", "more than 1000000 frames; give fewer"),
        ("gen_vid", "--resize --w 65500 --h 65500", "65500 x 65500 pixels are too many"),
        ("data/make_videos", "--width 65500 --height 65500", "pixels are too many"),
    ],
)
def test_together_too_large(pair, first, second, tmp_path, script, flags, words):
    """Slow: it needs networks, which are trained once for all tests."""
    command = absurd.commands(pair, first, second, tmp_path)[script]
    refuse(f"{script}.py", [*command, *flags.split(), "--out", f"{tmp_path}/out"], words)


STARTS = (  # cheap ones, of which most pass the parse
    ("gen_vid", "out", ("two\nlines", "x" * 255)),
    ("gen_vid", "fps", ("0.001",)),
    ("gen_vid", "w", ("65500",)),
    ("prepare_data", "out", ("🦊",)),
    ("prepare_data", "start", ("1000000",)),
    ("prepare_data", "redo", ("0-10000000000000",)),
    ("inference", "pad_factor_a", ("4",)),
)


@pytest.mark.slow
def test_what_is_parsed_starts_or_is_refused_within_little_memory(pair, first, second, tmp_path):
    """Slow: it needs networks, which are trained once for all tests, and starts eight scripts."""
    lines = absurd.commands(pair, first, second, tmp_path)
    verdicts = {}
    for script, name, texts in STARTS:
        option = next(o for o in absurd.table(script) if o.name == name)
        cases = [(option, text) for text in texts]
        for _, value, verdict in absurd.starts(script, lines[script], tmp_path, cases):
            verdicts[script, name, value] = verdict
    assert {k: v for k, v in verdicts.items() if v not in ("works", "refused")} == {}
    refused = {name for (_, name, _), verdict in verdicts.items() if verdict == "refused"}
    assert refused == {"w", "start", "redo"}
