"""A snapshot: what a picture of a run shows, as arrays, taken at one moment and drawn later."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from numgan import metrics
from numgan.backend import Array, array_module, asnumpy, random_generator
from numgan.errors import InputError
from numgan.gan import seen
from numgan.lab import theory
from numgan.lab.pull import pull
from numgan.layers.base import Player
from numgan.losses import sigmoid
from numgan.run.streams import OBSERVATION
from numgan.training import Training

ROWS, GRID, LINES, MESH = 400, 48, 13, 2.0  # samples; points along a side of D's surface; lines of z's mesh, ±MESH

FAR = 4.0  # widths of a kernel, beyond which a density is taken for 0


class Snapshot(NamedTuple):
    """A run on points (n, 2) at one moment."""

    step: int
    x: np.ndarray  # (n, 2) data
    x_g: np.ndarray  # (m, 2) samples
    pull: np.ndarray  # (m, 2) −∂L_G/∂x_g, where G is asked to move them
    box: tuple[float, float, float, float]  # left, right, bottom, top
    surface: np.ndarray | None  # (GRID, GRID) D over the box, where D looks at each row alone, and at no label
    mesh: np.ndarray | None  # (LINES, LINES, 2) where G puts a square mesh of z, see `_mesh`; not of a G with labels
    loss_D: float
    loss_G: float
    kl: float
    js: float


def snapshot(run: Training, box: tuple[float, float, float, float] | None = None) -> Snapshot:
    """Leaves the run as it was. box: by default a little more than the data."""
    if run.data.x.shape[1] != 2:
        raise InputError(f"this picture is of points in the plane, but rows here have {run.data.x.shape[1]} numbers")
    x = run.data.x[: 5 * ROWS]
    box = box or _around(x)
    m = max(ROWS // run.batch, 1) * run.batch
    z = run.fixed_batch(m)[1]
    x_g = run.G(z)
    _, wanted = pull(run.D, seen(run.D, x_g, z), run.loss, random_generator(array_module(x_g), 0, OBSERVATION, 0))
    record = run.history[-1] if run.history else None
    kl, js = metrics.grid_divergences(x, asnumpy(x_g)) if np.isfinite(asnumpy(x_g)).all() else (np.nan, np.nan)
    return Snapshot(
        run.step,
        x[:ROWS],
        asnumpy(x_g),
        asnumpy(wanted),
        box,
        None if run.conditional else _surface(run.D, box),
        None if run.conditional else _mesh(run.G, run.n_z),
        record.loss_D if record else np.nan,
        record.loss_G if record else np.nan,
        kl,
        js,
    )


class LineSnapshot(NamedTuple):
    """A run on numbers (n, 1) with z of one dimension at one moment: what the paper's Figure 1 shows."""

    step: int
    x: np.ndarray  # (n,) a line
    p_d: np.ndarray  # (n,) the density of the data there
    p_g: np.ndarray  # (n,) that of the samples
    D: np.ndarray  # (n,)
    z: np.ndarray  # (LINES,) quantiles of z
    G: np.ndarray  # (LINES,) G(z)


def line_snapshot(run: Training, reach: float = 1.5) -> LineSnapshot:
    """Densities by Gaussian kernels."""
    if run.data.x.shape[1] != 1 or run.n_z != 1:
        raise InputError(f"Figure 1 needs numbers on a line, got rows of {run.data.x.shape[1]} and z of {run.n_z}")
    if run.conditional:
        raise InputError("Figure 1 is of a G and a D without labels: train with conditional=False")
    rows, like = run.data.x[:2000, 0].astype(float), run.G.theta
    middle, side = rows.mean(), reach * np.ptp(rows) / 2
    x, z = np.linspace(middle - side, middle + side, 300), np.linspace(-MESH, MESH, LINES)
    p_d, p_g = _density(rows, x), _density(run.sample(2000)[:, 0].astype(float), x)
    D, G = (asnumpy(net(_column(a, like)))[:, 0] for net, a in ((run.D, x), (run.G, z)))
    return LineSnapshot(run.step, x, p_d, p_g, sigmoid(D), z, G)


def _density(rows: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Mean of N(row, h²) at x, with Silverman's h = 1.06 s n^(−1/5)."""
    h = 1.06 * max(rows.std(), 1e-3) * len(rows) ** -0.2
    return np.exp(-0.5 * ((x[:, None] - rows) / h) ** 2).mean(axis=1) / (h * np.sqrt(2 * np.pi))


def optimal_surface(
    x: np.ndarray, x_g: np.ndarray, box: tuple[float, float, float, float], h: float | None = None
) -> np.ndarray:
    """(GRID, GRID) D* = p_d / (p_d + p_g) over the box, for densities by Gaussian kernels.

    Both are blurred by the same h, by default 3 % of the box's width: it is D* for data and samples with that noise.
    NaN where neither is: FAR h or more from every row.
    """
    h, places = h or 0.03 * (box[1] - box[0]), _places(box)
    p_d, p_g = (_log_kernels(np.asarray(rows, dtype=float), h) for rows in (x, x_g))
    near = _distance(places, np.concatenate([x, x_g])) < FAR * h
    return np.where(near, theory.optimal_discriminator(p_d, p_g, places), np.nan).reshape(GRID, GRID)


def _distance(places: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(len(places),) from each place to the nearest of the rows."""
    return np.sqrt(np.concatenate([d2.min(axis=1) for d2 in metrics.distance_blocks(places, rows)]))


def _log_kernels(rows: np.ndarray, h: float) -> theory.LogDensity:
    """The logarithm of the mean of N(row, h² I) at places (n, 2), up to a constant that D* does not depend on."""

    def log_density(places: np.ndarray) -> np.ndarray:
        a = np.concatenate([-0.5 / h**2 * d2 for d2 in metrics.distance_blocks(places, rows)])
        top = a.max(axis=1)
        return top + np.log(np.exp(a - top[:, None]).mean(axis=1))

    return log_density


def _places(box: tuple[float, float, float, float]) -> np.ndarray:
    """(GRID², 2) evenly over the box, x₁ fastest."""
    left, right, bottom, top = box
    axes = np.meshgrid(np.linspace(left, right, GRID), np.linspace(bottom, top, GRID))
    return np.stack(axes, axis=-1).reshape(-1, 2)


def _around(x: np.ndarray) -> tuple[float, float, float, float]:
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.3 * (high - low)
    (left, bottom), (right, top) = low - margin, high + margin
    return float(left), float(right), float(bottom), float(top)


def _surface(D: Player, box: tuple[float, float, float, float]) -> np.ndarray | None:
    if not getattr(D, "rowwise", False):
        return None
    rows = array_module(D.theta).asarray(_places(box), dtype=D.theta.dtype)
    return sigmoid(asnumpy(D(rows))).reshape(GRID, GRID)


def _mesh(G: Player, n_z: int) -> np.ndarray | None:
    """Of z in the plane of its first two numbers; the others, if there are any, are 0."""
    if n_z < 2:
        return None
    side = np.linspace(-MESH, MESH, LINES)
    z = np.zeros((LINES * LINES, n_z))
    z[:, :2] = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    return asnumpy(G(array_module(G.theta).asarray(z, dtype=G.theta.dtype))).reshape(LINES, LINES, 2)


def _column(a: np.ndarray, like: Array) -> Array:
    return array_module(like).asarray(a[:, None], dtype=like.dtype)
