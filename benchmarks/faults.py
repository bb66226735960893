"""Kill and starve the real scripts, go on as their user would, and see what is lost.

Parts, each with a table: kills at random moments; each write, rename and the like killed or failed
once (needs strace); places that are full, read-only, gone; and the reference's way of saving under
the same faults. Results are kept in OUT/faults.json, so that a campaign may be made in parts.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from utils import errors

errors.guard(__name__)

from benchmarks import faults_kills, faults_places, faults_writes
from benchmarks.faults_jobs import JOBS, Place
from benchmarks.tables import show
from engine import run_folder
from utils import arguments
from utils.arguments import option
from utils.kinds import count, natural, nonnegative

CAMPAIGN = (
    option("only", str, ",".join(JOBS), "which scripts, with commas"),
    option("parts", str, "kills", "what is done to them, with commas"),
    option("kills", count, 50, "of each script, at random moments"),
    option("seconds", nonnegative, 0.0, "no more faults of a script after these; 0: no limit"),
    option("seed", natural, 0, "of the moments"),
    option("out", str, "output/faults", "folder to work in, and for faults.json"),
)
PLAIN = replace(JOBS["stage one"], script="benchmarks/faults_plain.py")


def kills(place, name, opt):
    found = faults_kills.campaign(place, JOBS[name], opt.kills, opt.seconds, opt.seed)
    return {name: found}


def writes(place, name, opt):
    return {name: faults_writes.campaign(place, JOBS[name], opt.seconds)}


def places(place, name, _):
    rows = faults_places.campaign(place, JOBS[name])
    return {f"{name}, {where}": row for where, row in rows.items()}


def plain(place, name, opt):
    """Checkpoints of stage one alone, written by us and by the reference's way."""
    jobs = {f"{name}'s checkpoints": JOBS[name], "plain torch.save": PLAIN}
    given = opt.seconds, "checkpoint"
    return {k: faults_writes.campaign(place, job, *given) for k, job in jobs.items()}


PARTS = {"kills": kills, "writes": writes, "places": places, "plain": plain}


def chosen(text, known, name):
    """Names in a list with commas; UserError for an unknown one."""
    names = [word.strip() for word in text.split(",") if word.strip()]
    for word in names:
        if word not in known:
            raise errors.UserError(f"--{name} {word} is unknown; there are {', '.join(known)}")
    return names


def cells(row):
    """A row for `show`: of a list of names their number, and no sentences."""
    numbers = {k: float(len(v)) if isinstance(v, list) else v for k, v in row.items()}
    return {k: v for k, v in numbers.items() if k != "said"}


def main():
    opt, _ = arguments.parse(__doc__, CAMPAIGN)
    scripts, parts = chosen(opt.only, JOBS, "only"), chosen(opt.parts, PARTS, "parts")
    place, path = Place(opt.out), Path(opt.out) / "faults.json"
    results = json.loads(path.read_text()) if path.is_file() else {}
    for part in parts:
        for name in scripts:
            print(f"{part}: {name}", flush=True)
            results.setdefault(part, {}).update(PARTS[part](place, name, opt))
            run_folder.write(path, json.dumps(results, indent=1))
        show(part, {name: cells(row) for name, row in results[part].items()})


if __name__ == "__main__":
    errors.run(main)
