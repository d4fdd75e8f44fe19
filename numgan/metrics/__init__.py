"""Measures of samples x_g against data x, or against modes that are known: rows of numbers or features, on the host.

Higher is better for precision, recall, density, coverage and the Parzen log-likelihood (up to what real rows get);
0 is best for divergences, the kernel distance and the Fréchet distance. `slant` and `stroke_width` say how a digit is
written, not how well.
"""

from numgan.metrics.agreement import Agreement, agreement
from numgan.metrics.calibration import calibration
from numgan.metrics.frechet import frechet
from numgan.metrics.histograms import Divergences, grid_divergences
from numgan.metrics.kid import kid
from numgan.metrics.memorisation import Memorisation, memorisation
from numgan.metrics.modes import ModeCoverage, mode_coverage
from numgan.metrics.neighbours import DensityCoverage, PrecisionRecall, density_coverage, nearest, precision_recall
from numgan.metrics.parzen import SIGMAS, Parzen, log_likelihoods, parzen
from numgan.metrics.rows import distance_blocks
from numgan.metrics.strokes import slant, stroke_width

__all__ = [
    "SIGMAS",
    "Agreement",
    "DensityCoverage",
    "Divergences",
    "Memorisation",
    "ModeCoverage",
    "Parzen",
    "PrecisionRecall",
    "agreement",
    "calibration",
    "density_coverage",
    "distance_blocks",
    "frechet",
    "grid_divergences",
    "kid",
    "log_likelihoods",
    "memorisation",
    "mode_coverage",
    "nearest",
    "parzen",
    "precision_recall",
    "slant",
    "stroke_width",
]
