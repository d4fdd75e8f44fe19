"""Several ranks make the run of one process: θ to rounding, whatever the loss, the penalty, the layers, the shares."""

import sys
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from crew import crew
from small import networks, rows

import numgan as ng
from numgan.app import cli
from numgan.app import ranks as app
from numgan.app.train import begun
from numgan.app.trial import options
from numgan.backend import asnumpy
from numgan.errors import InputError
from numgan.run import ranks
from numgan.run.ranks import Ranks

X = np.random.default_rng(3).standard_normal((40, 2))
LOSSES = ng.losses.BY_NAME
PENALTIES = {"none": None, "r1": ng.R1(0.3), "r2": ng.R2(0.3), "wgan_gp": ng.WGANGP(0.5)}

SIZES = {"none": (2, 3, 4), "r1": (2,), "r2": (3,), "wgan_gp": (4,)}  # all of them with each: test_mpi


def pair(*front, xp=np, **last):
    G = ng.Network([ng.Linear(3, 8), ng.Tanh(), ng.Linear(8, 2)], seed=0, dtype="float64", xp=xp)
    body = [ng.Linear(2, 8), ng.LeakyReLU(0.2), ng.Linear(8, 1)]
    return G, ng.Network([*front, *body], seed=1, dtype="float64", xp=xp)


def trained(comm=None, steps=12, nets=pair, batch=10, data=X, **how):
    G, D = nets()
    # eps: where a gradient is 0 by an identity (of a critic's last bias), a smaller one makes steps of its rounding
    optimizers = ng.Adam(1e-2, beta1=0.5, eps=1e-4), ng.Adam(1e-2, beta1=0.5, eps=1e-4)
    run = ng.Training(G, D, data, batch=batch, optimizers=optimizers, seed=7, threads=1, comm=comm, **how)
    list(run.steps(steps, every=4))
    return run


def compare(size, alone, **how):
    """The largest difference between θ on any rank and θ of the run alone."""
    crews = crew(size, lambda comm: trained(comm, **how))
    for run in crews:
        for ours, theirs in ((run.G, alone.G), (run.D, alone.D)):
            np.testing.assert_allclose(asnumpy(ours.theta), asnumpy(theirs.theta), rtol=0, atol=1e-12)
            assert (asnumpy(ours.theta) == asnumpy(getattr(crews[0], "G" if ours is run.G else "D").theta)).all()
        np.testing.assert_allclose(np.array(run.history), np.array(alone.history), rtol=0, atol=1e-11)
    return crews


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("loss", LOSSES)
def test_theta_after_50_steps_is_that_of_one_process(loss, penalty):
    how = {"loss": LOSSES[loss], "penalty": PENALTIES[penalty], "steps": 50}
    alone = trained(**how)
    for size in SIZES[penalty]:  # 10 rows in shares of 5; of 3, 3, 4; of 2, 3, 2, 3
        compare(size, alone, **how)


