"""The games: what each player descends, as functions of D's logits, with their derivatives.

D ends in a logit a, and D(x) = σ(a). Everything is written in a, never as the log of a sigmoid:

    log D(x) = log σ(a) = −softplus(−a),        ∂/∂a = 1 − σ(a) = σ(−a)
    log(1 − D(x)) = log σ(−a) = −softplus(a),   ∂/∂a = −σ(a)

The paper's D *ascends* V(D, G) = E log D(x) + E log(1 − D(G(z))). A loss is something to *descend*, so L_D = −V,
which is the sum of two binary cross-entropies. This sign is written here and nowhere else.

    value, da_x, da_g = loss.discriminator(a_x, a_g)
    value, da_g = loss.generator(a_g)

Logits and derivatives have shape (m, 1); values are batch means, so the derivatives contain the 1/m. A loss is three
formulas for the rows: what D descends on data, on generated rows, and what G descends; each with its derivative.
"""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, array_module, fused
from numgan.errors import InputError, check_number


@fused
def softplus(a: Array) -> Array:
    """log(1 + eᵃ), for any a without overflow."""
    return array_module(a).logaddexp(a, 0)


@fused
def sigmoid(a: Array) -> Array:
    """σ(a) = exp(−softplus(−a)): accurate to the last bits even where it is tiny."""
    return array_module(a).exp(-softplus(-a))


def game_value(a_x: Array, a_g: Array) -> Array:
    """V(D, G) = mean log D(x) + mean log(1 − D(G(z))). Goodfellow et al. 2014, eq. 1."""
    return -softplus(-a_x).mean() - softplus(a_g).mean()


class Loss:
    """Two functions, one for each player: means of the three formulas, over the rows."""

    def discriminator(self, a_x: Array, a_g: Array) -> tuple[Array, Array, Array]:
        l_x, da_x = self.d_on_data(a_x, _rows(a_x))
        l_g, da_g = self.d_on_generated(a_g, _rows(a_g))
        return l_x.mean() + l_g.mean(), da_x, da_g

    def generator(self, a_g: Array) -> tuple[Array, Array]:
        l_g, da_g = self.g_on_generated(a_g, _rows(a_g))
        return l_g.mean(), da_g

    def d_on_data(self, a: Array, m: int) -> tuple[Array, Array]:
        raise NotImplementedError

    d_on_generated = g_on_generated = d_on_data


@dataclass(frozen=True)
class Minimax(Loss):
    """The paper's game. Goodfellow et al. 2014, eq. 1 and Algorithm 1.

    L_D = −mean[s log D(x) + (1 − s) log(1 − D(x))] − mean log(1 − D(G(z)))
    L_G = mean log(1 − D(G(z)))

    With s = 1, L_D = −V. s < 1 smooths the label of real rows only (Salimans et al. 2016, §3.4).
    L_G saturates: |∂L_G/∂a| = σ(a) vanishes where D is sure that a row is generated.
    """

    smooth: float = 1.0

    def __post_init__(self) -> None:
        smooth = check_number("smooth, the label of real rows,", self.smooth, "(0, 1]")
        object.__setattr__(self, "smooth", smooth)  # the way to set a field of a frozen dataclass

    @fused
    def d_on_data(self, a: Array, m: int) -> tuple[Array, Array]:
        s, loss = self.smooth, softplus(-a)  # −log D(x)
        return loss + (1 - s) * a, (array_module(a).exp(-loss) - s) / m  # softplus(a) = loss + a; σ(a) = exp(−loss)

    @fused
    def d_on_generated(self, a: Array, m: int) -> tuple[Array, Array]:
        loss = softplus(a)  # −log(1 − D(G(z)))
        return loss, array_module(a).exp(a - loss) / m  # σ(a) = exp(a − loss)

    @fused
    def g_on_generated(self, a: Array, m: int) -> tuple[Array, Array]:
        return -softplus(a), -sigmoid(a) / m


