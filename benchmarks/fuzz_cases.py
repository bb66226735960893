"""Hostile files, made of valid ones that are spoiled in their structure or byte by byte."""

import io
import json
import struct
import zipfile
import zlib

import numpy as np
import torch
import yaml

DEEP = 50_000  # brackets within each other
DROPPED = object()  # stands for an entry that is taken out
NASTY = (
    DROPPED, None, True, -1, 0, 0.5, 2**31, 2**64, 10**40, 1e308, -1e308, float("nan"),
    float("inf"), "", "1", "\0", "\ud800", "../../x", "a\nb", "<script>", "-i", "x" * 300, [], {},
    [[]], [1, 2], [1] * 5000, {"a": {}}, {"video": "x"},
)  # fmt: skip
CHUNKS = (
    b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff" * 16, b"\x80",
    b"-", b"-1", b"NaN", b"1e999", b"9" * 5000, b"0x" + b"f" * 5000, b"\n", b",", b":", b'"',
    b"[" * DEEP, b'{"a":' * DEEP, b"]" * 9, b"- " * 900, b"? " * 900, b"'", b"\xef\xbb\xbf",
    b"\na: &a [*a, *a]\n", b"\n? [a]\n: b\n", b'\nout: "\\0"\n', b'\nout: "\\ud800"\n',
    b"\n<<: {iters: 1}\n", b"\n!!python/object/apply:os.system ['true']\n", b"\niters: !!set {1}\n",
    b"\niters: 0x" + b"f" * 5000 + b"\n", b"../../x", b"<script>", b"cos\nsystem\n(S'true'\ntR.",
)  # fmt: skip
EDITS = (
    lambda content, at, length, chunk: content[:at],
    lambda content, at, length, chunk: content[:at] + content[at + length :],
    lambda content, at, length, chunk: content[: at + length] + content[at:],
    lambda content, at, length, chunk: content[:at] + chunk + content[at:],
    lambda content, at, length, chunk: content[:at] + chunk + content[at + len(chunk) :],
)


def spoiled(content, random):
    """Bytes of which one to four places were cut, doubled, overwritten or filled in."""
    for _ in range(random.randint(1, 4)):
        at, length = random.randint(0, len(content)), random.choice((1, 4, 16, 256))
        chunk = random.choice((*CHUNKS, random.randbytes(1), random.randbytes(4)))
        content = random.choice(EDITS)(content, at, length, chunk)
    return content


def altered(tree, random, more=()):
    """Dicts and lists within each other, of which one to three entries are other values.

    Args:
        more: values besides the `NASTY` ones.
    """
    for _ in range(random.randint(1, 3)):
        numbers = random.randint(-99, 99), random.uniform(-2, 2), random.choice("aé\x1b狐\0")
        value = random.choice((*NASTY, *more, *numbers))
        tree = with_value(tree, random.choice(list(_places(tree))), value)
    return tree


def _places(tree, at=()):
    yield at
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if _listed(tree) else ()
    for key, value in entries:
        yield from _places(value, (*at, key))


def _listed(tree):
    return isinstance(tree, (list, tuple))


def with_value(tree, place, value):
    """The tree with another value in a place; as it is where an earlier change took that away."""
    if not place:
        return tree if value is DROPPED else value
    key, *rest = place
    if key not in (tree if isinstance(tree, dict) else range(len(tree)) if _listed(tree) else ()):
        return tree
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[key] = with_value(tree[key], rest, value) if rest else value
    if copy[key] is DROPPED:
        del copy[key]
    return copy


def json_file(content, random):
    return json.dumps(altered(json.loads(content), random)).encode()


def yaml_file(content, random):
    text = yaml.safe_dump(altered(yaml.safe_load(content), random))
    return text.encode(errors="surrogatepass")


def zip_file(content, random, entries):
    """A zip file of which one entry is spoiled, renamed or one of `entries`; the sums are right."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    name = random.choice(list(parts))
    change = random.choice(("spoil", "replace", "rename"))
    if change == "rename":
        parts[random.choice(("../x", "a", "b.npy"))] = parts.pop(name)
    elif change == "replace":
        parts[name] = random.choice(entries)
    else:
        parts[name] = spoiled(parts[name], random)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", random.choice((0, 8))) as file:
        for entry, data in parts.items():
            file.writestr(entry, data)
    return target.getvalue()


def _npy(array):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), allow_pickle=True)
    return file.getvalue()


def _lying(shape, kind="<f8"):
    """An array file that promises a shape and holds nothing."""
    header = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header


ARRAYS = tuple(map(_npy, (
    np.zeros(0), np.zeros((3, 0, 2)), np.zeros((3, 4, 3)), np.full((3, 4, 2), np.nan), 7,
    np.array([{}, print], object), ["a", "b"], np.zeros((3, 4, 2), complex), np.zeros(3, "M8[s]"),
    np.zeros((3, 4, 2), [("x", "f4")]), np.full((3, 4, 2), 1e300), np.array([0, 1, 2**63], "u8"),
)))  # fmt: skip
ARRAYS += tuple(map(_lying, ("(10**9, 10**6, 2)", "(1000000000000, 2)", "(900000000,)", "(-1, 4)")))
ARRAYS += _lying("(3,)", "|O"), _lying("(" * 3000), _lying("(3, 4, 2)", "<U99999999"), b""


def array_file(content, random):
    return zip_file(content, random, ARRAYS)


TENSORS = (
    torch.zeros(0), torch.zeros(()), torch.zeros(1).expand(10**5, 10**5), torch.zeros(1, 1, 1, 1),
    torch.zeros(1).expand(10**6, 5, 3, 3), torch.full((1, 2, 3), float("nan")),
    torch.ones(2, 2).to_sparse(), torch.zeros(2, dtype=torch.complex64),
    torch.zeros(3, device="meta"), torch.ones(2, 3, dtype=torch.bool),
)  # fmt: skip


def _torch_file(tree):
    file = io.BytesIO()
    torch.save(tree, file)
    return file.getvalue()


def torch_file(content, random):
    if random.random() < 0.5:
        return zip_file(content, random, (b"", _torch_file({})))
    tree = torch.load(io.BytesIO(content), weights_only=True)
    return _torch_file(altered(tree, random, TENSORS))


def png_file(content, random):
    """A PNG with another header, whose checksum is right; the pixels are those of the old one."""
    sides = [random.choice((0, 1, 7, 8, 9, 100_000, 2**16, 2**31 - 1, 2**32 - 1)) for _ in "xy"]
    depth, kind = random.choice((1, 2, 3, 4, 8, 16)), random.choice((0, 2, 3, 4, 5, 6))
    chunk = b"IHDR" + struct.pack(">2I5B", *sides, depth, kind, 0, 0, random.randint(0, 2))
    return content[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[33:]


STRUCTURES = {
    ".json": json_file, ".yaml": yaml_file, ".npz": array_file, ".png": png_file, "": torch_file,
}  # fmt: skip


def hostile(path, content, random):
    """Bytes to stand in place of a valid file's `content`; the kind of file follows its name."""
    structure = STRUCTURES.get(path.suffix)
    return (spoiled if structure is None or random.random() < 0.5 else structure)(content, random)
