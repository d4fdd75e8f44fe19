"""Whether a GPU computes what NumPy computes: 20 steps of Algorithm 1 on both, and how long a step takes on each.

`numgan gpucheck` prints the report; `pytest -m gpu` asserts the same figures. Weights, data, noise and dropout masks
are drawn on the host and passed to both, since the two backends' random generators give different numbers; what the
device itself draws is looked at in `drawn`. A device's kernels work out several operations in one pass, and may round
otherwise in the last place.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from types import ModuleType

import numpy as np
from numpy.typing import DTypeLike

from numgan import data, losses, models
from numgan.backend import Array, asnumpy, describe
from numgan.check.drawn import drawn
from numgan.check.simple import rel_error
from numgan.gan import discriminator_gradient, generator_gradient
from numgan.layers import (
    AvgPool2d,
    BatchNorm,
    Conv2d,
    ConvTranspose2d,
    Crop,
    Dropout,
    Fade,
    InstanceNoise,
    Layer,
    LeakyReLU,
    Linear,
    Maxout,
    MinibatchStd,
    Pack,
    Pad,
    PixelNorm,
    Rescale,
    Reshape,
    Sigmoid,
    Tanh,
    Upsample,
)
from numgan.network import Network
from numgan.optim import SGD, Adam, Optimizer
from numgan.penalty import R1, WGANGP, Penalty
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
class Pair:
    """The layers of G and of D, a penalty on D, and the width of a row.

    No bias comes right before a BatchNorm: its gradient is 0 up to rounding, and says nothing.
    """

    G: Callable[[], list[Layer]]
    D: Callable[[], list[Layer]]
    penalty: Penalty | None = None
    n_x: int = N_X


def _narrow() -> list[Layer]:
    return [Linear(N_Z, 16), Sigmoid(), Linear(16, N_X), Tanh()]


def _images() -> list[Layer]:
    """G of a pair that grows: z as an image of one pixel, then 2 × 2, then 6 × 6, of which 4 × 4 are left."""
    start: list[Layer] = [Reshape((1, 1, N_Z)), PixelNorm(), ConvTranspose2d(N_Z, 4, 2, 1, 0), LeakyReLU(0.2)]
    fade = Fade((Conv2d(4, 1, 1, 1, 0), Conv2d(4, 1, 3, 1, 1)), 0.4)
    return [*start, PixelNorm(), Upsample(3), Rescale(0.7), fade, Crop(1), Tanh(), Reshape((16,))]


def _of_images() -> list[Layer]:
    """D of that pair: 6 × 6 pixels with a border, then 3 × 3."""
    fade = Fade((Conv2d(1, 4, 1, 1, 0), Conv2d(1, 4, 3, 1, 1)), 0.4)
    above: list[Layer] = [LeakyReLU(0.2), AvgPool2d(2), MinibatchStd(4, 4), Reshape((45,)), Linear(45, 1)]
    return [Reshape((4, 4, 1)), Pad(1, -1.0), Rescale(0.7), fade, *above]


PAIRS = {
    "BatchNorm, Dropout, Maxout": Pair(
        lambda: [Linear(N_Z, 16), LeakyReLU(0.2), BatchNorm(16), Linear(16, N_X), Tanh()],
        lambda: [Dropout(0.2), Maxout(N_X, 12, 3), BatchNorm(12), Linear(12, 8), LeakyReLU(0.2), Linear(8, 1)],
    ),
    "InstanceNoise, Pack, MinibatchStd": Pair(
        _narrow,
        lambda: [InstanceNoise(0.1), Pack(2), Linear(2 * N_X, 10), LeakyReLU(0.2), MinibatchStd(10), Linear(11, 1)],
    ),
    "Maxout, WGAN-GP": Pair(
        _narrow, lambda: [Maxout(N_X, 8, 3), Dropout(0.2), Linear(8, 6), Tanh(), Linear(6, 1)], WGANGP(1.0)
    ),
    "convolution, R1": Pair(
        lambda: [Linear(N_Z, 16), Reshape((2, 2, 4)), BatchNorm(4), ConvTranspose2d(4, 2), Tanh(), Reshape((32,))],
        lambda: [Reshape((4, 4, 2)), Conv2d(2, 4), LeakyReLU(0.2), Reshape((16,)), Linear(16, 1)],
        R1(1.0),
        n_x=32,
    ),
    "Fade, PixelNorm, MinibatchStd, WGAN-GP": Pair(_images, _of_images, WGANGP(1.0), n_x=16),
}
FIRST, *OTHERS = PAIRS


@dataclass(frozen=True)
class Case:
    """One loss, one optimiser, one dtype, one pair."""

    loss: str
    optimizer: str
    dtype: str
    pair: str = FIRST

    def error(self, xp: ModuleType) -> float:
        """The largest relative error of θ_d, θ_g, its average, and all logits and values, after STEPS steps on xp."""
        ours, theirs = twenty_steps(np, self), twenty_steps(xp, self)
        return max(rel_error(theirs[name], ours[name]) for name in ours)


CASES = [
    *(Case(*fields) for fields in product(losses.BY_NAME, OPTIMIZERS, TOLERANCE)),
    *(Case("nonsaturating", "Adam", dtype, pair) for pair, dtype in product(OTHERS, TOLERANCE)),
]


def report(xp: ModuleType) -> Iterator[tuple[str, bool]]:
    """Its lines, as they are computed, and whether each is as it should be."""
    yield f"numgan on {describe(xp)}; compared with {describe(np)}", True
    yield "the first run compiles its kernels, for some tens of seconds; CuPy keeps them for later ones", True
    if os.environ.get("CUPY_TF32", "0") not in ("", "0"):
        yield "CUPY_TF32 is set: products of float32 keep 10 bits, and more than rounding differs; unset it", True
    for pair in PAIRS:
        yield f"{STEPS} steps: {pair}", True
        yield from (_compared(xp, case) for case in CASES if case.pair == pair)
    yield "numbers drawn on the device", True
    for what, ok in drawn(xp):
        yield f"  {what}{'' if ok else '  WRONG'}", ok
    for name, steps in TIMED.items():
        there, here = (milliseconds(module, name, steps) for module in (xp, np))
        yield f"  {name:<32} {there:.2f} ms a step; {here:.2f} ms with NumPy", True


def _compared(xp: ModuleType, case: Case) -> tuple[str, bool]:
    error, bound = case.error(xp), TOLERANCE[case.dtype]
    ok = error < bound  # False where a number is not finite: then the error is ∞
    name = f"{case.dtype} {case.loss} {case.optimizer}"
    return f"  {name:<32} relative error {error:.1e}, allowed {bound:.0e} {'' if ok else '  WRONG'}".rstrip(), ok


def twenty_steps(xp: ModuleType, case: Case) -> dict[str, np.ndarray]:
    """Algorithm 1 from fixed weights on fixed numbers; its vectors, on the host.

    The numbers are such that no unit comes within rounding error of a kink, where two correct backends diverge.
    """
    pair, loss = PAIRS[case.pair], losses.BY_NAME[case.loss]
    G, D = players(xp, case)
    opt_g, opt_d = OPTIMIZERS[case.optimizer](), OPTIMIZERS[case.optimizer]()
    numbers, average, game = HostGenerator(xp), xp.zeros_like(G.theta), []
    for _ in range(STEPS):
        x, z, z_again = (numbers.standard_normal((ROWS, n), G.theta.dtype) for n in (pair.n_x, N_Z, N_Z))
        info_d = discriminator_gradient(G, D, x, z, loss, numbers)
        if pair.penalty:
            info_d = replace(info_d, value=info_d.value + pair.penalty(D, x, info_d.x_g, numbers))
        opt_d.step(D.theta, D.grad)
        info_g = generator_gradient(G, D, z_again, loss, numbers)
        opt_g.step(G.theta, G.grad)
        average_in(average, G.theta, 0.9)
        game += [info_d.value[None], info_g.value[None], info_g.a_g[:, 0]]  # values, beside the logits they come from
    vectors = {"theta_D": D.theta, "theta_G": G.theta, "average": average, "game": xp.concatenate(game)}
    return {name: asnumpy(vector) for name, vector in vectors.items()}


def players(xp: ModuleType, case: Case) -> tuple[Network, Network]:
    pair = PAIRS[case.pair]
    return Network(pair.G(), seed=1, dtype=case.dtype, xp=xp), Network(pair.D(), seed=2, dtype=case.dtype, xp=xp)


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
