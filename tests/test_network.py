"""One vector per player: the invariants of the views, and layers in a row."""

import copy
import pickle

import numpy as np
import pytest
import standin
from numeric import numeric_gradient, rel_error
from small import assert_views, small, x_for

import numgan as ng
from numgan.backend import array_module, asnumpy


def test_a_network_that_changes_the_width_hides_what_comes_after_and_before():
    """Reshape and Pack name no width of their own: what a network of them takes and gives is not known."""
    x = np.arange(12.0).reshape(2, 6)
    net = ng.Network([ng.Network([ng.Reshape((1, 2, 3))]), ng.Conv2d(3, 1, 1, stride=1, padding=0)], dtype="float64")
    assert (net.n_in, net.axes_in) == (None, None) and net(x).shape == (2, 1, 2, 1)
    net = ng.Network([ng.Linear(6, 3), ng.Network([ng.Pack(2)]), ng.Linear(6, 1)], dtype="float64")
    assert (net.n_in, net(x).shape) == (6, (1, 1))
    assert ng.Network([ng.Network([ng.Tanh()]), ng.Linear(6, 1)]).n_in == 6


def test_parameters_lie_in_theta_in_the_order_of_the_layers(xp):
    net = small(xp)
    assert_views(net)
    assert list(net.slices) == [
        *("0.W", "0.b", "1.gamma", "1.beta", "3.W", "3.b", "4.0.W", "4.0.b", "5.W", "5.b"),
    ]
    flat = xp.concatenate([getattr(layer, name).ravel() for layer in net.leaves() for name in layer.shapes])
    assert (flat == net.theta).all()
    assert (net.theta[net.slices["4.0.W"]] == net.layers[4].layers[0].W.ravel()).all()
    assert net.slices["0.b"] == slice(15, 20)
    assert net.slices["5.b"].stop == len(net.theta)


@pytest.mark.parametrize(
    "how",
    [
        lambda net: net.copy(),
        copy.copy,
        copy.deepcopy,
        lambda net: pickle.loads(pickle.dumps(net)),
    ],
    ids=["copy()", "copy.copy", "deepcopy", "pickle"],
)
def test_views_survive_a_copy(how, xp):
    net = small(xp)
    net.calibrate(x_for(net))
    other = how(net)
    assert_views(other)
    assert_views(net)
    assert not xp.shares_memory(other.theta, net.theta)
    assert not xp.shares_memory(other.grad, net.grad)
    assert (other(x_for(net)) == net(x_for(net))).all()
    before = net.theta.copy()
    other.theta += 1
    other.buffers += 1
    assert (net.theta == before).all()
    assert (other(x_for(net)) != net(x_for(net))).any()


def test_copy_in_another_dtype(xp):
    net = small(xp, dtype="float32")
    double = net.copy(dtype="float64")
    assert double.theta.dtype == double.grad.dtype == double.buffers.dtype == np.float64
    np.testing.assert_allclose(asnumpy(double(x_for(double))), asnumpy(net(x_for(net))), rtol=1e-4, atol=1e-6)


def test_float32_stays_float32(xp):
    net = small(xp, dtype="float32")
    y, tape = net.forward(x_for(net), train=True)
    assert y.dtype == net.backward(y, tape).dtype == np.float32
    assert net(x_for(net).astype("float64")).dtype == np.float32


def test_a_nested_network_keeps_its_values_and_equals_the_flat_one(xp):
    inner = ng.Network([ng.Linear(3, 4), ng.Tanh()], seed=4, dtype="float64", xp=xp)
    values = inner.theta.copy()
    net = ng.Network([inner, ng.Linear(4, 2)], seed=5, dtype="float64", xp=xp)
    assert (inner.theta == values).all()
    flat = ng.Network([ng.Linear(3, 4), ng.Tanh(), ng.Linear(4, 2)], dtype="float64", xp=xp)
    flat.theta[...] = net.theta
    x, dy = x_for(net), xp.ones((6, 2))
    for n in (net, flat):
        n.backward(dy, n.forward(x)[1])
    assert (net(x) == flat(x)).all()
    assert (net.grad == flat.grad).all()


def test_a_copy_on_the_same_backend_does_not_pass_through_the_host(monkeypatch, xp):
    net = small(xp)
    monkeypatch.setattr("numgan.network.asnumpy", None)
    assert (net.copy().theta == net.theta).all()


def test_a_state_holds_what_a_layer_was_made_with_and_no_array(xp):
    net = small(xp)
    assert net.layers[0].__getstate__() == {"n_in": 3, "n_out": 5, "scale": None}
    assert net.layers[1].__getstate__() == {"n": 5, "eps": 1e-5, "std": 0.0}


