"""MNIST in full: read from the cache or taken from files at hand, and only if every byte is MNIST's."""

import gzip
import os
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from mirror import ARRAYS, FILES, PACKED, PLAIN, arrays

import numgan as ng
from numgan.app import cli
from numgan.app.folder import Run
from numgan.data import download, idx, mnist

PUBLISHED, MIRRORS = mnist.FILES, download.MIRRORS
X = ARRAYS["x_train"]
TRAIN = ["train", "--batch", "4", "--threads", "1"]


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """A small MNIST, an empty cache, and nothing to download."""
    monkeypatch.setattr(mnist, "FILES", FILES)
    monkeypatch.setattr(download, "MIRRORS", ())
    monkeypatch.setenv("NUMGAN_DATA", str(tmp_path / "cache"))


@pytest.fixture
def full(tmp_path):
    """A cache that holds everything."""
    return filled(tmp_path / "cache")


def filled(folder, files=PACKED):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def refused(*words, call, **arguments):
    with pytest.raises(ng.InputError) as caught:
        call(**arguments)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def ends(capsys, arguments, status, *words):
    """A command line that ends in this status, with one line of error that holds every word."""
    assert cli.main([*map(str, arguments)]) == status
    err = capsys.readouterr().err
    assert err.count("\n") == (status != 0), err
    for word in words:
        assert word in err, err


# --- the cache ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_splits_are_images_and_labels_in_the_range_that_is_asked_for(full, split):
    data = ng.data.load("mnist", split=split)
    x, y = ARRAYS[f"x_{split}"], ARRAYS[f"y_{split}"]
    assert data.name == "mnist" and data.image_shape == (4, 5) and data.range == (-1.0, 1.0)
    np.testing.assert_array_equal(np.rint(data.restore(data.x) * 255), x.reshape(len(x), -1))
    np.testing.assert_array_equal(data.labels, y)
    assert ng.data.load("mnist", range=(0, 1), split=split).x.max() == np.float32(x.max() / 255)


