"""Ways to spoil a file: its bytes, its ZIP archive, the header or the numbers of an array, its JSON.

Each takes a random generator and the file's bytes, and returns other bytes. They know the formats: most of what they
make is a whole file of the right kind, in which something else is wrong.
"""

import io
import json
import struct
import zipfile

import numpy as np

NUMBERS = [
    *(0, 1, -1, 2, 3, 7, 64, 10**4, 2**31, 10**9, 2**63, 2**64, 10**20, 10**400, -(10**9)),
    *(0.0, -0.0, 0.5, 1.0, 1.5, -0.5, 1e-300, 5e-324, 1e-30, 1e9, 1e30, 1e31, 1e39, 1.7e308, -1e30),
    *(float("nan"), float("inf"), float("-inf")),
]
TEXTS = ["", "x", "normal", "uniform", "float64", "float16", "Linear", "\ud800", "a\nb", "A" * 5000]
OTHERS = [None, True, False, *TEXTS, [], {}, [[]]]
THINGS = [
    {"type": "Linear", "n_in": 10**9, "n_out": 10**9, "scale": None},
    {"type": "Linear", "n_in": 2, "n_out": 2, "scale": -1.0},
    {"type": "Reshape", "shape": [2, 1]},
    {"type": "Pack", "k": 2},
    {"type": "MinibatchStd", "n": 2},
    {"type": "BatchNorm", "n": 2, "eps": 1e-5},
    {"type": "ReLU"},
    {"type": "Sigmoid"},
    {"type": "Dropout", "p": 0.999999},
    {"type": "Network", "layers": [{"type": "ReLU"}], "dtype": "float32"},
    {"type": "Network", "layers": [], "dtype": "float32", "xp": "x"},
    {"type": "Hinge"},
    {"type": "Minimax", "smooth": 0.0},
    {"type": "R1", "gamma": -1.0},
    {"type": "SGD", "lr": 0.1, "momentum": 0.0},
    {"type": "Ramp", "start": -1.0, "end": 1.0, "begin": 0, "finish": 1},
    {"type": "Decay", "start": 0.1, "factor": 1e-300, "floor": 0.0},
    {"type": "os.system", "command": "true"},
    {"type": "mine.Own", "foreign": True},
    {"type": ["Linear"]},
]
DTYPES = ["<f4", "<f8", ">f4", "<f2", "<i8", "<u1", "|b1", "<c8", "<c16", "<M8[s]", "<m8[D]", "<U3", "|S4", "|V2"]
HEADER_DTYPES = [*DTYPES, "|O", "<U0", "<f4,<f4", "(3,)<f4", "|V0", "<f40", "a5", "x", "", "<U99999999999"]
SHAPES = ["()", "(0,)", "(1,)", "(-1,)", "(-1, -4)", "(3, 2)", "(5", "(True,)", "(1.5,)", "((1,),)", "(1L,)", "None"]
SHAPES += ["(10**9,)", "(10**15,)", "(2**63,)", "(10**9, 10**9)", "(0, 10**18)"]
SHAPES += ["(" * 300 + ")" * 300, "(" + "1," * 70 + ")"]


def pick(rng, items):
    return items[rng.integers(len(items))]


# --- bytes


def flip(rng, data):
    """Some bits."""
    data = bytearray(data)
    for place in rng.integers(len(data), size=rng.integers(1, 9)):
        data[place] ^= 1 << rng.integers(8)
    return bytes(data)


def set_bytes(rng, data):
    """A stretch of one byte, or of random ones."""
    i, n = rng.integers(len(data)), rng.integers(1, 40)
    new = bytes([pick(rng, [0, 255, 65])]) * n if rng.random() < 0.5 else rng.bytes(n)
    return data[:i] + new + data[i + n :]


def cut(rng, data):
    """The end, the beginning, or a piece in the middle is lost."""
    i, j = sorted(rng.integers(len(data) + 1, size=2))
    return pick(rng, [data[:i], data[i:], data[:i] + data[j:]])


def repeat(rng, data):
    """A piece stands twice, or the whole file does."""
    i, j = sorted(rng.integers(len(data) + 1, size=2))
    return pick(rng, [data[:j] + data[i:], data + data, data + rng.bytes(30)])


BYTES = [flip, set_bytes, cut, repeat]


# --- archives


