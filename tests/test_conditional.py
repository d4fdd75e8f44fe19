"""Labels through training: in both players' gradients, in every batch, in samples, files and pictures, and refused.

The data here is asymmetric on purpose: each class has its own place, and its own share of the rows. A label that is
paired with a row of another class, or drawn too often, shows.
"""

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numeric import numeric_gradient, rel_error
from small import assert_views

import numgan as ng
from numgan import losses, models, penalty
from numgan.app import cli
from numgan.app.folder import Run
from numgan.backend import array_module, asnumpy
from numgan.gan import seen
from numgan.lab.health import health, observe
from numgan.lab.snapshot import line_snapshot, snapshot
from numgan.layers import Condition, Label
from numgan.layers.base import rows_of
from numgan.run import archive, streams
from numgan.run.state import Checkpoint

SHARES = (6, 3, 12)  # rows of each class


def data(seed=0, order=None):
    """21 rows (class + noise, noise) with labels; `order` permutes them."""
    c = np.repeat(np.arange(3), SHARES)[np.random.default_rng(seed).permutation(21)] if order is None else order
    x = np.random.default_rng(seed + 1).standard_normal((21, 2)) * [0.1, 1]
    return ng.data.Data((x + np.outer(c, [1, 0])).astype("float32"), labels=c, name="three")


def pair(xp=np, dtype="float64", norm=False, **how):
    """G with the label beside z; D with the label beside what its first layer makes of the row."""
    how |= {"xp": xp, "dtype": dtype}
    G = [Label(2, 3), ng.Linear(5, 6), *([ng.BatchNorm(6)] * norm), ng.Tanh(), ng.Linear(6, 2)]
    D = [ng.Linear(2, 4), ng.Tanh(), Label(4, 3), ng.Linear(7, 5), *([ng.BatchNorm(5)] * norm), ng.Tanh()]
    return ng.Conditional(G, seed=1, **how), ng.Conditional([*D, ng.Linear(5, 1)], seed=2, **how)


