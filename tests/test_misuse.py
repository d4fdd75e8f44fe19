"""What a student does by mistake: each is refused in a line that says what to do, or has the answer one expects."""

import copy
import math
import pickle
import random

import numpy as np
import pytest
from small import networks, rows, training

import numgan as ng
from numgan import metrics, plots
from numgan.lab.health import health
from numgan.lab.snapshot import snapshot

# --- an optimiser that was used before ----------------------------------------------------------------------------


def step(run, n=3):
    return list(run.steps(n))[-1]


def test_a_used_optimiser_is_refused_and_reset_makes_it_new():
    opts = ng.Adam(1e-2), ng.SGD(ng.Decay(0.1, 1.1), 0.9)
    first = training(optimizers=opts)
    step(first)
    with pytest.raises(ng.InputError, match=r"optimiser for G is in use already \(it has made 3 updates\).*make a new"):
        training(optimizers=opts)
    for opt in opts:
        opt.reset()
    fresh = training(optimizers=(ng.Adam(1e-2), ng.SGD(ng.Decay(0.1, 1.1), 0.9)), data=first.data)
    again = training(optimizers=opts, data=first.data)
    assert step(again) == step(fresh)
    assert (again.G.theta == fresh.G.theta).all()


def test_two_runs_cannot_share_optimisers_before_the_first_step_either():
    opts = ng.Adam(), ng.Adam()
    training(optimizers=opts)
    with pytest.raises(ng.InputError, match="in use already"):
        training(optimizers=opts)


def test_a_run_that_could_not_be_made_leaves_its_optimisers_new():
    opts, D = (ng.Adam(), ng.Adam()), networks()[1]
    with pytest.raises(ng.InputError, match="change G's last layer"):
        training(G=ng.Network([ng.Linear(2, 3)]), D=D, optimizers=opts)
    training(optimizers=opts)


def test_load_refuses_used_optimisers(tmp_path):
    opts, run = (ng.Adam(), ng.Adam()), training()
    step(run)
    run.save(tmp_path / "c.npz")
    step(training(optimizers=opts))
    with pytest.raises(ng.InputError, match="in use already"):
        ng.Training.load(tmp_path / "c.npz", run.data, optimizers=opts)


def test_an_optimiser_without_state_vectors_serves(tmp_path):
    class Plain(ng.optim.Optimizer):
        def update(self, theta, grad):
            theta -= self.lr * grad

    theta = np.ones(3)
    Plain(0.5).step(theta, np.ones(3))
    assert (theta == 0.5).all()


def test_a_failed_first_step_leaves_no_state():
    opt = ng.Adam()
    with pytest.raises(ng.InputError, match="alike"):
        opt.step(np.zeros(3), np.zeros(2))
    opt.step(np.zeros(2), np.zeros(2))
    assert opt.t == 1


# --- settings in mid-run ------------------------------------------------------------------------------------------


ARGUMENTS = ["batch", "ema", "k", "seed", "loss", "data", "noise", "clip", "penalty", "G", "D", "n_z", "threads"]


@pytest.mark.parametrize("name", [*ARGUMENTS, "opt_g", "opt_d"])
def test_an_argument_of_a_run_cannot_be_set_afterwards(name):
    run = training()
    with pytest.raises(ng.InputError, match=rf"run\.{name} is fixed.*make a new one.*run\.opt_g\.lr"):
        setattr(run, name, getattr(run, name))


def test_a_name_that_a_run_does_not_have_cannot_be_set():
    with pytest.raises(ng.InputError, match=r"run\.lr is nothing that a Training has.*run\.opt_g\.lr"):
        training().lr = 1e-4


def test_a_rate_may_be_changed_between_updates():
    run, slow = training(), training()
    slow.opt_g.lr = 0.0
    step(run)
    step(slow)
    assert (slow.G.theta == networks()[0].theta).all()
    assert (run.G.theta != slow.G.theta).any()


