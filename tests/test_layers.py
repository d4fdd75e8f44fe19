"""Each layer alone, the layer protocol, and what a wrong name is answered with."""

import copy

import numpy as np
import pytest
from numeric import numeric_gradient, rel_error
from small import assert_views, small, x_for

import numgan as ng
from numgan.backend import asnumpy
from numgan.parallel import matmul

LAYERS = [
    ng.Linear(3, 2),
    ng.Linear(3, 1),
    ng.Maxout(3, 2, 2),
    ng.BatchNorm(3),
    ng.Dropout(0.5),
    ng.Reshape((3, 1)),
    ng.Tanh(),
]


def test_a_layer_belongs_to_one_network():
    layer = ng.Linear(2, 2)
    ng.Network([layer])
    with pytest.raises(ng.InputError, match="already belongs"):
        ng.Network([layer])
    ng.Network([copy.deepcopy(layer)])
    inner = ng.Network([ng.Linear(2, 2)])
    ng.Network([inner])
    with pytest.raises(ng.InputError, match="already belongs"):
        ng.Network([inner])
    twice = ng.ReLU()
    with pytest.raises(ng.InputError, match=r"^the same layer object .* twice: make a second one$"):
        ng.Network([twice, twice])


def test_first_values(xp):
    net = ng.Network([ng.Linear(3, 4), ng.BatchNorm(4)], xp=xp)
    linear, norm = net.layers
    assert (linear.b == 0).all()
    x = xp.ones((2, 4), dtype="float32")
    np.testing.assert_allclose(asnumpy(norm(x)), asnumpy(x) / np.sqrt(1 + 1e-5), rtol=1e-6)
    assert (net.theta == ng.Network([ng.Linear(3, 4), ng.BatchNorm(4)], seed=0, xp=xp).theta).all()
    assert (net.grad == 0).all()


def test_a_layer_that_forgets_its_first_values_shows_nan():
    class Forgetful(ng.Linear):
        def init(self, rng):
            self.b[...] = 0

    net = ng.Network([Forgetful(2, 3)])
    assert np.isnan(net.layers[0].W).all()


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_left_out_arguments_mean_evaluation_and_the_whole_gradient(layer, xp):
    net = ng.Network([copy.deepcopy(layer)], dtype="float64", xp=xp)
    x = x_for(net)
    for part in (net.layers[0], net):
        y, cache = part.forward(x)
        assert (y == part.forward(x, False, None)[0]).all()
        net.grad[...] = 1
        dx = part.backward(y, cache)
        grad = net.grad.copy()
        net.grad[...] = 1
        assert (dx == part.backward(y, cache, True, True, True)).all()
        assert (grad == net.grad).all()


@pytest.mark.parametrize("layer", [ng.Linear(3, 2), ng.Maxout(3, 2, 2), ng.BatchNorm(3)], ids=repr)
def test_a_layer_that_is_spared_its_inputs_returns_none(layer):
    net = ng.Network([copy.deepcopy(layer)], dtype="float64")
    y, cache = net.layers[0].forward(x_for(net))
    assert net.layers[0].backward(y, cache, inputs=False) is None
    assert (net.grad != 0).any()


def test_bias_gradients_are_sums_in_the_dtype_of_the_network(monkeypatch, xp):
    seen = []

    def spy(a, b, out=None):
        seen.extend([a.dtype, b.dtype])
        return matmul(a, b, out=out)

    for user in ("layers.linear", "parallel"):
        monkeypatch.setattr(f"numgan.{user}.matmul", spy)
    net = ng.Network([ng.Linear(3, 2)], dtype="float32", xp=xp)
    y, tape = net.forward(x_for(net))
    net.backward(y, tape)
    assert set(seen) == {np.dtype("float32")}


def test_at_a_kink_the_left_slope_and_at_a_tie_the_first_piece(xp):
    zero, one = xp.zeros((1, 1)), xp.ones((1, 1))
    for layer, slope in ((ng.ReLU(), 0.0), (ng.LeakyReLU(0.25), 0.25)):
        assert layer.backward(one, layer.forward(zero)[1]) == slope
    assert (ng.LeakyReLU(1.0)(-one) == -one).all()
    y = xp.asarray([[1e-300, 0.3, 2.5, np.inf, -1e-300, -0.3, -2.5, -np.inf, -0.0]])
    assert ng.LeakyReLU(0.25).dx(xp.ones_like(y), y).tolist() == [[1.0] * 4 + [0.25] * 5]
    net = ng.Network([ng.Maxout(1, 1, 3)], dtype="float64", xp=xp)
    net.theta[...] = 1
    net.backward(one, net.forward(one)[1])
    assert asnumpy(net.grad).tolist() == [1, 0, 0, 1, 0, 0]


