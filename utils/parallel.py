"""Several processes that share one batch, as torchrun starts them; one process alone pays nothing.

Every process holds the same networks and an equal share of the items, so that means over the
whole batch are means of the processes' means.
"""

import contextlib
import os

import torch
from torch import distributed

from utils.errors import UserError

_alone = False  # inside `alone`


def size():
    """Number of processes that share the batch."""
    return distributed.get_world_size() if _started() and not _alone else 1


def rank():
    """Number of this process, 0 for the one that writes and prints."""
    return distributed.get_rank() if _started() else 0


@contextlib.contextmanager
def alone():
    """Inside, this process computes on its own share, and sends nothing to the others."""
    global _alone
    _alone = size() > 1
    try:
        yield
    finally:
        _alone = False


def is_main():
    """Whether this process writes and prints."""
    return rank() == 0


def _started():
    return distributed.is_available() and distributed.is_initialized()


def launched():
    """Whether torchrun started this process."""
    return "LOCAL_RANK" in os.environ


def local_rank():
    """Number of this process on its host."""
    return int(os.environ.get("LOCAL_RANK", 0))


def local_size():
    """Number of processes on this host."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def join(device):
    """Meet the other processes that torchrun started, if it did; `leave` at the end."""
    if launched() and not _started():
        backend = {"cuda": "nccl", "cpu": "gloo"}.get(device.type)
        if backend is None:
            raise UserError(f"several processes cannot share {device}; start one without torchrun")
        device_id = device if device.type == "cuda" else None
        distributed.init_process_group(backend, device_id=device_id)


def leave():
    """End the work with the other processes."""
    if _started():
        distributed.destroy_process_group()


def share(count):
    """The slice of `count` items of a batch that is this process's; `count` must be divisible."""
    part = count // size()
    return slice(rank() * part, (rank() + 1) * part)


def wait():
    """Wait until every process has come here."""
    if size() > 1:
        distributed.barrier()


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value):
        return average(value.clone())

    @staticmethod
    def backward(ctx, gradient):
        return average(gradient.clone())


def mean(value):
    """Mean over the processes of a tensor, differentiable.

    The gradient is right once the processes' gradients of the weights are averaged (`step`).
    """
    return _Mean.apply(value) if size() > 1 else value


def average(tensor):
    """Replace a tensor by its mean over the processes, in place; returns it."""
    if size() > 1:
        distributed.all_reduce(tensor)
        tensor /= size()
    return tensor


class _Maximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, local):
        largest = local.clone()
        distributed.all_reduce(largest, distributed.ReduceOp.MAX)
        owners = (local == largest).to(local.dtype)
        ctx.save_for_backward(owners)
        return largest

    @staticmethod
    def backward(ctx, gradient):
        (own,) = ctx.saved_tensors
        gradient, owners = gradient.clone(), own.clone()
        distributed.all_reduce(gradient)
        distributed.all_reduce(owners)
        return gradient * own / owners


def maximum(tensor):
    """Largest entry over all processes, a scalar tensor, differentiable."""
    largest = tensor.max()
    return _Maximum.apply(largest) if size() > 1 else largest


def agree(number, device):
    """The largest of a number of each process, in all of them; waits for the device."""
    if size() == 1:
        return number
    return largest(torch.tensor(number, device=device)).item()


def largest(tensor):
    """Entrywise largest over the processes; for bookkeeping, without gradient."""
    if size() > 1:
        tensor = tensor.clone()
        distributed.all_reduce(tensor, distributed.ReduceOp.MAX)
    return tensor


@torch.no_grad()
def average_gradients(parameters):
    """Give all processes the gradients of the whole batch, by one message."""
    if size() > 1:
        gradients = [p.grad for p in parameters if p.grad is not None]
        together = average(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = together.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts):
            gradient.copy_(part.view_as(gradient))
