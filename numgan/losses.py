"""The games: what each player descends, as functions of D's logits, with their derivatives.

D ends in a logit a, and D(x) = σ(a). Everything is written in a, never as the log of a sigmoid:

    log D(x) = log σ(a) = −softplus(−a),        ∂/∂a = 1 − σ(a) = σ(−a)
    log(1 − D(x)) = log σ(−a) = −softplus(a),   ∂/∂a = −σ(a)

The paper's D *ascends* V(D, G) = E log D(x) + E log(1 − D(G(z))). A loss is something to *descend*, so L_D = −V,
which is the sum of two binary cross-entropies. This sign is written here and nowhere else.

    value, da_x, da_g = loss.discriminator(a_x, a_g)
    value, da_g = loss.generator(a_g)

Logits and derivatives have shape (m, 1); values are batch means, so the derivatives contain the 1/m.
"""

from __future__ import annotations

from dataclasses import dataclass

from numgan.backend import Array, array_module
from numgan.errors import InputError, check_number


def softplus(a: Array) -> Array:
    """log(1 + eᵃ), for any a without overflow."""
    return array_module(a).logaddexp(a, 0)


def sigmoid(a: Array) -> Array:
    """σ(a) = exp(−softplus(−a)): accurate to the last bits even where it is tiny."""
    return array_module(a).exp(-softplus(-a))


def game_value(a_x: Array, a_g: Array) -> Array:
    """V(D, G) = mean log D(x) + mean log(1 − D(G(z))). Goodfellow et al. 2014, eq. 1."""
    return -softplus(-a_x).mean() - softplus(a_g).mean()


class Loss:
    """Two functions, one for each player."""

    def discriminator(self, a_x: Array, a_g: Array) -> tuple[Array, Array, Array]:
        raise NotImplementedError

    def generator(self, a_g: Array) -> tuple[Array, Array]:
        raise NotImplementedError


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

    def discriminator(self, a_x: Array, a_g: Array) -> tuple[Array, Array, Array]:
        m_x, m_g, s = _rows(a_x), _rows(a_g), self.smooth
        l_x, l_g, exp = softplus(-a_x), softplus(a_g), array_module(a_x).exp  # −log D(x), −log(1 − D(G(z)))
        value = (l_x + (1 - s) * a_x).mean() + l_g.mean()  # −log(1 − D(x)) = softplus(a_x) = l_x + a_x
        return value, (exp(-l_x) - s) / m_x, exp(a_g - l_g) / m_g  # σ(a_x) and σ(a_g)

    def generator(self, a_g: Array) -> tuple[Array, Array]:
        m = _rows(a_g)
        return -softplus(a_g).mean(), -sigmoid(a_g) / m


@dataclass(frozen=True)
class NonSaturating(Minimax):
    """The same D; G descends L_G = −mean log D(G(z)) instead. Goodfellow et al. 2014, end of §3.

    The same fixed point, but |∂L_G/∂a| = 1 − σ(a) is largest where D is sure that a row is generated.
    """

    def generator(self, a_g: Array) -> tuple[Array, Array]:
        m = _rows(a_g)
        return softplus(-a_g).mean(), -sigmoid(-a_g) / m


@dataclass(frozen=True)
class LeastSquares(Loss):
    """L_D = ½ mean (a_x − 1)² + ½ mean a_g²;  L_G = ½ mean (a_g − 1)². Mao et al. 2017, eq. 9."""

    def discriminator(self, a_x: Array, a_g: Array) -> tuple[Array, Array, Array]:
        m_x, m_g = _rows(a_x), _rows(a_g)
        return (((a_x - 1) ** 2).mean() + (a_g**2).mean()) / 2, (a_x - 1) / m_x, a_g / m_g

    def generator(self, a_g: Array) -> tuple[Array, Array]:
        m = _rows(a_g)
        return ((a_g - 1) ** 2).mean() / 2, (a_g - 1) / m


@dataclass(frozen=True)
class Wasserstein(Loss):
    """L_D = mean a_g − mean a_x;  L_G = −mean a_g. Arjovsky et al. 2017, eqs. 2-3 and Algorithm 1.

    The distance that this estimates needs a D whose slope is bounded: clip its weights, or penalise its gradient.
    """

    def discriminator(self, a_x: Array, a_g: Array) -> tuple[Array, Array, Array]:
        m_x, m_g = _rows(a_x), _rows(a_g)
        ones = array_module(a_x).ones_like
        return a_g.mean() - a_x.mean(), -ones(a_x) / m_x, ones(a_g) / m_g

    def generator(self, a_g: Array) -> tuple[Array, Array]:
        m = _rows(a_g)
        return -a_g.mean(), -array_module(a_g).ones_like(a_g) / m


@dataclass(frozen=True)
class Hinge(Loss):
    """L_D = mean max(0, 1 − a_x) + mean max(0, 1 + a_g);  L_G = −mean a_g. Miyato et al. 2018, eqs. 16-17.

    At a kink the derivative is 0, the side on which the row is already right.
    """

    def discriminator(self, a_x: Array, a_g: Array) -> tuple[Array, Array, Array]:
        m_x, m_g = _rows(a_x), _rows(a_g)
        xp = array_module(a_x)
        value = xp.maximum(1 - a_x, 0).mean() + xp.maximum(1 + a_g, 0).mean()
        return value, -(a_x < 1).astype(a_x.dtype) / m_x, (a_g > -1).astype(a_g.dtype) / m_g

    generator = Wasserstein.generator  # type: ignore[assignment]


minimax = Minimax()
nonsaturating = NonSaturating()
least_squares = LeastSquares()
wasserstein = Wasserstein()
hinge = Hinge()

BY_NAME: dict[str, Loss] = {
    "minimax": minimax, "nonsaturating": nonsaturating, "least_squares": least_squares,
    "wasserstein": wasserstein, "hinge": hinge,
}


def _rows(a: Array) -> int:
    """m, once a is known to be a column of logits: (m,) against (m, 1) would broadcast to (m, m) in silence."""
    if getattr(a, "ndim", 0) != 2 or a.shape[1] != 1 or not len(a):
        got = f"{tuple(a.shape)}: end D in Linear(n, 1)" if hasattr(a, "shape") else repr(a)
        raise InputError(f"logits must have shape (m, 1) with m ≥ 1, got {got}")
    return len(a)
