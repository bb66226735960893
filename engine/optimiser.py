"""Adam as training uses it."""

import inspect

import torch
from torch import optim


class Adam(optim.Adam):
    """PyTorch's Adam, without what an optimiser needs that is itself compiled by `torch.compile`.

    PyTorch wraps these methods in code that imports its whole compiler on the first call, which
    takes as long as importing PyTorch itself: a training would start that much later.
    """

    add_param_group = inspect.unwrap(optim.Adam.add_param_group)
    zero_grad = inspect.unwrap(optim.Adam.zero_grad)
    state_dict = inspect.unwrap(optim.Adam.state_dict)
    load_state_dict = inspect.unwrap(optim.Adam.load_state_dict)
    step = torch.no_grad()(inspect.unwrap(optim.Adam.step))
