"""Stage one, which saves as the reference does: torch.save, straight onto the final name.

It takes the words of train_first_stage.py, and is what `benchmarks/faults.py` compares with.
"""

import runpy
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine import checkpoint


@contextmanager
def plainly(path, *_):
    yield path


if __name__ == "__main__":
    checkpoint.replacing = plainly
    runpy.run_path(str(ROOT / "train_first_stage.py"), run_name="__main__")
