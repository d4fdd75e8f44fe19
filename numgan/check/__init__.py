"""Gradient checks that name the mistake: `gradcheck` compares hand-written gradients with central differences."""

from numgan.check.checker import gradcheck
from numgan.check.differences import rel_error
from numgan.check.report import Comparison, Report

__all__ = ["Comparison", "Report", "gradcheck", "rel_error"]
