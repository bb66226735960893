"""What runs, in the terminal: a bar of all and a line of each; plain lines where there is none."""

import shutil
import sys
import time

from tqdm import tqdm
from tqdm.utils import disp_trim

APART, EACH = 60, 6  # seconds from one plain report to the next: so many at least, and per line
NAME = 24  # letters of a name that are shown of what runs


class Display:
    """Shows jobs; a context.

    Args:
        total: how many there are.
    """

    def __init__(self, total):
        self.bars = sys.stderr.isatty()
        shown = {"desc": "all", "unit": "pair", "dynamic_ncols": True, "disable": not self.bars}
        self.total = tqdm(total=total, **shown)
        self.lines, self.counts = [], {"done": 0, "failed": 0}
        self.number, self.due = total, time.monotonic() + APART

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
        elif time.monotonic() > self.due:
            self.due = time.monotonic() + max(APART, EACH * len(texts))
            counts = ", ".join(f"{count} {state}" for state, count in self.counts.items())
            print(f"of {self.number}: {counts}, {len(texts)} running", *texts, sep="\n", flush=True)

    def ended(self, row):
        """Say how a job ended."""
        text = _line(row, f"{row.state}{': ' if row.note else ''}{row.note}", len(row.name))
        self.counts[row.state] += 1
        if failed := self.counts["failed"]:
            self.total.set_postfix_str(f"{failed} failed", refresh=False)
        self.total.update()
        self.say(text)

    def say(self, text):
        """Print a line, above the bars where there are any."""
        if self.bars:
            self.total.write(text)
        else:
            print(text, flush=True)

    def _show(self, texts):
        width, height = shutil.get_terminal_size()
        most = max(1, height - 3)
        if len(texts) > most:
            texts = [*texts[: most - 1], f"and {len(texts) - most + 1} more"]
        while len(self.lines) < len(texts):
            place = len(self.lines) + 1
            self.lines.append(tqdm(bar_format="{desc}", position=place, leave=False))
        for line, text in zip(self.lines, [*texts, *[""] * len(self.lines)]):
            line.set_description_str(disp_trim(text, width - 1))
        self.total.refresh()


def _line(row, text, letters=NAME):
    name = row.name if len(row.name) <= letters else row.name[: letters - 1] + "…"
    return f"{name}, seed {row.seed}: {text}"
