"""Keeps G of a run in a small file: its averaged weights in half precision, and what it was trained with.

    numgan train --out runs/kept
    python notebooks/kept/keep.py runs/kept/checkpoint.npz notebooks/kept/digits_G.npz

These two commands made `digits_G.npz`, which lesson 9 opens. With `--model dcgan` they make `dcgan_G.npz`, which lesson
13 opens; it also holds the kernels of D's first convolution.
"""

import json
import math
import sys

import numpy as np

import numgan as ng
from numgan.run.averaging import mean_weights
from numgan.run.state import Checkpoint


def keep(checkpoint, path):
    """Writes theta (float16) and about (JSON) to `path`; buffers of BatchNorm and D's filters, where there are any."""
    run = Checkpoint(checkpoint)
    vectors, settings, step = run.state.vectors, run.settings, run.state.step
    theta = mean_weights(vectors["average"], vectors["theta_G"], settings.ema, step)
    about = {"steps": step, "batch": settings.batch, "seed": settings.seed, "ema": settings.ema, "n_z": settings.n_z}
    more = {"buffers": vectors["buffers_G"]} if "buffers_G" in vectors else {}
    np.savez_compressed(path, theta=theta.astype(np.float16), about=json.dumps(about), **more, **filters(run))


def filters(run):
    """The W (k, k, c, n) of D's first convolution."""
    D = run.parts(math.prod(run.image_shape)).D
    D.theta[...] = run.state.vectors["theta_D"]
    found = [layer.W.astype(np.float16) for layer in D.layers if isinstance(layer, ng.Conv2d)]
    return {"filters": found[0]} if found else {}


if __name__ == "__main__":
    keep(*sys.argv[1:])