def batch(xp=np, m=6):
    """x, z, and the labels of each: not the same."""
    rng = np.random.default_rng(5)
    numbers = (xp.asarray(rng.standard_normal((m, 2))) for _ in range(2))
    return *numbers, xp.asarray(np.arange(m) % 3), xp.asarray(np.arange(m)[::-1] // 2 % 3)


def training(**settings):
    G, D = pair(dtype="float32", norm=settings.pop("norm", False), xp=settings.pop("xp", np))
    return ng.Training(
        **{"G": G, "D": D, "data": data(), "batch": 4, "threads": 1, "conditional": True} | settings
    )


# Gradients


@pytest.mark.parametrize("loss", losses.BY_NAME.values(), ids=str)
@pytest.mark.parametrize("norm", [False, True], ids=["one batch", "two batches"])
def test_both_gradients_are_the_slopes_of_their_losses(loss, norm):
    G, D = pair(norm=norm)
    x, z, c_x, c_z = batch()

    def logits(rows, c):
        return D.forward((rows, c), train=True)[0]

    def generated():
        return G.forward((z, c_z), train=True)[0]

    ng.discriminator_gradient(G, D, (x, c_x), (z, c_z), loss)
    slope = numeric_gradient(lambda: loss.discriminator(logits(x, c_x), logits(generated(), c_z))[0], D.theta)
    assert rel_error(D.grad, slope) < 1e-6
    ng.generator_gradient(G, D, (z, c_z), loss)
    slope = numeric_gradient(lambda: loss.generator(logits(generated(), c_z))[0], G.theta)
    assert rel_error(G.grad, slope) < 1e-6


@pytest.mark.parametrize("loss", losses.BY_NAME.values(), ids=str)
@pytest.mark.parametrize("norm", [False, True], ids=["one batch", "two batches"])
def test_a_device_finds_the_same_gradients(loss, norm, xp):
    def gradients(xp):
        G, D = pair(xp, norm=norm)
        x, z, c_x, c_z = batch(xp)
        ng.discriminator_gradient(G, D, (x, c_x), (z, c_z), loss)
        ng.generator_gradient(G, D, (z, c_z), loss)
        return asnumpy(D.grad), asnumpy(G.grad)

    for found, expected in zip(gradients(xp), gradients(np), strict=True):
        assert rel_error(found, expected) < 1e-12


@pytest.mark.parametrize("wrong", ["rows", "samples"])
def test_that_comparison_notices_labels_of_other_rows(wrong):
    G, D = pair()
    x, z, c_x, c_z = batch()
    ng.discriminator_gradient(G, D, (x, c_x), (z, c_z), ng.losses.minimax)
    right = D.grad.copy()
    other = {"rows": (x, c_z), "samples": (x, c_x)}[wrong]
    ng.discriminator_gradient(G, D, other, (z, c_x if wrong == "samples" else c_z), ng.losses.minimax)
    assert rel_error(D.grad, right) > 1e-2


def test_a_network_with_labels_is_the_network_on_one_hot_rows(xp):
    """By an ordinary network on [x, one-hot], and by the sum of a product with x and of the row of W for the label."""
    x, _, c, _ = batch(xp)
    told = ng.Conditional([Label(2, 3), ng.Linear(5, 4), ng.Tanh()], dtype="float64", xp=xp)
    plain = ng.Network([ng.Linear(5, 4), ng.Tanh()], dtype="float64", xp=xp)
    one_hot = xp.asarray(np.eye(3)[asnumpy(c)])
    y, tape = told.forward((x, c))
    beside, tape_of_plain = plain.forward(xp.concatenate([x, one_hot], axis=1))
    assert (y == beside).all()
    assert (told((x, c)) == y).all()
    W = asnumpy(told.layers[1].W)
    assert np.allclose(asnumpy(y), np.tanh(asnumpy(x) @ W[:2] + W[2:][asnumpy(c)]))
    dx, dx_of_plain = told.backward(y, tape), plain.backward(y, tape_of_plain)
    assert (dx == dx_of_plain[:, :2]).all()
    assert (told.grad == plain.grad).all()


@pytest.mark.parametrize("kind", penalty.BY_NAME.values())
def test_a_penalty_is_on_the_slope_in_the_row_at_a_fixed_label(kind, xp):
    _, D = pair(xp)
    x, x_g, c, _ = batch(xp)
    eps = None if kind is not ng.WGANGP else xp.full((6, 1), 0.3)

    def value():
        D.grad[...] = 0
        if eps is None:
            return kind(2.0)(D, (x, c), x_g, None)
        return penalty.wgan_gp(D, (x, c), x_g, 2.0, eps)

    found = float(value())
    gradient = asnumpy(D.grad).copy()
    assert rel_error(gradient, numeric_gradient(value, D.theta)) < 1e-6
    at = {ng.R1: x, ng.R2: x_g}.get(kind, 0.3 * x + 0.7 * x_g).copy()
    g = numeric_gradient(lambda: D((at, c)).sum(), at)
    norms = np.sqrt((g**2).sum(axis=1))
    expected = 2 * ((norms - 1) ** 2).mean() if kind is ng.WGANGP else (norms**2).mean()
    assert np.isclose(found, expected, rtol=1e-6)


def test_the_same_by_pytorch():
    torch = pytest.importorskip("torch")
    G, D = pair()
    x, z, c_x, c_z = batch()

    def told(net, rows, c, at):
        for i, layer in enumerate(net.layers):
            if isinstance(layer, Label):
                assert i == at
                rows = torch.cat([rows, torch.nn.functional.one_hot(torch.tensor(c), 3).double()], dim=1)
            elif isinstance(layer, ng.Linear):
                rows = rows @ weights[layer][0] + weights[layer][1]
            else:
                rows = torch.tanh(rows)
        return rows

    linears = [layer for net in (G, D) for layer in net.layers if isinstance(layer, ng.Linear)]
    weights = {layer: [torch.tensor(a, requires_grad=True) for a in (layer.W, layer.b)] for layer in linears}
    a_x, a_g = told(D, torch.tensor(x), c_x, 2), told(D, told(G, torch.tensor(z), c_z, 0), c_z, 2)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    loss_d = bce(a_x, torch.ones_like(a_x)) + bce(a_g, torch.zeros_like(a_g))
    loss_g = bce(a_g, torch.ones_like(a_g))
    info = ng.discriminator_gradient(G, D, (x, c_x), (z, c_z), ng.losses.nonsaturating)
    assert (info.x_g == G((z, c_z))).all()
    assert abs(float(info.value) - loss_d.item()) < 1e-12
    ng.generator_gradient(G, D, (z, c_z), ng.losses.nonsaturating)
    for net, loss in ((D, loss_d), (G, loss_g)):
        mine = [a for layer in net.layers if isinstance(layer, ng.Linear) for a in weights[layer]]
        theirs = torch.cat([g.ravel() for g in torch.autograd.grad(loss, mine, retain_graph=True)]).numpy()
        assert rel_error(net.grad, theirs) < 1e-12


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_a_label_lays_one_hot_vectors_beside_rows_and_takes_them_off(n_in, classes, m, seed):
    rng = np.random.default_rng(seed)
    x, c, dy = rng.standard_normal((m, n_in)), rng.integers(0, classes, m), rng.standard_normal((m, n_in + classes))
    layer = Label(n_in, classes, height=2.5)
    y, cache = layer.forward((x, c))
    assert (y[:, :n_in] == x).all()
    assert (y[:, n_in:].argmax(axis=1) == c).all() and (y[:, n_in:].sum(axis=1) == 2.5).all()
    v, _ = layer.tangent(x, dy, cache)
    assert np.isclose((v * dy).sum(), (x * layer.dx(dy, cache)).sum())  # J and its adjoint
    assert layer.y_shape((n_in,)) == y.shape[1:]


def test_packing_comes_after_the_label():
    """PacGAN with labels: D sees two rows, each with its own label, at once."""
    x, _, c, _ = batch()
    D = ng.Conditional([Label(2, 3), ng.Pack(2), ng.Linear(10, 1)], dtype="float64")
    assert ng.gradcheck(D, (x, c)).ok
    early = ng.Conditional([ng.Pack(2), Label(4, 3), ng.Linear(7, 1)], dtype="float64")
    with pytest.raises(ng.InputError, match="3 rows and 6 labels: one each; a Pack comes after it"):
        early((x, c))


# Told a vector of numbers in place of a label


def pair_told_vectors(xp=np, dtype="float64"):
    """As `pair`, with two numbers in place of the label."""
    how = {"xp": xp, "dtype": dtype}
    G = [Condition(2, 2, height=2.5), ng.Linear(4, 6), ng.Tanh(), ng.Linear(6, 2)]
    D = [ng.Linear(2, 4), ng.Tanh(), Condition(4, 2), ng.Linear(6, 5), ng.Tanh(), ng.Linear(5, 1)]
    return ng.Conditional(G, seed=1, **how), ng.Conditional(D, seed=2, **how)


def vectors(xp=np, m=6):
    """For each row of data, and for each sample."""
    return (xp.asarray(c) for c in np.random.default_rng(6).standard_normal((2, m, 2)))


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_a_condition_lays_numbers_beside_rows_and_takes_them_off(n_in, n_c, m, seed):
    rng = np.random.default_rng(seed)
    x, c, dy = (rng.standard_normal((m, n)) for n in (n_in, n_c, n_in + n_c))
    layer = Condition(n_in, n_c, height=2.5)
    y, cache = layer.forward((x, c))
    assert (y == np.concatenate([x, 2.5 * c], axis=1)).all() and (layer((x, c)) == y).all()
    v, _ = layer.tangent(x, dy, cache)
    assert np.isclose((v * dy).sum(), (x * layer.dx(dy, cache)).sum())  # J and its adjoint
    assert layer.y_shape((n_in,)) == y.shape[1:]


@pytest.mark.parametrize("loss", losses.BY_NAME.values(), ids=str)
def test_both_gradients_are_slopes_at_fixed_conditions(loss):
    G, D = pair_told_vectors()
    (x, z, *_), (c_x, c_z) = batch(), vectors()

    def value_d():
        return loss.discriminator(D((x, c_x)), D((G((z, c_z)), c_z)))[0]

    ng.discriminator_gradient(G, D, (x, c_x), (z, c_z), loss)
    assert rel_error(D.grad, numeric_gradient(value_d, D.theta)) < 1e-6
    ng.generator_gradient(G, D, (z, c_z), loss)
    slope = numeric_gradient(lambda: loss.generator(D((G((z, c_z)), c_z)))[0], G.theta)
    assert rel_error(G.grad, slope) < 1e-6


def test_a_device_finds_the_same_gradients_at_conditions(xp):
    def gradients(xp):
        G, D = pair_told_vectors(xp)
        (x, z, *_), (c_x, c_z) = batch(xp), vectors(xp)
        ng.discriminator_gradient(G, D, (x, c_x), (z, c_z), losses.minimax)
        ng.generator_gradient(G, D, (z, c_z), losses.minimax)
        return asnumpy(D.grad), asnumpy(G.grad)

    for found, expected in zip(gradients(xp), gradients(np), strict=True):
        assert rel_error(found, expected) < 1e-12


def test_a_one_hot_condition_is_a_label(xp):
    x, _, c, _ = batch(xp)
    one_hot = xp.asarray(np.eye(3)[asnumpy(c)])
    nets = [
        ng.Conditional([layer(2, 3, height=2.5), ng.Linear(5, 4), ng.Tanh()], dtype="float64", xp=xp)
        for layer in (Label, Condition)
    ]
    for net, told_of in zip(nets, (c, one_hot), strict=True):
        y, tape = net.forward((x, told_of))
        net.backward(y, tape)
    assert (nets[0]((x, c)) == nets[1]((x, one_hot))).all() and (nets[0].grad == nets[1].grad).all()
    assert nets[1].classes is None and nets[1].conditional


def test_gradcheck_takes_rows_and_conditions():
    (x, *_), (c, _) = batch(), vectors()
    for thing in (*pair_told_vectors(), Condition(2, 2, height=3)):
        assert ng.gradcheck(thing, (x, c)).ok
        assert ng.gradcheck(thing).ok  # rows and conditions of its own
        with pytest.raises(ng.InputError, match=r"takes rows and their conditions: pass x=\(x, c\)"):
            ng.gradcheck(thing, x)


def test_a_training_has_labels_alone(tmp_path):
    labels, numbers = pair(dtype="float32"), pair_told_vectors(dtype="float32")
    for name, G, D in (("G", numbers[0], labels[1]), ("D", labels[0], numbers[1])):
        says = rf"{name} takes conditions c \(m, n_c\), but a Training knows labels only: make it ng.Conditional"
        with pytest.raises(ng.InputError, match=says):
            training(G=G, D=D)
    training().save(tmp_path / "c.npz")
    vectors, about = archive.read(tmp_path / "c.npz")
    layer = {"type": "Condition", "n_in": 2, "n_c": 3, "height": 1.0}
    about["G"]["layers"][0] = layer
    archive.write(tmp_path / "d.npz", vectors, about)
    with pytest.raises(ng.InputError, match=r"d.npz: conditional is True, which its G does not fit"):
        Checkpoint(tmp_path / "d.npz").sample(2)
    with pytest.raises(ng.InputError, match=r"d.npz: G takes conditions c"):
        ng.Training.load(tmp_path / "d.npz", data())


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros((4, 2)), r"takes rows and their conditions, \(x, c\), got ndarray\(4, 2\): pass the conditions too"),
        ((np.zeros((4, 2)), np.zeros((3, 2))), r"conditions c must be floating-point numbers \(m, 2\)"),
        ((np.zeros((4, 2)), np.zeros((4, 3))), r"got numpy float64\(4, 3\) with rows \(4, 2\)"),
        ((np.zeros((4, 2)), np.zeros((4, 2), int)), "got numpy int64"),
        ((np.zeros((4, 2)), [[0, 1]] * 4), "expected a NumPy or CuPy array, got list"),
    ],
)
def test_a_network_refuses_what_are_no_conditions(x, says):
    G, _ = pair_told_vectors()
    for call in (G, G.forward, G.calibrate):
        with pytest.raises(ng.InputError, match=says):
            call(x)


