"""What styles, their truncation and noise do in a generator such as stylegan's. Each function returns a Figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from numgan import plots
from numgan.backend import Array, array_module, asnumpy, random_generator
from numgan.data import Data
from numgan.layers import Synthesis, Truncation
from numgan.models.stylegan import images, mixed, parts, styles
from numgan.network import Network
from numgan.run.averaging import mean_weights
from numgan.training import Training

CALIBRATION_ROWS = 1024
WHITE = 1.0


def averaged(run: Training) -> Network:
    """G with the weights that `run.sample` uses, as a network of its own."""
    G: Network = run.G.copy()  # type: ignore[attr-defined]
    G.theta[...] = mean_weights(run.average, G.theta, run.ema, run.step)
    G.calibrate(run.fixed_batch(CALIBRATION_ROWS)[1])
    return G


def mixing(G: Network, data: Data, z_a: Array, z_b: Array, levels: slice) -> plots.Figure:
    """Images of z_a on the left, of z_b above, and where they meet, those of z_a with these levels of z_b's styles.

    Karras et al. 2019, fig. 3. At 4 × 4 pixels are the levels slice(0, 2), at 8 × 8 slice(2, 4), and so on.
    """
    w_a, w_b = styles(G, z_a), styles(G, z_b)
    lines = [_shown(data, images(G, w_b))]
    for i in range(len(z_a)):
        w = w_a[i : i + 1].repeat(len(z_b), axis=0)
        lines += [_shown(data, images(G, w_a[i : i + 1])), _shown(data, images(G, mixed(w, w_b, levels)))]
    corner = np.full_like(lines[0][:1], WHITE)
    return plots.sheet(np.concatenate([corner, *lines]), data.image_shape, columns=1 + len(z_b))


def truncation(G: Network, data: Data, z: Array, psis: Sequence[float] = (1, 0.7, 0.5, 0, -0.5, -1)) -> plots.Figure:
    """A line for each z: its images with less and less of what sets it apart from the mean style. Fig. 8."""
    columns = []
    for psi in psis:
        G = G.copy()
        for layer in G.layers:
            if isinstance(layer, Truncation):
                layer.psi = psi
        columns.append(_shown(data, G(z)))
    return plots.sheet(np.concatenate(np.stack(columns, axis=1)), data.image_shape, columns=len(psis))


def noise(G: Network, data: Data, z: Array, draws: int = 50, seed: int = 0) -> plots.Figure:
    """A line for each z: three of its images with noise of their own, and at the right how far each pixel of `draws`
    such images is from its mean, on average (white: half of the range from black to white). Fig. 4."""
    rng = random_generator(array_module(z), seed)
    drawn = np.stack([_shown(data, _noisy(G, styles(G, z), rng)) for _ in range(max(draws, 3))])
    spread = np.minimum(2 * drawn.std(axis=0), WHITE)
    return plots.sheet(np.concatenate(np.stack([*drawn[:3], spread], axis=1)), data.image_shape, columns=4)


def _noisy(G: Network, w: Array, rng: object) -> Array:
    """The images of styles w, with noise that is drawn anew."""
    _, *others = parts(G)
    for layer in others:
        w, _ = layer.forward(w, train=isinstance(layer, Synthesis), rng=rng)  # type: ignore[arg-type]
    return w


def _shown(data: Data, x: Array) -> np.ndarray:
    """Rows on the host, in [0, 1]."""
    return data.restore(asnumpy(x))
