"""What a GPU shows: tests on it, speed and memory of both stages, and a full run of cat and fox.

Without PART, what --json lacks is measured, part by part, for at most --minutes; the same command
goes on from there. With PART it is that part, anew. As soon as a part ends, its figures and the
command that gave them are in --json, and in the tables of --page. Paths are relative to the
project's root.
"""

import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from utils import errors

errors.guard(__name__)

import torch

from benchmarks import gpu_tables
from benchmarks.gpu_parts import PARTS, Unfinished
from engine import run_folder
from utils import arguments, files, kinds, runtime

LEAST = {  # minutes without which a part is not begun, but as the first
    "tests": 3, "first": 3, "second": 4, "inference": 1, "memory_first": 3, "memory_second": 3,
    "run": 1,
}  # fmt: skip
OPTIONS = (
    arguments.positional(
        "part", f"one of {', '.join(LEAST)}, or tables; by default what is lacking"
    ),
    arguments.option("minutes", kinds.positive, 9.0, "after which nothing runs any more"),
    arguments.option("device", str, "cuda", "cuda, cuda:N, or cpu to try the way itself"),
    arguments.option("json", str, "output/gpu.json", "file of all figures"),
    arguments.option("page", str, "docs/performance.md", "page whose tables are filled"),
    arguments.option("out", str, "output/gpu", "folder of the run of cat and fox"),
    arguments.option("settings", str, "", "yaml file with other options for all parts"),
    arguments.option("rounds", kinds.count, 3, "times that every row is measured, in turn"),
)


def open_figures(path, device):
    """The dict of --json, or a new one for this device; UserError where it is another one's."""
    cuda = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if cuda else device.type
    found = {"device": name, "torch": torch.__version__, "parts": {}}
    if not path.is_file():
        return found
    former = json.loads(path.read_text())
    if [former[key] for key in ("device", "torch")] != [name, torch.__version__]:
        raise errors.UserError(
            f"{path} holds figures of {former['device']}, torch {former['torch']}; give another "
            "--json, or remove it"
        )
    return former


def lacking(found):
    """Names of the parts that have no figures yet, or whose run has not come to its end."""
    parts = found["parts"]
    done = [name for name in parts if parts[name]["figures"].get("finished", True)]
    return [name for name in PARTS if name not in done]


def measure(name, opt, found, end):
    """Take one part's figures into the dict `found` and into --json; False where it gave none."""
    begin, former = time.monotonic(), found["parts"].get(name, {})
    try:
        command, figures = PARTS[name](opt, end)
    except Unfinished as reason:
        print(f"{name}: {reason}", file=sys.stderr)
        return False
    before = former["seconds"] if name == "run" and former else 0  # it goes on where it was
    seconds = before + time.monotonic() - begin
    found["parts"][name] = {"command": command, "seconds": round(seconds), "figures": figures}
    save(opt, found)
    return True


def save(opt, found):
    """Write --json, and fill the tables of --page from it."""
    with files.replacing(ROOT / opt.json, "choose another --json") as part:
        part.write_text(json.dumps(found, indent=1) + "\n")
    fill(opt.page, found)


def fill(page, found):
    page = ROOT / page
    text = gpu_tables.fill(page.read_text(), found)
    with files.replacing(page, "choose another --page") as part:
        part.write_text(text)


def main():
    opt, _ = arguments.parse(__doc__, OPTIONS)
    end = time.monotonic() + 60 * opt.minutes
    if opt.part == "tables":
        return fill(opt.page, json.loads((ROOT / opt.json).read_text()))
    if opt.part not in ("", *PARTS):
        raise errors.UserError(f"{opt.part} is no part; {', '.join(PARTS)} and tables are")
    device = runtime.pick_device(opt.device)
    opt.device = os.environ["TEST_DEVICE"] = str(device)
    run_folder.make_folder(ROOT / opt.out)
    found = open_figures(ROOT / opt.json, device)
    failed = []
    for count, name in enumerate([opt.part] if opt.part else lacking(found)):
        if count and end - time.monotonic() < 60 * LEAST[name]:
            break
        if not measure(name, opt, found, end):
            failed.append(name)
    rest = lacking(found)
    print(f"figures are in {opt.json}" + (f"; still lacking: {', '.join(rest)}" if rest else ""))
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    errors.run(main)
