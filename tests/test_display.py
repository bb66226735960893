"""What runs, in a terminal and in a file."""

import re
import sys

import pytest
from tqdm.utils import disp_len

from engine import display
from many.rows import Row


def row(number, state="running", note=""):
    return Row(f"犬と猫{number}" * 8, number, state, note, "stage one", 10, 40, ("loss", 0.5), 60.0)


@pytest.fixture
def clock(monkeypatch):
    """A list with the time, which a test sets."""
    now = [0.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    return now


def test_a_file_is_not_flooded(clock, capsys):
    told = []
    with display.Display(200) as shown:
        for second in range(3600):
            clock[0] = second
            shown.show([row(n) for n in range(100)])
            told += [second] if capsys.readouterr().out else []
        shown.ended(row(0, "failed", "no masks"))
        assert capsys.readouterr().out.endswith("seed 0: failed: no masks\n")
        clock[0] += display.EACH * 100
        shown.show([row(1)])
    head, line = capsys.readouterr().out.splitlines()
    assert head == "of 200: 0 done, 1 failed, 1 running"
    assert line.endswith("…, seed 1: stage one 10/40, loss 0.5, 0:01:00 left in it")
    assert told[0] == display.APART + 1 and 5 <= len(told) <= 7


def test_lines_fit_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "7")
    with display.Display(10) as shown:
        shown.show([row(n) for n in range(10)])
        shown.show([row(n) for n in range(2)])
        shown.ended(row(0, "failed", "no masks"))
    told = capsys.readouterr()
    assert told.out.endswith("seed 0: failed: no masks\n")
    assert "and 7 more" in told.err and "1 failed" in told.err
    lines = [each for each in re.split(r"[\r\n]|\x1b\[A", told.err) if "seed" in each]
    assert len(lines) >= 5 and all(disp_len(each.strip()) < 60 for each in lines)