# As a network


def test_it_is_a_network(xp):
    """Views, copies, pickles and other backends; statistics for evaluation; random layers from a seed."""
    G, _ = pair(xp, norm=True)
    x, _, c, _ = batch(xp)
    G.calibrate((x, c))
    assert float(abs(G.buffers).sum()) > 0
    kin = [G.copy(), copy.deepcopy(G), G.copy(xp=xp, dtype="float64")]
    for other in kin if xp is not np else [*kin, pickle.loads(pickle.dumps(G))]:
        assert_views(other)
        assert other.classes == 3 and other.conditional
        assert (other((x, c)) == G((x, c))).all()
    assert repr(G).startswith("Conditional([Label(n_in=2, classes=3, height=1.0), ")
    usual = ng.Conditional([Label(2, 3), ng.Linear(5, 4)])
    W = np.random.default_rng(0).uniform(-((3 / 5) ** 0.5), (3 / 5) ** 0.5, (5, 4))
    assert usual.theta.dtype == np.float32 and np.allclose(usual.layers[1].W, W)
    assert (G.n_in, G.n_out, G.rowwise) == (2, 2, False)


def test_gradcheck_takes_rows_and_labels():
    G, D = pair(norm=True)
    x, _, c, _ = batch()
    for net in (G, D):
        assert ng.gradcheck(net, (x, c)).ok
        assert ng.gradcheck(net).ok  # rows and labels of its own
    with pytest.raises(ng.InputError, match=r"Conditional takes rows and their labels: pass x=\(x, c\)"):
        ng.gradcheck(G, x)

    class Wrong(Label):
        def dx(self, dy, cache):
            return dy[:, -self.n_in :]

    assert not ng.gradcheck(Wrong(2, 3), (x, c)).ok