@pytest.mark.parametrize("lr", ["a", None, -1.0, math.nan, math.inf, True, lambda t: "a", lambda t: math.nan])
def test_a_rate_that_is_none_is_refused_when_it_is_used(lr):
    opt = ng.SGD(0.1)
    opt.step(np.ones(2), np.ones(2))
    opt.lr = lr
    with pytest.raises(ng.InputError, match=r"a rate \(at t = 1\) must be a number in \[0, inf\)"):
        opt.step(np.ones(2), np.ones(2))
    opt.lr, opt.momentum = 0.1, 1.0
    with pytest.raises(ng.InputError, match=r"\[0, 1.0\), got 1.0"):
        opt.step(np.ones(2), np.ones(2))


def test_a_setting_that_an_optimiser_does_not_have_is_named():
    opt, run = ng.Adam(), training()
    opt.learning_rate = 1e-4
    with pytest.raises(ng.InputError, match="has no 'learning_rate'"):
        training(optimizers=(opt, ng.Adam()))
    run.opt_d.learning_rate = 1e-4
    with pytest.raises(ng.InputError, match="has no 'learning_rate'"):
        run.steps(2)


# --- networks and layers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["theta", "grad", "buffers"])
def test_a_networks_vector_is_written_into_not_replaced(name):
    net = networks()[0]
    with pytest.raises(ng.InputError, match=rf"net\.{name}\[\.\.\.\] = a"):
        setattr(net, name, getattr(net, name) + 1)
    vector = getattr(net, name)
    setattr(net, name, vector)  # as net.theta += 1 does
    assert getattr(net, name) is vector


def pickled(net):
    return pickle.loads(pickle.dumps(net))


@pytest.mark.parametrize("how", [lambda net: net, ng.Network.copy, copy.deepcopy, pickled])
def test_a_layers_parameters_are_written_into_not_replaced(how):
    net = how(ng.Network([ng.Linear(2, 2), ng.BatchNorm(2), ng.Network([ng.Linear(2, 1)])]))
    for layer, names in ((net.layers[0], ("W", "b", "dW", "db")), (net.layers[1], ("gamma", "dbeta", "mean", "var"))):
        for name in names:
            with pytest.raises(ng.InputError, match=rf"layer\.{name}\[\.\.\.\] = a"):
                setattr(layer, name, np.zeros(2))
    net.layers[0].W += 1
    net.layers[0].W[...] = 3
    assert (net.theta[:4] == 3).all()
    with pytest.raises(ng.InputError, match=r"net\.theta\[\.\.\.\] = a"):
        net.layers[2].theta = np.zeros(3)


def test_a_layer_of_ones_own_that_replaces_its_parameter_in_init_is_told():
    class Scale(ng.Layer):
        @property
        def shapes(self):
            return {"s": (2,)}

        def init(self, rng):
            self.s = np.ones(2)

    with pytest.raises(ng.InputError, match=r"layer\.s\[\.\.\.\] = a"):
        ng.Network([Scale()])


def test_the_layers_of_a_network_are_fixed():
    net = networks()[0]
    with pytest.raises(ng.InputError, match="fixed: make a new one"):
        net.layers = [ng.Linear(2, 2)]
    with pytest.raises(AttributeError, match="append"):
        net.layers.append(ng.Tanh())
    with pytest.raises(TypeError, match="assignment"):
        net.layers[0] = ng.Tanh()


def test_a_setting_of_a_placed_layer_is_checked_as_when_it_was_made():
    net = ng.Network([ng.Dropout(0.5), ng.Linear(2, 3), ng.InstanceNoise(0.5), ng.LeakyReLU(0.1)])
    drop, linear, noise, leaky = net.layers
    noise.std = np.float64(0.25)  # annealed, say
    assert type(noise.std) is float
    for layer, name, value in ((drop, "p", 1.5), (noise, "std", "a"), (leaky, "slope", math.nan)):
        with pytest.raises(ng.InputError, match=f"{name}.* must be a number"):
            setattr(layer, name, value)
    for name, value in (("n_in", 3), ("n_out", 2)):
        with pytest.raises(ng.InputError, match=f"{name} is fixed once a layer stands in a network"):
            setattr(linear, name, value)
    assert (drop.p, linear.n_in, noise.std) == (0.5, 2, 0.25)