def test_seed_fixes_the_first_values(xp):
    assert (small(xp, 3).theta == small(xp, 3).theta).all()
    assert (small(xp, 3).theta != small(xp, 4).theta).any()
    assert (asnumpy(small(xp, 3).theta) == small(np, 3).theta).all()  # on every backend
    np.testing.assert_allclose(asnumpy(small(xp, 3, "float32").theta), asnumpy(small(xp, 3).theta), rtol=1e-6)
    W = ng.Network([ng.Linear(400, 300)], dtype="float64", xp=xp).layers[0].W
    assert abs(W.var() * 400 - 1) < 0.02  # variance 1/n_in
    W = ng.Network([ng.Linear(40, 30, scale=0.05)], dtype="float64", xp=xp).layers[0].W
    assert 0.045 < abs(W).max() <= 0.05


@pytest.mark.parametrize("train", [False, True])
def test_backward_is_the_slope_of_forward(train, xp):
    net, rng = small(xp), np.random.default_rng(0)
    net.theta += xp.asarray(0.1 * rng.standard_normal(net.theta.shape))
    x = x_for(net)
    net.calibrate(x_for(net, seed=8))
    dy = xp.asarray(rng.standard_normal((6, 2)))
    dx = net.backward(dy, net.forward(x, train)[1])

    def value():
        return (net.forward(x, train)[0] * dy).sum()

    assert rel_error(net.grad, numeric_gradient(value, net.theta)) < 1e-6
    assert rel_error(dx, numeric_gradient(value, x)) < 1e-6


def test_backward_adds_overwrites_or_leaves_the_gradient(xp):
    net = small(xp)
    y, tape = net.forward(x_for(net), train=True)
    dx = net.backward(y, tape, add=False)
    once = net.grad.copy()
    assert (net.backward(y, tape) == dx).all()  # a tape may be used twice
    np.testing.assert_allclose(asnumpy(net.grad), asnumpy(2 * once), rtol=1e-12)
    net.backward(y, tape, add=False)
    assert (net.grad == once).all()
    assert (net.backward(y, tape, params=False) == dx).all()
    assert (net.grad == once).all()
    assert net.backward(y, tape, inputs=False, add=False) is None
    assert (net.grad == once).all()
    assert net.backward(y, tape, params=False, inputs=False) is None
    assert (net.grad == once).all()


def test_inputs_false_does_no_work_below_the_first_parameters(xp):
    class Watched(ng.Tanh):
        seen = 0

        def dx(self, dy, y):
            Watched.seen += 1
            return super().dx(dy, y)

    net = ng.Network([Watched(), ng.Linear(3, 2), Watched()], xp=xp)
    y, tape = net.forward(x_for(net))
    net.backward(y, tape, inputs=False)
    assert Watched.seen == 1
    net.backward(y, tape)
    assert Watched.seen == 3
    net.backward(y, tape, params=False, inputs=False)
    assert Watched.seen == 3


def test_only_the_lowest_layer_with_parameters_is_spared_its_inputs(xp):
    asked = []

    class Watched(ng.Linear):
        def backward(self, dy, x, params=True, inputs=True, add=True):
            asked.append(inputs)
            return super().backward(dy, x, params, inputs, add)

    net = ng.Network([ng.Tanh(), Watched(3, 4), Watched(4, 2)], xp=xp)
    y, tape = net.forward(x_for(net))
    net.backward(y, tape, inputs=False)
    assert asked == [True, False]


def test_nothing_given_is_changed(xp):
    net = small(xp)
    x = x_for(net)
    y, tape = net.forward(x, train=True)
    dy = xp.ones_like(y)
    kept = x.copy(), y.copy(), dy.copy(), copy.deepcopy(tape)
    net.backward(dy, tape)
    for was, now in zip(kept[:3], (x, y, dy), strict=True):
        assert (was == now).all()
    assert pickle.dumps(kept[3]) == pickle.dumps(copy.deepcopy(tape))


def test_forward_keeps_nothing_on_the_network(xp):
    net = small(xp)
    before = pickle.dumps(net)
    net.forward(x_for(net), train=True)
    assert pickle.dumps(net) == before


def test_rowwise_and_stochastic():
    assert not small().rowwise
    assert ng.Network([ng.Linear(2, 2), ng.Dropout()]).rowwise
    assert ng.Network([ng.Network([ng.Dropout()])]).stochastic
    assert not small().stochastic


def test_a_network_prints_as_it_is_written():
    written = "Network([Linear(n_in=2, n_out=3, scale=None), ReLU()])"
    assert repr(ng.Network([ng.Linear(2, 3), ng.ReLU()])) == written


