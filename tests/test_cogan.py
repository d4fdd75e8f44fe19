"""CoGAN: layers side by side, what they share in one memory, rows of two unpaired images, and how well pairs agree."""

import copy
import json
import pickle

import numpy as np
import pytest
import standin
from numeric import numeric_gradient, rel_error
from small import assert_views

import numgan as ng
from benchmarks import cogan as bench
from numgan import losses, metrics, models
from numgan.app import cli
from numgan.backend import array_module, asnumpy
from numgan.data.catalogue import COUPLED
from numgan.models import cogan
from numgan.run.schema import Builder, describe
from numgan.run.state import Checkpoint

COGAN = models.BY_NAME["cogan"]


def pair(xp=np, dtype="float64", norm=True):
    """G and D for rows of two vectors of 3, all but one layer shared."""
    how = {"xp": xp, "dtype": dtype}
    G = [ng.Linear(2, 5), *([ng.BatchNorm(5)] * norm), ng.Tanh(), ng.Concat([ng.Linear(5, 3), ng.Linear(5, 3)])]
    D = [ng.Split([ng.Linear(3, 4), ng.Linear(3, 4)]), ng.Tanh(), ng.Linear(4, 3), ng.Tanh(), ng.Linear(3, 1)]
    return ng.Network(G, seed=1, **how), ng.Network(D, seed=2, **how)


def batch(xp=np, m=5):
    rng = np.random.default_rng(5)
    return (xp.asarray(rng.standard_normal((m, n))) for n in (6, 2))


def images(n=12, h=8, w=12, c=(), seed=0, name="small", **fields):
    """Images in [−1, 1], not square, so that no two sides are alike."""
    x = np.random.default_rng(seed).uniform(-1, 1, (n, h * w * max(c, default=1))).astype("float32")
    return ng.data.Data(x, image_shape=(h, w, *c), range=(-1, 1), name=name, **fields)


def rows():
    return ng.data.coupled(images(), ng.data.edges)


def training(data=None, **settings):
    data = data or rows()
    G, D = cogan.cogan(data, seed=3)
    return ng.Training(G, D, data, **{"batch": 4, "threads": 1, "ema": 0.9} | settings)


# Gradients


def branches(xp=np, **how):
    """Branches of one layer and of several, with buffers and without, two and three of them: and rows for each."""
    how |= {"xp": xp, "dtype": "float64"}

    def deep(seed):
        return ng.Network([ng.Linear(4, 3), ng.BatchNorm(3), ng.Tanh()], seed=seed, **how)

    one_above_another = [ng.Conv2d(2, 3, kernel=3, stride=1), ng.Conv2d(2, 3, kernel=3, stride=1)]
    nets = {
        "Concat": ([ng.Concat([ng.Linear(4, 3), ng.Linear(4, 3), ng.Linear(4, 3)])], (4,)),
        "Concat of networks": ([ng.Concat([deep(1), deep(2)])], (4,)),
        "Concat of images": ([ng.Concat([ng.ConvTranspose2d(2, 1), ng.ConvTranspose2d(2, 1)])], (3, 2, 2)),
        "Split": ([ng.Split([ng.Linear(2, 3), ng.Linear(2, 3), ng.Linear(2, 3)])], (6,)),
        "Split of networks": ([ng.Split([deep(1), deep(2)])], (8,)),
        "Split of images": ([ng.Split(one_above_another)], (4, 3, 2)),
    }
    return {name: (ng.Network(layers, seed=4, **how), row) for name, (layers, row) in nets.items()}


@pytest.mark.parametrize("name", branches())
def test_every_gradient_of_branches_passes_gradcheck(name):
    net, row = branches()[name]
    report = ng.gradcheck(net, np.random.default_rng(0).standard_normal((5, *row)))
    assert report.ok and report.rel_error < 1e-6, report


