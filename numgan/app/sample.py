"""`numgan sample`: samples from a trained G, as a picture or an array."""

from __future__ import annotations

import argparse
from pathlib import Path

from numgan.errors import InputError, check_whole

MOST = {".png": 10_000, ".npz": 1_000_000}  # samples in one file


def sample(options: argparse.Namespace) -> int:
    from numgan import plots
    from numgan.backend import backend
    from numgan.run.output import atomic, new_file
    from numgan.run.sampling import labels_for
    from numgan.run.state import Checkpoint

    check_whole("-n", options.n, 1)
    check_whole("--seed", options.seed, 0)
    path = Path(options.run)
    if path.is_dir() and not (path / "checkpoint.npz").exists():
        raise InputError(f"{path} holds no run (no checkpoint.npz): give a folder that numgan train wrote")
    path = path / "checkpoint.npz" if path.is_dir() else path
    which = "" if options.label is None else f"-label{options.label}"
    default = path.parent / f"samples-{options.n}-seed{options.seed}{which}.png"  # written over: the same again
    out = default if options.out is None else new_file(options.out, (".png", ".npz"))
    most = MOST[out.suffix]
    if options.n > most:
        raise InputError(f"-n {options.n} is too many for one {out.suffix}: take {most} at most, and another --seed")
    checkpoint = Checkpoint(path)
    x = checkpoint.sample(options.n, options.seed, backend(options.backend), options.label)
    with atomic(out) as file:
        if out.suffix == ".npz":
            import numpy as np

            y = labels_for(options.label, options.n, checkpoint.classes)
            np.savez(file, x=x) if y is None else np.savez(file, x=x, y=y)
        else:
            plots.sheet(x, checkpoint.image_shape).savefig(file, format="png", dpi=120)
    print(f"{options.n} samples: {out}")
    return 0
