"""What is remembered as long as there is room."""


class Kept:
    """Values by key; those that were not used for longest go when there are too many.

    Args:
        most: the largest sum of sizes; the last value stays whatever its size.
        size: function of a value.
    """

    def __init__(self, most, size):
        self.most, self._size = most, size
        self._values, self._sum = {}, 0

    def get(self, key):
        """The value of a key; None where there is none."""
        if key in self._values:
            self._values[key] = self._values.pop(key)  # now the last one to go
        return self._values.get(key)

    def put(self, key, value):
        """Take a value in; returns it."""
        self._drop(key)
        self._values[key] = value
        self._sum += self._size(value)
        while self._sum > self.most and len(self._values) > 1:
            self._drop(next(iter(self._values)))
        return value

    def _drop(self, key):
        if key in self._values:
            self._sum -= self._size(self._values.pop(key))
