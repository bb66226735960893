"""Change one line of the project at a time and see which test notices.

`python -m tests.mutate [NUMBER ...]` makes each mutation, or those named, in a copy of the project.
It runs the test files that are most likely to notice, and all the others where they do not. One row
a mutation says which test failed. Exits 1 where a mutation survives, its line is not found, or a
test fails without any.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "output", "demo")
PYTEST = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--tb=no")
LOST, SURVIVED = "NOT FOUND", "SURVIVED"


class Mutation(NamedTuple):
    """A text that stands once in a file, what it becomes, and the test files likely to notice."""

    file: str
    old: str
    new: str
    likely: str


MUTATIONS = (
    Mutation("models/generator.py", "return x + self.conv_block(x)", "return self.conv_block(x)",
             "models parity"),
    Mutation("models/generator.py", "return mask_a, mask_b", "return mask_b, mask_a",
             "models parity"),
    Mutation("models/jokr.py", 'this, other = (0, 1) if domain == "a"',
             'this, other = (1, 0) if domain == "a"', "models parity"),
    Mutation("models/layers.py", "sigma = (1 / scale - 1) / 2", "sigma = 1 / scale - 1",
             "models parity"),
    Mutation("models/layers.py", "norm.per_item = former", "norm.per_item = True",
             "models parity"),
    Mutation("losses/keypoints.py", "return -(inside + 1e-12).log().mean()",
             "return (inside + 1e-12).log().mean()", "losses parity"),
    Mutation("losses/keypoints.py", "keypoints - affine_apply(warp, warped_keypoints)",
             "warped_keypoints - affine_apply(warp, keypoints)", "losses parity"),
    Mutation("losses/keypoints.py", "keypoints[:, :10]", "keypoints[:, :9]", "losses parity"),
    Mutation("losses/confusion.py", "_score(discriminator, keypoints_b.detach(), False)",
             "_score(discriminator, keypoints_b.detach(), True)", "losses parity"),
    Mutation("losses/confusion.py", "second / weight - mean[:, :, None] * mean[:, None]",
             "second / weight", "losses switches"),
    Mutation("datasets/augment.py", "side = -1 if mirror else 1", "side = 1", "datasets"),
    Mutation("datasets/augment.py", "crops = np.where(first[:, None], 0,",
             "crops = np.where(first[:, None], 0.05,", "datasets"),
    Mutation("datasets/pairs.py", "np.concatenate([indices, indices + 1])",
             "np.concatenate([indices, indices])", "datasets"),
    Mutation("datasets/clip.py", "index % len(self)", "min(index, len(self) - 1)",
             "datasets scripts"),
    Mutation("engine/checkpoint.py", '"R_A": jokr.refiner_a, "R_B": jokr.refiner_b',
             '"R_A": jokr.refiner_b, "R_B": jokr.refiner_a', "checkpoint parity"),
    Mutation("engine/checkpoint.py", "last.shape[1] - 3", "last.shape[1] - 2", "checkpoint"),
    Mutation("engine/checkpoint.py", 'source = state if raw else state.get("ema", state)',
             "source = state", "checkpoint switches"),
    Mutation("engine/loop.py", '"iteration": self.iteration + 1', '"iteration": self.iteration',
             "scripts"),
    Mutation("engine/learner.py", 'group["lr"] = group["initial_lr"] = getattr(self.opt, name)',
             "pass", "scripts"),
    Mutation("inference.py", "number + len(x) >= count",
             "number + len(x) > count", "scripts"),
    Mutation("segmentation/cleanup.py", "return (mask & reach) | (lost > 0)",
             "return mask & reach", "segmentation"),
    Mutation("segmentation/camera.py", "found.append(anchor @ np.linalg.inv(moved))",
             "found.append(anchor @ moved)", "segmentation"),
    Mutation("segmentation/chroma.py", "(share > 0.5) & ~outside", "(share > 0.9) & ~outside",
             "segmentation"),
    Mutation("segmentation/chroma.py", ".clip(*LIGHT)", ".clip(1, 1)", "auto"),
    Mutation("segmentation/chroma.py", "np.hypot(*screen[1:]) < STRONG", "False", "auto"),
    Mutation("segmentation/chroma.py", ".mean(1).min() < ALL_ROUND", ".mean() < ALL_ROUND", "auto"),
    Mutation("segmentation/motion.py", "_rest(frames, found.masks) > REST", "False", "auto"),
    Mutation("segmentation/motion.py", "if not empty:", "if True:", "auto"),
    Mutation("segmentation/auto.py", ">= motion.LEAST", ">= 0", "auto"),
    Mutation("finishing/crop_boxes.py", "self._factor[indices] + self._offset[indices]",
             "self._factor[indices] - self._offset[indices]", "finishing tracks"),
    Mutation("finishing/matte.py", "3 - 2 * share", "2 - share", "finishing"),
    Mutation("finishing/backdrop.py", "matrix if start == low else np.linalg.inv(matrix)",
             "matrix", "finishing"),
    Mutation("preparation/publish.py", "os.replace(folder / path.name, old / path.name)", "pass",
             "publish prepare_data"),
    Mutation("preparation/edits.py", "(former + later) / 2", "later", "interactive"),
    Mutation("preparation/session.py", "self.masks is None or anchors[owner].segmented", "True",
             "interactive"),
    Mutation("preparation/interactive.py", "if anchors[number].painted", "if False",
             "interactive"),
    Mutation("server/guard.py", "name not in self.names", "False", "server"),
    Mutation("server/guard.py", "if len(body) > LIMIT:", "if False:", "server"),
    Mutation("server/live.py", "if told.get(name) != part", "if True", "server"),
    Mutation("metrics/silhouettes.py", "boxes[:, 2:] += 1", "boxes[:, 2:] += 0", "metrics"),
    Mutation("metrics/keypoints.py", "torch.cat([frames[:start], frames[end:]])",
             "torch.cat([frames[:start], frames[start:]])", "metrics evaluate"),
    Mutation("video/reader.py", "round(excerpt.start * self.fps) : last",
             "round(excerpt.start * self.fps) + 1 : last", "video_reader"),
)  # fmt: skip


def copy(folder):
    """The project in a new folder, beside whose parent `shared` lies as it does here."""
    project = folder / "project"
    shutil.copytree(ROOT, project, ignore=LEFT_OUT)
    if (ROOT.parent / "shared").is_dir():
        (folder / "shared").symlink_to(ROOT.parent / "shared")
    return project


def change(project, mutation):
    """Make a mutation; returns whether its text stands there, once."""
    path = project / mutation.file
    text = path.read_text() if path.is_file() else ""
    if text.count(mutation.old) != 1:
        return False
    path.write_text(text.replace(mutation.old, mutation.new))
    return True


def first_failure(project, words):
    """Name of the first test that fails under pytest's `words`, or "" where all pass."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*PYTEST, *words], cwd=project, env=environment, capture_output=True)
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout.decode(), re.MULTILINE)
    if done.returncode and not found:
        raise RuntimeError(f"pytest {words}: {(done.stdout + done.stderr).decode()}")
    return found[1] if found else ""


def caught_by(project, mutation):
    """Name of the test that notices a mutation, or ""."""
    names = [f"tests/test_{name}.py" for name in mutation.likely.split()]
    others = [f"--ignore={name}" for name in names]
    return first_failure(project, names) or first_failure(project, ["-n", "2", *others])


def result(mutation):
    """Which test notices a mutation, or that none does, or that its text is not there."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy(Path(folder))
        if not change(project, mutation):
            return LOST
        return caught_by(project, mutation) or SURVIVED


def main():
    chosen = [int(word) for word in sys.argv[1:]] or range(1, len(MUTATIONS) + 1)
    with tempfile.TemporaryDirectory() as folder:
        if failure := first_failure(copy(Path(folder)), ["-n", "2"]):
            print(f"without any mutation: {failure}")
            return 1
    results = []
    for number in chosen:
        mutation = MUTATIONS[number - 1]
        results.append(result(mutation))
        change_made = f"{mutation.old} -> {mutation.new}"
        print(f"{number:2} {mutation.file}: {change_made}: {results[-1]}", flush=True)
    return int(LOST in results or SURVIVED in results)


if __name__ == "__main__":
    sys.exit(main())
