"""A fixture: functions that die at a change of the disk, as if the process were killed.

A test module takes it in by `pytest_plugins = ["tests.dying"]`.
"""

import os
import shutil
from pathlib import Path

import pytest


class Killed(BaseException):
    """Stands for the death of the process: nothing of the code may catch it."""


@pytest.fixture
def kill(monkeypatch):
    """Call a function, which dies at its n-th change of the disk; returns whether it died."""
    left = [0]

    def counted(function):
        def call(*words, **more):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return function(*words, **more)

        return call

    def call(at, function, *words):
        changes = (os, "replace"), (os, "rename"), (Path, "touch"), (Path, "unlink")
        with monkeypatch.context() as patch:
            for owner, name in changes:
                patch.setattr(owner, name, counted(getattr(owner, name)))
            patch.setattr(shutil, "rmtree", counted(shutil.rmtree))
            left[0] = at
            try:
                function(*words)
            except Killed:
                return True
        return False

    return call
