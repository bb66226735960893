"""What comparing with the reference needs: its deterministic weights, and a report."""

import zlib

import numpy as np
import torch


class Report:
    """Prints one line per number and counts."""

    def __init__(self):
        self.checked = self.failed = 0

    def add(self, name, error, tolerance):
        good = error <= tolerance  # NaN fails
        self.checked += 1
        self.failed += not good
        print(f"{name:70s} {error:10.3e} {tolerance:10.3e} {'ok' if good else 'FAIL'}")

    def close(self, name, ours, golden, absolute=0.0, relative=0.0):
        """Largest excess over absolute or relative tolerance, whichever is the wider."""
        ours, golden = (torch.as_tensor(x).detach().double().reshape(-1) for x in (ours, golden))
        if len(ours) != len(golden):
            return self.add(f"{name} (size {len(ours)} for {len(golden)})", float("inf"), absolute)
        tolerance = torch.clamp(relative * golden.abs(), min=absolute)
        worst = ((ours - golden).abs() / tolerance).argmax()
        self.add(name, (ours - golden).abs()[worst].item(), tolerance[worst].item())


def fill(network, tag, seed=0):
    """Deterministic weights: every floating tensor from its own name, `down.weight` excepted."""
    state = network.state_dict()
    for key, old in state.items():
        if old.is_floating_point() and key != "down.weight":
            rng = np.random.default_rng(zlib.crc32(f"{tag}.{key}".encode()) + seed)
            n = rng.standard_normal(tuple(old.shape)).astype(np.float32)
            state[key] = torch.from_numpy(np.asarray(_weight(key, n), dtype=np.float32))
    network.load_state_dict(state)
    return network


def _weight(key, n):
    if n.ndim >= 2:
        gain = np.float32(np.sqrt(2.0 / np.prod(n.shape[1:])))
        return n * gain * np.float32(0.05 if key == "kp.weight" else 1.0)
    if key.endswith("running_var"):
        return 1 + 0.1 * np.abs(n)
    if key.endswith("running_mean"):
        return 0.1 * n
    return 1 + 0.1 * n if key.endswith("weight") else 0.05 * n
