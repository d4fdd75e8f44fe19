"""Keeps G of a run in a small file: its averaged weights in half precision, and what it was trained with.

    numgan train --out runs/kept
    python notebooks/kept/keep.py runs/kept/checkpoint.npz notebooks/kept/digits_G.npz

These two commands made `digits_G.npz`, which lesson 9 opens.
"""

import json
import sys

import numpy as np

from numgan.run.averaging import mean_weights
from numgan.run.state import Checkpoint


def keep(checkpoint, path):
    """Writes theta (float16) and about (JSON) to `path`."""
    run = Checkpoint(checkpoint)
    vectors, settings, step = run.state.vectors, run.settings, run.state.step
    theta = mean_weights(vectors["average"], vectors["theta_G"], settings.ema, step)
    about = {"steps": step, "batch": settings.batch, "seed": settings.seed, "ema": settings.ema, "n_z": settings.n_z}
    np.savez_compressed(path, theta=theta.astype(np.float16), about=json.dumps(about))


if __name__ == "__main__":
    keep(*sys.argv[1:])
