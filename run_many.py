"""Many pairs of clips, each through the steps of run.py, on this machine or on a cluster.

    python run_many.py pairs.yaml --out results
    python run_many.py pairs.yaml --out /shared/results --address auto

PAIRS lists them (docs/many.md). The same command, given again, goes on where it stopped and does
nothing twice. results/index.html shows all pairs, also those that failed, and why.
"""

from utils import errors

errors.guard(__name__)

from many import cluster
from utils import arguments, kinds
from utils.arguments import option, positional

MANY = (
    positional("pairs", "yaml file that lists the pairs (docs/many.md)"),
    option("out", kinds.path, "", "folder for everything; a cluster's machines have to share it"),
    option("address", str, "", "of a Ray cluster, auto for one of this machine; else one is made"),
    option(
        "cpus_per_pair",
        kinds.Number(int, 0, 1024),
        0,
        "cores and threads of each pair; 0: its GPU's even share of them, 1 where there is none",
    ),
    option(
        "gpus_per_pair",
        kinds.portion,
        None,
        "GPUs of each pair; 0.5 packs two small ones on one; 1 if there are any",
    ),
)

if __name__ == "__main__":  # --help and wrong options are answered before slow imports
    errors.run(arguments.parse, __doc__, MANY)
    errors.run(cluster.refuse_missing, "run_many.py")

import signal
import sys
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from engine import presets
from engine.display import Display
from engine.steps import heeded
from many import jobs, listing, rows
from many.index import Index
from many.queue import Queue, check_storage, proof, share
from many.sparing import Sparing
from preparation.pair_options import GROUPS, check_pair
from utils import runtime
from utils.errors import UserError
from utils.locks import locked

LOOK = 1.0  # seconds between two looks at what runs
SHARE = 5  # of the head's time they take at most one part in so many
DEVICES = "auto", "cpu", "cuda", "mps"  # which of several GPUs, the cluster says
OTHERS = {
    "out": "is run_many.py's; give it on the command line",
    "seed": "is given as seeds, one or a list",
    "config": "is given as settings",
}


def checked(pair):
    """Refuse a pair whose files are not there or do not fit, as far as can be told before."""
    given = {name: value.content for name, value in pair.options.items()}
    for domain in "ab":
        with at_fault(pair, f"clip_{domain}"):
            check_pair(domain, given)
    return pair


@contextmanager
def at_fault(pair, name):
    """Context in which a user's mistake is one of a pair's option."""
    try:
        yield
    except UserError as error:
        raise pair.refusal(str(error), name) from None


def check_settings(pairs, cuda):
    """Refuse options that a script would refuse on such a machine.

    Args:
        cuda: whether each pair gets an NVIDIA GPU; None: not known before the cluster is there.
    """
    words = lru_cache(presets.words)
    for pair in pairs:
        given = {name: value.content for name, value in pair.options.items()}
        device = given.get("device", "auto")
        if device not in DEVICES:
            raise pair.refusal(f"device: {device} is none of {', '.join(DEVICES)}", "device")
        if cuda is False and device == "cuda":
            raise pair.refusal("no pair gets a GPU here; leave device out", "device")
        with at_fault(pair, "settings"):
            for_gpu = bool(cuda) and device in ("auto", "cuda")
            words(given.get("preset", "quick"), given.get("settings", ""), for_gpu)


def jobs_of(pair, out):
    """The `Job`s of a pair, one for each seed; their paths do for any machine."""
    paths = {o.name for group in GROUPS for o in group if o.kind is kinds.path}
    content = {name: value.content for name, value in pair.options.items()}
    full = {n: str(Path(c).absolute()) if n in paths and c else c for n, c in content.items()}
    clips = full.pop("clip_a"), full.pop("clip_b")
    words = [f"--{n}" if c is True else f"--{n}={c}" for n, c in full.items() if c is not False]
    for seed in pair.seeds:
        folder = out / pair.name / f"seed{seed}"
        argv = *clips, *words, f"--out={folder}", f"--seed={seed}"
        yield jobs.Job(pair.name, seed, argv, Path.cwd(), folder, full.get("preset", "quick"))


def work(queue, table, index, display):
    """Let all jobs run to their ends; `table` is a dict of `Job` -> `Row`."""
    look, since = Sparing(rows.follow_all, LOOK, SHARE), queue.proof.path.stat().st_mtime
    while queue:
        look({job: table[job] for job in queue.running.values()}, since)
        display.show([table[job] for job in queue.running.values()])
        index.refresh()
        for job, outcome in queue.step(LOOK):
            rows.finish(table[job], job, outcome)
            display.ended(table[job])
        while queue.left_out:
            display.say(f"{queue.left_out.pop()}; the other machines go on without it")


def report(table, index):
    """Print what came of it; exit code 1 where a pair failed."""
    failed = [row for row in table.values() if row.state == "failed"]
    print(f"{len(table) - len(failed)} of {len(table)} done: {index.path}")
    if failed:
        print(f"{len(failed)} failed; the same command tries them again")
        sys.exit(1)


def heed():
    """Take what ends this process as Ctrl-C; Ray, which comes up before, has ways of its own."""
    for number in heeded():
        signal.signal(number, signal.default_int_handler)


def go(opt, pairs, out):
    """Make all pairs; `out` is this process's alone."""
    table = {job: rows.Row(job.name, job.seed) for pair in pairs for job in jobs_of(pair, out)}
    for job, row in table.items():
        rows.finish(row, job)
    with cluster.Cluster(opt.address) as machines, proof(out) as shown:
        heed()
        nodes = machines.nodes().values()
        cpus, gpus = share(nodes, opt.cpus_per_pair, opt.gpus_per_pair)
        if opt.address:  # else it is known already, and Ray counts Apple's GPUs, too
            check_settings(pairs, gpus > 0)
        check_storage(machines, shown)
        queue, index = (
            Queue(machines, list(table), cpus, gpus, shown),
            Index(out, list(table.values())),
        )
        print(f"{queue.room()} at a time, each with {cpus} CPUs and {gpus:g} GPUs")
        print(f"the page of all: {index.path}")
        try:
            with Display(len(table)) as display:
                work(queue, table, index, display)
        except KeyboardInterrupt:
            print("stops, once what is running has saved its checkpoint", flush=True)
            raise
        finally:
            queue.stop()
            rows.leave(table)
            index.write()
    report(table, index)


def main():
    opt, _ = arguments.parse(__doc__, MANY)
    if not (opt.pairs and opt.out):
        raise UserError("a list and a folder are needed: run_many.py PAIRS.yaml --out DIR")
    known = {o.name: o for group in GROUPS for o in group if o.name not in OTHERS}
    pairs = [checked(pair) for pair in listing.read(opt.pairs, known, OTHERS)]
    here = None if opt.address else runtime.pick_device("auto").type == "cuda"
    check_settings(pairs, here if opt.gpus_per_pair != 0 else False)
    out = Path(opt.out).absolute()
    try:
        with locked(out):
            go(opt, pairs, out)
    except KeyboardInterrupt:
        print("the same command goes on from there", flush=True)
        raise


if __name__ == "__main__":
    errors.run(main)