KINDS = {
    "k of 2, average, clip": {"k": 2, "ema": 0.9, "clip": 0.1, "noise": "uniform"},
    "both at once": {"together": True},
    "dropout": {"nets": lambda: pair(ng.Dropout(0.3))},
    "instance noise": {"nets": lambda: pair(ng.InstanceNoise(0.3)), "penalty": ng.R1(0.3)},
    "packs of two, with noise in them": {
        "batch": 12,
        "nets": lambda: (pair()[0], ng.Network([ng.Pack(2), ng.Dropout(0.2), ng.Linear(4, 1)], dtype="float64")),
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_options_and_layers(kind):
    sizes = (2, 3) if "batch" in KINDS[kind] else (2, 4)
    alone = trained(**KINDS[kind])
    for size in sizes:
        compare(size, alone, **KINDS[kind])


def images():
    G = ng.Network([ng.Linear(3, 16), ng.Tanh()], seed=0, dtype="float64")
    D = [ng.Reshape((4, 4, 1)), ng.Shift(1), ng.Conv2d(1, 2), ng.LeakyReLU(), ng.Reshape((8,)), ng.Linear(8, 1)]
    return G, ng.Network(D, seed=1, dtype="float64")


def test_images_that_are_moved():
    x = np.tanh(np.random.default_rng(0).standard_normal((20, 16)))
    how = {"nets": images, "data": x, "batch": 6}
    compare(3, trained(**how), **how)


def labelled():
    G = [ng.Label(2, 8), ng.Linear(10, 8), ng.LeakyReLU(0.2), ng.Linear(8, 2)]
    D = [ng.Label(2, 8), ng.Linear(10, 8), ng.LeakyReLU(0.2), ng.Linear(8, 1)]
    return ng.Conditional(G, seed=0, dtype="float64"), ng.Conditional(D, seed=1, dtype="float64")


def test_labels():
    how = {"nets": labelled, "data": ng.data.ring(64), "conditional": True}
    compare(4, trained(**how), **how)


def test_on_a_device(device):
    import standin

    how = {"nets": lambda: pair(ng.Dropout(0.3), xp=standin.cupy), "steps": 4}
    alone = trained(**how)
    before = device.total.syncs
    (run, _) = compare(2, alone, **how)
    assert array_kind(run) == "cupy"
    assert device.total.syncs - before >= 2 * 4 * 4  # the device is waited for before MPI reads: twice a mean


def array_kind(run):
    return type(run.G.theta).__module__.partition(".")[0]


def test_the_rows_of_a_batch_mix_in_their_share():
    def nets():
        return pair()[0], ng.Network([ng.Linear(2, 4), ng.BatchNorm(4), ng.Linear(4, 1)], seed=1, dtype="float64")

    runs = crew(2, lambda comm: trained(comm, nets=nets))
    assert (runs[0].D.theta == runs[1].D.theta).all()
    assert abs(runs[0].D.theta - trained(nets=nets).D.theta).max() > 1e-4


def test_a_run_goes_on_with_any_number_of_ranks(tmp_path):
    whole, path = trained(steps=16), tmp_path / "c.npz"

    def first(comm):
        run = trained(comm, steps=8)
        if comm.rank == 0:
            run.save(path)

    def second(comm):
        run = ng.Training.load(path, X, threads=1, comm=comm)
        list(run.steps(8))
        return run

    crew(4, first)
    for run in [*crew(3, second), second(None)]:
        np.testing.assert_allclose(run.G.theta, whole.G.theta, rtol=0, atol=1e-12)


# The mean


@pytest.mark.parametrize("n", [1, 3, 1000])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_the_mean_is_weighted_by_rows_and_the_same_on_each_rank(size, n):
    vectors = np.random.default_rng(0).standard_normal((size, n))

    def job(comm):
        ours = Ranks(comm, 7)
        vector = vectors[comm.rank].copy()
        ours.mean(vector)
        return vector, ours.rows

    found = crew(size, job)
    rows = [row for _, share in found for row in range(7)[share]]
    assert rows == list(range(7))
    weights = [len(range(7)[share]) / 7 for _, share in found]
    for vector, _ in found:
        np.testing.assert_allclose(vector, weights @ vectors, rtol=0, atol=1e-15)
        assert (vector == found[0][0]).all()


def test_a_sum_is_in_the_order_of_ranks():
    """1e16 + 1 − 1e16 is 0 in this order, and 1 where the large numbers meet first."""

    def job(comm):
        vector = np.full(6, [1e16, 1.0, -1e16][comm.rank])
        ours = Ranks(comm, 3)
        ours.batch = 1  # the weight of each is 1
        ours.mean(vector)
        return vector

    assert all((vector == 0).all() for vector in crew(3, job))


def test_alone_nothing_is_asked_of_anyone():
    vector = np.ones(3)
    ours = Ranks(None, 5)
    ours.mean(vector)
    assert (vector == 1).all()
    assert (ours.rank, ours.size, ours.shares) == (0, 1, {5})
    assert ours.any([1]) is True and ours.any([]) is False


def test_cores_are_shared_by_the_ranks_that_may_run_on_them(monkeypatch):
    monkeypatch.setattr(ranks, "allowed_cores", lambda: frozenset(range(6)))
    assert Ranks(None, 5).cores == 6
    assert crew(4, lambda comm: Ranks(comm, 5).cores) == [1] * 4
    assert crew(3, lambda comm: Ranks(comm, 5).cores) == [2] * 3


def test_a_rank_that_is_bound_to_a_core_has_that_one(monkeypatch):
    said = [("here", {0}), ("here", {1}), ("there", {1}), ("here", {1, 2})]
    comm = SimpleNamespace(rank=3, size=4, Sendrecv=None, allgather=lambda ours: [*said[:3], ours])
    monkeypatch.setattr(ranks.platform, "node", lambda: "here")
    monkeypatch.setattr(ranks, "allowed_cores", lambda: frozenset({1, 2}))
    assert Ranks(comm, 4).cores == 1  # of 1 and 2, with another
    monkeypatch.setattr(ranks, "allowed_cores", lambda: frozenset({2, 3, 4}))
    assert Ranks(comm, 4).cores == 3


def test_allowed_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {4, 7}, raising=False)
    assert ranks.allowed_cores() == {4, 7}
    monkeypatch.delattr("os.sched_getaffinity")  # as on macOS and Windows
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    assert ranks.allowed_cores() == {0, 1, 2}


def test_any():
    assert crew(3, lambda comm: Ranks(comm, 3).any(comm.rank == 1)) == [True] * 3
    assert crew(3, lambda comm: Ranks(comm, 3).any(False)) == [False] * 3


# What is refused


def test_each_rank_needs_a_row():
    with pytest.raises(InputError, match=r"4 ranks share a batch of 3 rows.*mpiexec -n"):
        crew(4, lambda comm: trained(comm, batch=3))


def test_batchnorm_needs_two():
    def nets():
        return pair()[0], ng.Network([ng.Linear(2, 4), ng.BatchNorm(4), ng.Linear(4, 1)], seed=1, dtype="float64")

    with pytest.raises(InputError, match="D compares the rows"):
        crew(2, lambda comm: trained(comm, nets=nets, batch=3))


def test_shares_that_no_pack_fits():
    def nets():
        return pair()[0], ng.Network([ng.Pack(2), ng.Linear(4, 1)], seed=1, dtype="float64")

    with pytest.raises(InputError, match="Pack puts 2 rows together"):
        crew(2, lambda comm: trained(comm, nets=nets))


def test_a_draw_that_is_not_by_rows():
    class Odd(ng.Dropout):
        def forward(self, x, train=False, rng=None):
            if train:
                rng.random((len(x) + 1, 2), dtype="float64")
            return super().forward(x, train, rng)

    with pytest.raises(InputError, match="drew numbers for 6 rows, of a share of 5"):
        crew(2, lambda comm: trained(comm, nets=lambda: pair_of(Odd(0.5))))


def pair_of(layer):
    return pair()[0], ng.Network([ng.Linear(2, 4), ng.BatchNorm(4), layer, ng.Linear(4, 1)], seed=1, dtype="float64")


def test_ranks_that_would_make_different_runs():
    def nets(comm):
        G, D = networks()
        G.theta[0] += comm.rank
        return ng.Training(G, D, rows(), batch=4, threads=1, comm=comm)

    with pytest.raises(InputError, match="rank 1 has other parameters, settings or data than rank 0"):
        crew(3, lambda comm: list(nets(comm).steps(1)))


def test_comm_is_a_communicator():
    G, D = networks()
    with pytest.raises(InputError, match="comm is 4, expected a communicator"):
        ng.Training(G, D, rows(), batch=4, comm=4)


# The command


class World:
    """What `joined` asks of MPI's communicator, where the others have come, or have not."""

    def __init__(self, others_come):
        self.rank, self.size, self.aborted, self._come = 1, 2, [], others_come

    def Abort(self, status):
        self.aborted.append(status)

    def Ibarrier(self):
        return self

    def Test(self):
        return self._come


@pytest.mark.parametrize(
    ("error", "come", "aborts"),
    [(InputError(), True, 0), (ng.DivergedError(), True, 0), (InputError(), False, 1), (OSError(), True, 1)],
)
def test_what_one_rank_meets_alone_ends_all(error, come, aborts, monkeypatch, capsys):
    comm = World(come)
    monkeypatch.setattr(app, "PATIENCE", 0.05)
    monkeypatch.setattr(app, "launched", lambda: (1, 2))
    monkeypatch.setattr(app, "world", lambda: comm)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))  # put back afterwards
    with pytest.raises(type(error)) if not aborts else nullcontext(), app.joined() as found:
        assert found is comm
        print("a rank that is not the first is silent")
        raise error
    sys.stdout.close()
    monkeypatch.undo()
    out, err = capsys.readouterr()
    assert (out, comm.aborted) == ("", [1] * aborts)
    assert ("rank 1 of 2 failed" in err) == bool(aborts)


