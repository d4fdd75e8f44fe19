"""Arrays and their modules: what is told apart, what is refused, and streams that no two keys share."""

import random
import re
import types

import numpy as np
import pytest

from numgan import backend
from numgan.errors import InputError


def refused(says, call, *arguments):
    with pytest.raises(InputError, match=re.escape(says)):
        call(*arguments)


def test_a_key_is_its_numbers_in_their_order():
    """By a seed sequence of NumPy's; other keys of the same sum, in another order or longer, are others."""
    keys = [(1, 2, 3), (3, 2, 1), (6,), (2, 2, 2), (1, 2), (0, 1, 2, 3), (1, 5, 0), (1, 2, 3, 4)]
    first = [float(backend.random_generator(np, *key).random(1, dtype=np.float64)[0]) for key in keys]
    assert len(set(first)) == len(keys)
    rng = np.random.default_rng(int(np.random.SeedSequence([1, 2, 3]).generate_state(1, np.uint64)[0]))
    assert first[0] == rng.random() == float(backend.random_generator(np, 1, 2, 3).random(1, dtype=np.float64)[0])


def test_a_device_has_streams_of_its_own(device):
    import cupy

    draw = [backend.random_generator(cupy, *key).random(3, dtype=np.float32) for key in ((1, 2), (2, 1), (1, 2))]
    a, b, c = map(backend.asnumpy, draw)
    assert (a == c).all() and (a != b).any()


def test_who_made_an_array(xp):
    a = xp.ones(2, dtype="float32")
    assert backend.array_module(a) is xp and backend.on_host(a) is (xp is np)
    assert type(backend.asnumpy(a)) is np.ndarray and backend.asnumpy(a).tolist() == [1, 1]
    for scalar in (np.float32(2), np.int64(1)):
        assert backend.array_module(scalar) is np
    refused("expected a NumPy or CuPy array, got list: convert it with np.asarray first", backend.array_module, [1])


def test_numbers_of_a_person():
    found = backend.host_numbers("means", [1, 2])
    assert found.dtype == np.float64 and found.tolist() == [1, 2]
    for good in (np.array([True, False]).astype("uint8"), np.float32([1.5]), 3):
        assert backend.host_numbers("means", good).dtype == np.float64
    refused("means must be finite, and holds inf or nan", backend.host_numbers, "means", [1.0, np.inf])
    refused("means must be finite", backend.host_numbers, "means", [np.nan, 1.0])
    for bad, kind in (("a", "str of <U1"), ([True], "list of bool"), ([1j], "list of complex128")):
        refused(f"means must hold numbers, got {kind}", backend.host_numbers, "means", bad)
    refused("means is no array of numbers", backend.host_numbers, "means", [[1], [1, 2]])
    masked = np.ma.masked_array([1.0, 2.0], mask=[True, False])
    refused("means is a masked array, expected plain numbers", backend.host_array, "means", masked)


def test_vectors_must_be_alike():
    theta = np.ones(3, "float32")
    backend.check_alike(theta, theta.copy())
    for a, b in (
        (theta, np.ones(3)), (theta, np.ones(4, "float32")), (np.ones((3, 3)), np.ones((3, 3))),
        (np.ones(()), np.ones(())), (np.ones(3, int), np.ones(3, int)),
    ):  # fmt: skip
        says = f"theta and grad must be flat vectors alike, of floats, got {a.dtype}{a.shape} and {b.dtype}{b.shape}"
        refused(says, backend.check_alike, a, b)


def test_a_generator_must_be_a_new_one_with_the_method():
    rng = np.random.default_rng(0)
    assert backend.check_generator(rng, "random", "Dropout draws a mask") is rng
    says = "Dropout draws a mask: pass rng=np.random.default_rng(seed) to forward"
    for bad in (np.random, np.random.RandomState(0), random.Random(0), object()):
        refused(f"{says}, got {bad!r}", backend.check_generator, bad, "random", "Dropout draws a mask")
    with pytest.raises(InputError) as caught:
        backend.check_generator(None, "random", "Dropout draws a mask")
    assert str(caught.value) == says
    refused("got", backend.check_generator, rng, "no_such_method", "why")


def test_modules_by_name():
    assert backend.backend("numpy") is np and [*backend.BACKENDS] == ["numpy", "cupy"]
    backend.check_module(np)
    for bad in ("numpy", random, None):
        refused(f"xp must be an array module, numpy or cupy, got {bad!r}", backend.check_module, bad)
    refused("unknown backend 'numpi': did you mean 'numpy'?", backend.backend, "numpi")
    assert backend.describe(np) == f"numpy {np.__version__}"


def test_a_report_says_which_card_and_which_versions():
    runtime = types.SimpleNamespace(
        getDeviceProperties=lambda i: {"name": f"card {i}".encode()},
        runtimeGetVersion=lambda: 12090,
        driverGetVersion=lambda: 13000,
    )
    cupy = types.SimpleNamespace(cuda=types.SimpleNamespace(runtime=runtime), __version__="14.2")
    assert backend.describe(cupy) == "cupy 14.2, card 0, CUDA 12090, driver 13000"


def test_of_a_long_error_the_last_line_is_told():
    boxed = RuntimeError("\n========\nnot here\n  the cause  \n ==== \n")
    assert backend._last_line(boxed) == "the cause"
    assert backend._last_line(KeyError()) == "KeyError" and backend._last_line(OSError("a\nb\n  \n")) == "b"
