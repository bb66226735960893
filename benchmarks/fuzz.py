"""Give every reader of files hostile ones, and print what they do with them.

    python benchmarks/fuzz.py --cases 10000 --readers keypoints,pictures
    python benchmarks/fuzz.py --seconds 300 --readers videos

Valid files are drawn in code and then spoiled, in their structure or byte by byte; the number of a
file decides how. A reader may read a file or refuse it in a sentence. Findings are whatever else it
does: other exceptions, more than 10 s or 1 GiB, files changed outside of its folder, programs
started, a process that dies. Of each the first file is kept.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

from benchmarks.fuzz_readers import READERS
from benchmarks.fuzz_watch import explore
from utils import arguments, kinds

OPTIONS = (
    arguments.option("readers", str, ",".join(READERS), "with commas"),
    arguments.option("cases", kinds.count, None, "files for each reader; 1000 by default"),
    arguments.option("seconds", kinds.positive, None, "for each reader, in place of --cases"),
    arguments.option("first", kinds.natural, 0, "number of the first file"),
    arguments.option("out", str, "output/fuzz", "folder for the files of findings"),
)
ROW = "{:14} {:>7} {:>8} {:>7} {:>9} {:>9} {:>8} {:>7}"
COLUMNS = "reader", "inputs", "refused", "read", "findings", "ms each", "slowest", "MiB"


def keep(folder, name, findings):
    """Write the file of each finding, and print what it shows."""
    for number, (finding, (file, content)) in enumerate(findings.items()):
        path = folder / f"{name.replace(' ', '_')}_{number}_{file}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        print(f"    {finding}: {path}", flush=True)


def main():
    opt, _ = arguments.parse(__doc__, OPTIONS)
    names = opt.readers.split(",")
    if unknown := set(names) - READERS.keys():
        raise errors.UserError(f"{min(unknown)} is no reader; they are {', '.join(READERS)}")
    cases = opt.cases or (None if opt.seconds else 1000)
    print(ROW.format(*COLUMNS))
    for name in names:
        tally = explore(READERS[name], cases, opt.seconds, opt.first)
        counts = tally.tried, tally.refused, tally.read, len(tally.findings)
        each = f"{1000 * tally.total / max(1, tally.tried):.1f}"
        figures = each, f"{tally.slowest:.2f} s", tally.memory >> 20
        print(ROW.format(name, *counts, *figures), flush=True)
        keep(Path(opt.out), name, tally.findings)


if __name__ == "__main__":
    errors.run(main)