def members(data):
    """The files in an archive: name and content."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def packed(files, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.NameToInfo.pop(name, None)  # a name may stand twice, and without a warning
            archive.writestr(info, content)
    return file.getvalue()


def rename(rng, data):
    files = members(data)
    i, names = rng.integers(len(files)), [name for name, _ in files]
    names += ["x", "x.npy", "", "../x.npy", "about", "theta_G", "é.npy", "m_D.npy", "v_G.npy", "a\nb.npy"]
    files[i] = (pick(rng, names), files[i][1])
    return packed(files)


def lose(rng, data):
    files = members(data)
    for _ in range(rng.integers(1, len(files) + 1)):
        del files[rng.integers(len(files))]
    return packed(files)


def double(rng, data):
    files = members(data)
    name, content = pick(rng, files)
    strange = [("x.npy", content), ("x.txt", b"hello"), ("x.npy", b"")]
    return packed([*files, pick(rng, [(name, content), (name, pick(rng, files)[1]), *strange])])


def swap(rng, data):
    """Two members change places, by name."""
    files = members(data)
    i, j = rng.integers(len(files), size=2)
    files[i], files[j] = (files[i][0], files[j][1]), (files[j][0], files[i][1])
    return packed(files)


def squeeze(rng, data):
    """Compressed, and now and then with far more in it than the archive weighs."""
    files = members(data)
    if rng.random() < 0.5:
        return packed([*files, ("bomb.npy", npy("<f4", (2_000_000,), bytes(8_000_000)))], zipfile.ZIP_DEFLATED)
    return packed(files, pick(rng, [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))


def lie(rng, data):
    """The archive's directory claims other sizes, flags, methods or places."""
    data, at = bytearray(data), -1
    entries = []
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        entries.append(at)
    at = pick(rng, entries)
    offset, form = pick(rng, [(8, "<H"), (10, "<H"), (16, "<I"), (20, "<I"), (24, "<I"), (42, "<I")])
    most = 2 ** (8 * struct.calcsize(form)) - 1
    old = struct.unpack_from(form, data, at + offset)[0]
    new = pick(rng, [0, 1, 8, 12, 99, old + 1, old * 2, most, most - 1, int(rng.integers(most))])
    struct.pack_into(form, data, at + offset, min(new, most))
    if rng.random() < 0.3:
        struct.pack_into(form, data, pick(rng, entries) + offset, min(new, most))
    return bytes(data)


ARCHIVES = [rename, lose, double, swap, squeeze, lie]


# --- arrays


def npy(descr, shape, content, fortran="False"):
    """A .npy file, whatever its header says."""
    descr = descr if descr.startswith("[") else repr(descr)
    text = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"
    text = text.replace("10**15", str(10**15)).replace("10**18", str(10**18)).replace("10**9", str(10**9))
    text = text.replace("2**63", str(2**63)).encode("latin1", "replace")
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) % 65536) + text + content


