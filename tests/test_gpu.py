"""On a real GPU: `pytest -m gpu`. Beside these, every test that takes `xp` runs there too."""

import pytest

from numgan.check import gpu as gpucheck

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("case", gpucheck.CASES, ids=str)
def test_twenty_steps_agree_with_numpy(case, gpu):
    assert case.error(gpu) < gpucheck.TOLERANCE[case.dtype]


def test_the_report_is_good(gpu):
    assert all(ok for _, ok in gpucheck.report(gpu))
