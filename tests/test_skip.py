"""Skip: y = [x, f(x)], its gradients alone, nested and of images, saved, and refused where sides differ."""

import copy
import pickle

import numpy as np
import pytest
from numeric import numeric_gradient, rel_error
from small import assert_views

import numgan as ng
from numgan.backend import asnumpy
from numgan.run.schema import Builder, describe


def unet(xp=np, dtype="float64"):
    """Images (m, 2, 4, 2) → (m, 2, 4, 3): one skip connection inside another, with a stride on the way in and back."""
    how = {"xp": xp, "dtype": dtype}
    inner = ng.Network([ng.Conv2d(3, 4, kernel=3, stride=1), ng.Tanh()], seed=1, **how)
    outer = ng.Network([ng.Conv2d(2, 3), ng.Tanh(), ng.Skip(inner), ng.ConvTranspose2d(7, 1)], seed=2, **how)
    return ng.Network([ng.Skip(outer)], seed=3, **how)


def deep(xp=np, dtype="float64"):
    """A vector beside what several layers make of it, one of which has buffers."""
    how = {"xp": xp, "dtype": dtype}
    layers = [ng.Linear(4, 3), ng.BatchNorm(3), ng.Tanh(), ng.Linear(3, 2)]
    return ng.Network([ng.Skip(ng.Network(layers, seed=1, **how)), ng.Linear(6, 2)], seed=2, **how)


def nets(xp=np):
    how = {"xp": xp, "dtype": "float64"}
    return {
        "one layer": (ng.Network([ng.Skip(ng.Linear(4, 3))], seed=1, **how), (4,)),
        "without parameters": (ng.Network([ng.Skip(ng.Tanh())], **how), (4,)),
        "a network": (deep(xp), (4,)),
        "images": (ng.Network([ng.Skip(ng.Conv2d(2, 3, kernel=3, stride=1))], seed=1, **how), (3, 4, 2)),
        "a U-Net": (unet(xp), (2, 4, 2)),
    }


def rows(shape, m=5, xp=np):
    return xp.asarray(np.random.default_rng(0).standard_normal((m, *shape)))


@pytest.mark.parametrize("name", nets())
def test_every_gradient_passes_gradcheck(name):
    net, row = nets()[name]
    report = ng.gradcheck(net, rows(row))
    assert report.ok and report.rel_error < 1e-6, report


@pytest.mark.parametrize("name", nets())
def test_every_gradient_by_the_tests_own_differences(name):
    net, row = nets()[name]
    x = rows(row, m=2)
    y, tape = net.forward(x, train=True)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    dx = net.backward(dy, tape)

    def value():
        return (net.forward(x, train=True)[0] * dy).sum()

    assert rel_error(dx, numeric_gradient(value, x)) < 1e-6
    assert not net.size or rel_error(net.grad, numeric_gradient(value, net.theta)) < 1e-6


def test_y_is_x_beside_what_the_layer_makes_of_it():
    x = rows((4,))
    net = nets()["one layer"][0]
    assert (net(x) == np.concatenate([x, x @ net.layers[0].layer.W + net.layers[0].layer.b], axis=1)).all()
    net, images = unet(), rows((2, 4, 2))
    y = net(images)
    assert y.shape == (5, 2, 4, 3) and (y[..., :2] == images).all()
    assert (y[..., 2:] == net.layers[0].layer(images)).all()


def test_dx_is_that_of_both_ways():
    net, x = nets()["one layer"][0], rows((4,))
    dy = rows((7,))
    dx = net.backward(dy, net.forward(x)[1])
    assert np.allclose(dx, dy[:, :4] + dy[:, 4:] @ net.layers[0].layer.W.T, rtol=1e-14)


def test_what_backward_is_asked_for():
    """params, inputs and add: each alone, with what was in the gradient before."""
    net, x = deep(), rows((4,))
    y, tape = net.forward(x, train=True)
    dy = np.random.default_rng(1).standard_normal(y.shape)
    dx = net.backward(dy, tape, add=False)
    grad = net.grad.copy()
    assert (net.backward(dy, tape, params=False) == dx).all() and (net.grad == grad).all()
    assert net.backward(dy, tape, inputs=False) is None
    assert np.allclose(net.grad, 2 * grad, rtol=1e-14)
    net.backward(dy, tape, inputs=False, add=False)
    assert (net.grad == grad).all()


def test_a_skip_alone_gives_no_dx_where_none_is_asked_for():
    skip = nets()["one layer"][0].layers[0]
    y, cache = skip.forward(rows((4,)))
    assert skip.backward(y, cache, inputs=False) is None


def test_float32_stays_float32():
    for net, row in ((unet(dtype="float32"), (2, 4, 2)), (deep(dtype="float32"), (4,))):
        y, tape = net.forward(rows(row).astype("float32"), train=True)
        dx = net.backward(y, tape)
        assert y.dtype == dx.dtype == net.grad.dtype == np.float32
        same = net.copy(dtype="float64")
        assert rel_error(y, same.forward(rows(row), train=True)[0]) < 1e-5


