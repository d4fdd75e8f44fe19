"""Text to image: G draws what a caption says, and D is given each image together with a caption."""

from __future__ import annotations

import numpy as np

from numgan.backend import Array
from numgan.conditional import Conditional
from numgan.gan import discriminator_gradient, generator_gradient, gradient_on_rows
from numgan.layers import Condition, LeakyReLU, Linear, Tanh
from numgan.layers.base import stacked
from numgan.losses import nonsaturating
from numgan.optim import Adam
from numgan.schedules import Ramp
from numgan.uses.captions import VOCABULARY, bags, one_wrong, partly
from numgan.uses.game import Game, Values

N_Z, N_WORDS = 32, len(VOCABULARY)


class Told(Game):
    """Reed et al. 2016, "Generative Adversarial Text to Image Synthesis": G(z, c) and D(x, c), with c a caption.

        L_D = −mean log D(x, c) − ½ mean log(1 − D(G(z, c), c)) − ½ mean log(1 − D(x, ĉ))
        L_G = −mean log D(G(z, c), c)

    x (n, 784) digits in [−1, 1], and meanings (n, 3): what there is to say of them. Each time a digit is drawn, a part
    of that is said in its caption c. ĉ is a wrong caption: D has to find out that a good image is not what the caption
    says (section 4.2, the matching-aware D of Algorithm 1). There it is the caption of another image; here one thing in
    it is wrong, so that D has to hear each word. G then follows the words more closely, and draws each caption in fewer
    ways. matching=False: D sees no wrong captions, and L_D has no third term and no ½.

    A caption is a bag of words; in the paper it goes through a network trained beforehand, and D and G are
    convolutional. Rates fall over so many steps to 1/40.
    """

    def __init__(
        self,
        x: Array,
        meanings: np.ndarray,
        seed: int = 0,
        matching: bool = True,
        steps: int = 6000,
        batch: int = 32,
        threads: int | None = None,
    ) -> None:
        G = generator(2 * seed), Adam(Ramp(2e-3, 5e-5, 0, steps), beta1=0.5)
        D = discriminator(2 * seed + 1), Adam(Ramp(1e-3, 2.5e-5, 0, steps), beta1=0.5)
        super().__init__({"G": G, "D": D}, batch=batch, seed=seed, ema=0.999, threads=threads)
        self.meanings, self.matching = meanings, matching
        self.x, self.z = self.minibatches(x), self.noise(N_Z)

    def update(self) -> Values:
        G, D, i, rng = self.nets["G"], self.nets["D"], 2 * self.step, self.rng(0)
        x, z, z_next = self.x(i), self.z(i), self.z(i + 1)
        true, others = (self.meanings[self.x.places(j)] for j in (i, i + 1))
        said = partly(true, rng)
        c, c_next = bags(said), bags(partly(others, rng))
        if self.matching:
            x_g, _ = G.forward((z, c), train=True)
            wrong = x, bags(one_wrong(true, said, rng))
            info = gradient_on_rows(D, (x, c), stacked((x_g, c), wrong), nonsaturating)
        else:
            info = discriminator_gradient(G, D, (x, c), (z, c), nonsaturating)
        self.follow("D")
        values = {"D": info.value, "G": generator_gradient(G, D, (z_next, c_next), nonsaturating).value}
        self.follow("G")
        return values

    def draw(self, c: Array, z: Array | None = None) -> np.ndarray:
        """G(z, c), images (m, 784) in [−1, 1]. z: the same in every call where none is given."""
        return self.apply("G", (self.z.fixed(len(c)) if z is None else z, c))


def generator(seed: int) -> Conditional:
    """G: noise and a bag of words to an image."""
    layers = [
        *(Condition(N_Z, N_WORDS, height=3), Linear(N_Z + N_WORDS, 256), LeakyReLU(0.2)),
        *(Linear(256, 512), LeakyReLU(0.2), Linear(512, 784), Tanh()),
    ]
    return Conditional(layers, seed=seed)


def discriminator(seed: int) -> Conditional:
    """D: an image and a bag of words to a logit."""
    layers = [
        *(Condition(784, N_WORDS, height=3), Linear(784 + N_WORDS, 512), LeakyReLU(0.2)),
        *(Linear(512, 256), LeakyReLU(0.2), Linear(256, 1)),
    ]
    return Conditional(layers, seed=seed)
