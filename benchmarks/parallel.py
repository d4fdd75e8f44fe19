"""What a step costs on p ranks of MPI: measured on the 1 to 4 of one machine, and by a model on those of a cluster.

    python -m benchmarks.parallel             # minutes; leave the machine alone meanwhile. Writes results/parallel.md
    python -m benchmarks.parallel --again     # the page once more, from results/parallel.json

The model, and the page, are in `cost.py`.
"""

import argparse
import json
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

import numgan as ng
from benchmarks import RESULTS
from benchmarks.cost import PAIRS, page
from benchmarks.speed.machine import cores, describe
from numgan.run.ranks import Ranks

SIZES = (0.001, 1, 4, 10, 40, 100)  # megabytes
SPEED_UP = ("wide", "4 × as wide")


def training(pair, batch, comm=None):
    g, d, _ = PAIRS[pair]
    x = np.tanh(np.random.default_rng(0).standard_normal((1024, d[0]), "float32"))
    return ng.Training(mlp(g, 0), mlp(d, 1), x, batch=batch, threads=1, comm=comm)


def mlp(sizes, seed):
    layers = []
    for n_in, n_out in pairwise(sizes):
        layers += [ng.Linear(n_in, n_out), ng.LeakyReLU(0.2)]
    return ng.Network(layers[:-1], seed=seed)


def step_seconds(run, rounds):
    """The median time of a step; the first is not counted."""
    times, records = [], run.steps(rounds + 1)
    for _ in range(rounds + 1):
        began = time.perf_counter()
        next(records)
        times.append(time.perf_counter() - began)
    return median(times[1:])


def rows_cost(pair):
    """{rows: seconds of a step}, on one core."""
    batch = PAIRS[pair][2]
    rounds = 5 if pair.startswith("4") else 15
    return {m: step_seconds(training(pair, m), rounds) for m in (1, 4, 16, 32, batch)}


def allreduce(comm, rounds=7):
    """[megabytes, seconds of `Ranks.mean`, seconds of MPI's own Allreduce] for each size."""
    ranks, found = Ranks(comm, comm.size), []
    for size in SIZES:
        vector = np.ones(int(size * 1e6 / 4), dtype=np.float32)
        out = np.empty_like(vector)
        calls = (lambda v=vector: ranks.mean(v)), (lambda v=vector, out=out: comm.Allreduce(v, out))
        found.append([size, *[slowest(comm, call, rounds) for call in calls]])
    return found


def slowest(comm, call, rounds):
    """The median over rounds of what the slowest rank takes."""
    times = []
    for _ in range(rounds + 1):
        comm.Barrier()
        began = time.perf_counter()
        call()
        times.append(max(comm.allgather(time.perf_counter() - began)))
    return median(times[1:])


def speed_up(comm, pair):
    """[seconds of a step, the share of them in `Ranks.mean`], on as many ranks as there are."""
    run = training(pair, PAIRS[pair][2], comm)
    inside, mean = [], run.ranks.mean

    def timed(vector):
        began = time.perf_counter()
        mean(vector)
        inside.append(time.perf_counter() - began)

    run.ranks.mean = timed
    seconds, n = step_seconds(run, 5 if pair.startswith("4") else 11), 3  # means in a step: of D, of G, of its record
    means = [sum(inside[i : i + n]) for i in range(0, len(inside), n)]
    return [seconds, median(means[1:]) / seconds]


def on_rank():
    """What each process of mpiexec does; the first prints what was found."""
    from mpi4py import MPI

    comm, found = MPI.COMM_WORLD, {"allreduce": [], "speed_up": {}}
    if comm.size > 1:
        found["allreduce"] = allreduce(comm)
    if comm.size <= cores():
        found["speed_up"] = {pair: speed_up(comm, pair) for pair in SPEED_UP}
    if comm.rank == 0:
        print(json.dumps(found))


def measure():
    found = {"machine": describe(), "rows": {pair: rows_cost(pair) for pair in PAIRS}, "ranks": {}}
    mpiexec = Path(sys.executable).with_name("mpiexec")
    for p in (1, 2, 3, 4):
        launcher = str(mpiexec) if mpiexec.exists() else "mpiexec"
        command = [launcher, "-n", str(p), sys.executable, "-m", "benchmarks.parallel", "--rank"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found["ranks"][p] = json.loads(said.splitlines()[-1])
        print(f"measured on {p} ranks", file=sys.stderr)
    return json.loads(json.dumps(found))  # as it will be read back: its keys are texts


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parallel", description=__doc__.splitlines()[0])
    parser.add_argument("--again", action="store_true", help="the page from what was kept")
    parser.add_argument("--rank", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=RESULTS / "parallel.json", help="a .md goes beside it")
    options = parser.parse_args()
    if options.rank:
        on_rank()
        return
    if not options.again:
        options.out.write_text(json.dumps(measure(), indent=1), encoding="utf-8")
    text = page(json.loads(options.out.read_text(encoding="utf-8")))
    options.out.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