def test_a_list_with_a_layer_in_use_leaves_the_others_free():
    used, new = ng.Linear(2, 2), ng.Linear(2, 2)
    ng.Network([used])
    with pytest.raises(ng.InputError, match="already belongs"):
        ng.Network([new, used])
    ng.Network([new])


@pytest.mark.parametrize("dtype", ["float16", "int8", "complex64", ">f4", None, "float23"])
def test_a_network_is_of_float32_or_float64(dtype):
    with pytest.raises(ng.InputError, match="'float32' or 'float64'"):
        ng.Network([ng.Linear(2, 1)], dtype=dtype)


@pytest.mark.parametrize("layers", ["abc", 5, None, ng.ReLU(), {ng.ReLU()}, {"a": ng.ReLU()}, ng.Linear])
def test_a_network_is_made_of_a_row_of_layers(layers):
    with pytest.raises(ng.InputError, match="a network is made of"):
        ng.Network(layers)


def test_layers_may_come_one_by_one():
    assert ng.Network(ng.Linear(2, 2) for _ in range(3)).size == 18


@pytest.mark.parametrize(
    ("x", "says"),
    [
        ([[1.0, 2.0]], "expected a NumPy or CuPy array, got list"),
        (np.array([[1, 255]], dtype="uint8"), "floating-point numbers, got uint8"),
        (np.ones((1, 2), dtype=complex), "floating-point numbers, got complex128"),
        (np.array([[1.0, None]]), "floating-point numbers, got object"),
        (np.ma.masked_array([[1.0, 2.0]], mask=[[True, False]]), "masked array.*filled"),
        (np.ones((2, 5)), r"\(m, 2\), got \(2, 5\)"),
        (np.ones(2), r"\(m, 2\), got \(2,\)"),
    ],
    ids=lambda a: str(getattr(a, "dtype", ""))[:10],
)
def test_what_a_network_cannot_take(x, says):
    for net in networks():
        with pytest.raises(ng.InputError, match=says):
            net(x)


def test_a_network_takes_memory_maps_and_matrices_as_arrays(tmp_path):
    x, net = rows(), networks()[1]
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    y = net(mapped)
    assert type(y) is np.ndarray and (y == net(x)).all()
    with pytest.warns(PendingDeprecationWarning):
        assert (net(np.asmatrix(x)) == y).all()


@pytest.mark.parametrize("dy", [np.ones(8), np.ones((8, 1)), np.ones((8, 3)), [[1.0, 1.0]], 1.0])
def test_a_dy_that_would_broadcast_is_refused(dy):
    net = ng.Network([ng.Linear(2, 2), ng.Tanh()])
    _, tape = net.forward(rows())
    with pytest.raises(ng.InputError, match=r"dy must be an array of shape \(m, 2\)"):
        net.backward(dy, tape)


def test_a_tape_of_another_network_is_refused():
    G = networks()[0]
    deeper = ng.Network([ng.Linear(2, 2), ng.Tanh(), ng.Linear(2, 2), ng.Tanh()])
    y, tape = deeper.forward(rows())
    for wrong in (tape, y, tuple(tape), None):
        with pytest.raises(ng.InputError, match="tape must be what this network's forward returned"):
            G.backward(y, wrong)


@pytest.mark.parametrize("rng", [0, np.random, np.random.RandomState(0), "a", random.Random(0)])
def test_a_layer_that_draws_wants_a_generator(rng):
    for layer in (ng.Dropout(), ng.InstanceNoise()):
        with pytest.raises(ng.InputError, match=r"pass rng=np\.random\.default_rng\(seed\) to forward, got"):
            layer.forward(np.ones((2, 2)), True, rng)


# --- numbers of NumPy's -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda f: ng.LeakyReLU(f(0.25)),
        lambda f: ng.Dropout(f(0.25)),
        lambda f: ng.InstanceNoise(f(0.25)),
        lambda f: ng.Linear(4, 4, f(0.25)),
        lambda f: ng.BatchNorm(4, f(0.25)),
    ],
)
@pytest.mark.parametrize("kind", [np.float64, np.float32, float])
def test_a_setting_from_numpy_keeps_float32(make, kind):
    net = ng.Network([ng.Linear(2, 4), make(kind), ng.Linear(4, 2)])
    y, tape = net.forward(rows(), train=True, rng=np.random.default_rng(0))
    assert all(a.dtype == np.float32 for a in (y, net.backward(y, tape), tape[-1]))