@pytest.mark.parametrize("loss", losses.BY_NAME.values(), ids=str)
def test_both_gradients_are_the_slopes_of_their_losses(loss):
    G, D = pair()
    x, z = batch()

    def logits(rows):
        return D.forward(rows, train=True)[0]

    def generated():
        return G.forward(z, train=True)[0]

    info = ng.discriminator_gradient(G, D, x, z, loss)
    assert info.a_x.shape == info.a_g.shape == (10, 1)  # each row is seen twice: its A, its B
    slope = numeric_gradient(lambda: loss.discriminator(logits(x), logits(generated()))[0], D.theta)
    assert rel_error(D.grad, slope) < 1e-6
    ng.generator_gradient(G, D, z, loss)
    slope = numeric_gradient(lambda: loss.generator(logits(generated()))[0], G.theta)
    assert rel_error(G.grad, slope) < 1e-6


def test_the_shared_gradient_is_half_the_sum_of_two_gans_with_tied_weights():
    """Two separate GANs, each with a copy of what is shared: in the spans of their own layers, half of their own."""
    G, D = pair(norm=False)
    x, z = batch()
    loss = ng.losses.nonsaturating
    alone = [(part(G, i), part(D, i)) for i in range(2)]
    info = ng.discriminator_gradient(G, D, x, z, loss)
    x_of = np.split(x, 2, axis=1)
    values = [ng.discriminator_gradient(*gan, rows, z, loss).value for gan, rows in zip(alone, x_of, strict=True)]
    assert np.isclose(info.value, sum(values) / 2, rtol=1e-14)
    ng.generator_gradient(G, D, z, loss)
    for gan in alone:
        ng.generator_gradient(*gan, z, loss)
    for net, parts in ((G, [gan[0] for gan in alone]), (D, [gan[1] for gan in alone])):
        for i, layer in enumerate(net.layers):
            first, second = (part.layers[i] for part in parts)
            for name in first.shapes:
                of_a, of_b = (getattr(each, f"d{name}") / 2 for each in (first, second))
                if isinstance(layer, ng.Concat | ng.Split):
                    found = [getattr(branch, f"d{name}") for branch in layer.layers]
                    assert rel_error(found[0], of_a) < 1e-13 and rel_error(found[1], of_b) < 1e-13
                else:
                    assert rel_error(getattr(layer, f"d{name}"), of_a + of_b) < 1e-13


def part(net, i):
    """The GAN of domain i alone, with copies of the weights."""
    layers = [layer.layers[i] if isinstance(layer, ng.Concat | ng.Split) else layer for layer in net.layers]
    alone = ng.Network([copy.deepcopy(layer) for layer in layers], dtype="float64")
    for mine, theirs in zip(alone.layers, layers, strict=True):
        for name in mine.shapes:
            getattr(mine, name)[...] = getattr(theirs, name)
    return alone


def test_a_device_finds_the_same_bits(xp):
    """On the stand-in to the last bit, since it computes with NumPy; a GPU may round otherwise."""

    def found(xp):
        values = []
        for net, row in branches(xp).values():
            x = xp.asarray(np.random.default_rng(0).standard_normal((5, *row)))
            y, tape = net.forward(x, train=True)
            values += [y, net.backward(y, tape), net.grad, net.calibrate(x), net.buffers, net(x)]
        return [asnumpy(a) for a in values]

    for mine, numpys in zip(found(xp), found(np), strict=True):
        assert (mine == numpys).all() or (xp not in (np, standin.cupy) and rel_error(mine, numpys) < 1e-12)


