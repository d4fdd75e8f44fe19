"""The peers do the same work: from the same weights and batches, every peer's step changes the parameters alike.

float64, three pairs of updates, tensor by tensor: max|Δ − Δ'| / max|Δ|. Twice: with the workload's Adam, and with
eps = 1 and a small lr, since Adam as it stands would forgive a gradient of the wrong size.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.speed.peers import LABELS
from benchmarks.speed.process import PeerError, Worker

CASES = [{}, {"lr": 0.01, "eps": 1.0}]
PAIRS = 3
TOLERANCE = 1e-6


def all_equal(workloads, names):
    """Prints a line per workload and peer; True if all that can run agree with the first, two at the least."""
    return all([equal(workload, names) for workload in workloads])


def equal(workload, names):
    reference, agree = None, []
    for name in names:
        try:
            found = changes(name, workload)
        except PeerError as reason:
            print(f"{workload:8}{LABELS[name]:22}skipped: {reason}")
            continue
        reference = reference or found
        error = np.max([rel_error(a, b) for a, b in zip(reference, found, strict=True)])  # NaN if one is
        agree.append(error < TOLERANCE)
        print(f"{workload:8}{LABELS[name]:22}{error:.1e} {'ok' if agree[-1] else 'DIFFERS'}", flush=True)
    return len(agree) > 1 and all(agree)


def changes(name, workload):
    with tempfile.TemporaryDirectory() as folder:
        path, worker = Path(folder) / "changes.npz", Worker(name, workload)
        try:
            worker.ask("changes", path=str(path), cases=CASES, pairs=PAIRS)
        finally:
            worker.close()
        with np.load(path) as saved:
            return [saved[key] for key in saved.files]


def rel_error(a, b):
    if a.shape != b.shape:
        return np.inf
    return abs(a - b).max() / max(abs(a).max(), abs(b).max(), 1e-300)
