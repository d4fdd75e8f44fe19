"""The Fréchet distance of two sets of features, each taken for a Gaussian."""

from __future__ import annotations

import numpy as np

from numgan.metrics.rows import LARGEST, covariance_root, pair


def frechet(f: np.ndarray, f_g: np.ndarray) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁^½ Σ₂ Σ₁^½)^½), of the means and covariances of two sets of rows.

    Dowson & Landau 1982; on a network's features: Heusel et al. 2017, eq. 6. Its value depends on the features
    and on the numbers of rows (few rows: too large), so it compares only with itself, beside that of two real sets.
    """
    f, f_g = pair(f, f_g, least=2, largest=LARGEST)
    R, R_g = covariance_root(f), covariance_root(f_g)
    # Σ₁ = RᵀR and Σ₂ = R_gᵀR_g, so that the eigenvalues of Σ₁^½ Σ₂ Σ₁^½ are those of (R R_gᵀ)(R R_gᵀ)ᵀ, and zeros: the
    # trace of its root is the sum of the singular values of R R_gᵀ, also where a covariance has no inverse.
    overlap = np.linalg.svd(R @ R_g.T, compute_uv=False).sum()
    shift = f.mean(axis=0) - f_g.mean(axis=0)
    return max(float(shift @ shift + (R * R).sum() + (R_g * R_g).sum() - 2 * overlap), 0.0)
