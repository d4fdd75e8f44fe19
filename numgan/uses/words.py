"""Why GANs have trouble with language: a word is chosen, and the derivative of a choice is 0.

G ends in scores s (m, T, V): one for each of V words, at each of T places of a sentence; p = softmax(s) along V. D is
shown words as one-hot vectors, as its data are. ℓ is the loss of a sentence, L_G its mean over the batch.

    argmax            x = onehot(argmax s)        x stays as it is until another word has the largest score: ∂L/∂s is
                                                  0 where it exists, and where two words are equal it does not
    softmax           x = p                       has a slope, but p is no word, and D can tell the two apart
    REINFORCE         x = onehot(w), w ~ p        (ℓ(w) − b) (onehot(w) − p): in expectation the gradient of E ℓ(w), for
                                                  any b; D's slope is not used. Williams 1992; Yu et al. 2017 (SeqGAN)
    Gumbel-softmax    x = softmax((s + g) / τ)    for τ → 0 a sample w ~ p, of which the slope is kept: near to the
                                                  gradient of E ℓ(w), and noisier for small τ. Jang et al. 2017
    straight-through  x = onehot(argmax(s + g))   D sees words; backward, the slope of the line above stands in

With g from the Gumbel distribution, −log(−log u), argmax(s + g) is a sample of p. Each function below returns an
estimate of ∂(E L_G)/∂s, which `G.backward` takes on to θ_g. SeqGAN's rollouts for sentences not yet at their end are
not needed here, where all places are drawn at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from numgan.backend import Array
from numgan.layers import LeakyReLU, Linear, Reshape
from numgan.losses import nonsaturating
from numgan.network import Network
from numgan.uses.use import Measures

Estimate = Callable[[Network, np.ndarray, np.random.Generator], np.ndarray]  # D, s, rng → ∂L/∂s


def players(T: int = 2, V: int = 4, n_z: int = 3, seed: int = 0) -> tuple[Network, Network]:
    """A tiny G, noise (m, n_z) to scores (m, T, V), and D, sentences (m, T, V) to logits; float64."""
    G = [Linear(n_z, 8), LeakyReLU(0.2), Linear(8, T * V, scale=1.0), Reshape((T, V))]
    D = [Reshape((T * V,)), Linear(T * V, 8, scale=1.0), LeakyReLU(0.2), Linear(8, 1, scale=1.0)]
    return Network(G, seed=2 * seed, dtype="float64"), Network(D, seed=2 * seed + 1, dtype="float64")


def softmax(s: np.ndarray) -> np.ndarray:
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(dp: np.ndarray, p: np.ndarray) -> np.ndarray:
    """∂L/∂s of p = softmax(s): p ∘ (dp − Σ p ∘ dp)."""
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def chosen(s: np.ndarray) -> np.ndarray:
    """onehot(argmax s)."""
    return np.eye(s.shape[-1])[s.argmax(axis=-1)]


def loss(D: Network, x: np.ndarray) -> np.ndarray:
    """ℓ = −log D(x) of each sentence x (m, T, V) → (m,)."""
    return nonsaturating.g_on_generated(D(x), 1)[0][:, 0]


def slope(D: Network, x: np.ndarray) -> Array:
    """∂L_G/∂x for L_G = mean ℓ."""
    a, tape = D.forward(x, train=True)
    return D.backward(nonsaturating.generator(a)[1], tape, params=False)


def differences(
    G: Network, D: Network, z: np.ndarray, words: Callable[[np.ndarray], np.ndarray], h: float = 1e-6
) -> np.ndarray:
    """(L_G(θ_g + h e_i) − L_G(θ_g − h e_i)) / 2h for each i, with words = chosen or softmax: what G could follow."""

    def value(i: int, step: float) -> float:
        other = G.copy()
        other.theta[i] += step
        return loss(D, words(other(z))).mean()

    return np.array([(value(i, h) - value(i, -h)) / (2 * h) for i in range(G.size)])


def exact(D: Network, s: np.ndarray) -> tuple[float, np.ndarray]:
    """E L_G with words w ~ p, and its gradient: sums over all V^T sentences.

    ∂P(w)/∂s = P(w) (onehot(w) − p), so ∂E ℓ/∂s = Σ_w P(w) ℓ(w) (onehot(w) − p).
    """
    (m, T, V), p = s.shape, softmax(s)
    w = np.array([*itertools.product(range(V), repeat=T)])  # (V^T, T)
    weighted = p[:, np.arange(T), w].prod(axis=-1) * loss(D, np.eye(V)[w])  # (m, V^T): P(w) ℓ(w)
    mean = weighted.sum(axis=1)
    ds = np.einsum("mn,ntv->mtv", weighted, np.eye(V)[w]) - mean[:, None, None] * p
    return float(mean.mean()), ds / m


def through_argmax(D: Network, s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """x = onehot(argmax s) does not change with s."""
    return np.zeros_like(s)


def through_softmax(D: Network, s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    p = softmax(s)
    return softmax_backward(slope(D, p), p)


def reinforce(D: Network, s: np.ndarray, rng: np.random.Generator, baseline: float = 0.0) -> np.ndarray:
    """The rewards of SeqGAN are −ℓ here. A baseline near to E ℓ makes it less noisy."""
    w = chosen(s + rng.gumbel(size=s.shape))
    advantage = (loss(D, w) - baseline)[:, None, None]
    return advantage * (w - softmax(s)) / len(s)


def gumbel_softmax(D: Network, s: np.ndarray, rng: np.random.Generator, tau: float = 0.5) -> np.ndarray:
    y = softmax((s + rng.gumbel(size=s.shape)) / tau)
    return softmax_backward(slope(D, y), y) / tau


def straight_through(D: Network, s: np.ndarray, rng: np.random.Generator, tau: float = 0.5) -> np.ndarray:
    drawn = s + rng.gumbel(size=s.shape)
    return softmax_backward(slope(D, chosen(drawn)), softmax(drawn / tau)) / tau


def compare(seed: int = 0, draws: int = 20000) -> dict[str, Measures]:
    """Each estimate beside the exact gradient of E L_G, for one batch of 4 sentences.

    size: |mean estimate| / |exact|. off: |mean estimate − exact| / |exact|. spread: the standard deviation of a single
    estimate, likewise.
    """
    G, D = players(seed=seed)
    s, rng = G(np.random.default_rng(seed).standard_normal((4, 3))), np.random.default_rng(seed + 1)
    value, wanted = exact(D, s)
    ways: dict[str, Estimate] = {
        "argmax": through_argmax,
        "softmax": through_softmax,
        "REINFORCE": reinforce,
        "REINFORCE, b = E ℓ": lambda D, s, rng: reinforce(D, s, rng, baseline=value),
        "Gumbel-softmax, τ = 1": lambda D, s, rng: gumbel_softmax(D, s, rng, tau=1.0),
        "Gumbel-softmax, τ = 0.2": lambda D, s, rng: gumbel_softmax(D, s, rng, tau=0.2),
        "straight-through, τ = 0.5": straight_through,
    }
    return {name: _beside(wanted, repeated(way, D, s, rng, draws)) for name, way in ways.items()}


def repeated(way: Estimate, D: Network, s: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """So many estimates for the same scores (draws, m, T, V)."""
    one = way(D, np.tile(s, (draws, 1, 1)), rng)
    return draws * one.reshape(draws, *s.shape)


def _beside(wanted: np.ndarray, estimates: np.ndarray) -> Measures:
    mean, size = estimates.mean(axis=0), np.linalg.norm(wanted)
    spread = np.sqrt(((estimates - mean) ** 2).sum(axis=(1, 2, 3)).mean())
    return {
        "size": float(np.linalg.norm(mean) / size),
        "off": float(np.linalg.norm(mean - wanted) / size),
        "spread": float(spread / size),
    }