def test_batchnorm_statistics_change_only_by_calibrate(xp):
    net = small(xp)
    x = 3 * x_for(net, m=400) + 1
    fresh = net.buffers.copy()
    _, tape = net.forward(x, train=True)
    net.backward(xp.ones((400, 2)), tape)
    assert (net.buffers == fresh).all()
    y = net.calibrate(x)
    h = x @ net.layers[0].W + net.layers[0].b
    np.testing.assert_allclose(asnumpy(net.layers[1].mean), asnumpy(h.mean(axis=0)))
    np.testing.assert_allclose(asnumpy(net.layers[1].var), asnumpy(h.var(axis=0)))
    np.testing.assert_allclose(asnumpy(y), asnumpy(net.forward(x, train=True)[0]))  # now as constants
    assert (y == net(x)).all()


def test_dropout_keeps_the_mean_and_only_acts_in_training(xp):
    net = ng.Network([ng.Dropout(0.3)], xp=xp)
    x = xp.ones((200, 500), dtype="float32")
    y = net.forward(x, train=True, rng=xp.random.default_rng(0))[0]
    assert set(np.unique(asnumpy(y))) == {np.float32(0), np.float32(1 / 0.7)}
    assert abs(y.mean() - 1) < 0.01
    assert (net(x) == x).all()
    mask = xp.random.default_rng(0).random((200, 500), dtype="float32") < 0.7  # one draw in float32 for each entry
    assert ((y > 0) == mask).all()
    assert (ng.Dropout(0.0).forward(x, True, xp.random.default_rng(0))[0] == x).all()


def test_dropout_drops_a_draw_equal_to_the_chance_of_keeping():
    class Half:
        def random(self, shape, dtype):
            return np.full(shape, 0.5, dtype)

    assert (ng.Dropout(0.5).forward(np.ones((2, 3)), True, Half())[0] == 0).all()
    with pytest.raises(ng.InputError, match=r"^Dropout in training draws a mask.*to forward$"):
        ng.Dropout(0.5).forward(np.ones((2, 3)), True)


def test_reshape_goes_there_and_back(xp):
    net = ng.Network([ng.Reshape((2, 3)), ng.Reshape((6,))], xp=xp)
    x = xp.arange(12.0, dtype="float32").reshape(2, 6)
    y, tape = net.forward(x)
    assert (y == x).all()
    assert (net.backward(y, tape) == x).all()
    assert net.layers[0](x).shape == (2, 2, 3)


def test_a_list_is_refused_and_an_unplaced_layer_says_so():
    with pytest.raises(ng.InputError, match=r"np\.asarray"):
        small()([[1.0, 2.0, 3.0]])
    with pytest.raises(AttributeError, match=r"^Linear has no attribute 'W'.*stands in a Network"):
        ng.Linear(2, 2)(np.zeros((1, 2)))


@pytest.mark.parametrize("copied", [False, True])
def test_a_wrong_name_on_a_placed_layer_is_answered_with_the_right_ones(copied):
    net = ng.Network([ng.Linear(3, 2), ng.Network([ng.BatchNorm(2)])])
    net = copy.deepcopy(net) if copied else net
    with pytest.raises(AttributeError, match=r"^Linear has no attribute 'weight'; its weights are W, b, dW, db$"):
        _ = net.layers[0].weight
    with pytest.raises(AttributeError, match=r"^BatchNorm has no attribute 'mu'; its weights are gamma, beta, dgamma"):
        _ = net.layers[1].layers[0].mu
    for layer in net.leaves():
        with pytest.raises(ng.InputError, match="already belongs to a network"):
            ng.Network([layer])


def test_a_property_that_fails_names_what_it_missed():
    class Scale(ng.Layer):
        def __init__(self):
            self.wide = 3  # and not width

        @property
        def shapes(self):
            return {"s": (self.width,)}

    for use in (lambda: Scale().size, lambda: ng.Network([Scale()]), lambda: copy.copy(Scale())):
        with pytest.raises(AttributeError, match=r"^Scale has no attribute 'width'"):
            use()


def test_a_layer_of_ones_own(xp):
    class Scale(ng.Layer):
        """y = s ∘ x."""

        @property
        def shapes(self):
            return {"s": (3,)}

        def init(self, rng):
            self.s[...] = 2.0

        def forward(self, x, train=False, rng=None):
            return x * self.s, x

        def backward(self, dy, x, params=True, inputs=True, add=True):
            if params:
                self.ds[...] = (dy * x).sum(axis=0) + (self.ds if add else 0)
            return dy * self.s

    net = ng.Network([Scale(), ng.Linear(3, 2)], dtype="float64", xp=xp)
    x = x_for(net)
    assert (net.layers[0](x) == 2 * x).all()
    dx = net.backward(xp.ones((6, 2)), net.forward(x)[1])
    assert rel_error(net.grad, numeric_gradient(lambda: net(x).sum(), net.theta)) < 1e-6
    assert rel_error(dx, numeric_gradient(lambda: net(x).sum(), x)) < 1e-6
    assert_views(net.copy())
    assert net.backward(xp.ones((6, 2)), net.forward(x)[1], inputs=False) is None