def test_a_run_with_numbers_from_numpy_saves_and_equals_one_of_pythons_own(tmp_path):
    data = rows()
    numbers = {"batch": np.int64(4), "k": np.int32(1), "seed": np.uint8(3), "ema": np.float32(0.5)}
    one = training(data=data, clip=np.float64(0.5), **numbers)
    two = training(data=data, seed=3, ema=0.5, clip=0.5)
    assert step(one) == step(two)
    one.save(tmp_path / "c.npz")
    assert ng.Training.load(tmp_path / "c.npz", data).settings == two.settings


@pytest.mark.parametrize("loss", [ng.losses.Minimax, ng.losses.NonSaturating])
def test_a_loss_with_a_label_from_numpy_keeps_float32(loss):
    value, da_x, da_g = loss(np.float64(0.9)).discriminator(rows(4, 1), rows(4, 1))
    assert value.dtype == da_x.dtype == da_g.dtype == np.float32


# --- data ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [lambda x: x, lambda x: x[:], lambda x: x.reshape(4, 4).reshape(8, 2)])
def test_a_run_owns_its_rows(how):
    x = rows()
    kept = x.copy()
    run, other = training(data=how(x)), training(data=kept)
    x[...] = 1e6
    assert (run.data.x == kept).all()
    assert step(run) == step(other)


def test_data_owns_its_labels_and_centres():
    labels, centres = np.arange(8), np.zeros((1, 2), dtype="float32")
    data = ng.data.Data(rows(), labels=labels, centres=centres)
    labels[...], centres[...] = 7, 7
    assert data.labels.tolist() == list(range(8))
    assert (data.centres == 0).all()


def test_the_rows_of_a_data_set_cannot_be_changed():
    data = ng.data.ring(20)
    run = ng.Training(*networks(), data, batch=4)
    for a in (data.x, data.labels, data.centres, run.fixed_batch(3)[0]):
        with pytest.raises(ValueError, match="read-only"):
            a[0] = 0


def test_rows_that_nobody_can_change_are_not_copied(tmp_path):
    np.save(tmp_path / "x.npy", rows())
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.shares_memory(ng.data.Data(mapped).x, mapped)
    writable = np.load(tmp_path / "x.npy", mmap_mode="r+")
    assert not np.shares_memory(ng.data.Data(writable).x, writable)
    hidden = writable.view()
    hidden.flags.writeable = False  # but `writable` can still write
    assert not np.shares_memory(ng.data.Data(hidden).x, writable)
    data = ng.data.Data(rows())
    assert ng.data.Data(data.x).x is data.x


class Table:
    """As a table of pandas or a tensor of another library: an object that NumPy can read."""

    def __init__(self, a):
        self.a = a

    def __array__(self, dtype=None, copy=None):
        if self.a is None:
            raise RuntimeError("it requires grad")
        return np.asarray(self.a, dtype)


def half(x):
    return x.astype("float16")


@pytest.mark.parametrize("make", [np.ndarray.tolist, Table, np.asfortranarray, half, np.longdouble])
def test_what_serves_as_data(make):
    x = rows().astype("float16").astype("float32")
    assert (ng.data.Data(make(x)).x == x).all()
    assert (ng.data.Data(np.ma.masked_array(x)).x == x).all()  # nothing is masked


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "data is None, expected an array"),
        (3.0, "data is 3.0, expected an array"),
        (np.float64(3.0), "expected an array"),
        (ng.data.Data, "expected an array"),
        ([[1.0, 2.0], [3.0]], "no array of numbers"),
        (Table(None), r"no array of numbers \(it requires grad\)"),
        ((np.ones((8, 2)), np.arange(8)), "no array of numbers"),
        (np.ma.masked_array(np.ones((8, 2)), mask=np.eye(8, 2)), "masked array.*fill"),
        (np.ones((8, 2), dtype=complex), "complex128"),
        (np.array([[1.0, "a"]], dtype=object), "object"),
        (np.full((8, 2), 1e5, dtype="float64") * 1e40, "finite float32"),
        ([], "empty|shape"),
        ([[1, 2]] * 8, r"int64, expected floats; use np\.asarray\(x\)\.astype"),
        (np.ones((8, 2), dtype="uint8"), r"uint8, expected floats; use x / 127\.5 - 1 for images"),
        (np.ones((2, 600), dtype="float32"), r"batch is 4, but the data has 2 rows.*x\.T"),
    ],
)
def test_what_does_not_serve_as_data(data, says):
    with pytest.raises(ng.InputError, match=says):
        training(data=data)


