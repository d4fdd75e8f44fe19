"""What test_mpi.py starts under mpiexec: `same OUT`, short runs of which the first rank keeps θ; `train PIDS …`.

    mpiexec -n 3 python tests/mpi_ranks.py same theta.npz hinge/r1      # without names: every loss with every penalty
"""

import os
import sys
from pathlib import Path

import numpy as np
from test_ranks import LOSSES, PENALTIES, trained

import numgan as ng
from numgan.app import cli, folder
from numgan.run.ranks import launched, world

ALL = [f"{loss}/{penalty}" for loss in LOSSES for penalty in PENALTIES]


def theta(name, comm):
    """θ_g and θ_d after 50 steps with this loss and penalty."""
    loss, penalty = name.split("/")
    run = trained(comm, steps=50, loss=LOSSES[loss], penalty=PENALTIES[penalty])
    return np.concatenate([run.G.theta, run.D.theta])


def same(out, *names):
    comm = world()
    made = {name: theta(name, comm) for name in names or ALL}
    if comm.rank == 0:
        np.savez(out, **made)


def train(pids, *arguments):
    """`numgan train`, with a checkpoint every 25 steps, once this process has said who it is."""
    folder.SAVE_EVERY = 25
    Path(pids, str(launched()[0])).write_text(str(os.getpid()))
    return cli.main(["train", *arguments])


def fail(pids, *arguments):
    """`train`, in which the second rank alone meets an error in its third step."""
    count = ng.Training._count

    def broken(run):
        if run.ranks.rank == 1 and run.step == 2:
            raise MemoryError("as it happens")
        count(run)

    ng.Training._count = broken
    return train(pids, *arguments)


if __name__ == "__main__":
    sys.exit({"same": same, "train": train, "fail": fail}[sys.argv[1]](*sys.argv[2:]))