def test_one_step_of_the_model_by_pytorch():
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    G, D = (net.copy(dtype="float64") for net in cogan.cogan(rows(), seed=0))
    x, z = rows().x[:4].astype(float), np.random.default_rng(1).standard_normal((4, cogan.N_Z))
    rng = np.random.default_rng
    tensors = {}

    def weights(layer):
        names = [name for name in layer.shapes if "." not in name]
        made = {name: torch.tensor(getattr(layer, name), requires_grad=True) for name in names}
        tensors.setdefault(id(layer), made)
        return tensors[id(layer)].values()

    def image(y):
        return y.permute(0, 3, 1, 2)

    def torchs(layer, y, draw):
        kind = type(layer)
        if kind is ng.Linear:
            W, b = weights(layer)
            return y @ W + b
        if kind is ng.BatchNorm:
            gamma, beta = weights(layer)
            axes = tuple(range(y.ndim - 1))
            return (y - y.mean(axes)) / torch.sqrt(y.var(axes, unbiased=False) + layer.eps) * gamma + beta
        if kind is ng.Conv2d:
            W, b = weights(layer)
            return F.conv2d(image(y), W.permute(3, 2, 0, 1), b, layer.stride, layer.padding).permute(0, 2, 3, 1)
        if kind is ng.ConvTranspose2d:
            W, b = weights(layer)
            y = F.conv_transpose2d(image(y), W.permute(0, 3, 1, 2), b, layer.stride, layer.padding)
            return y.permute(0, 2, 3, 1)
        if kind is ng.Network:
            for each in layer.layers:
                y = torchs(each, y, draw)
            return y
        if kind is ng.Concat:
            return torch.cat([torchs(each, y, draw) for each in layer.layers], dim=1)
        if kind is ng.Split:
            halves = torch.chunk(y, 2, dim=1)
            return torch.cat([torchs(each, half, draw) for each, half in zip(layer.layers, halves, strict=True)])
        if kind is ng.Shift:
            ups, lefts = draw.integers(-1, 2, size=(2, len(y)))
            moved = zip(y, ups, lefts, strict=True)
            return torch.stack([torch.roll(row, (int(up), int(left)), (0, 1)) for row, up, left in moved])
        if kind is ng.Dropout:
            mask = layer.forward(np.ones(y.shape), train=True, rng=draw)[0]
            return y * torch.tensor(mask)
        rules = {ng.LeakyReLU: lambda: F.leaky_relu(y, 0.2), ng.Tanh: lambda: torch.tanh(y)}
        return rules[kind]() if kind in rules else y.reshape(len(y), *layer.shape)

    def through(net, y, draw):
        for layer in net.layers:
            y = torchs(layer, y, draw)
        return y

    def leaves(net):
        for layer in net.layers:
            yield from leaves(layer) if layer.layers else [layer]

    def gradient(net, loss):
        mine = [a for layer in leaves(net) if id(layer) in tensors for a in tensors[id(layer)].values()]
        return torch.cat([g.ravel() for g in torch.autograd.grad(loss, mine, retain_graph=True)]).numpy()

    bce = F.binary_cross_entropy_with_logits
    ng.discriminator_gradient(G, D, x, z, ng.losses.nonsaturating, rng(7))
    draw = rng(7)
    x_g = through(G, torch.tensor(z), draw)
    a_x, a_g = through(D, torch.tensor(x), draw), through(D, x_g, draw)
    loss_d = bce(a_x, torch.ones_like(a_x)) + bce(a_g, torch.zeros_like(a_g))
    assert rel_error(D.grad, gradient(D, loss_d)) < 1e-10
    ng.generator_gradient(G, D, z, ng.losses.nonsaturating, rng(8))
    draw = rng(8)
    a_g = through(D, through(G, torch.tensor(z), draw), draw)
    assert rel_error(G.grad, gradient(G, bce(a_g, torch.ones_like(a_g)))) < 1e-10


# One memory


def copies(net):
    """The network after each way of getting another one like it."""
    return {
        "copy": net.copy(),
        "copy in float64": net.copy(dtype="float64"),
        "copy.copy": copy.copy(net),
        "deepcopy": copy.deepcopy(net),
        "pickle": pickle.loads(pickle.dumps(net)),
        "within another": ng.Network([net.copy()], dtype=net.theta.dtype, xp=array_module(net.theta)),
    }


@pytest.mark.parametrize("way", copies(pair()[0]))
def test_shared_layers_are_one_memory_after(way, xp):
    for net, row in zip(pair(xp), (2, 6), strict=True):
        other = copies(net)[way]
        x = xp.asarray(np.random.default_rng(0).standard_normal((4, row)))
        assert (asnumpy(other(x)) == asnumpy(net(x))).all()
        shares_one_memory(other, x)
        assert not xp.shares_memory(other.theta, net.theta)


