"""What runs, in the terminal: a bar of all and a line of each; plain lines where there is none."""

import shutil
import sys
import time

from tqdm import tqdm

APART = 30  # seconds between plain lines of the same job


class Display:
    """Shows jobs; a context.

    Args:
        total: how many there are.
    """

    def __init__(self, total):
        self.bars = sys.stderr.isatty()
        self.total = tqdm(total=total, unit="pair", desc="all", disable=not self.bars)
        self.lines, self.told = [], time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for line in reversed(self.lines):
            line.close()
        self.total.close()

    def show(self, rows):
        """Bring up to date what runs: objects with name, seed, state, note and `progress()`."""
        texts = [_line(row, row.progress()) for row in rows if row.state == "running"]
        if self.bars:
            self._show(texts)
        elif texts and time.monotonic() - self.told > APART:
            self.told = time.monotonic()
            print(*texts, sep="\n", flush=True)

    def ended(self, row):
        """Say how a job ended."""
        text = _line(row, f"{row.state}{': ' if row.note else ''}{row.note}")
        self.total.update()
        if self.bars:
            self.total.write(text)
        else:
            print(text, flush=True)

    def _show(self, texts):
        width, height = shutil.get_terminal_size()
        texts = texts[: max(1, height - 3)]
        while len(self.lines) < len(texts):
            place = len(self.lines) + 1
            self.lines.append(tqdm(bar_format="{desc}", position=place, leave=False))
        for line, text in zip(self.lines, [*texts, *[""] * len(self.lines)]):
            line.set_description_str(text[: width - 1])
        self.total.refresh()


def _line(row, text):
    return f"{row.name}, seed {row.seed}: {text}"
