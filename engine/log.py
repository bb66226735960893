"""What a training run tells: progress bar, loss lines, log.csv, TensorBoard, losses.png."""

import csv
import sys
import time
from functools import cached_property
from pathlib import Path

import torch
from tqdm import tqdm

from utils import loss_log, parallel
from utils.errors import UserError
from utils.files import replacing, settle
from utils.visualize import plot_losses

ADVICE = "make room or choose another --out"


class Log:
    """The loss log of a run; `close` it at the end.

    Args:
        out: folder for log.csv, events and losses.png.
        start: first iteration; entries from there on, which an earlier run left, are dropped.
        total: iterations in all.
        device: its speed and, of a GPU, its memory are noted with every entry.
    """

    def __init__(self, out, start, total, device):
        self.device, self.last = device, (start - 1, time.perf_counter())
        self.out = Path(out)
        self.path = self.out / "log.csv"
        self.start = start
        self.writer, self.closed = None, False
        self.bar = tqdm(total=total, initial=start, unit="it", disable=not sys.stderr.isatty())

    def write(self, iteration, values):
        """Note one iteration's values (dict of name -> float) everywhere, and what it took."""
        values = {**values, **self._effort(iteration)}
        if self.writer is None:
            self._open(["iteration", *values])
        self.writer.writerow({"iteration": iteration, **values})
        self.file.flush()
        if self.bar.disable:
            self.tell(f"[{iteration}] " + "  ".join(f"{k}: {v:.6f}" for k, v in values.items()))
        else:
            self.bar.set_postfix({k: f"{v:.3g}" for k, v in list(values.items())[:6]})
        for name, value in values.items():
            self.events.add_scalar(name, value, iteration)

    @cached_property
    def events(self):
        """TensorBoard's writer, which is slow to import: not before the first line is printed."""
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(self.out, purge_step=self.start)

    def _effort(self, iteration):
        """Iterations per second since the last entry, and the run's largest use of GPU memory."""
        (before, then), self.last = self.last, (iteration, time.perf_counter())
        effort = {loss_log.RATE: (iteration - before) / (self.last[1] - then)}
        if self.device.type == "cuda":
            effort[loss_log.MEMORY] = torch.cuda.max_memory_allocated(self.device) / 2**30
        return effort

    def tell(self, text):
        """Print a line, above the bar where there is one."""
        if self.bar.disable:
            print(text, flush=True)
        else:
            self.bar.write(text)

    def _open(self, fields):
        earlier = [row for row in loss_log.read(self.path) if row["iteration"] < self.start]
        rules = {"fieldnames": fields, "restval": "nan", "extrasaction": "ignore"}
        with replacing(self.path, ADVICE) as part, open(part, "w", newline="") as file:
            writer = csv.DictWriter(file, **rules)
            writer.writeheader()
            writer.writerows(earlier)
        self.file = open(self.path, "a", newline="")  # noqa: SIM115 - closed by close()
        self.writer = csv.DictWriter(self.file, **rules)

    def settle(self):
        """Let log.csv be on the disk, before a checkpoint is that goes on from there."""
        if self.writer:
            settle(self.path)

    def plot(self):
        """Bring losses.png up to date with log.csv, whoever wrote it."""
        if self.path.is_file():
            plot_losses(self.path, self.out / "losses.png")

    def close(self):
        """End the bar and the files; may be called twice."""
        if self.closed:
            return
        self.closed = True
        self.bar.close()
        self.plot()
        if self.writer:
            self.events.close()
            self.settle()
            self.file.close()


class FiniteGuard:
    """Remembers on the device when each loss first was not finite, so that no step waits for it.

    Args:
        advice: what the user can do then.
    """

    def __init__(self, advice="lower --g_lr or that loss's weight"):
        self.advice, self.first = advice, None

    def watch(self, iteration, losses):
        """Look at one iteration's losses, a dict of scalar tensors."""
        self.names = list(losses)
        broken = ~torch.isfinite(torch.stack([value.detach() for value in losses.values()]))
        if self.first is None:
            self.first = torch.full_like(broken, -1, dtype=torch.long)
        self.first = torch.where(broken & (self.first < 0), iteration, self.first)

    def check(self):
        """Raise UserError naming the first broken loss and its iteration; waits for the device."""
        if self.first is None:
            return
        first = parallel.largest(self.first).tolist()
        broken = [(i, name) for i, name in zip(first, self.names) if i >= 0]
        if broken:
            iteration, name = min(broken)
            raise UserError(
                f"loss {name} became NaN or infinite at iteration {iteration}; stopped, and the "
                f"last good checkpoint in --out kept; {self.advice}"
            )
