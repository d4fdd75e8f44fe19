"""Where numgan's time goes: each part of a step, on one thread and on as many as there are.

python -m benchmarks.speed.profile [--workloads toy wide] [--rounds 9] [--out benchmarks/results/profile.md]
"""

import argparse
import contextlib
import pkgutil
import threading
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from unittest import mock

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import RESULTS
from benchmarks.speed import machine
from benchmarks.speed.peers.gemm import Gemm
from benchmarks.speed.peers.numgan_peer import Numgan
from benchmarks.speed.workloads import WORKLOADS
from numgan.layers.windows import Windows

PRODUCTS, PEAK = "matrix products", "all products at the GEMM peak"
FOLD, NORM = "fold", "BatchNorm"
LINEAR = ("linear.Linear", "convolution.Conv2d", "convolution.ConvTranspose2d")
PARTS = {  # a part, and the calls timed as it, less the time of the parts inside them
    PRODUCTS: [
        *("layers.linear.matmul", "parallel.matmul"),
        *(f"layers.windows.Windows.{name}" for name in ("unfold_product", "patch_product")),
    ],
    "unfold": ["layers.windows.Windows.unfold"],
    FOLD: ["layers.windows.Windows.fold_product"],
    "biases": [f"layers.{name}.{part}" for name in LINEAR for part in ("forward", "backward")],
    NORM: [f"layers.batchnorm.BatchNorm.{part}" for part in ("forward", "backward")],
    "activations": [f"layers.activations.{name}.{f}" for name in ("ReLU", "LeakyReLU", "Tanh") for f in ("f", "dx")],
    "loss": ["losses.NonSaturating.discriminator", "losses.NonSaturating.generator"],
    "Adam": ["optim.Optimizer.step"],
    "minibatch, noise": ["run.streams.Minibatches.__call__", "run.streams.Noise.__call__"],
    "all else": ["training.Training._update"],
}


class Clock:
    """Charges every moment of the thread that made it to the innermost part under way.

    What other threads do meanwhile is not timed: they have shares of the same jobs, and this one waits for them. Nor is
    anything inside BatchNorm told apart from it.
    """

    def __init__(self):
        self.seconds, self.parts, self.since = defaultdict(float), [], 0.0
        self.thread = threading.get_ident()

    def charge(self):
        now = time.perf_counter()
        if self.parts:
            self.seconds[self.parts[-1]] += now - self.since
        self.since = now

    def timed(self, part, function):
        def call(*args, **kwargs):
            if self.thread != threading.get_ident() or self.parts[-1:] == [NORM]:
                return function(*args, **kwargs)
            self.charge()
            self.parts.append(part)
            try:
                return function(*args, **kwargs)
            finally:
                self.charge()
                self.parts.pop()

        return call


@contextlib.contextmanager
def clock():
    """While it is open, what PARTS names is timed."""
    made = Clock()
    with contextlib.ExitStack() as stack:
        for part, names in PARTS.items():
            for name in names:
                original = pkgutil.resolve_name(f"numgan.{name}")
                stack.enter_context(mock.patch(f"numgan.{name}", made.timed(part, original)))
        stack.enter_context(mock.patch.object(Windows, "fold", with_timed_products(Windows.fold, made)))
        yield made


def with_timed_products(fold, clock):
    """fold, whose products with M are timed as products: it makes them between its sums, by the operator @."""
    product = clock.timed(PRODUCTS, np.matmul)

    class Factor(np.ndarray):
        def __rmatmul__(self, a):
            return product(a, self.view(np.ndarray))

    return lambda windows, y, M, h, w: fold(windows, y, M.view(Factor), h, w)


def turn(peer, n):
    """ms per step of each part, and of the whole step when nothing inside it is timed."""
    peer.steps(n)  # for a tenth of a second after its last product, the BLAS's own thread keeps a core busy
    start = time.perf_counter()
    peer.steps(n)
    whole = time.perf_counter() - start
    with clock() as parts:
        peer.steps(n)
    return {part: parts.seconds[part] / n * 1e3 for part in PARTS} | {"step": whole / n * 1e3}


def peak(threads, n=4):
    """GFLOP/s of the BLAS on so many threads."""
    gemm = Gemm(None)
    with threadpool_limits(threads, user_api="blas"):
        gemm.steps(1)
        start = time.perf_counter()
        gemm.steps(n)
        return n * gemm.about()["flops"] / (time.perf_counter() - start) / 1e9


def profile(workload, rounds):
    """{threads: {part: median ms}}; the two take turns."""
    peers = {threads: Numgan(workload, threads=threads) for threads in (1, machine.cores())}
    turns = {threads: [] for threads in peers}
    for _ in range(rounds):
        for threads, peer in peers.items():
            rate = peak(threads)
            turns[threads].append(turn(peer, max(1, workload.turn // 2)) | {PEAK: workload.flops / rate / 1e6})
    return {threads: {part: median(t[part] for t in made) for part in made[0]} for threads, made in turns.items()}


def table(workload, columns):
    heads = ["1 thread" if threads == 1 else f"{threads} threads" for threads in columns]
    lines = [f"| {workload.name} | {' | '.join(heads)} |", "|---" + "|---:" * len(heads) + "|"]
    parts = [part for part in PARTS if any(ms[part] for ms in columns.values())]  # an MLP folds nothing
    for part in [*parts, "step", PEAK]:
        lines.append(f"| {part} | " + " | ".join(f"{ms[part]:.3g} ms" for ms in columns.values()) + " |")
    rates = [f"{workload.flops / ms[PRODUCTS] / 1e6:.0f}" for ms in columns.values()]
    return "\n".join([*lines, f"| GFLOP/s in the products | {' | '.join(rates)} |", ""])


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.profile", description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, default=RESULTS / "profile.md")
    options = parser.parse_args()
    m = machine.describe()
    about = f"{m['cpu']}, {m['cores']} cores; Python {m['python']}; medians of {options.rounds} turns."
    tables = [f"# Where a step's time goes\n\n{about}\n"]
    for name in options.workloads:
        tables.append(table(WORKLOADS[name], profile(WORKLOADS[name], options.rounds)))
        print(tables[-1], flush=True)
    options.out.write_text("\n".join(tables), encoding="utf-8")


if __name__ == "__main__":
    main()
