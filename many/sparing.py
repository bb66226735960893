"""What is done again and again, though never so often that it takes most of the time."""

import time


class Sparing:
    """A function that does nothing when it is called again too early.

    Args:
        function: what is to be done.
        apart: seconds between the beginnings of two calls, at least.
        share: of the time at most one part in so many is its own.
    """

    def __init__(self, function, apart, share):
        self.function, self.apart, self.share, self.due = function, apart, share, 0.0

    def __call__(self, *words):
        begun = time.monotonic()
        if begun >= self.due:
            self.function(*words)
            self.due = begun + max(self.apart, self.share * (time.monotonic() - begun))