def shares_one_memory(net, x):
    """θ holds each layer once: a shared weight moves both domains, a branch's own weight moves its own alone."""
    assert_views(net)
    inner = net.layers[0] if isinstance(net.layers[0], ng.Network) else net
    concat = isinstance(inner.layers[-1], ng.Concat)
    branched = inner.layers[-1 if concat else 0]
    for branch in branched.layers:
        assert all(array_module(net.theta).shares_memory(getattr(branch, name), net.theta) for name in branch.shapes)
    before = halves(net(x), concat)
    shared = inner.layers[0 if concat else -1]
    shared.W[...] += 1
    assert all((mine != old).any() for mine, old in zip(halves(net(x), concat), before, strict=True))
    shared.W[...] -= 1
    before = halves(net(x), concat)
    branched.layers[1].W[...] += 1
    a, b = halves(net(x), concat)
    assert (a == before[0]).all() and (b != before[1]).any()


def halves(y, concat):
    return np.split(asnumpy(y), 2, axis=1 if concat else 0)


def test_θ_holds_what_is_shared_once():
    G, D = cogan.cogan(rows(), seed=0)
    alone_g = ng.Network([*cogan.to_maps(8, 12), cogan.last(1)])
    alone_d = ng.Network([cogan.first(1, 0), *cogan.from_maps(8, 12)])
    assert G.size == alone_g.size + cogan.MAPS * 16 + 1
    assert D.size == alone_d.size + cogan.MAPS // 2 * 17
    assert G.theta.size == sum(s.stop - s.start for s in G.slices.values()) == G.size


def test_both_images_begin_alike_and_become_two():
    run = training()
    z = np.random.default_rng(0).standard_normal((3, cogan.N_Z)).astype("float32")
    assert (np.diff(halves(run.G(z), True), axis=0) == 0).all()
    list(run.steps(2))
    assert (np.diff(halves(run.G(z), True), axis=0) != 0).all()


def test_a_description_builds_branches_again_and_counts_each_weight_once():
    for net in pair(dtype="float32"):
        again = Builder(net.size, 10)(describe(net), ng.Network)
        assert describe(again) == describe(net) and again.slices == net.slices
        with pytest.raises(ng.InputError, match="does not hold numbers for so many"):
            Builder(net.size - 1, 10)(describe(net), ng.Network)


# A run


def test_a_run_is_saved_and_goes_on_bit_for_bit(tmp_path):
    whole, first = training(), training()
    list(whole.steps(6))
    list(first.steps(3))
    first.save(tmp_path / "run.npz")
    again = ng.Training.load(tmp_path / "run.npz", rows(), threads=1)
    list(again.steps(3))
    assert (again.G.theta == whole.G.theta).all() and (again.D.theta == whole.D.theta).all()
    assert (again.sample(5) == whole.sample(5)).all() and again.sample(5).shape == (5, 2 * 96)
    shares = np.shares_memory(again.G.layers[-3].layers[0].W, again.G.theta)
    assert shares and isinstance(again.G.layers[-3], ng.Concat)


def test_train_resume_sample_and_evaluate_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cogan, "MAPS", 2)
    monkeypatch.setattr(cogan, "HIDDEN", 4)
    folder = str(tmp_path / "run")
    train = ["train", "--data", "digits-edges", "--model", "cogan", "--batch", "4", "--threads", "1", "--steps", "2"]
    assert cli.main([*train, "--out", folder]) == 0
    assert cli.main(["train", "--resume", folder, "--steps", "3"]) == 0
    assert "trained cogan on digits-edges: 2500 rows of 56×28" in capsys.readouterr().out
    assert cli.main(["sample", folder, "-n", "3", "--out", str(tmp_path / "x.npz")]) == 0
    assert np.load(tmp_path / "x.npz")["x"].shape == (3, 2 * 784)
    capsys.readouterr()
    assert cli.main(["evaluate", folder, "-n", "100"]) == 0
    found, said = json.loads((tmp_path / "run" / "evaluation.json").read_text()), capsys.readouterr().out
    checkpoint = Checkpoint(tmp_path / "run" / "checkpoint.npz")
    a, b = np.split(checkpoint.sample(100), 2, axis=1)
    expected = metrics.agreement(ng.data.edges(a.reshape(-1, 28, 28)).reshape(100, -1), b)
    assert (found["agreement"], found["agreement_binary"]) == expected
    assert 0.75 < found["training_rows"]["agreement"] < 0.85
    assert f"pixel agreement of pairs, grey{expected.grey:26.3f}" in said


