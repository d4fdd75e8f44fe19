"""What went wrong in a backward pass: the first hypothesis that explains the numbers names the cause.

It must hold for two different dy, so that a coincidence is not taken for a cause.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from numgan.check import activation_mistakes, mistakes, window_mistakes
from numgan.check.contract import Finding
from numgan.check.evidence import Evidence
from numgan.check.regions import nearly_right, region, slopes_about_0

HYPOTHESES: list[Callable[[Evidence], Finding]] = [
    mistakes.not_read,
    mistakes.missing,
    mistakes.not_finite,
    nearly_right,  # before those whose wrong gradient may happen to be the right one
    mistakes.broadcast_backward,
    mistakes.broadcast_forward,
    mistakes.sign_flipped,
    mistakes.averaged,
    window_mistakes.not_summed_over_pixels,
    mistakes.constant_factor,
    mistakes.transposed,
    mistakes.weight_transposed,
    mistakes.jacobian_transposed,
    mistakes.not_summed,
    mistakes.one_row_only,
    mistakes.another_argument,
    window_mistakes.of_windows,
    activation_mistakes.at_the_output,
    activation_mistakes.at_the_input,
    activation_mistakes.derivative_forgotten,
    mistakes.dy_ignored,
    mistakes.not_linear_in_dy,
    activation_mistakes.one_factor_too_many,
    activation_mistakes.one_factor_forgotten,
    activation_mistakes.sigmoid_or_softmax_forgotten,
    activation_mistakes.statistics_held_constant,
    mistakes.first_batch,
    slopes_about_0,
]


def explain(evidence: list[Evidence]) -> str:
    """The first hypothesis that holds in all of the evidence (one tensor, several dy), or else where it is wrong."""
    for hypothesis in HYPOTHESES:
        found = [hypothesis(e) or "" for e in evidence]
        if all(found) and len(set(map(cause, found))) == 1:
            return found[0]
    return _unexplained(evidence[0])


def cause(text: str) -> str:
    """The part before the first colon."""
    return text.partition(":")[0]


def _unexplained(e: Evidence) -> str:
    if e.fits:
        return region(e)
    expected, got = e.tensor.shape, np.shape(e.analytic)
    return f"wrong shape: {e.dname} must have the shape of {e.name}, {expected}; got {got}"
