"""Whether memory is what something failed for."""

import torch


def is_full(error):
    """Whether an exception says that the memory of a device, or of the machine, is full."""
    full = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return full or (isinstance(error, RuntimeError) and "not enough memory" in str(error))