@pytest.mark.parametrize(
    ("error", "said"),
    [(InputError("no such folder"), r"rank 1, on \S+: no such folder \(all ranks must see"), (OSError("full"), "full")],
)
def test_an_error_of_one_rank_is_raised_on_all(error, said):
    def job(comm):
        with pytest.raises(type(error), match=said), app.agreed(comm):
            if comm.rank == 1:
                raise error

    crew(3, job)
    with app.agreed(None):
        pass


def test_a_run_whose_folder_one_rank_does_not_see(tmp_path):
    assert cli.main(["train", "--data", "ring", "--batch", "16", "--steps", "1", "--out", str(tmp_path / "run")]) == 0

    def job(comm):
        folder = tmp_path / ("elsewhere" if comm.rank == 2 else "run")
        with pytest.raises(InputError, match=r"rank 2, on .*elsewhere holds no run"):
            begun(options(resume=str(folder)), comm)

    crew(3, job)
    assert not (tmp_path / "run" / ".owner").exists()  # the first rank's claim is given back


# The launcher


@pytest.fixture
def environment(monkeypatch):
    for name in (*sum(ranks.LAUNCHERS, ()), "PMIX_RANK"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch.setenv


def test_without_a_launcher_mpi_is_not_imported(environment):
    assert ranks.launched() == (0, 1)
    assert ranks.world() is None


@pytest.mark.parametrize("names", ranks.LAUNCHERS)
def test_launchers_say_who_is_who(names, environment):
    for name, value in zip(names, ("2", "4"), strict=True):
        environment(name, value)
    assert ranks.launched() == (2, 4)


def test_a_world_of_one_is_none(environment):
    environment("PMI_RANK", "0")
    environment("PMI_SIZE", "1")
    assert ranks.world() is None


def test_without_mpi4py_it_is_named(environment, monkeypatch):
    environment("PMI_RANK", "0")
    environment("PMI_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(InputError, match=r"2 processes were started together, but mpi4py does not work.*\[mpi\]"):
        ranks.world()


MPICH = "MPICH Version:      5.0.2\nMPICH configure:    --with-pm=hydra"
OPEN = "Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4"


@pytest.fixture
def mpi(environment, monkeypatch):
    """A library for mpi4py to find, in which this process is alone; it counts how often it was begun."""

    def find(library):
        MPI = SimpleNamespace(COMM_WORLD=SimpleNamespace(size=1), Get_library_version=lambda: library, begun=0)
        MPI.Is_initialized = lambda: MPI.begun > 0
        MPI.Init_thread = lambda: setattr(MPI, "begun", MPI.begun + 1)
        MPI.Finalize = lambda: None
        monkeypatch.setitem(sys.modules, "mpi4py", SimpleNamespace(MPI=MPI, rc=SimpleNamespace(initialize=True)))
        return MPI

    return find


def test_an_mpi_that_sees_one_process(environment, mpi):
    environment("PMI_RANK", "1")
    environment("PMI_SIZE", "2")
    MPI = mpi(MPICH)
    with pytest.raises(InputError, match=r"2 processes were started together, but mpi4py's MPICH Version: 5.0.2 sees"):
        ranks.world()
    assert MPI.begun == 1
    MPI.COMM_WORLD.size = 2
    assert ranks.world() is MPI.COMM_WORLD
    assert MPI.begun == 1  # once


@pytest.mark.parametrize("names", [("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ranks.LAUNCHERS[2]])
def test_mpich_under_pmix_is_refused_before_it_ends_the_process(names, environment, mpi):
    for name in (*names, "PMIX_RANK"):
        environment(name, "2")
    MPI = mpi(MPICH)
    with pytest.raises(InputError, match=r"has MPICH Version: 5.0.2, which does not understand the PMIx.*--mpi=pmi2"):
        ranks.world()
    assert MPI.begun == 0
    mpi(MPICH + " --with-pmix=/usr").COMM_WORLD.size = 2
    assert ranks.world() is not None


@pytest.mark.parametrize(("pmix", "library", "told"), [(0, OPEN, True), (1, OPEN, False), (0, MPICH, False)])
def test_open_mpi_without_pmix_is_told_what_srun_needs(pmix, library, told, environment, mpi, capsys):
    for name in (*ranks.LAUNCHERS[2], *["PMIX_RANK"] * pmix):
        environment(name, "2")
    mpi(library).COMM_WORLD.size = 2
    ranks.world()
    assert ("srun --mpi=pmix" in capsys.readouterr().err) == told