def test_an_empty_cache_is_said_and_nothing_is_downloaded(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(download, "download", None)  # a call would be an error
    refused(str(tmp_path / "cache"), "numgan data mnist", "NUMGAN_DATA", call=ng.data.load, name_or_path="mnist")
    monkeypatch.chdir(tmp_path)
    ends(capsys, ["train", "--data", "mnist"], 2, "numgan data mnist")
    assert not any(tmp_path.iterdir())


def test_reading_needs_no_pooch(full, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)  # as if it were not installed
    assert len(ng.data.load("mnist")) == len(X)


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMGAN_DATA", "~/shared")
    assert mnist.cache() == Path.home() / "shared"
    monkeypatch.setenv("NUMGAN_DATA", "")
    pooch = pytest.importorskip("pooch", reason="says where a user's cache is")
    assert mnist.cache() == pooch.os_cache("numgan")


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("damage", ["cut", "another", "empty"])
def test_a_damaged_file_in_the_cache_is_refused_and_replaced(full, tmp_path, name, damage):
    other = gzip.compress(PLAIN[name[:-3]][:-1] + b"\xff")  # whole, of the right shape, and not MNIST
    contents = {"cut": PACKED[name][:-3], "another": other, "empty": b""}
    (full / name).write_bytes(contents[damage])
    split = "train" if "train" in name else "test"
    refused(name, "numgan data mnist", call=ng.data.load, name_or_path="mnist", split=split)
    assert [file.name for file in mnist.missing(full).values()] == [name[:-3]]
    assert cli.main(["data", "mnist", "--from", str(filled(tmp_path / "hand"))]) == 0
    assert (full / name).read_bytes() == PACKED[name]


@pytest.mark.parametrize("name_or_path", ["Mnist", "minst"])
def test_a_slip_is_met_with_the_name(name_or_path):
    refused("did you mean 'mnist'?", call=ng.data.load, name_or_path=name_or_path)


def test_mnist_is_not_resized_and_has_two_splits(full):
    refused("size", call=ng.data.load, name_or_path="mnist", size=32)
    refused("'valid'", call=ng.data.load, name_or_path="mnist", split="valid")


# --- files at hand ------------------------------------------------------------------------------------------------


def dotted(files):
    return {name.replace("-idx", ".idx"): content for name, content in files.items()}


FORMS = {
    "packed": PACKED,
    "unpacked": PLAIN,
    "packed otherwise": {name: gzip.compress(PLAIN[name[:-3]], 9, mtime=5) for name in PACKED},
    "dotted": dotted(PLAIN),
    "dotted and packed": dotted(PACKED),
}


@pytest.mark.parametrize("form", [*FORMS, "npz", "npz of int64"])
def test_files_at_hand_in_every_form(form, tmp_path, capsys):
    hand = tmp_path / "hand"
    if form.startswith("npz"):
        hand = tmp_path / "mnist.npz"
        np.savez(hand, **{key: x.astype(int) if "64" in form else x for key, x in ARRAYS.items()})
    else:
        filled(hand, FORMS[form])
    assert cli.main(["data", "mnist", "--from", str(hand)]) == 0
    out = capsys.readouterr().out
    assert str(tmp_path / "cache") in out and "numgan train --data mnist" in out
    assert sorted(os.listdir(tmp_path / "cache")) == sorted(PACKED)
    assert not mnist.missing(tmp_path / "cache")
    np.testing.assert_array_equal(ng.data.load("mnist", split="test").labels, ARRAYS["y_test"])
    assert cli.main(["data", "mnist"]) == 0  # asks no mirror
    assert "was there already" in capsys.readouterr().out


def test_files_of_something_else_are_refused_and_none_is_taken(tmp_path, capsys):
    name = FILES["y_test"].name
    others = {**PACKED, f"{name}.gz": gzip.compress(idx.header((5,)) + bytes(5))}
    ends(capsys, ["data", "mnist", "--from", filled(tmp_path / "hand", others)], 2, name, "is not MNIST's", "SHA-256")
    assert not (tmp_path / "cache").exists()


def test_other_arrays_are_refused(tmp_path, capsys):
    path = tmp_path / "a.npz"
    for other in ({**ARRAYS, "y_test": ARRAYS["y_test"] / 2}, arrays(seed=1), {"x": X}, {"x_train": X, "x_test": X}):
        np.savez(path, **other)
        ends(capsys, ["data", "mnist", "--from", path], 2, "a.npz: ")
    path.write_bytes(b"PK\x03\x04 and no more")
    ends(capsys, ["data", "mnist", "--from", path], 2, "a.npz: is truncated or damaged")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("hand", ["", "nowhere", "x" * 300])
def test_a_folder_without_them_is_refused(hand, tmp_path, capsys):
    ends(capsys, ["data", "mnist", "--from", tmp_path / hand], 2, "--from", "train-images-idx3-ubyte", "Keras'")
    assert not any(tmp_path.iterdir())


def test_only_mnist_can_be_asked_for(capsys):
    ends(capsys, ["data", "minst"], 2, "did you mean 'mnist'?")
    ends(capsys, ["data"], 2, "NAME")


def test_a_cache_that_cannot_be_written(tmp_path, capsys, monkeypatch):
    hand = filled(tmp_path / "hand")
    for place in (hand / "train-images-idx3-ubyte.gz" / "below", tmp_path / ("x" * 300)):
        monkeypatch.setenv("NUMGAN_DATA", str(place))
        ends(capsys, ["data", "mnist", "--from", hand], 2, str(place), "nothing can be written", "set NUMGAN_DATA")
    if os.name == "posix" and os.geteuid():  # root may write anywhere
        (tmp_path / "cache").mkdir(mode=0o555)
        monkeypatch.setenv("NUMGAN_DATA", str(tmp_path / "cache"))
        ends(capsys, ["data", "mnist", "--from", hand], 2, "Permission denied")


def test_a_cache_that_is_full_serves_whoever_may_only_read(full, capsys):
    for path in full.iterdir():
        path.chmod(0o444)
    full.chmod(0o555)
    try:
        assert cli.main(["data", "mnist"]) == 0
        assert len(ng.data.load("mnist")) == len(X)
    finally:
        full.chmod(0o755)


# --- a run --------------------------------------------------------------------------------------------------------


def test_a_run_goes_on_from_another_directory_and_another_cache(full, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Run, "draw", lambda run: None)
    monkeypatch.chdir(tmp_path)
    assert cli.main([*TRAIN, "--data", "mnist", "--steps", "2"]) == 0
    run = tmp_path / "runs" / "mnist-1"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    full.rename(tmp_path / "moved")
    capsys.readouterr()
    ends(capsys, ["train", "--resume", run, "--steps", 4], 2, "numgan data mnist")
    monkeypatch.setenv("NUMGAN_DATA", str(tmp_path / "moved"))
    assert cli.main(["train", "--resume", str(run), "--steps", "4"]) == 0
    assert "4 in all" in capsys.readouterr().out


# --- IDX ----------------------------------------------------------------------------------------------------------


def read_back(content, path, shape=X.shape):
    path.write_bytes(content)
    return idx.read(path, shape)


def test_an_idx_file_is_its_definition(tmp_path):
    plain = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3]) + bytes([1, 2, 3, 250, 251, 252])
    x = read_back(plain, tmp_path / "i", (2, 1, 3))
    assert x.tolist() == [[[1, 2, 3]], [[250, 251, 252]]] and x.dtype == np.uint8 and not x.flags.writeable
    assert idx.header((60000,)) == bytes([0, 0, 8, 1, 0, 0, 0xEA, 0x60])
    assert gzip.decompress(idx.pack(x)) == plain
    np.testing.assert_array_equal(read_back(idx.pack(np.asfortranarray(x)), tmp_path / "i", (2, 1, 3)), x)


