"""Keeps the trained generators of the family in one small file, which lesson 16 opens.

    python -m benchmarks.family --runs DIR train        # first: the runs
    python -m benchmarks.make_family DIR                # DIR/NAME-0.npz → notebooks/kept/family.npz

Of CoGAN, ProGAN and StyleGAN: G's averaged weights and its buffers, in half precision. Of the pair of 2014, whose G has
ten times as many weights, some samples. `about` is JSON: for each name, what it was trained with.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from numgan.run.averaging import mean_weights
from numgan.run.state import Checkpoint

OUT = Path(__file__).parents[1] / "notebooks" / "kept" / "family.npz"
KEPT = ("cogan", "progan", "stylegan")
SHOWN, SAMPLES = "goodfellow2014", 36


def keep(folder, path=OUT):
    """Writes NAME.theta and NAME.buffers of KEPT, NAME.x of SHOWN (uint8), and about."""
    runs = {name: Checkpoint(Path(folder) / f"{name}-0.npz") for name in (*KEPT, SHOWN)}
    arrays = {f"{name}.{part}": a for name in KEPT for part, a in generator(runs[name]).items()}
    arrays[f"{SHOWN}.x"] = np.round(255 * runs[SHOWN].sample(SAMPLES)).astype(np.uint8)
    about = {name: trained(run) for name, run in runs.items()}
    np.savez_compressed(path, about=json.dumps(about), **arrays)
    return Path(path)


def generator(run):
    """G as `run.sample` uses it: theta, and buffers where there are any."""
    vectors = run.state.vectors
    theta = mean_weights(vectors["average"], vectors["theta_G"], run.settings.ema, run.state.step)
    found = {"theta": theta, "buffers": vectors.get("buffers_G", theta[:0])}
    return {name: half(vector) for name, vector in found.items() if len(vector)}


def half(vector):
    """In float16, which holds numbers up to 65,504."""
    with np.errstate(over="ignore"):  # it is refused below
        a = vector.astype(np.float16)
    if not np.isfinite(a).all():
        raise ValueError(f"{np.abs(vector).max()} is too large for half precision")
    return a


def trained(run):
    settings = run.settings
    return {name: getattr(settings, name) for name in ("batch", "seed", "ema", "n_z")} | {"steps": run.state.step}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.make_family", description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="the folder of benchmarks.family's checkpoints")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    made = keep(options.runs, options.out)
    print(f"{made}: {made.stat().st_size:,} bytes")
