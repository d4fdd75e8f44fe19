"""Softmax cross-entropy: what a classifier descends."""

from __future__ import annotations

from numgan.backend import Array, array_module
from numgan.errors import InputError


def cross_entropy(a: Array, labels: Array) -> tuple[Array, Array]:
    """L = −mean log p[i, labels[i]] with p = softmax(a), and ∂L/∂a. Goodfellow, Bengio & Courville 2016, §6.2.2.3.

    a (m, C) logits, one for each class; labels (m,) integers 0 … C − 1. With the largest logit of a row taken away
    first, which changes nothing, no exponential overflows:

        log p = a − max a − log Σ_c exp(a − max a),        ∂L/∂a = (p − one_hot(labels)) / m

    Raises InputError for other shapes, and for a label that is no class.
    """
    xp, m = array_module(a), _rows(a, labels)
    log_p = a - a.max(axis=1, keepdims=True)  # (m, C)
    log_p -= xp.log(xp.exp(log_p).sum(axis=1, keepdims=True))
    of_label = xp.arange(m), labels  # one place in each row
    da = xp.exp(log_p)
    da[of_label] -= 1
    da /= m
    return -log_p[of_label].mean(), da


def _rows(a: Array, labels: Array) -> int:
    """m, once logits and labels are known to fit: a negative label would count from the end in silence."""
    if a.ndim != 2 or not a.size or a.dtype.kind != "f":
        raise InputError(f"logits must be floats (m, C) with m, C ≥ 1, got {a.dtype}{a.shape}: end in Linear(n, C)")
    here, there = array_module(a).__name__, array_module(labels).__name__
    if here != there:
        raise InputError(f"labels are of {there}, logits of {here}: move them beside, {here}.asarray(labels)")
    if labels.shape != (len(a),) or labels.dtype.kind not in "iu":
        hint = "use labels.argmax(axis=1) if they are one-hot" if labels.ndim == 2 else "give one class for each row"
        raise InputError(f"labels must be integers ({len(a)},), got {labels.dtype}{labels.shape}: {hint}")
    if ((labels < 0) | (labels >= a.shape[1])).any():
        found, last = f"{labels.min()} … {labels.max()}", a.shape[1] - 1
        raise InputError(f"labels go from {found}, expected classes 0 … {last}: number them so, or give more logits")
    return len(a)