# Batches


def test_rows_and_labels_of_a_minibatch_belong_together_and_noise_is_asked_for_the_same():
    run, rows = training(k=2), data()
    for step in range(30):  # beyond an epoch
        run.step = step
        for j in range(2):
            (x, c), (z, asked) = run._draw_data(j), run._draw_noise(j)
            assert (abs(x[:, 0] - c) < 0.5).all()
            assert (c == asked).all() and len(z) == 4
            for row, label in zip(x, c, strict=True):
                assert (row == rows.x[rows.labels == label]).all(axis=1).any()


def test_g_is_asked_for_each_label_as_often_as_it_is_in_the_data():
    run, drawn = training(batch=7), []
    for step in range(3 * 20):
        run.step = step
        drawn.append(asnumpy(run._draw_noise(1)[1]))
    for epoch in range(20):
        assert (np.bincount(np.concatenate(drawn[3 * epoch : 3 * epoch + 3])) == SHARES).all()
    assert len({tuple(c) for c in drawn}) > 40  # in another order each time
    run.step = 0
    assert any((run._draw_noise(0)[1] != run._draw_noise(1)[1]).tolist())  # in an order of its own


def test_statistics_of_sorted_data_are_taken_with_labels_from_all_over_it():
    run = training(data=data(order=np.repeat(np.arange(3), SHARES)), norm=True)
    _, c = run._labels.spread(np.zeros((7, 2)))
    assert (np.bincount(c) == np.array(SHARES) // 3).all()
    run.sample(3)
    z = run._noise.fixed(1024, purpose=streams.CALIBRATION)
    h = run.G.layers[1](Label(2, 3)((z, np.repeat(np.arange(3), SHARES)[np.arange(1024) * 21 // 1024])))
    np.testing.assert_allclose(run.G.buffers, [*h.mean(axis=0), *h.var(axis=0)], rtol=1e-4)


def test_a_run_learns_which_class_it_is_asked_for():
    """Classes 4 apart, as unlike as their shares: after a few steps each sample stands nearest to its own class."""
    rows = data()
    far = ng.data.Data(rows.x * [4, 0.1], labels=rows.labels)
    run = training(data=far, batch=16, optimizers=(ng.Adam(0.01, 0.5), ng.Adam(0.01, 0.5)), penalty=ng.R1(0.1))
    list(run.steps(400, every=400))
    label = np.repeat(np.arange(3), 50)
    x = run.sample(150, label=label)
    assert (abs(x[:, :1] - 4 * np.arange(3)).argmin(axis=1) == label).mean() > 0.95


# Samples


def test_samples_have_the_labels_that_were_asked_for(xp):
    run = training(xp=xp, ema=0.9)
    list(run.steps(3))
    with run._averaged():
        z = run._noise.fixed(7)
        as_asked = [asnumpy(run.G((z, array_module(z).full(7, c)))) for c in range(3)]
    close = {"rtol": 1e-5, "atol": 1e-6}
    for c in range(3):
        np.testing.assert_allclose(run.sample(7, label=c), as_asked[c], **close)
    for label in ([2, 0, 1, 1, 0, 2, 0], np.array([2, 0, 1, 1, 0, 2, 0], dtype="uint8")):
        expected = [as_asked[c][i] for i, c in enumerate(label)]
        np.testing.assert_allclose(run.sample(7, label=label), expected, **close)
    np.testing.assert_allclose(run.sample(7), [as_asked[i % 3][i] for i in range(7)], **close)  # in turn
    assert (run.sample(7, seed=1) != run.sample(7)).all()


@pytest.mark.parametrize(
    ("label", "says"),
    [
        (3, "label 3 is none of this run's: give one whole number from 0 to 2, or 4 of them, one for each sample"),
        (-1, "label -1 is none of this run's"),
        ([0, 1, 2, 3], "label 3 is none"),
        ([0, 1, 2], r"label must be one whole number from 0 to 2, or 4 of them, .* got int64\(3,\)"),
        (1.0, "label must be one whole number from 0 to 2, .* got 1.0"),
        (True, "got True"),
        ("3", "got '3'"),
        (np.zeros((4, 1), int), r"got int64\(4, 1\)"),
        ([[0], [1, 2]], "label is no array of numbers"),
    ],
)
def test_labels_that_cannot_be_drawn_are_refused(label, says):
    with pytest.raises(ng.InputError, match=says):
        training().sample(4, label=label)


# Files


def test_a_run_with_labels_resumes_bit_for_bit(tmp_path):
    straight = training(k=2, ema=0.9, norm=True)
    run = training(k=2, ema=0.9, norm=True)
    list(straight.steps(13, every=4))
    list(run.steps(5, every=4))
    run.save(tmp_path / "c.npz")
    again = ng.Training.load(tmp_path / "c.npz", data())
    assert again.conditional and isinstance(again.G, ng.Conditional)
    assert (again.sample(5) == run.sample(5)).all()
    label = np.array([0, 2, 2, 1, 0])
    assert (Checkpoint(tmp_path / "c.npz").sample(5, label=label) == run.sample(5, label=label)).all()
    assert Checkpoint(tmp_path / "c.npz").classes == 3
    list(again.steps(8, every=4))
    assert (again.sample(5) == straight.sample(5)).all()
    for one in (again, straight):
        one.save(tmp_path / "end.npz")  # which sets BatchNorm's statistics
    for name, vector in straight.state.vectors.items():
        assert (again.state.vectors[name] == vector).all(), name
    assert again.history[-1] == straight.history[-1]


def test_a_run_goes_on_with_its_own_labels_alone(tmp_path):
    training().save(tmp_path / "c.npz")
    other = ng.data.Data(data().x, labels=np.roll(data().labels, 1))
    with pytest.raises(ng.InputError, match="was trained on other labels of this data: load it with those labels"):
        ng.Training.load(tmp_path / "c.npz", other)
    with pytest.raises(ng.InputError, match="other labels"):
        ng.Training.load(tmp_path / "c.npz", data().x)
    G, D = (ng.Network([ng.Linear(2, n)]) for n in (2, 1))
    ng.Training(G, D, data(), batch=4).save(tmp_path / "d.npz")  # without labels, it does not matter which
    assert not ng.Training.load(tmp_path / "d.npz", other).conditional
    with pytest.raises(ng.InputError, match="label is 1, but this run was trained without labels: leave it out"):
        Checkpoint(tmp_path / "d.npz").sample(2, label=1)
    assert Checkpoint(tmp_path / "d.npz").classes is None


@pytest.mark.parametrize(("conditional", "found"), [(True, False), (False, True)])
def test_a_file_whose_networks_do_not_fit_its_settings_is_refused(conditional, found, tmp_path):
    G, D = pair(dtype="float32") if conditional else (ng.Network([ng.Linear(2, n)]) for n in (2, 1))
    ng.Training(G, D, data(), batch=4, conditional=conditional).save(tmp_path / "c.npz")
    vectors, about = archive.read(tmp_path / "c.npz")
    about["settings"]["conditional"] = found
    archive.write(tmp_path / "d.npz", vectors, about)
    with pytest.raises(ng.InputError, match=f"d.npz: conditional is {found}, which its G does not fit"):
        Checkpoint(tmp_path / "d.npz").sample(2)
    with pytest.raises(ng.InputError, match=f"d.npz: G takes (no )?labels, but conditional is {found}"):
        ng.Training.load(tmp_path / "d.npz", data())


# Refusals


def told(n, classes):
    return ng.Conditional([Label(2, classes), ng.Linear(2 + classes, n)])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data": data().x}, "data 'data' has no labels, one for each row; save them as y beside x"),
        ({"data": ng.data.Data(data().x, labels=data().labels * 2)}, "class 1 has no rows, expected labels from 0 on"),
        ({"data": ng.data.Data(data().x, labels=data().labels + 1)}, "class 0 has no rows.* up to 3; np.unique"),
        ({"data": ng.data.Data(data().x, labels=data().labels - 1)}, "label -1 is below 0"),
        ({"G": told(2, 4)}, "G has 4 classes, but the data has 3: give both as many"),
        ({"D": told(1, 2)}, "D has 2 classes, but the data has 3"),
        ({"G": ng.Network([ng.Linear(2, 2)])}, r"G takes no labels, but conditional is True: make it ng.Conditional"),
        ({"D": ng.Network([ng.Linear(2, 1)])}, "D takes no labels, but conditional is True"),
        ({"conditional": False}, "G takes labels, but conditional is False: pass conditional=True"),
        ({"conditional": 1}, r"conditional must be True \(G and D are given labels\) or False, got 1"),
        ({"D": ng.Conditional([Label(2, 3), ng.Linear(5, 2)])}, "D must return logits of shape"),
    ],
)
def test_a_run_that_cannot_be_conditional_is_refused(change, says):
    with pytest.raises(ng.InputError, match=says):
        training(**change)


def test_conditional_is_fixed_for_the_run():
    with pytest.raises(ng.InputError, match=r"run.conditional is fixed when a Training is made"):
        training().conditional = False


ROWS, LABELS = np.zeros((4, 2)), np.array([0, 1, 2, 0])


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (ROWS, r"takes rows and their labels, \(x, c\), got ndarray\(4, 2\): pass the labels too"),
        ((ROWS,), r"got a tuple of 1"),
        ((ROWS, LABELS[:3]), r"labels c must be whole numbers \(m,\), one for each row"),
        ((ROWS, LABELS[:, None]), r"got numpy int64\(4, 1\) with rows \(4, 2\)"),
        ((ROWS, LABELS.astype(float)), "got numpy float64"),
        ((ROWS, LABELS + 1), "labels c must lie from 0 to 2, got 1 to 3: number them from 0"),
        ((ROWS, LABELS - 1), "got -1 to 1"),
        ((ROWS, [0, 1, 2, 0]), "expected a NumPy or CuPy array, got list"),
        ((ROWS[:, :1], LABELS), r"x must have shape \(m, 2\)"),
    ],
)
def test_a_network_refuses_what_are_no_labels(x, says):
    G, _ = pair()
    for call in (G, G.forward, G.calibrate):
        with pytest.raises(ng.InputError, match=says):
            call(x)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ng.Conditional([ng.Linear(2, 2)]), r"a Conditional has one Label\(n_in, classes\) or Condition\(n_in"),
        (lambda: ng.Conditional([Label(2, 3), Label(5, 3)]), "has one Label"),
        (lambda: ng.Conditional([Label(2, 3), ng.Linear(2, 1)]), "takes 2 features, but the layers before it give 5"),
        (lambda: ng.Conditional([ng.Network([Label(2, 3)])]), "has one Label"),
        (lambda: Label(2, 0), "Label: classes must be a whole number of 1 or more"),
        (lambda: Label(0, 2), "Label: n_in must be"),
        (lambda: Label(2, 2, 0), "Label's height must be"),
        (lambda: Condition(2, 0), "Condition: n_c must be a whole number of 1 or more"),
        (lambda: Condition(0, 2), "Condition: n_in must be"),
        (lambda: Condition(2, 2, 0), "Condition's height must be"),
        (lambda: ng.Conditional([Label(2, 3), Condition(5, 3)]), "has one Label"),
        (lambda: ng.Network([Label(2, 3)])(ROWS), "put it into an ng.Conditional, not a Network"),
    ],
)
def test_networks_that_are_not_told_a_label_are_refused(make, says):
    with pytest.raises(ng.InputError, match=says):
        make()


