"""Gradient checks that name the mistake: `gradcheck` compares hand-written gradients with central differences.

In reading order:

    simple        the gradient check in 20 lines
    checker       gradcheck itself: contract, then numbers, then the cause
    pairs         what can be checked, in one form: a forward and a backward function (arguments: what is refused)
    contract      rules that no number shows, such as no side effects
    differences   central differences with an error estimate; compare: analytic against numerical gradients
    diagnosis     the cause: hypotheses (mistakes, activation_mistakes, regions) that are tested on evidence
    report        the table
    survey        every gradient of the package; gpu: a GPU's results against NumPy's
"""

from numgan.check.checker import gradcheck
from numgan.check.report import Comparison, Report
from numgan.check.simple import gradient_error, rel_error

__all__ = ["Comparison", "Report", "gradcheck", "gradient_error", "rel_error"]
