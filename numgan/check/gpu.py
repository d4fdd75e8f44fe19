"""Whether a GPU computes what NumPy computes: 20 steps of Algorithm 1 on both, and how long a step takes on each.

`numgan gpucheck` prints the report; `pytest -m gpu` asserts the same figures. Weights, data, noise and dropout masks
are drawn on the host and passed to both, since the two backends' random generators give different numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from types import ModuleType

import numpy as np
from numpy.typing import DTypeLike

from numgan import data, losses, models
from numgan.backend import Array, asnumpy, describe
from numgan.check.simple import rel_error
from numgan.gan import discriminator_gradient, generator_gradient
from numgan.layers import BatchNorm, Dropout, LeakyReLU, Linear, Maxout, Tanh
from numgan.losses import Loss
from numgan.network import Network
from numgan.optim import SGD, Adam, Optimizer
from numgan.run.averaging import average_in
from numgan.training import Training

STEPS = 20
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}  # relative, of a whole vector
ROWS, N_Z, N_X = 24, 8, 12
TIMED = {"images": 100, "goodfellow2014": 20}  # steps

# Adam's first steps are lr · g/(|g| + eps): with the usual eps they amplify the rounding error of a gradient near 0 to
# full size, and two correct backends diverge. This eps is large enough to tell a wrong gradient from a rounded one.
OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "Adam": lambda: Adam(1e-3, beta1=0.5, eps=1e-4),
    "SGD": lambda: SGD(0.02, momentum=0.5),
}


@dataclass(frozen=True)
class Case:
    """One loss, one optimiser, one dtype."""

    loss: str
    optimizer: str
    dtype: str

    def error(self, xp: ModuleType) -> float:
        """The largest relative error of θ_d, θ_g, its average, and all logits and values, after STEPS steps on xp."""
        ours, theirs = twenty_steps(np, self), twenty_steps(xp, self)
        return max(rel_error(theirs[name], ours[name]) for name in ours)


CASES = [Case(*fields) for fields in product(losses.BY_NAME, OPTIMIZERS, TOLERANCE)]


def report(xp: ModuleType) -> Iterator[tuple[str, bool]]:
    """Its lines, as they are computed, and whether each is as it should be."""
    yield f"numgan on {describe(xp)}; compared with {describe(np)}", True
    yield f"{STEPS} steps: BatchNorm, Dropout, Maxout, LeakyReLU, Tanh, averaging", True
    for case in CASES:
        error, bound = case.error(xp), TOLERANCE[case.dtype]
        ok = error < bound  # False where a number is not finite: then the error is ∞
        name = f"{case.dtype} {case.loss} {case.optimizer}"
        yield f"  {name:<32} relative error {error:.1e}, allowed {bound:.0e} {'' if ok else '  WRONG'}".rstrip(), ok
    for name, steps in TIMED.items():
        there, here = (milliseconds(module, name, steps) for module in (xp, np))
        yield f"  {name:<32} {there:.2f} ms a step; {here:.2f} ms with NumPy", True


def twenty_steps(xp: ModuleType, case: Case) -> dict[str, np.ndarray]:
    """Algorithm 1 from fixed weights on fixed numbers; its vectors, on the host.

    The numbers are such that no unit comes within rounding error of a kink, where two correct backends diverge.
    """
    G, D = players(xp, case.dtype)
    opt_g, opt_d = OPTIMIZERS[case.optimizer](), OPTIMIZERS[case.optimizer]()
    numbers, average, game = HostGenerator(xp), xp.zeros_like(G.theta), []
    loss: Loss = losses.BY_NAME[case.loss]
    for _ in range(STEPS):
        x, z, z_again = (numbers.standard_normal((ROWS, n), G.theta.dtype) for n in (N_X, N_Z, N_Z))
        info_d = discriminator_gradient(G, D, x, z, loss, numbers)
        opt_d.step(D.theta, D.grad)
        info_g = generator_gradient(G, D, z_again, loss, numbers)
        opt_g.step(G.theta, G.grad)
        average_in(average, G.theta, 0.9)
        game += [info_d.value[None], info_g.value[None], info_g.a_g[:, 0]]  # values, beside the logits they come from
    vectors = {"theta_D": D.theta, "theta_G": G.theta, "average": average, "game": xp.concatenate(game)}
    return {name: asnumpy(vector) for name, vector in vectors.items()}


def players(xp: ModuleType, dtype: str) -> tuple[Network, Network]:
    """G and D with the layers that compute most.

    No bias comes right before a BatchNorm: its gradient is 0 up to rounding, and says nothing.
    """
    G = [Linear(N_Z, 16), LeakyReLU(0.2), BatchNorm(16), Linear(16, N_X), Tanh()]
    D = [Dropout(0.2), Maxout(N_X, 12, 3), BatchNorm(12), Linear(12, 8), LeakyReLU(0.2), Linear(8, 1)]
    return Network(G, seed=1, dtype=dtype, xp=xp), Network(D, seed=2, dtype=dtype, xp=xp)


class HostGenerator:
    """A random generator on the host whose numbers are copied to xp, so that every backend gets the same."""

    def __init__(self, xp: ModuleType, seed: int = 0) -> None:
        self.xp, self._rng = xp, np.random.default_rng(seed)

    def standard_normal(self, size: tuple[int, ...], dtype: DTypeLike) -> Array:
        return self.xp.asarray(self._rng.standard_normal(size), dtype=dtype)

    def random(self, size: tuple[int, ...], dtype: DTypeLike) -> Array:
        return self.xp.asarray(self._rng.random(size), dtype=dtype)

    def integers(self, low: int, high: int, size: tuple[int, ...]) -> Array:
        return self.xp.asarray(self._rng.integers(low, high, size))


def milliseconds(xp: ModuleType, name: str, steps: int) -> float:
    """Time of one training step of a named model on the digits, after a warm-up of one tenth as many steps."""
    model = models.BY_NAME[name]
    x = data.load("digits", range=model.range)
    run = Training(*model.networks(x, 0, xp), x, batch=model.batch, optimizers=model.optimizers({}, {}), ema=model.ema)
    for n in (max(steps // 10, 1), steps):
        began = time.perf_counter()
        list(run.steps(n, every=steps))  # the last record is read back from the device, once all is done
    return 1000 * (time.perf_counter() - began) / steps