def test_shapes_and_widths():
    skip = ng.Skip(ng.Linear(4, 3))
    assert (skip.n_in, skip.n_out, skip.y_shape((4,)), skip.axes_in, skip.axes_out) == (4, 7, (7,), 1, 1)
    net = unet()
    assert (net.n_in, net.n_out, net.axes_in, net.axes_out) == (2, 3, 3, 3)
    assert net.y_shape((2, 4, 2)) == (2, 4, 3) and net.layers[0].inner_shapes((2, 4, 2)) == [(2, 4, 2)]
    assert net.size == 2 * 3 * 16 + 3 + 3 * 4 * 9 + 4 + 7 * 16 + 1
    skip = ng.Skip(ng.Tanh())
    assert (skip.n_in, skip.n_out, skip.y_shape((5,))) == (None, None, (10,))
    normed = ng.Skip(ng.Network([ng.BatchNorm(3), ng.Tanh()]))
    assert (normed.n_in, normed.n_out) == (3, 6)


def test_it_draws_and_mixes_rows_where_its_layer_does():
    assert ng.Skip(ng.Dropout(0.5)).stochastic and not ng.Skip(ng.Tanh()).stochastic
    assert ng.Skip(ng.Tanh()).rowwise and not ng.Skip(ng.BatchNorm(4)).rowwise


def test_calibration_reaches_its_layer():
    net, x = deep(), rows((4,), m=50) * 3
    y = net.calibrate(x)
    assert (net.buffers != 0).any() and (y == net(x)).all()
    assert np.allclose(y, net.forward(x, train=True)[0], rtol=1e-6)


def test_a_penalty_goes_through_skips():
    branch = ng.Network([ng.Linear(2, 3), ng.Tanh(), ng.Linear(3, 2)], seed=1, dtype="float64")
    layers = [ng.Linear(3, 2), ng.Tanh(), ng.Skip(branch), ng.Linear(4, 3), ng.Tanh(), ng.Linear(3, 1)]
    D = ng.Network(layers, seed=2, dtype="float64")
    x = rows((3,))
    ng.penalty.r1(D, x)
    found = D.grad.copy()
    assert rel_error(found, numeric_gradient(lambda: ng.penalty.r1(D, x), D.theta)) < 1e-6


def copies(net):
    return {
        "copy": net.copy(),
        "deepcopy": copy.deepcopy(net),
        "pickle": pickle.loads(pickle.dumps(net)),
        "within another": ng.Network([net.copy()], dtype=net.theta.dtype),
    }


@pytest.mark.parametrize("way", copies(unet()))
def test_its_parameters_are_views_after(way):
    net, x = unet(), rows((2, 4, 2))
    other = copies(net)[way]
    assert (other(x) == net(x)).all() and not np.shares_memory(other.theta, net.theta)
    assert_views(other)
    (outer if isinstance(outer := other.layers[0], ng.Skip) else outer.layers[0]).layer.layers[0].W[...] += 1
    assert (other(x) != net(x)).any() and (other.theta != net.theta).any()


def test_a_description_builds_it_again():
    for net in (unet(dtype="float32"), deep(dtype="float32")):
        again = Builder(net.size, 10)(describe(net), ng.Network)
        assert describe(again) == describe(net) and again.slices == net.slices


def test_a_run_with_skips_is_saved_and_goes_on_bit_for_bit(tmp_path):
    def training():
        G = ng.Network([ng.Skip(ng.Linear(2, 4)), ng.Tanh(), ng.Linear(6, 2)], seed=1)
        D = ng.Network([ng.Skip(ng.Network([ng.Linear(2, 4), ng.Tanh()])), ng.Linear(6, 1)], seed=2)
        return ng.Training(G, D, rows((2,), m=8), batch=4, threads=1)

    whole, first = training(), training()
    list(whole.steps(4))
    list(first.steps(2))
    first.save(tmp_path / "run.npz")
    again = ng.Training.load(tmp_path / "run.npz", rows((2,), m=8), threads=1)
    list(again.steps(2))
    assert (again.G.theta == whole.G.theta).all() and (again.D.theta == whole.D.theta).all()


def test_a_device_finds_the_same_numbers(xp):
    def found(xp):
        values = []
        for net, row in nets(xp).values():
            y, tape = net.forward(rows(row, xp=xp), train=True)
            values += [y, net.backward(y, tape), net.grad, net.calibrate(rows(row, xp=xp)), net.buffers]
        return [asnumpy(a) for a in values]

    for mine, numpys in zip(found(xp), found(np), strict=True):
        assert mine.size == 0 or rel_error(mine, numpys) < 1e-12


# Refused


def refused(words, make):
    with pytest.raises(ng.InputError) as error:
        make()
    assert words in str(error.value)


def test_what_it_cannot_go_round_is_refused():
    refused("Skip goes round a layer, or a Network of several, got [Linear", lambda: ng.Skip([ng.Linear(2, 3)]))
    refused("Skip goes round a layer, or a Network of several, got <class", lambda: ng.Skip(ng.Tanh))
    bound = ng.Linear(2, 3)
    ng.Network([bound])
    refused("already belongs to a network", lambda: ng.Skip(bound))
    refused("takes 6 features, but the layers before it give 7", lambda: ng.Network([net_of(), ng.Linear(6, 1)]))


def net_of():
    return ng.Skip(ng.Linear(4, 3))


def test_sides_that_differ_are_refused():
    net = ng.Network([ng.Skip(ng.AvgPool2d(2))])
    refused("joins (4, 4, 1) with (2, 2, 1): all sides but the last", lambda: net(np.ones((2, 4, 4, 1), "float32")))
    refused("joins (4, 4, 1) with (2, 2, 1): all sides but the last", lambda: net.y_shape((4, 4, 1)))
