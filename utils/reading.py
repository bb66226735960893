"""Reading files of which nothing is sure: damaged, foreign, or made to do harm.

What is wrong with one is said as one of `DAMAGE`, and none takes more memory than its kind may.
"""

import json
import pickletools
import zipfile
from contextlib import contextmanager

from utils.errors import UserError

LETTERS = 2**28  # of a text file; of JSON its content takes twenty times as many bytes at most
YAML = 2**16  # letters of a yaml file, of which a second reads little more
ARRAYS = 2**28  # bytes of all arrays in an .npz
PIXELS = 2**26  # of a picture, and of a video's frame
FRAMES = 10**6  # of a clip
NAME = 4096  # letters of a text in a file of tensors
LEGACY = 5  # pickles at the head of a file that PyTorch wrote before 1.6
# As which damage shows, in what reads a file and in what is made of its content.
DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
DAMAGE += (RecursionError, MemoryError)


@contextmanager
def refusing(sentence):
    """Context of work on a file's content; `DAMAGE` in it is a UserError with this sentence."""
    try:
        yield
    except DAMAGE:
        raise UserError(sentence) from None


def load_text(path, most=LETTERS):
    """Content of a text file of at most so many letters."""
    with open(path, encoding="utf-8") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it has more than {most} letters")
    return content


def load_json(path):
    """Content of a JSON file."""
    return json.loads(load_text(path))


def load_yaml(path):
    """Content of a yaml file, which builds no objects.

    It has no aliases: a few lines of them stand for more than fits into any memory.
    """
    import yaml  # slow to import, and needed only with files

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent, index):
            if self.check_event(yaml.AliasEvent):
                raise ValueError("it has aliases")
            return super().compose_node(parent, index)

    try:
        return yaml.load(load_text(path, YAML), Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def compose_yaml(path, most):
    """Nodes of a yaml file of at most so many letters, which tell in which line each of them is.

    They are a graph: what an alias stands for is there once, however often it is named.
    """
    import yaml

    try:
        return yaml.compose(load_text(path, most), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def load_arrays(path):
    """Dict of name -> array of an .npz, which builds no objects."""
    import numpy as np  # slow to import

    with open(path, "rb"):
        pass  # what the system says against it
    try:
        with zipfile.ZipFile(path) as file:
            if sum(entry.file_size for entry in file.infolist()) > ARRAYS:
                raise ValueError(f"it holds more than {ARRAYS} bytes")
        with np.load(path) as file:
            found = dict(file)
    except Exception as error:  # NumPy and zipfile raise nearly every kind
        raise ValueError(str(error)) from None
    if any(not isinstance(array, np.ndarray) for array in found.values()):
        raise ValueError("it holds other files than arrays")
    return found


def load_tensors(path, mapped=False):
    """What torch.save wrote, on the CPU, without running code.

    Args:
        mapped: what is not used of a file is not read, but for files of PyTorch before 1.6.

    Raises:
        Exception: nearly every kind, as torch.load does.
    """
    import torch  # slow to import

    zipped = zipfile.is_zipfile(path)
    _check_pickles(path, zipped)
    found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped and zipped)
    _refuse_promises(found)
    return found


def _check_pickles(path, zipped):
    """ValueError where a text is long: torch.load takes its square of time to say what is wrong.

    Likewise where parts are compressed, which torch.save never does, and which may be a bomb.
    """
    if not zipped:
        with open(path, "rb") as file:
            for _ in range(LEGACY):
                if file.peek(1):
                    _check_texts(file)
        return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError("it is compressed")
            if entry.filename.endswith("data.pkl"):
                _check_texts(archive.read(entry))


def _check_texts(pickled):
    for _, value, _ in pickletools.genops(pickled):
        if isinstance(value, str) and len(value) > NAME:
            raise ValueError("it holds long texts")


def _refuse_promises(content):
    """ValueError where a tensor in dicts and lists is larger than the numbers that it holds.

    Networks are built to the tensors' shapes.
    """
    import torch  # slow to import

    left, seen = [content], set()
    while left:
        entry = left.pop()
        if isinstance(entry, torch.Tensor):
            plain = entry.layout == torch.strided and entry.device.type == "cpu"
            if not plain or entry.nbytes > entry.untyped_storage().nbytes():
                raise ValueError
        elif isinstance(entry, (dict, list, tuple)) and id(entry) not in seen:
            seen.add(id(entry))  # some are in many others, or in themselves
            left += entry.values() if isinstance(entry, dict) else entry
