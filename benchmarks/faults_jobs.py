"""The scripts that a campaign of faults drives, on tiny settings, and the place where they work."""

import os
import re
import resource
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from utils.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
SAVE_CHECK = 5
SIZE = "--device cpu --bs 2 --resize_w 32 --resize_h 32 --root_a pair/a/train_seg "
SIZE += "--root_b pair/b/train_seg"
NETWORKS = "--ngf 4 --num_kp 4 --blocks 1 --scale_kp 1 --kp_width 4 --affine"
OFTEN = f"--print_loss 1 --save_check {SAVE_CHECK} --save_img 99 --eval_test 99 --iters 24"
SETTINGS = f"""\
resize_w: 32
resize_h: 32
scale_kp: 1
kp_width: 4
ngf: 4
blocks: 1
num_kp: 4
train_first_stage: {{bs: 2, iters: 8, save_check: {SAVE_CHECK}}}
train_second_stage: {{bs: 2, iters: 8, save_check: {SAVE_CHECK}, exemplar: false, lambda_gan: 0}}
"""
MASKS = "--mask file --mask_file films/truth/a"
OF_EACH = " ".join(  # too few frames for evaluate.py, which has its own kills
    f"--mask_{x} file --mask_file_{x} films/truth/{x} --max_frames_{x} 6" for x in "ab"
)


@dataclass(frozen=True)
class Job:
    """One script of the project.

    Attributes:
        script: its path from the project's root.
        words: its words but for --out, in one line.
        again: what the user adds to go on.
        chain: whether it starts other scripts, whose writes are tried with them alone.
    """

    script: str
    words: str
    again: str = ""
    chain: bool = False

    @property
    def trains(self):
        return self.again == "--resume"


JOBS = {
    "stage one": Job("train_first_stage.py", f"{SIZE} {NETWORKS} {OFTEN}", "--resume"),
    "stage two": Job(
        "train_second_stage.py", f"{SIZE} {OFTEN} --lambda_vgg 0 --load one/checkpoint", "--resume"
    ),
    "inference": Job("inference.py", f"{SIZE} --load two/checkpoint --affine --splitted"),
    "evaluate": Job("evaluate.py", f"{SIZE} --load two/checkpoint --report"),
    "gen_vid": Job("gen_vid.py", "--img_path frames --columns a_;b_ --preview --name x.mp4"),
    "prepare_data": Job("prepare_data.py", f"films/a.mp4 {MASKS}"),
    "run": Job(
        "run.py", f"films/a.mp4 films/b.mp4 --device cpu --settings tiny.yaml {OF_EACH}", chain=True
    ),
}
FEW = "--iters 1 --save_img 99"
MAKERS = {  # folder that scripts start from -> the script that makes it, and its words
    "pair": ("data/make_demo.py", "--frames 12"),
    "films": ("data/make_videos.py", "--frames 12 --width 96 --height 64"),
    "one": ("train_first_stage.py", f"{SIZE} {NETWORKS} {FEW}"),
    "two": ("train_second_stage.py", f"{SIZE} {FEW} --lambda_vgg 0 --load one/checkpoint"),
    "frames": ("inference.py", f"{SIZE} --load two/checkpoint --splitted"),
}


@dataclass(frozen=True)
class Ended:
    """How a script ended: its exit code (None: it ran too long), and all that it printed."""

    code: int
    text: str

    @property
    def refused(self):
        """Whether it ended with one sentence and code 2."""
        said = re.findall(r"^error: ", self.text, re.MULTILINE)
        return self.code == 2 and len(said) == 1 and not self.traceback

    @property
    def traceback(self):
        return "Traceback (most recent call last)" in self.text

    @property
    def last(self):
        """What it printed last."""
        return (self.text.strip().splitlines() or ["nothing"])[-1]


class Place:
    """A folder in which all scripts find what they work on, and write into `out`.

    Args:
        folder: it is made; what an earlier campaign drew and trained there serves again.
    """

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "tiny.yaml").write_text(SETTINGS)
        self.out, self.log = self.folder / "out", self.folder / "log"
        self.patience = 600  # seconds, for any script

    def prepare(self, words):
        """Draw or train what is named in these words, and is not there yet."""
        for name, (script, makes) in MAKERS.items():
            whole = self.folder / f"{name}.whole"
            if not re.search(rf"(^| ){name}(/| |$)", words) or whole.exists():
                continue
            self.prepare(makes)
            shutil.rmtree(self.folder / name, ignore_errors=True)  # of an interrupted call
            done = self.finish(self.start(ROOT / script, [*makes.split(), "--out", name]))
            if done.code:
                raise UserError(f"{script} failed: {done.last}")
            whole.touch()

    def start(self, script, words, wrap=(), variables=(), **others):
        """`Popen` of a Python script with one thread, in the folder, what it says in `log`."""
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        environment.update(variables)
        with open(self.log, "w") as log:
            return subprocess.Popen(
                [*wrap, sys.executable, str(script), *words],
                cwd=self.folder, env=environment, stdout=log, stderr=log, **others,
            )  # fmt: skip

    def begin(self, job, again=False, **others):
        """`start` of a `Job`; `again` as the user goes on with it."""
        words = [*job.words.split(), "--out", str(self.out), *(job.again.split() * again)]
        return self.start(ROOT / job.script, words, **others)

    def finish(self, process):
        """Wait for a process; `Ended`."""
        try:
            code = process.wait(self.patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        return Ended(code, self.log.read_text(errors="replace"))

    def unbroken(self, job, **others):
        """Run a `Job` without a fault, into `out`; its seconds of the processor's time."""
        self.prepare(job.words)
        self.clear()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = self.finish(self.begin(job, **others))
        if done.code:
            raise UserError(f"{job.script} fails even without faults: {done.last}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def processes(self):
        """Ids of the processes that work in the folder."""
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it is gone, or somebody else's
                if Path(path, "cwd").readlink() == self.folder and Path(path, "exe").readlink():
                    yield int(path.name)

    def spent(self):
        """Seconds of the processor's time that these have used, and those that they waited for."""
        ticks = 0
        for number in self.processes():
            with suppress(OSError):
                state = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
                ticks += sum(map(int, state[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def clear(self):
        shutil.rmtree(self.out, ignore_errors=True)