def test_labels_come_with_both_or_with_neither():
    G, D = pair()
    x, z, c, _ = batch()
    plain = ng.Network([ng.Linear(2, 2)], dtype="float64")
    for x_given, z_given, generator in (((x, c), z, plain), (x, (z, c), G)):
        with pytest.raises(ng.InputError, match="x and z must both come with labels"):
            ng.discriminator_gradient(generator, D, x_given, z_given, ng.losses.minimax)


# What looks at a run


def test_health_and_snapshots_look_at_samples_with_their_labels():
    run = training(batch=8)
    list(run.steps(3))
    (x, c), (z, asked) = run.fixed_batch(21)
    assert (abs(x[:, 0] - c) < 0.5).all() and (asked == c).all()
    assert len(run.fixed_batch(50)[1][1]) == 50
    assert str(health(run))
    first, last = run.D.layers[3], run.D.layers[-1]
    first.W[...], last.W[...] = 0, 0
    first.W[4:, 0], last.W[0] = [50, -50, 50], 1  # what D says now follows from the label alone
    logits = run.D(seen(run.D, run.G((z, asked)), (z, asked)))[:, 0]
    assert ((logits < 0) == (asked == 1)).all()
    ones = (c[:16] == 1).mean()  # of rows, and of samples alike: two batches
    assert np.isclose(observe(run).accuracy, (1 - ones) * ones) and ones > 0.1
    shot = snapshot(run)
    assert shot.surface is None and shot.mesh is None and np.isfinite(shot.pull).all()
    one = ng.data.Data(data().x[:, :1], labels=data().labels)
    G, D = (ng.Conditional([Label(1, 3), ng.Linear(4, 1)]) for _ in range(2))
    with pytest.raises(ng.InputError, match="Figure 1 is of a G and a D without labels"):
        line_snapshot(ng.Training(G, D, one, batch=4, conditional=True))


