"""What `benchmarks/fuzz.py` looks for in readers of hostile files is found where it is."""

import os
import socket
import subprocess

import pytest

from benchmarks import fuzz_watch
from benchmarks.fuzz_readers import Reader, text_file
from utils.errors import UserError


def refuse(sentence):
    raise UserError(sentence)


MISDEEDS = {  # how it is told, and what a reader does with a hostile file
    "KeyError in tests/test_fuzz_watch.py": lambda path: {}["x"],
    "did open outside": lambda path: open(f"{path.parent}_of_others", "w").close(),
    "did os.rename outside": lambda path: path.rename(path.parent.parent / "moved"),
    "did os.symlink outside": lambda path: (path.parent.parent / "link").symlink_to(path),
    "did start true": lambda path: subprocess.run(["true"]),
    "did socket.connect": lambda path: socket.socket().connect_ex(("127.0.0.1", 9)),
    "takes more than 64 MiB": lambda path: b"x" * 2**27,
    "takes more than 0.5 s": lambda path: [None for _ in iter(int, 1)],
    "says too much": lambda path: refuse("x" * 700),
    "dies with code 3": lambda path: os._exit(3),
}


@pytest.mark.parametrize("told", MISDEEDS)
def test_what_a_reader_must_not_do_is_found(monkeypatch, told):
    for name, value in (("SECONDS", 0.5), ("LIMIT", 2**26), ("LONGEST", 600)):
        monkeypatch.setattr(fuzz_watch, name, value)

    def read(path):
        if path.read_bytes() != b"valid":
            MISDEEDS[told](path)

    found = fuzz_watch.explore(Reader(text_file("x.txt", "valid"), read), 2).findings
    assert any(told in finding for finding in found), found


def test_what_a_reader_may_do_is_no_finding():
    def read(path):
        (path.parent / "new").write_text("x")
        (path.parent / "new").rename(path.parent / "renamed")
        open(os.devnull, "w").close()
        raise UserError("it is no such file")

    def checked(path):
        if path.read_bytes() != b"valid":
            read(path)

    tally = fuzz_watch.explore(Reader(text_file("x.txt", "valid"), checked), 5)
    assert (tally.tried, tally.findings) == (5, {}) and tally.refused