def test_n_in_and_n_out():
    assert (small().n_in, small().n_out) == (3, 2)
    net = ng.Network([ng.Dropout(), ng.Linear(3, 4), ng.ReLU()])
    assert (net.n_in, net.n_out) == (3, 4)
    assert ng.Network([ng.ReLU()]).n_in is None
    assert ng.Network([ng.Reshape((6,)), ng.Linear(6, 1)]).n_in is None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ng.Network([]), r"^a network needs at least one layer, got \[\]$"),
        (lambda: ng.Network([ng.Linear(2, 3), ng.Linear(3, 4), ng.Linear(3, 1)]), "^layer 2, .* 3 features.*give 4"),
        (lambda: ng.Network([ng.Linear(2, 3), ng.Linear(3, 4), ng.Tanh(), ng.Linear(3, 1)]), "^layer 3, .*give 4"),
        (lambda: ng.Network([ng.ReLU]), r"ReLU\(\)"),
        (lambda: ng.Network([ng.Linear(2, 3), ng.Linear(4, 5)]), "takes 4 features.*give 3"),
        (lambda: ng.Network([ng.Linear(2, 3), ng.Tanh(), ng.BatchNorm(4)]), "takes 4 features.*give 3"),
        (lambda: ng.Network([ng.Linear(2, 3)], dtype="int32"), "floating type.*int32"),
        (lambda: ng.Linear(0, 3), "^Linear: n_in.*1 or more, got 0"),
        (lambda: ng.Linear(2, 2.5), "^Linear: n_out.*got 2.5"),
        (lambda: ng.Maxout(0, 2, 2), "^Maxout: n_in.*got 0"),
        (lambda: ng.Maxout(2, 0, 2), "^Maxout: n_out.*got 0"),
        (lambda: ng.BatchNorm(0), "^BatchNorm: n must.*got 0"),
        (lambda: ng.Dropout(-0.1), r"\[0, 1\), got -0\.1"),
        (lambda: ng.LeakyReLU(1.1), r"\(0, 1\].*1\.1"),
        (lambda: ng.Maxout(2, 2, 0), "pieces.*got 0"),
        (lambda: ng.Dropout(1.0), r"\[0, 1\), got 1\.0"),
        (lambda: ng.LeakyReLU(0), r"ReLU\(\)"),
        (lambda: ng.BatchNorm(3, eps=0), r"\(0, inf\), got 0"),
        (lambda: ng.Reshape((2, -1)), r"^Reshape: shape\[1\].*got -1"),
    ],
)
def test_what_cannot_be_built_is_refused(make, says):
    with pytest.raises(ng.InputError, match=says):
        make()


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros((2, 4)), r"\(m, 3\), got \(2, 4\)"),
        (np.zeros(3), r"\(m, 3\), got \(3,\)"),
        (np.zeros((2, 3), dtype="uint8"), "floating-point.*uint8"),
    ],
)
def test_what_does_not_fit_is_refused(x, says):
    with pytest.raises(ng.InputError, match=says):
        small()(x)


def test_a_batch_in_the_networks_dtype_is_not_copied(xp):
    net = small(xp)
    x = x_for(net)
    assert net.forward(x)[1][0] is x


def test_a_network_moves_to_another_backend_and_back(device):
    net = small()
    net.calibrate(x_for(net))
    there = net.copy(xp=standin.cupy)
    back = there.copy(xp=np)
    for moved in (there, back):
        assert_views(moved)
    assert array_module(there.theta).__name__ == "cupy"
    for name in ("theta", "grad", "buffers"):
        assert (getattr(back, name) == getattr(net, name)).all()
    assert (asnumpy(there(x_for(there))) == net(x_for(net))).all()


def test_arrays_of_another_backend_are_refused(device):
    net = small()
    with pytest.raises(ng.InputError, match=r"a cupy network was given a numpy array: move one \(net\.copy\(xp=…\)\)"):
        net.copy(xp=standin.cupy)(x_for(net))


def test_buffers_lie_in_the_order_of_the_layers_under_their_numbers(xp):
    net = small(xp=xp)
    assert list(net.buffer_shapes) == ["1.mean", "1.var"]
    net.buffers[...] = xp.arange(10.0)
    assert asnumpy(net.layers[1].mean).tolist() == [0, 1, 2, 3, 4]
    assert asnumpy(net.layers[1].var).tolist() == [5, 6, 7, 8, 9]


def test_one_stochastic_layer_makes_a_stochastic_network_and_batchnorm_names_its_width():
    assert ng.Network([ng.Linear(2, 2), ng.Dropout(), ng.Linear(2, 2)]).stochastic
    assert ng.BatchNorm(3).n_out == 3
    with pytest.raises(ng.InputError, match=r"takes 4 features.*give 3"):
        ng.Network([ng.BatchNorm(3), ng.Linear(4, 1)])