# Refused


def refused(words, make):
    with pytest.raises(ng.InputError) as caught:
        make()
    assert words in str(caught.value) and "\n" not in str(caught.value), caught.value


def test_what_cannot_stand_side_by_side_is_refused():
    linear = ng.Linear(2, 3)
    refused("takes two layers or more, one a branch, got [Linear", lambda: ng.Concat([ng.Linear(2, 3)]))
    refused("the same layer object stands in the list twice", lambda: ng.Split([linear, linear]))
    refused("must have one n_in, got", lambda: ng.Concat([ng.Linear(2, 3), ng.Linear(3, 3)]))
    refused("must have one n_out, got", lambda: ng.Split([ng.Linear(2, 3), ng.Linear(2, 4)]))
    refused("must have one axes_in, got", lambda: ng.Concat([ng.Linear(2, 3), ng.Conv2d(2, 3)]))
    refused("takes 4 features, but the layers before it give 3", lambda: ng.Network([linear, ng.Split.example()]))
    three = ng.Network([ng.Split([ng.Tanh(), ng.Tanh(), ng.Tanh()])])
    refused("splits rows into 3 parts, which rows of shape (4,) do not have", lambda: three(np.ones((2, 4), "float32")))


def test_rows_of_two_shapes_are_refused():
    net = ng.Network([ng.Concat([ng.AvgPool2d(2), ng.Tanh()])])
    refused("must make rows of one shape, got (1, 1, 1), (2, 2, 1)", lambda: net(np.ones((2, 2, 2, 1), "float32")))
    net = ng.Network([ng.Split([ng.AvgPool2d(2), ng.Tanh()])])
    refused("must make rows of one shape, got (1, 1, 1), (2, 2, 1)", lambda: net(np.ones((2, 4, 2, 1), "float32")))


def test_penalties_are_refused_by_name():
    for penalty in (ng.R1(), ng.WGANGP()):
        refused("leave Split([Network([Shift", lambda penalty=penalty: training(penalty=penalty))
    _, D = pair()
    x, _ = batch()
    refused("needs a D that looks at each row alone: leave Split([Linear", lambda: ng.penalty.r1(D, x))


def test_a_penalty_goes_through_branches_that_are_networks():
    branch = [ng.Network([ng.Linear(2, 3), ng.Tanh(), ng.Linear(3, 2)], seed=i, dtype="float64") for i in range(2)]
    D = ng.Network([ng.Concat(branch), ng.Tanh(), ng.Linear(4, 1)], seed=2, dtype="float64")
    x = np.random.default_rng(0).standard_normal((5, 2))
    ng.penalty.r1(D, x)
    found = D.grad.copy()
    assert rel_error(found, numeric_gradient(lambda: ng.penalty.r1(D, x), D.theta)) < 1e-6


def test_labels_are_refused():
    G, D = (ng.Conditional([ng.Label(n, 3), ng.Linear(n + 3, k)]) for n, k in ((2, 192), (192, 1)))
    refused("has no labels", lambda: ng.Training(G, D, rows(), batch=4, conditional=True))


@pytest.mark.parametrize("source", ["digits", "ring"])
def test_other_data_are_refused_in_one_line(source, tmp_path, capsys):
    assert cli.main(["train", "--data", source, "--model", "cogan", "--out", str(tmp_path / "r")]) == 2
    said = capsys.readouterr().err
    assert "cogan needs rows of two images, one of each domain" in said and said.count("\n") == 1
    assert "--data digits-edges or digits-negatives" in said
    assert not (tmp_path / "r").exists()