def test_a_generator_of_ones_own_may_hand_its_labels_on():
    G, D = pair()
    x, z, c, _ = batch()

    class HandsOn:
        backward = staticmethod(G.backward)

        def forward(self, z, train=False, rng=None):
            y, tape = G.forward(z, train, rng)
            return (y, z[1]), tape

    assert rows_of(HandsOn().forward((z, c))[0]).shape == (6, 2)
    ng.generator_gradient(G, D, (z, c), ng.losses.minimax)
    right = G.grad.copy()

    class Takes:
        rowwise, forward, backward = D.rowwise, staticmethod(D.forward), staticmethod(D.backward)

    ng.generator_gradient(HandsOn(), Takes(), (z, c), ng.losses.minimax)
    assert (G.grad == right).all()
    ng.discriminator_gradient(G, D, (x, c), (z, c), ng.losses.minimax)
    right = D.grad.copy()
    ng.discriminator_gradient(HandsOn(), Takes(), (x, c), (z, c), ng.losses.minimax)
    assert (D.grad == right).all()


def test_the_program_on_the_page_runs(capsys):
    page = (Path(ng.__file__).parent / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"## Told what to draw.*?```python\n(.*?)```", page, re.DOTALL)
    room = {}
    exec(code.replace("run.steps(1000, every=250)", "run.steps(2)"), room)
    assert room["run"].conditional and room["x"].shape == (100, 2) and room["y"].shape == (8, 2)


