"""What all tests share.

Profiles of hypothesis: `ci`, fast and the same every time, and `--hypothesis-profile=thorough`, which searches.
Backends: a test that takes `xp` runs on NumPy and on the strict stand-in for CuPy; `pytest -m gpu` runs it on a GPU.
"""

import numpy as np
import pytest
import standin
from hypothesis import HealthCheck, settings

from numgan.backend import backend
from numgan.errors import InputError

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile("ci", max_examples=25, derandomize=True, deadline=None, database=None)
settings.register_profile("thorough", max_examples=1000, deadline=None, suppress_health_check=SLOW)
settings.load_profile("ci")  # the command line's choice is loaded after this


@pytest.fixture
def device(monkeypatch):
    """The stand-in device, with `import cupy` leading to it."""
    standin.install(monkeypatch)
    return standin.device


@pytest.fixture
def gpu():
    """The real cupy, where there is a GPU."""
    try:
        return backend("cupy")
    except InputError as error:
        pytest.skip(str(error))


@pytest.fixture(params=["numpy", "standin", pytest.param("gpu", marks=pytest.mark.gpu)])
def xp(request):
    """An array module: numpy, the stand-in for cupy, and the real one where it is asked for."""
    if request.param == "numpy":
        return np
    return request.getfixturevalue("gpu") if request.param == "gpu" else _standin(request)


def _standin(request):
    request.getfixturevalue("device")
    return standin.cupy
