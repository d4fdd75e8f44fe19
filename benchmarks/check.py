"""The peers do the same work: from the same weights and batches, every peer's step changes the parameters alike.

float64, three pairs of updates, tensor by tensor: max|Δ − Δ'| / max|Δ|. Twice: with the workload's Adam, and with
eps = 1 and lr = 1, since Adam as it stands would forgive a gradient of the wrong size.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.peers import LABELS
from benchmarks.process import PeerError, Worker

CASES = [{}, {"lr": 1.0, "eps": 1.0}]
PAIRS = 3
TOLERANCE = 1e-6


def check(workloads, names):
    """Prints a line per workload and peer; True if all agree with the first peer named that is at hand."""
    return all([agree(workload, names) for workload in workloads])


def agree(workload, names):
    reference, passed = None, True
    for name in names:
        try:
            found = changes(name, workload)
        except PeerError as reason:
            print(f"{workload:8}{LABELS[name]:22}skipped: {reason}")
            continue
        reference = reference or found
        error = max(map(rel_error, reference, found))
        passed &= error < TOLERANCE
        print(f"{workload:8}{LABELS[name]:22}{error:.1e} {'ok' if error < TOLERANCE else 'DIFFERS'}", flush=True)
    return passed


def changes(name, workload):
    with tempfile.TemporaryDirectory() as folder:
        path, worker = Path(folder) / "changes.npz", Worker(name, workload)
        try:
            worker.ask("check", path=str(path), cases=CASES, pairs=PAIRS)
        finally:
            worker.close()
        with np.load(path) as saved:
            return [saved[key] for key in saved.files]


def rel_error(a, b):
    if a.shape != b.shape:
        return np.inf
    return abs(a - b).max() / max(abs(a).max(), abs(b).max(), 1e-300)