# Models, the command line, pictures


def digits(n=40, classes=10):
    x = np.random.default_rng(0).uniform(-1, 1, (n, 64)).astype("float32")
    return ng.data.Data(x, labels=np.arange(n) % classes, image_shape=(8, 8), range=(-1, 1), name="noise")


def test_cgan_is_images_and_a_label():
    nets, others = models.BY_NAME["cgan"].networks(digits(classes=4), 3), models.BY_NAME["images"].networks(digits(), 3)
    for net, other in zip(nets, others, strict=True):
        label, dense, *rest = net.layers
        assert isinstance(label, Label) and net.classes == 4
        assert [type(layer) for layer in rest] == [type(layer) for layer in other.layers[1:]]
        assert net.size == other.size + 4 * dense.n_out
        assert (dense.n_in, dense.scale) == (other.layers[0].n_in + 4, other.layers[0].scale)


@pytest.mark.parametrize("name", ["cgan", "cdcgan"])
def test_the_models_with_labels_train(name):
    model = models.BY_NAME[name]
    nets = model.networks(digits(classes=4), 3)
    assert model.conditional and not models.BY_NAME["dcgan"].conditional
    assert {net.classes for net in nets} == {4}
    run = ng.Training(*nets, digits(classes=4), batch=8, conditional=True, threads=1)
    list(run.steps(1))
    assert run.sample(3, label=2).shape == (3, 64)
    with pytest.raises(ng.InputError, match="has no labels"):
        model.networks(ng.data.Data(digits().x, image_shape=(8, 8)), 0)


def test_a_picture_has_a_line_for_each_class_with_the_same_noise_in_each_column():
    rows = digits(33, classes=3)
    G = ng.Conditional([Label(2, 3), ng.Linear(5, 64)])
    D = ng.Conditional([Label(64, 3), ng.Linear(67, 1)], seed=1)
    run = ng.Training(G, D, rows, batch=4, conditional=True)
    x_g, x = Run._each_class(type("Of", (), {"training": run}))
    assert x_g.shape == x.shape == (24, 64)
    z = run._noise.fixed(8)
    for c in range(3):
        line = slice(8 * c, 8 * c + 8)
        np.testing.assert_allclose(x_g[line], rows.restore(G((z, np.full(8, c)))), atol=1e-6)
        assert (x[line] == rows.restore(rows.x[rows.labels == c][:8])).all()


