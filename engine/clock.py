"""How long a run has trained."""

import time

from utils import parallel

AGREE = 10  # iterations between looks at what only the other processes know


class Clock:
    """Seconds of training, the same in all processes; loading and compiling are not counted.

    Args:
        before: seconds that were trained before a --resume.
        processor: count what this process, all threads together, has of the CPU.

    Attributes:
        seconds: of training in all, up to the last iteration.
    """

    def __init__(self, before, processor=False):
        self.before = self.seconds = before
        self.now = time.process_time if processor else time.perf_counter

    def start(self):
        self.begun = self.now()

    def tick(self, iteration, device):
        """An iteration is over; several processes agree every so often on the longest time."""
        if parallel.size() == 1 or iteration % AGREE == 0:
            self.seconds = self.before + parallel.agree(self.now() - self.begun, device)

    @property
    def since_start(self):
        """Seconds of this run alone."""
        return self.seconds - self.before
