"""Another try of what failed, a little later."""

import threading

AGAIN = 5  # seconds until then


class Later:
    """Calls a function, in a thread of its own, `AGAIN` seconds after `begin`."""

    def __init__(self, work):
        self._work, self._timer = work, None

    def begin(self):
        """Wait from now on, whatever was waited for before."""
        self.cancel()
        self._timer = threading.Timer(AGAIN, self._work)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self):
        """Wait no more."""
        if self._timer:
            self._timer.cancel()