@dataclass(frozen=True)
class NonSaturating(Minimax):
    """The same D; G descends L_G = −mean log D(G(z)) instead. Goodfellow et al. 2014, end of §3.

    The same fixed point, but |∂L_G/∂a| = 1 − σ(a) is largest where D is sure that a row is generated.
    """

    @fused
    def g_on_generated(self, a: Array, m: int) -> tuple[Array, Array]:
        return softplus(-a), -sigmoid(-a) / m


@dataclass(frozen=True)
class LeastSquares(Loss):
    """L_D = ½ mean (a_x − 1)² + ½ mean a_g²;  L_G = ½ mean (a_g − 1)². Mao et al. 2017, eq. 9."""

    @fused
    def d_on_data(self, a: Array, m: int) -> tuple[Array, Array]:
        return (a - 1) ** 2 / 2, (a - 1) / m

    @fused
    def d_on_generated(self, a: Array, m: int) -> tuple[Array, Array]:
        return a**2 / 2, a / m

    g_on_generated = d_on_data


@dataclass(frozen=True)
class Wasserstein(Loss):
    """L_D = mean a_g − mean a_x;  L_G = −mean a_g. Arjovsky et al. 2017, eqs. 2-3 and Algorithm 1.

    The distance that this estimates needs a D whose slope is bounded: clip its weights, or penalise its gradient.
    """

    def d_on_data(self, a: Array, m: int) -> tuple[Array, Array]:
        return -a, array_module(a).full_like(a, -1 / m)

    def d_on_generated(self, a: Array, m: int) -> tuple[Array, Array]:
        return a, array_module(a).full_like(a, 1 / m)

    g_on_generated = d_on_data


@dataclass(frozen=True)
class WassersteinDrift(Wasserstein):
    """The same with drift · mean a_x² in L_D, which keeps the logits near 0. Karras et al. 2018, appendix A.1."""

    drift: float = 0.001

    def __post_init__(self) -> None:
        object.__setattr__(self, "drift", check_number("drift", self.drift, "[0, inf)"))

    def d_on_data(self, a: Array, m: int) -> tuple[Array, Array]:
        return self.drift * a**2 - a, (2 * self.drift * a - 1) / m


@dataclass(frozen=True)
class Hinge(Loss):
    """L_D = mean max(0, 1 − a_x) + mean max(0, 1 + a_g);  L_G = −mean a_g. Miyato et al. 2018, eqs. 16-17.

    At a kink the derivative is 0, the side on which the row is already right.
    """

    @fused
    def d_on_data(self, a: Array, m: int) -> tuple[Array, Array]:
        return array_module(a).maximum(1 - a, 0), -(a < 1).astype(a.dtype) / m

    @fused
    def d_on_generated(self, a: Array, m: int) -> tuple[Array, Array]:
        return array_module(a).maximum(1 + a, 0), (a > -1).astype(a.dtype) / m

    g_on_generated = Wasserstein.g_on_generated  # type: ignore[assignment]


minimax = Minimax()
nonsaturating = NonSaturating()
least_squares = LeastSquares()
wasserstein = Wasserstein()
wasserstein_drift = WassersteinDrift()
hinge = Hinge()

BY_NAME: dict[str, Loss] = {
    "minimax": minimax, "nonsaturating": nonsaturating, "least_squares": least_squares,
    "wasserstein": wasserstein, "wasserstein_drift": wasserstein_drift, "hinge": hinge,
}


def _rows(a: Array) -> int:
    """m, once a is known to be a column of logits: (m,) against (m, 1) would broadcast to (m, m) in silence."""
    if getattr(a, "ndim", 0) != 2 or a.shape[1] != 1 or not len(a):
        got = f"{tuple(a.shape)}: end D in Linear(n, 1)" if hasattr(a, "shape") else repr(a)
        raise InputError(f"logits must have shape (m, 1) with m ≥ 1, got {got}")
    return len(a)