def test_images_of_other_sizes_are_refused():
    data = ng.data.coupled(images(h=6), ng.data.edges)
    refused("sides are multiples of 4, got 6 × 12", lambda: cogan.cogan(data, seed=0))


# The data


def dilated(image):
    """Grey dilation with 3 × 3 pixels, entry by entry."""
    h, w = image.shape[:2]
    wide = np.zeros((h + 2, w + 2, *image.shape[2:]))
    wide[1:-1, 1:-1] = image
    return np.array([[wide[r : r + 3, s : s + 3].max(axis=(0, 1)) for s in range(w)] for r in range(h)])


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_edges_are_the_dilation_less_the_image(shape):
    x = np.random.default_rng(0).uniform(0, 1, (4, *shape))
    expected = np.array([dilated(image) - image for image in x])
    assert np.allclose(ng.data.edges(x), expected, atol=1e-15) and expected.min() >= 0
    assert (ng.data.negatives(x) == 1 - x).all()


@pytest.mark.parametrize("transform", [ng.data.edges, ng.data.negatives])
@pytest.mark.parametrize("c", [(), (2,)])
def test_a_row_is_an_image_of_one_half_above_a_transformed_one_of_the_other_half(transform, c):
    """Each image of the data stands once among all rows, in one domain, or not at all: n is odd."""
    data = images(n=13, c=c, held_out=images(4, c=c, seed=1).x)
    found = ng.data.coupled(data, transform, seed=5)
    assert (found.domains, found.image_shape, len(found)) == (2, (16, 12, *c), 6)
    assert (found.range, found.labels) == ((-1, 1), None)
    both = data.restore(data.x)
    second = transform(both.reshape(13, 8, 12, *c)).reshape(13, -1)
    a, b = np.split(found.restore(found.x), 2, axis=1)
    from_a, from_b = (nearest(rows, known) for rows, known in ((a, both), (b, second)))
    assert len({*from_a, *from_b}) == 12
    assert len(found.held_out) == 2 and found.held_out.shape[1] == 2 * 96 * max(c, default=1)
    assert (ng.data.coupled(data, transform, seed=5).x == found.x).all()
    assert (ng.data.coupled(data, transform, seed=6).x != found.x).any()


def nearest(rows, known):
    """Which of the known rows each row is."""
    apart = np.abs(rows[:, None] - known).max(axis=2)
    assert (apart.min(axis=1) < 1e-6).all()
    return apart.argmin(axis=1).tolist()


@pytest.mark.parametrize("name", COUPLED)
def test_digits_in_two_domains_have_a_name(name):
    train, test = ng.data.load(name), ng.data.load(name, split="test")
    assert (train.name, train.image_shape, len(train), len(test)) == (name, (56, 28), 2500, 1000)
    assert (train.held_out == test.x).all()
    assert ng.data.load(name, range=(0, 1)).x.min() == 0
    assert len(ng.data.load(name, hold_out=500)) == 2000


def test_rows_are_not_paired():
    """They agree no better than shuffled ones do."""
    data = ng.data.load("digits-negatives")
    a, b = np.split(data.restore(data.x), 2, axis=1)
    as_they_stand, shuffled = (metrics.agreement(1 - a, rows).grey for rows in (b, np.roll(b, 1, axis=0)))
    assert abs(as_they_stand - shuffled) < 0.005 and as_they_stand < 0.85


def test_what_cannot_be_coupled_is_refused():
    refused("coupled takes images, one a row", lambda: ng.data.coupled(ng.data.ring(), ng.data.edges))
    refused("coupled takes images, one a row", lambda: ng.data.coupled(rows(), ng.data.edges))
    refused("takes two images or more", lambda: ng.data.coupled(images(1), ng.data.edges))
    refused("seed", lambda: ng.data.coupled(images(), ng.data.edges, seed=-1))
    refused("domains is 3, but image_shape is (8, 12): it must be 3 images high", lambda: images(domains=3))
    refused("domains is 2, but image_shape is None", lambda: ng.data.Data(np.ones((2, 4), "float32"), domains=2))


