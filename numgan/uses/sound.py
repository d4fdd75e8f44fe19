"""Sound: a generator of a second of tones, as signals, after WaveGAN (Donahue et al. 2019).

WaveGAN makes a second of sound, 16,384 numbers at 16 kHz, from noise: DCGAN's convolutions with one axis in place of
two, kernels of 25, strides of 4. Here a second has 1,024 numbers, its tones are one note each, and three strides of 4
with kernels of 24 lead to them from 16 places that three dense layers fill (one, there). Other than there, the game is
the nonsaturating one with R1 in place of WGAN-GP, there are fewer maps, and there is no phase shuffle (WaveGAN, §3.3).

Without the penalty the variety is gone: on two of three seeds nearly all tones are of one note, on the third most are
of none. That is mode collapse. With it, all notes come
out, and about one sound in five is a mixture of two: G is continuous, so between two notes there must be some.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import cache, partial

import numpy as np

from numgan.gan import discriminator_gradient, generator_gradient
from numgan.layers import Conv1d, ConvTranspose1d, Layer, LeakyReLU, Linear, Reshape, Tanh
from numgan.losses import nonsaturating
from numgan.models.dcgan import dense, he
from numgan.network import Network
from numgan.optim import Adam
from numgan.penalty import r1
from numgan.uses.game import Game, Values
from numgan.uses.plots import Figure
from numgan.uses.plots import sounds as pictures
from numgan.uses.tones import (
    NOTES,
    chords,
    loudest,
    purity,
    tones,
    total_variation,
    wav,
)
from numgan.uses.use import Measures, Use

N_Z = 16
KERNEL = 24, 4, 10  # and stride and padding: four times as many numbers, or a quarter of them
EVERY = 4  # steps, R1 with so many times its weight (Karras et al. 2020, appendix B)
DATA, MEASURED = 4000, 2000  # sounds


class Sound(Game):
    """A GAN on sounds (n, t), t a multiple of 64, in [−1, 1]. Each step descends

        L_D = −mean log D(x) − mean log(1 − D(G(z))) + γ/2 mean ‖∇ₓ a(x)‖²    with a the logit of D, and then
        L_G = −mean log D(G(z)).

    gamma: γ, 0 for no penalty. It is taken in every fourth step, with four times the weight.
    """

    def __init__(
        self, sounds: np.ndarray, seed: int = 0, gamma: float = 10.0, threads: int | None = None, maps: int = 64
    ) -> None:
        self.gamma, times = gamma, sounds.shape[1]
        players = {
            "G": (generator(times, 2 * seed, maps), Adam(2e-3, beta1=0.5, beta2=0.99)),
            "D": (discriminator(times, 2 * seed + 1, maps), Adam(2e-3, beta1=0.5, beta2=0.99)),
        }
        super().__init__(players, batch=64, seed=seed, ema=0.99, threads=threads)
        self.x, self.z = self.minibatches(sounds), self.noise(N_Z)

    def update(self) -> Values:
        G, D, x = self.nets["G"], self.nets["D"], self.x(self.step)
        info = discriminator_gradient(G, D, x, self.z(2 * self.step), nonsaturating)
        values = {"D": info.value}
        if self.gamma and self.step % EVERY == 0:
            values["R1"] = r1(D, x, EVERY * self.gamma)
        self.follow("D")
        values["G"] = generator_gradient(G, D, self.z(2 * self.step + 1), nonsaturating).value
        self.follow("G")
        return values

    def sounds(self, n: int, seed: int) -> np.ndarray:
        """n of G's, from noise that training does not see."""
        return self.apply("G", np.random.default_rng(seed).standard_normal((n, N_Z), dtype=np.float32))


def generator(times: int, seed: int, maps: int = 64, hidden: int = 256) -> Network:
    """G: noise to sounds. Two dense layers settle note and phase at all places; each stride makes four of one."""
    places = times // 64
    layers: list[Layer] = [
        *(Linear(N_Z, hidden), LeakyReLU(0.2), dense(hidden, hidden), LeakyReLU(0.2)),
        *(dense(hidden, places * maps), LeakyReLU(0.2), Reshape((places, maps))),
        *(ConvTranspose1d(maps, maps // 2, *KERNEL, std=he(maps * 6)), LeakyReLU(0.2)),
        *(ConvTranspose1d(maps // 2, maps // 4, *KERNEL, std=he(maps // 2 * 6)), LeakyReLU(0.2)),
        *(ConvTranspose1d(maps // 4, 1, *KERNEL), Tanh(), Reshape((times,))),
    ]
    return Network(layers, seed=seed)


def discriminator(times: int, seed: int, maps: int = 64, hidden: int = 64) -> Network:
    """D: sounds to logits."""
    n = times // 64 * maps
    layers: list[Layer] = [
        *(Reshape((times, 1)), Conv1d(1, maps // 4, *KERNEL, std=he(24)), LeakyReLU(0.2)),
        *(Conv1d(maps // 4, maps // 2, *KERNEL, std=he(maps // 4 * 24)), LeakyReLU(0.2)),
        *(Conv1d(maps // 2, maps, *KERNEL, std=he(maps // 2 * 24)), LeakyReLU(0.2)),
        *(Reshape((n,)), dense(n, hidden), LeakyReLU(0.2), Linear(hidden, 1)),
    ]
    return Network(layers, seed=seed)


@cache
def data() -> np.ndarray:
    """The sounds to train on."""
    return tones(DATA, seed=0)


@cache
def unheard() -> np.ndarray:
    """Others, to measure against."""
    return tones(MEASURED, seed=1)


def scores(x: np.ndarray) -> Measures:
    """Of sounds (n, TIMES), beside tones that nobody trained on."""
    f = loudest(x)
    return {
        "frequencies off": total_variation(f, loudest(unheard())),
        "on a note": float(np.isin(f, NOTES).mean()),
        "notes": float(sum((f == note).mean() > 0.05 for note in NOTES)),
        "purity": float(purity(x).mean()),
    }


def game(gamma: float, seed: int, threads: int | None = None) -> Sound:
    return Sound(data(), seed, gamma, threads)


def measure(of: Sound) -> Measures:
    return scores(of.sounds(MEASURED, seed=0))


def recording(of: Mapping[str, Sound]) -> bytes:
    """A wav file: five tones of the data, then ten of the first game's."""
    file = io.BytesIO()
    wav(file, np.concatenate([unheard()[:5], next(iter(of.values())).sounds(10, seed=0)]))
    return file.getvalue()


@cache
def normal() -> np.ndarray:
    """The normal distribution with the data's mean and covariance."""
    return chords(MEASURED, data(), seed=2)


def picture(of: Mapping[str, Sound]) -> Figure:
    """A row each for the data, the games and the normal distribution."""
    games = {name: each.sounds(MEASURED, seed=0) for name, each in of.items()}
    return pictures({"data": unheard(), **games, "normal distribution": normal()})


PENALTY, NONE = "R1 penalty", "no penalty"

SOUND = Use(
    about="a second of tones, one note each, and a file to listen to (WaveGAN)",
    games={PENALTY: partial(game, 10.0), NONE: partial(game, 0.0)},
    steps=1500,
    measure=measure,
    picture=picture,
    references={"normal distribution": lambda: scores(normal()), "other data": lambda: scores(tones(MEASURED, seed=3))},
    files={"tones.wav": recording},
)
