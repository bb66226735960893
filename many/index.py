"""results/index.html: a sortable table of all pairs, which opens offline."""

import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from many.rows import MEASURES, STATES, clock
from many.sparing import Sparing
from utils.errors import UserError
from utils.files import replacing
from utils.pages import template

NAME = "index.html"
APART = 5  # seconds between two versions of it at least
SHARE = 20  # of the head's time at most one part in so many


class Index:
    """The page in a folder, rewritten whole.

    Args:
        out: folder of all results.
        rows: list of `many.rows.Row`, that others change.
    """

    def __init__(self, out, rows):
        self.path, self.rows = Path(out) / NAME, rows
        self.refresh = Sparing(self._try, APART, SHARE)
        self.template = template(Path(__file__).parent, quote=quote, clock=clock)

    def write(self):
        """Rewrite it; UserError where that fails. `refresh` does so where it is due, and tries."""
        with replacing(self.path, "make room", lasting=False) as part:
            part.write_text(self.render(), encoding="utf-8", errors="xmlcharrefreplace")

    def _try(self):
        with suppress(UserError):  # the next time, or in the end it is told
            self.write()

    def render(self):
        """The HTML text; every text in it is escaped."""
        columns = {
            column: f"{name}, {case}"
            for column, (name, case) in MEASURES.items()
            if any(column in row.measures for row in self.rows)
        }
        return self.template.render(
            rows=self.rows,
            pairs=len({row.name for row in self.rows}),
            columns=columns,
            heads={"pair": "", "seed": "", "state": "", **columns, "time": ""},
            states=STATES,
            counts=Counter(row.state for row in self.rows),
            written=time.strftime("%Y-%m-%d %H:%M:%S"),
        )