def saved(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def on_member(change):
    """A mutation of .npy bytes as one of an archive, or of a .npy itself."""

    def changed(rng, data):
        if data[:2] != b"PK":
            return change(rng, data)
        files = members(data)
        i = rng.integers(len(files))
        files[i] = (files[i][0], change(rng, files[i][1]))
        return packed(files)

    changed.__name__ = change.__name__
    return changed


@on_member
def claim(rng, data):
    """Another header before the same numbers."""
    size = struct.unpack_from("<H", data, 8)[0]
    array = np.lib.format.read_array(io.BytesIO(data))
    descr, shape = array.dtype.str, str(array.shape)
    what = rng.integers(4)
    descr = pick(rng, HEADER_DTYPES) if what != 1 else descr
    shape = pick(rng, SHAPES) if what != 0 else shape
    return npy(descr, shape, data[10 + size :], pick(rng, ["False", "False", "True", "2", "x"]))


@on_member
def retype(rng, data):
    """The same numbers in another dtype, or as Python objects."""
    array = np.lib.format.read_array(io.BytesIO(data))
    with np.errstate(all="ignore"):
        try:
            return saved(array.astype(pick(rng, [*DTYPES, object])))
        except (ValueError, TypeError):
            return saved(np.zeros(array.shape, pick(rng, DTYPES)))


@on_member
def reshape(rng, data):
    """Longer, shorter, with more axes or none, empty, turned."""
    a = np.lib.format.read_array(io.BytesIO(data))
    flat = np.atleast_1d(a).reshape(-1)
    made = [flat[:0], flat[:-1], flat[:1], flat[0:1].reshape(()), np.tile(flat, 2), flat[:, None], flat[None], a.T]
    made += [flat[: len(flat) // 2 * 2].reshape(2, -1), np.tile(np.atleast_1d(a), (3, 1))]
    return saved(pick(rng, made))


@on_member
def revalue(rng, data):
    """Some numbers, or all, are others: not finite, huge, negative, zero."""
    a = np.lib.format.read_array(io.BytesIO(data)).copy()
    if a.dtype.kind not in "fiu" or not a.size:
        return saved(a)
    values = np.array(pick(rng, [np.nan, np.inf, -np.inf, 1e38, -1e38, 1e300, 1e-40, -1.0, 0.0, 0.5, 3.0, 1e15]))
    with np.errstate(all="ignore"):
        flat, value = a.reshape(-1), values.astype(a.dtype)
    where = slice(None) if rng.random() < 0.3 else rng.integers(len(flat), size=rng.integers(1, 5))
    flat[where] = value if rng.random() < 0.7 else -flat[where]
    return saved(flat.reshape(a.shape))


ARRAYS = [claim, retype, reshape, revalue]


# --- JSON


def on_text(change):
    """A mutation of JSON text as one of the member `about` of an archive, or of a text file."""

    def changed(rng, data):
        if data[:2] != b"PK":
            return change(rng, data.decode("latin1")).encode("utf-8", "surrogatepass")
        files = members(data)
        i = next(i for i, (name, _) in enumerate(files) if name == "about.npy")
        text = change(rng, str(np.lib.format.read_array(io.BytesIO(files[i][1]))))
        files[i] = ("about.npy", saved(np.array(text)))
        return packed(files)

    changed.__name__ = change.__name__
    return changed


def places(value):
    """Every (container, key) in a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(pairs):
        yield value, key
        yield from places(item)


def edited(edit):
    """A change at some random places of a JSON value."""

    @on_text
    def change(rng, text):
        value = json.loads(text)
        for _ in range(pick(rng, [1, 1, 1, 2, 3])):
            there = list(places(value))
            if there:
                edit(rng, *pick(rng, there), there)
            text = json.dumps(value)
            value = json.loads(text)  # nothing in it stands at two places
        return text

    change.__name__ = edit.__name__
    return change


@edited
def replace(rng, holder, key, there):
    """A value becomes one of any type."""
    holder[key] = json.loads(json.dumps(pick(rng, pick(rng, [NUMBERS, OTHERS, THINGS]))))


@edited
def renumber(rng, holder, key, there):
    """A number becomes one like it, or one that is not."""
    numbers = [(h, k) for h, k in there if type(h[k]) in (int, float)]
    holder, key = pick(rng, numbers) if numbers else (holder, key)
    old = holder[key] if numbers else 1
    near = [old + 1, old - 1, -old, old * 2, old * 10, old // 2, float(old), int(old), old + 0.5, bool(old), str(old)]
    holder[key] = pick(rng, near + NUMBERS[: len(near)])


@edited
def transplant(rng, holder, key, there):
    """A value becomes another one from the same file."""
    other, name = pick(rng, there)
    holder[key] = json.loads(json.dumps(other[name]))


@edited
def drop(rng, holder, key, there):
    del holder[key]


@edited
def add(rng, holder, key, there):
    new = json.loads(json.dumps(pick(rng, pick(rng, [NUMBERS, OTHERS, THINGS]))))
    if isinstance(holder, list):
        holder.insert(key, new)
    else:
        holder[pick(rng, ["xp", "seed", "x", "type", "foreign", "", "init", "__class__"])] = new


@edited
def rekey(rng, holder, key, there):
    if isinstance(holder, dict):
        holder[pick(rng, ["x", str(key).upper(), f"{key}_", "type", "n_in"])] = holder.pop(key)


@edited
def nest(rng, holder, key, there):
    """Within many lists, networks or objects."""
    wrap = pick(
        rng,
        [
            lambda v: [v],
            lambda v: {"a": v},
            lambda v: {"type": "Network", "layers": [v], "dtype": "float32"},
            lambda v: {"type": "Network", "layers": [v, v], "dtype": "float32"},
        ],
    )
    value = holder[key]
    for _ in range(pick(rng, [1, 2, 9, 12])):
        if len(json.dumps(value)) < 50_000:  # some of these double it
            value = wrap(value)
    holder[key] = value


@on_text
def scribble(rng, text):
    """The text itself: deep, cut, with numbers that JSON cannot say, names twice, or no JSON."""
    i = rng.integers(len(text))
    long = pick(rng, ["[" * 900, "[" * 60_000, '{"a":' * 900, "[" * 400 + "]" * 400, "9" * 5000, " " * 70_000])
    digits = [j for j, c in enumerate(text) if c.isdigit()]
    j = pick(rng, digits) if digits else 0
    number = pick(rng, ["1e400", "-1e400", "NaN", "Infinity", "0x10", "1_0", "00", "1.", "٣", "9" * 4000])
    return pick(
        rng,
        [
            *(text[:i], text[:i] + long + text[i:], text[:i] + chr(rng.integers(1, 0xD7FF)) + text[i + 1 :]),
            *(text[:j] + number + text[j + 1 :], text.replace("{", '{"step": 1, ', 1), text.replace(": ", ": [", 1)),
            *(text.replace("numgan-1", "numgan-2"), "", "null", "[]", "{}", "7", '"x"', long),
        ],
    )


JSON = [replace, renumber, transplant, drop, add, rekey, nest, scribble]