# --- players ------------------------------------------------------------------------------------------------------


def test_G_and_D_must_be_two():
    square = ng.Network([ng.Linear(1, 1)])
    with pytest.raises(ng.InputError, match="G and D are the same network"):
        ng.Training(square, square, rows(8, 1), batch=4)
    for call in (ng.generator_gradient, lambda G, D, z, loss: ng.discriminator_gradient(G, D, z, z, loss)):
        with pytest.raises(ng.InputError, match="G and D are the same network"):
            call(square, square, rows(8, 1), ng.losses.hinge)


def test_G_and_D_share_nothing():
    inner = ng.Network([ng.Linear(2, 2)])
    outer = ng.Network([inner, ng.Linear(2, 1)])
    with pytest.raises(ng.InputError, match="G and D share parameters"):
        training(G=inner, D=outer)


@pytest.mark.parametrize(
    ("players", "says"),
    [
        ({"G": ng.Network}, "G must be a network"),
        ({"D": "abc"}, "D must be a network, .* got 'abc'"),
        ({"G": [ng.Linear(2, 2)]}, "G must be a network"),
        ({"G": ng.Linear(2, 2)}, r"G is Linear.*put it into ng\.Network"),
        ({"D": ng.Network([ng.Network([ng.Linear(2, 1), ng.Sigmoid()])])}, "leave the Sigmoid out"),
        (dict(zip("DG", networks(), strict=True)), "are G and D swapped"),
        ({"D": ng.Network([ng.Pack(2), ng.Linear(2, 1)])}, r"D cannot take rows of shape \(4, 2\): .*4"),
        ({"G": ng.Network([ng.Linear(2, 2), ng.Reshape((2, 3))])}, r"needs 6 numbers a row, got 2"),
    ],
)
def test_what_is_no_player(players, says):
    with pytest.raises(ng.InputError, match=says):
        training(**players)


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.ones((8, 2), dtype="uint8"), "floating-point numbers, got uint8"),
        (np.ones((8, 3), dtype="float32"), r"rows of one width, got \(8, 3\) and \(8, 2\)"),
        (np.ma.masked_array(rows(), mask=True), "masked"),
        (rows().tolist(), "np.asarray"),
    ],
    ids=lambda a: type(a).__name__,
)
def test_rows_that_cannot_stand_beside_samples(x, says):
    G, D = networks()
    with pytest.raises(ng.InputError, match=says):
        ng.discriminator_gradient(G, D, x, rows(), ng.losses.hinge)


def test_rows_of_another_float_may_stand_beside_samples():
    G, D = networks()
    x, z = rows(), rows()
    one, two = (ng.discriminator_gradient(G, D, a, z, ng.losses.hinge) for a in (x, x.astype("float64")))
    assert one.value == two.value


@pytest.mark.parametrize("loss", [ng.losses.Minimax, "hinge", None])
def test_a_loss_is_an_object(loss):
    G, D = networks()
    with pytest.raises(ng.InputError, match="is no loss"):
        ng.generator_gradient(G, D, rows(), loss)


def test_load_with_no_threads_is_refused(tmp_path):
    run = training()
    run.save(tmp_path / "c.npz")
    with pytest.raises(ng.InputError, match="threads must be"):
        ng.Training.load(tmp_path / "c.npz", run.data, threads=0)
    for path in (None, 0, True, b"c.npz"):
        with pytest.raises(ng.InputError, match="by a name or a path"):
            ng.Training.load(path, run.data)
        with pytest.raises(ng.InputError, match="by a name or a path"):
            run.save(path)