@pytest.mark.parametrize("content", [PLAIN, PACKED], ids=["plain", "packed"])
def test_every_truncation_is_refused(content, tmp_path):
    whole = next(iter(content.values()))
    np.testing.assert_array_equal(read_back(whole, tmp_path / "i"), X)
    for length in (*range(0, len(whole), 9), len(whole) - 1):
        refused("again", call=read_back, content=whole[:length], path=tmp_path / "i")


@pytest.mark.parametrize("content", [PLAIN, PACKED], ids=["plain", "packed"])
def test_a_damaged_byte_never_passes_for_mnist(content, tmp_path):
    """In a header of gzip there are bytes that say nothing about what is packed; all others are noticed."""
    whole, path = next(iter(content.values())), tmp_path / "i"
    for place in (*range(20), *range(20, len(whole), 9), *range(len(whole) - 8, len(whole))):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            np.testing.assert_array_equal(mnist.read(path, FILES["x_train"]), X)
            assert whole is not next(iter(PLAIN.values())) and place < 10
        except ng.InputError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>", "begins with 3c 68 74 6d 6c 3e, expected 00 00 08 03"),
        (idx.header((2**32 - 1,) * 3), "begins with 00 00 08 03 ff ff ff ff"),
        (idx.header(X.shape[::-1]) + X.tobytes(), "begins with"),
        (idx.header(X.shape) + X.tobytes() + b"0", "more bytes than its header says (240)"),
        (gzip.compress(idx.header(X.shape) + X.tobytes() + b"0"), "more bytes"),
        (gzip.compress(idx.header(X.shape) + X.tobytes()) + b"rest", "damaged"),
        (bytes(10**6), "is 1000000 bytes long, expected at most"),
        (b"\x1f\x8b\x08\x08" + b"a" * 10**6, "is 1000004 bytes long"),
        (gzip.compress(idx.header(X.shape) + bytes(10**7)), "more bytes"),
    ],
)
def test_strange_files_are_refused_before_memory_is_taken(content, words, tmp_path):
    tracemalloc.start()
    refused(words, call=read_back, content=content, path=tmp_path / "i")
    assert tracemalloc.get_traced_memory()[1] < 300_000
    tracemalloc.stop()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", "/dev/zero"):
        refused("is a directory, a device or a pipe", call=idx.read, path=path, shape=(1,))
    refused("no such file", call=idx.read, path=tmp_path / "none", shape=(1,))


def test_the_four_files_are_those_that_were_published():
    """As listed by torchvision and TensorFlow: names, and how the hashes begin and end."""
    listed = {
        "x_train": ("train-images-idx3-ubyte", (60000, 28, 28), "ba891046…fc25776db", "440fcabf…523609"),
        "y_train": ("train-labels-idx1-ubyte", (60000,), "65a50cbb…eef7101c5", "3552534a…10255c"),
        "x_test": ("t10k-images-idx3-ubyte", (10000, 28, 28), "0fa7898d…d494ce7", "8d422c7b…bc4e6"),
        "y_test": ("t10k-labels-idx1-ubyte", (10000,), "ff7bcfd4…c33f2", "f7ae60f9…04aec6"),
    }
    assert list(PUBLISHED) == list(listed)
    for key, (name, shape, *hashes) in listed.items():
        file = PUBLISHED[key]
        assert (file.name, file.shape) == (name, shape)
        for found, ends in zip((file.sha256, file.sha256_gz), hashes, strict=True):
            first, last = ends.split("…")
            assert len(found) == 64 and found.startswith(first) and found.endswith(last)
    assert len(MIRRORS) == 2
    assert all(mirror.startswith("https://") and mirror.endswith("/mnist/") for mirror in MIRRORS)


def test_only_what_is_missing_is_taken_and_the_last_lines_say_what_is_there(full, tmp_path, capsys):
    name = "t10k-labels-idx1-ubyte.gz"
    (full / name).unlink()
    hand = filled(tmp_path / "hand", {name: PACKED[name]})  # the other three are not at hand
    assert cli.main(["data", "mnist", "--from", str(hand)]) == 0
    there = f"in {full}: 60,000 digits to train on, 10,000 to test on\nto train:  numgan train --data mnist\n"
    assert capsys.readouterr().out == f"mnist is {there}"
    assert cli.main(["data", "mnist", "--from", str(hand)]) == 0
    assert capsys.readouterr().out == f"mnist was there already, {there}"


def test_a_cache_of_any_depth_is_made(tmp_path, monkeypatch):
    deep = tmp_path / "a" / "new" / "path"
    monkeypatch.setenv("NUMGAN_DATA", str(deep))
    assert cli.main(["data", "mnist", "--from", str(filled(tmp_path / "hand"))]) == 0
    assert sorted(path.name for path in deep.iterdir()) == sorted(PACKED)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these have folders of their own for it")
def test_the_cache_follows_the_users_folder_for_such_files(tmp_path, monkeypatch):
    monkeypatch.delenv("NUMGAN_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert mnist.cache() == tmp_path / "numgan"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert mnist.cache() == Path.home() / ".cache" / "numgan"