def test_the_command_line_trains_resumes_and_samples_with_labels(tmp_path, capsys, monkeypatch):
    rows = digits(120)
    np.savez(tmp_path / "d.npz", x=((rows.x.reshape(-1, 8, 8) + 1) * 127.5).astype("uint8"), y=rows.labels)
    run, out = str(tmp_path / "run"), str(tmp_path / "s.npz")
    train = ["train", "--model", "cgan", "--data", str(tmp_path / "d.npz"), "--batch", "16"]
    assert cli.main([*train, "--steps", "25", "--out", run]) == 0
    assert (tmp_path / "run" / "samples.png").stat().st_size > 1000
    monkeypatch.setattr("numgan.app.folder.Run.draw", lambda run: None)  # once is enough
    assert cli.main(["train", "--resume", run, "--steps", "30"]) == 0
    assert cli.main(["sample", run, "-n", "12", "--out", out]) == 0
    found = np.load(out)
    assert (found["y"] == np.arange(12) % 10).all()
    assert cli.main(["sample", run, "-n", "12", "--label", "3"]) == 0
    assert "samples-12-seed0-label3.png" in capsys.readouterr().out
    assert cli.main(["sample", run, "-n", "12", "--label", "3", "--out", str(tmp_path / "t.npz")]) == 0
    again = np.load(tmp_path / "t.npz")
    assert (again["y"] == 3).all()
    np.testing.assert_allclose(again["x"][3], found["x"][3], atol=1e-5)  # the same z and the same label
    assert abs(again["x"][4] - found["x"][4]).max() > 1e-4
    assert cli.main(["sample", run, "--label", "10"]) == 2
    assert "label 10 is none of this run's" in capsys.readouterr().err
    np.savez(tmp_path / "bare.npz", x=rows.x.reshape(-1, 8, 8) / 2 + 0.5)
    assert cli.main([*train[:3], "--data", str(tmp_path / "bare.npz"), "--out", str(tmp_path / "no")]) == 2
    assert "has no labels" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


# Rare labels, rare networks


@pytest.mark.parametrize("kind", ["uint8", "int8", "uint16", "int32", "uint64", ">i4"])
def test_labels_may_be_whole_numbers_of_any_kind(kind):
    G, _ = pair()
    z, c = np.random.default_rng(0).standard_normal((4, 2)), np.array([2, 0, 1, 2])
    assert (G((z, c.astype(kind))) == G((z, c))).all()
    with pytest.raises(ng.InputError, match="labels c must lie from 0 to 2, got 0 to 3"):
        G((z, np.array([0, 3, 1, 2], kind)))


def test_of_no_rows_come_none():
    G, D = pair(norm=False)
    none, z = np.zeros(0, int), np.zeros((0, 2))
    assert G((z, none)).shape == (0, 2) and D((z, none)).shape == (0, 1)
    _, tape = G.forward((z, none), train=True)
    assert G.backward(np.zeros((0, 2)), tape).shape == (0, 2) and not G.grad.any()
    with pytest.raises(ng.InputError, match="one for each row"):
        G((z, np.zeros(1, int)))


class OwnPlayer:
    """A player of one's own with the names that every player has, and for D that it takes labels."""

    conditional = True

    def __init__(self, net, classes=None):
        self.theta, self.grad, self.forward, self.backward = net.theta, net.grad, net.forward, net.backward
        if classes:
            self.classes = classes

    def __call__(self, x):
        return self.forward(x)[0]


def test_players_of_ones_own_may_be_conditional():
    """Both, or one beside a network of ours; the run is that of the networks inside."""
    right = training()
    list(right.steps(3))
    for own in ("G", "D", "GD"):
        players = dict(zip("GD", pair(dtype="float32"), strict=True))
        players |= {name: OwnPlayer(players[name]) for name in own}
        run = training(**players, n_z=2)
        list(run.steps(3))
        assert (run.G.theta == right.G.theta).all() and np.allclose(run.D.theta, right.D.theta, atol=1e-6), own
        assert (run.sample(4, label=2) == right.sample(4, label=2)).all()
    G, D = pair(dtype="float32")
    for players, says in (((OwnPlayer(G, 4), D), "G has 4 classes"), ((G, OwnPlayer(D, 2)), "D has 2 classes")):
        with pytest.raises(ng.InputError, match=f"{says}, but the data has 3"):
            training(G=players[0], D=players[1], n_z=2)


def test_a_network_within_a_conditional_one_is_the_same_layers_without_it():
    flat = ng.Conditional([ng.Linear(2, 4), ng.Tanh(), Label(4, 3), ng.Linear(7, 5), ng.Tanh(), ng.Linear(5, 1)], 3)
    last = ng.Network([ng.Network([ng.Linear(7, 5), ng.Tanh()]), ng.Linear(5, 1)])
    nested = ng.Conditional([ng.Network([ng.Linear(2, 4), ng.Tanh()]), Label(4, 3), last])
    nested.theta[...] = flat.theta
    x, c = np.random.default_rng(0).standard_normal((4, 2)).astype("float32"), np.array([2, 0, 1, 2])
    assert nested.classes == 3
    for net in (flat, nested):
        y, tape = net.forward((x, c))
        net.dx = net.backward(np.arange(4, dtype="float32")[:, None], tape)
        net.y, net.P = y, penalty.r1(net, (x, c), 2.0)
    for name in ("y", "dx", "P", "grad"):
        np.testing.assert_allclose(getattr(nested, name), getattr(flat, name), rtol=1e-5, atol=1e-6, err_msg=name)