# How well pairs agree


def test_agreement_counted_by_hand():
    expected, found = np.array([[0, 1, 0.4, 0.8]]), np.array([[0, 0, 0.6, 0.6]])
    assert np.allclose(metrics.agreement(expected, found), [1 - (0 + 1 + 0.2 + 0.2) / 4, 2 / 4])


def test_agreement_is_1_for_exact_pairs_and_0_for_their_opposites():
    x = (np.random.default_rng(0).uniform(0, 1, (5, 9)) > 0.5).astype(float)
    assert metrics.agreement(x, x) == (1, 1) and metrics.agreement(x, 1 - x) == (0, 0)
    grey = np.random.default_rng(0).uniform(0, 1, (5, 9))
    assert metrics.agreement(grey, grey) == (1, 1)


# The benchmark


def test_two_separate_gans_share_nothing():
    """A change to all that makes, or sees, images of A changes nothing of B; there are twice as many weights."""
    G, D = bench.separate(rows(), seed=0)
    alone = ng.Network([*cogan.to_maps(8, 12), cogan.last(1)]), ng.Network([cogan.first(1, 0), *cogan.from_maps(8, 12)])
    assert [net.size for net in (G, D)] == [2 * net.size for net in alone]
    z = np.random.default_rng(0).standard_normal((3, cogan.N_Z)).astype("float32")
    (a, b), (a_x, b_x) = halves(G(z), True), halves(D(rows().x[:3]), False)
    G.layers[0].layers[0].theta[...] += 0.1
    D.layers[1].layers[0].theta[...] += 0.1
    (a_2, b_2), (a_x2, b_x2) = halves(G(z), True), halves(D(rows().x[:3]), False)
    assert (a_2 != a).any() and (b_2 == b).all() and (a_x2 != a_x).any() and (b_x2 == b_x).all() and (a != b).any()


@pytest.mark.parametrize("name", COUPLED)
def test_exact_pairs_score_1_and_shuffled_ones_less(name):
    digits = ng.data.load("digits", range=(0, 1)).x[:100].astype(float)
    b = COUPLED[name](digits.reshape(-1, 28, 28)).reshape(100, -1)
    found = bench.scores(np.concatenate([digits, b], axis=1), name)
    assert found["pairs"] == {"grey": 1.0, "binary": 1.0}
    assert max(found["shuffled"].values()) < 0.9 and found["frechet"] < 20


def test_its_page_is_what_was_kept():
    def found(grey):
        both = {"grey": grey, "binary": grey / 2}
        return {"pairs": both, "shuffled": both, "frechet": 3.0, "D_x": 0.5, "D_Gz": 0.5, "seconds": 30.4}

    kept = {f"data/{name}": found(0.5) for name in COUPLED}
    for step in range(bench.EVERY, COGAN.steps + 1, bench.EVERY):
        kept[f"cogan/digits-edges/1/{step}"] = found(step / 20_000)
    page = bench.report(kept).splitlines()
    assert "| CoGAN, seed 1 | 0.800 | 0.400 | 0.800, 0.400 | 3.0 |" in page
    assert page.count("| rows of the data, unpaired | 0.500 | 0.250 | 0.500, 0.250 | 3.0 |") == 2
    assert page[-1].startswith("| cogan, digits-edges, seed 1 | 0.100 | 0.200 |") and page[-1].endswith("| 243 s |")
    del kept[f"cogan/digits-edges/1/{COGAN.steps}"]
    page = bench.report(kept).splitlines()
    assert "| CoGAN, seed 1, after 14,000 steps | 0.700 | 0.350 | 0.700, 0.350 | 3.0 |" in page
    assert page[-1].endswith("| 0.700 |  | 213 s |")


def test_the_kept_page_is_that_of_the_kept_figures():
    kept = bench.Store(bench.RESULTS / "cogan.jsonl").read()
    assert (bench.RESULTS / "cogan.md").read_text(encoding="utf-8") == bench.report(kept) + "\n"