def test_too_many_threads_are_refused():
    with pytest.raises(ng.InputError, match="threads is 100000, expected 256 or fewer"):
        training(threads=100_000)


def test_a_batch_of_one_row_and_a_layer_that_compares_rows_are_refused():
    for G, D in ((ng.Network([ng.Linear(2, 2), ng.BatchNorm(2)]), networks()[1]),
                 (networks()[0], ng.Network([ng.MinibatchStd(2), ng.Linear(3, 1)]))):
        with pytest.raises(ng.InputError, match=r"batch is 1, but . compares the rows of a batch"):
            training(G=G, D=D, batch=1)
    step(training(data=rows(1), batch=1))


def test_reshape_names_its_width():
    with pytest.raises(ng.InputError, match="takes 5 features, but the layers before it give 6"):
        ng.Network([ng.Reshape((6,)), ng.Linear(5, 1)])


def test_a_network_of_ones_own_may_say_that_it_mixes_rows():
    class Mixing(ng.Network):
        rowwise = False
        n_in = None

    net = Mixing([ng.Linear(2, 1)])
    assert (net.rowwise, net.n_in) == (False, None)


def test_means_of_two_dimensions_are_not_flattened():
    with pytest.raises(ng.InputError, match=r"means have shape \(2, 2\)"):
        ng.data.mixture(means=[[0, 1], [2, 3]])


def test_layers_without_brackets_are_told_so():
    with pytest.raises(ng.InputError, match="a network is made of a list of layers"):
        ng.Network(ng.Linear(2, 2), ng.ReLU())


@pytest.mark.parametrize("n", [10**9, 10**13, 10**30])
def test_samples_that_no_memory_holds(n):
    def full(*how, **more):
        raise MemoryError

    run = training()
    run._noise.fixed = full
    with pytest.raises(ng.InputError, match="ask for fewer at a time"):
        run.sample(n)


@pytest.mark.parametrize("shape", [(2, 2, 5), (20,), (2.0, 10), (2, 11), 20, "ab", (2, 2, 5, 1)])
def test_an_image_that_cannot_be_drawn(shape):
    for draw in (plots.sheet, lambda x, s: plots.samples(x, x, s), lambda x, s: plots.progress([x], [0], s)):
        with pytest.raises(ng.InputError, match="image_shape must be"):
            draw(rows(4, 20), shape)


@pytest.mark.parametrize("shape", [(1, 20), (20, 1), (1, 20, 1), (1, 5, 4)])
def test_images_of_one_row_or_column_are_drawn(shape, tmp_path):
    x = abs(rows(4, 20)).clip(0, 1)
    for figure in (plots.sheet(x, shape), plots.sheet(x[:1], shape), plots.samples(x, x, shape)):
        figure.savefig(tmp_path / "x.png", dpi=30)


MASKED = np.ma.masked_array(rows(), True)


@pytest.mark.parametrize("x", [np.full((8, 2), np.nan), [["a", "b"]], ng.data.ring(20), MASKED])
def test_what_cannot_be_measured(x):
    for measure in (metrics.precision_recall, metrics.density_coverage, metrics.grid_divergences):
        for pair in ((x, rows()), (rows(), x)):
            with pytest.raises(ng.InputError, match="a set of rows"):
                measure(*pair)


def test_lists_are_measured_as_arrays():
    x, x_g = rows(), rows() + 0.1
    assert metrics.precision_recall(x.tolist(), x_g.tolist(), 2) == metrics.precision_recall(x, x_g, 2)
    assert metrics.mode_coverage(x.tolist(), [[0, 0]], 1) == metrics.mode_coverage(x, np.zeros((1, 2)), 1.0)


def test_a_run_whose_samples_are_not_finite_is_seen_as_diverging():
    run = ng.Training(*networks(), ng.data.ring(50), batch=4)
    run.G.theta[...] = 3e38
    with np.errstate(all="ignore"):
        assert health(run).name == "diverging"
        assert math.isnan(snapshot(run).js)
