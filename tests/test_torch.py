"""An independent referee: the same steps by PyTorch's automatic differentiation in float64, to ten digits."""

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

import numgan as ng
from numgan.losses import Minimax, NonSaturating
from numgan.network import Network

torch = pytest.importorskip("torch", reason="PyTorch is the referee: pip install 'numgan[bench]'")
F = torch.nn.functional

ALIKE = 1e-10


def alike(ours, theirs):
    """max|a − b| / max|b|, at most 10⁻¹⁰."""
    theirs = theirs.detach().numpy()
    assert np.shape(ours) == theirs.shape
    assert np.max(np.abs(ours - theirs)) <= ALIKE * max(np.max(np.abs(theirs)), 1e-3)


def leaves(net):
    for layer in net.layers:
        yield from leaves(layer) if isinstance(layer, Network) else [layer]


def parameters(net):
    """One tensor of torch's for each parameter of the network, by layer."""
    return {
        layer: {name: torch.tensor(getattr(layer, name), requires_grad=True) for name in layer.shapes}
        for layer in leaves(net)
    }


def torch_forward(layers, x):
    """The same network in PyTorch's own words."""
    for layer, p in layers.items():
        x = RULES[type(layer)](layer, x, **p)
    return x


def channels_first(x):
    """(m, h, w, c) → (m, c, h, w), PyTorch's order."""
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


RULES = {
    ng.Linear: lambda layer, x, W, b: F.linear(x, W.T, b),
    ng.Conv2d: lambda layer, x, W, b=None: channels_last(
        F.conv2d(channels_first(x), W.permute(3, 2, 0, 1).contiguous(), b, layer.stride, layer.padding)
    ),
    ng.ConvTranspose2d: lambda layer, x, W, b=None: channels_last(
        F.conv_transpose2d(channels_first(x), W.permute(0, 3, 1, 2).contiguous(), b, layer.stride, layer.padding)
    ),
    ng.AvgPool2d: lambda layer, x: channels_last(F.avg_pool2d(channels_first(x), layer.factor)),
    ng.Upsample: lambda layer, x: channels_last(F.interpolate(channels_first(x), scale_factor=layer.factor)),
    ng.Maxout: lambda layer, x, W, b: F.linear(x, W.T, b).unflatten(1, (layer.pieces, layer.n_out)).amax(dim=1),
    ng.BatchNorm: lambda layer, x, gamma, beta: F.batch_norm(
        x.reshape(-1, layer.n), None, None, gamma, beta, training=True, eps=layer.eps
    ).reshape(x.shape),
    ng.LeakyReLU: lambda layer, x: F.leaky_relu(x, layer.slope),
    ng.ReLU: lambda layer, x: F.relu(x),
    ng.Tanh: lambda layer, x: torch.tanh(x),
    ng.Sigmoid: lambda layer, x: torch.sigmoid(x),
    ng.Reshape: lambda layer, x: x.reshape(len(x), *layer.shape),
}

# Each player's loss, from its paper, with PyTorch's own losses where it has them.
BCE = F.binary_cross_entropy_with_logits
LOSSES = {
    "minimax": (
        lambda a_x, a_g: BCE(a_x, torch.ones_like(a_x)) + BCE(a_g, torch.zeros_like(a_g)),
        lambda a_g: -BCE(a_g, torch.zeros_like(a_g)),
    ),
    "nonsaturating": (
        lambda a_x, a_g: BCE(a_x, torch.ones_like(a_x)) + BCE(a_g, torch.zeros_like(a_g)),
        lambda a_g: BCE(a_g, torch.ones_like(a_g)),
    ),
    "least_squares": (
        lambda a_x, a_g: (F.mse_loss(a_x, torch.ones_like(a_x)) + F.mse_loss(a_g, torch.zeros_like(a_g))) / 2,
        lambda a_g: F.mse_loss(a_g, torch.ones_like(a_g)) / 2,
    ),
    "wasserstein": (lambda a_x, a_g: a_g.mean() - a_x.mean(), lambda a_g: -a_g.mean()),
    "hinge": (lambda a_x, a_g: F.relu(1 - a_x).mean() + F.relu(1 + a_g).mean(), lambda a_g: -a_g.mean()),
}


def smoothed(s):
    return lambda a_x, a_g: BCE(a_x, torch.full_like(a_x, s)) + BCE(a_g, torch.zeros_like(a_g))


GAMES = [(ng.losses.BY_NAME[name], *both) for name, both in LOSSES.items()]
GAMES += [
    (Minimax(smooth=0.9), smoothed(0.9), LOSSES["minimax"][1]),
    (NonSaturating(smooth=0.7), smoothed(0.7), LOSSES["nonsaturating"][1]),
]


def plain():
    G = [ng.Linear(5, 16), ng.LeakyReLU(0.2), ng.Linear(16, 6), ng.Tanh()]
    D = [ng.Linear(6, 16), ng.LeakyReLU(0.2), ng.Linear(16, 1)]
    return G, D


def paper():
    """The stacks of the 2014 paper, without Dropout."""
    G = [ng.Linear(5, 16), ng.ReLU(), ng.Linear(16, 6), ng.Sigmoid()]
    D = [ng.Maxout(6, 12, 3), ng.Maxout(12, 8, 2), ng.Linear(8, 1)]
    return G, D


def normalised():
    G = [ng.Linear(5, 16), ng.BatchNorm(16), ng.ReLU(), ng.Network([ng.Linear(16, 6), ng.BatchNorm(6), ng.Tanh()])]
    D = [ng.Linear(6, 12), ng.BatchNorm(12), ng.LeakyReLU(0.1), ng.Reshape((12,)), ng.Linear(12, 1)]
    return G, D


def dcgan():
    """Radford et al. 2015, small: images of 8 × 8 pixels."""
    G = [
        *(ng.Linear(5, 32), ng.Reshape((2, 2, 8)), ng.BatchNorm(8), ng.ReLU()),
        *(ng.ConvTranspose2d(8, 4, bias=False), ng.BatchNorm(4), ng.ReLU(), ng.ConvTranspose2d(4, 1), ng.Tanh()),
    ]
    D = [
        *(ng.Conv2d(1, 4), ng.LeakyReLU(0.2), ng.Conv2d(4, 8, bias=False), ng.BatchNorm(8), ng.LeakyReLU(0.2)),
        *(ng.Reshape((32,)), ng.Linear(32, 1)),
    ]
    return G, D


def resampled():
    """Odd kernels, rectangular images of two channels, whose rows are flat between the players."""
    G = [
        *(ng.Linear(5, 18), ng.Reshape((2, 3, 3)), ng.Upsample(2), ng.Conv2d(3, 4, kernel=3, stride=1), ng.Tanh()),
        *(ng.ConvTranspose2d(4, 2, kernel=5, stride=3, padding=2), ng.Reshape((320,))),
    ]
    D = [
        *(ng.Reshape((10, 16, 2)), ng.AvgPool2d(2), ng.Conv2d(2, 3, kernel=3, stride=1, padding=0), ng.Tanh()),
        *(ng.Reshape((54,)), ng.Linear(54, 1)),
    ]
    return G, D


@pytest.fixture(params=[plain, paper, normalised, dcgan, resampled], ids=lambda make: make.__name__)
def players(request):
    """G and D with random parameters, x (32, …) and z (32, 5)."""
    rng = np.random.default_rng(0)
    G, D = (ng.Network(layers, dtype="float64") for layers in request.param())
    for net in (G, D):
        net.theta += 0.3 * rng.standard_normal(net.size)
    z = rng.standard_normal((32, 5))
    return G, D, rng.standard_normal(G(z).shape), z


def check_gradient(net, theirs):
    for layer, p in theirs.items():
        for name, tensor in p.items():
            ours, grad = getattr(layer, f"d{name}"), 0.0 if tensor.grad is None else tensor.grad.numpy()
            assert np.max(np.abs(ours - grad)) <= ALIKE * np.max(np.abs(net.grad))


@pytest.mark.parametrize(("loss", "loss_d", "loss_g"), GAMES, ids=[repr(game[0]) for game in GAMES])
def test_discriminator_step(players, loss, loss_d, loss_g):
    G, D, x, z = players
    info = ng.discriminator_gradient(G, D, x, z, loss)
    g, d = parameters(G), parameters(D)
    x_g = torch_forward(g, torch.tensor(z)).detach()
    a_x, a_g = torch_forward(d, torch.tensor(x)), torch_forward(d, x_g)
    value = loss_d(a_x, a_g)
    value.backward()
    alike(info.x_g, x_g)
    alike(info.a_x, a_x)
    alike(info.a_g, a_g)
    alike(info.value, value)
    alike(info.V, -LOSSES["minimax"][0](a_x, a_g))
    alike(info.D_x, torch.sigmoid(a_x).mean())
    alike(info.D_Gz, torch.sigmoid(a_g).mean())
    check_gradient(D, d)


@pytest.mark.parametrize(("loss", "loss_d", "loss_g"), GAMES, ids=[repr(game[0]) for game in GAMES])
def test_generator_step(players, loss, loss_d, loss_g):
    G, D, _, z = players
    info = ng.generator_gradient(G, D, z, loss)
    g, d = parameters(G), parameters(D)
    value = loss_g(torch_forward(d, torch_forward(g, torch.tensor(z))))
    value.backward()
    alike(info.value, value)
    check_gradient(G, g)


@pytest.mark.parametrize(("loss", "loss_d", "loss_g"), GAMES, ids=[repr(game[0]) for game in GAMES])
def test_losses_and_their_derivatives(loss, loss_d, loss_g):
    rng = np.random.default_rng(1)
    a_x, a_g = 3 * rng.standard_normal((7, 1)), 3 * rng.standard_normal((5, 1))
    t_x, t_g = torch.tensor(a_x, requires_grad=True), torch.tensor(a_g, requires_grad=True)
    for ours, theirs, at in (
        (loss.discriminator(a_x, a_g), loss_d(t_x, t_g), (t_x, t_g)),
        (loss.generator(a_g), loss_g(t_g), (t_g,)),
    ):
        alike(ours[0], theirs)
        for mine, grad in zip(ours[1:], torch.autograd.grad(theirs, at), strict=True):
            alike(mine, grad)


LAYERS = [
    ng.Linear(6, 4),
    ng.Maxout(6, 4, 3),
    ng.BatchNorm(6),
    ng.ReLU(),
    ng.LeakyReLU(0.3),
    ng.Tanh(),
    ng.Sigmoid(),
    ng.Reshape((2, 3)),
]
IMAGE_LAYERS = [
    ng.Conv2d(2, 3),
    ng.ConvTranspose2d(2, 3),
    ng.AvgPool2d(2),
    ng.AvgPool2d(3),
    ng.Upsample(2),
    ng.Upsample(3),
    ng.BatchNorm(2),
]
CASES = [*((layer, (9, 6)) for layer in LAYERS), *((layer, (5, 6, 12, 2)) for layer in IMAGE_LAYERS)]


@pytest.mark.parametrize(("layer", "shape"), CASES, ids=[f"{layer} {len(shape) - 1}" for layer, shape in CASES])
def test_layers(layer, shape):
    rng = np.random.default_rng(2)
    net = ng.Network([layer], dtype="float64")
    net.theta += 0.3 * rng.standard_normal(net.size)
    x = rng.standard_normal(shape)
    y, tape = net.forward(x, train=True)
    dy = rng.standard_normal(y.shape)
    theirs, t = parameters(net), torch.tensor(x, requires_grad=True)
    out = torch_forward(theirs, t)
    out.backward(torch.tensor(dy))
    alike(y, out)
    alike(net.backward(dy, tape, add=False), t.grad)
    if net.size:
        check_gradient(net, theirs)


def test_batchnorm_in_evaluation():
    rng = np.random.default_rng(3)
    net = ng.Network([ng.BatchNorm(6)], dtype="float64")
    net.theta += 0.3 * rng.standard_normal(net.size)
    net.calibrate(2 + 3 * rng.standard_normal((50, 6)))
    (layer,) = net.layers
    x = rng.standard_normal((9, 6))
    statistics = [torch.tensor(a) for a in (layer.mean, layer.var, layer.gamma, layer.beta)]
    alike(net(x), F.batch_norm(torch.tensor(x), *statistics, training=False, eps=layer.eps))


@pytest.mark.parametrize("cls", [ng.Conv2d, ng.ConvTranspose2d])
@given(
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    padding=st.integers(0, 4),
    sides=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_every_convolution(cls, kernel, stride, padding, sides, channels):
    """y, the gradients, and the double backward ∂/∂(dy, W) of ⟨∂L/∂x, v⟩, for whatever kernel and shape."""
    layer = cls(*channels, kernel, stride, padding)
    net = ng.Network([layer], dtype="float64")
    rng = np.random.default_rng(6)
    net.theta += 0.3 * rng.standard_normal(net.size)
    x = rng.standard_normal((3, *sides, channels[0]))
    try:
        y, tape = net.forward(x)
    except ng.InputError:
        reject()  # the size of y is no whole number
    dy, v = rng.standard_normal(y.shape), rng.standard_normal(x.shape)
    theirs, t, u = parameters(net), torch.tensor(x, requires_grad=True), torch.tensor(dy, requires_grad=True)
    out = torch_forward(theirs, t)
    dx, *grads = torch.autograd.grad(out, [t, *theirs[layer].values()], u, create_graph=True)
    alike(y, out)
    alike(net.backward(dy, tape, add=False), dx)
    for name, grad in zip(layer.shapes, grads, strict=True):
        alike(getattr(layer, f"d{name}"), grad)
    ddy, dW = torch.autograd.grad((dx * torch.tensor(v)).sum(), [u, theirs[layer]["W"]])
    net.grad[...] = 0
    alike(layer.tangent(v, dy, tape[0])[0], ddy)
    alike(layer.dW, dW)


CRITICS = {
    "conv": lambda act: [ng.Conv2d(2, 3), act(), ng.Conv2d(3, 4, 3, 1, 1), act(), ng.Reshape((24,)), ng.Linear(24, 1)],
    "flat": lambda act: [
        *(ng.Reshape((4, 6, 2)), ng.AvgPool2d(2), ng.Conv2d(2, 3, 2, 1, 0), act(), ng.Reshape((6,)), ng.Linear(6, 1)),
    ],
    "up": lambda act: [ng.Upsample(2), ng.ConvTranspose2d(2, 1, 3, 2, 1), act(), ng.Reshape((345,)), ng.Linear(345, 1)],
}


@pytest.mark.parametrize("act", [ng.Tanh, ng.LeakyReLU])
@pytest.mark.parametrize("make", CRITICS.values(), ids=CRITICS)
@pytest.mark.parametrize("kind", ["r1", "wgan_gp"])
def test_penalties_on_convolutional_critics(kind, make, act):
    D = ng.Network(make(act), dtype="float64")
    rng = np.random.default_rng(7)
    D.theta += 0.3 * rng.standard_normal(D.size)
    x, x_g = rng.standard_normal((2, 5, 48) if isinstance(D.layers[0], ng.Reshape) else (2, 5, 4, 6, 2))
    eps = rng.random((5, 1))
    value = ng.penalty.r1(D, x, 3.0) if kind == "r1" else ng.penalty.wgan_gp(D, x, x_g, 3.0, eps=eps)
    mix = eps.reshape(-1, *[1] * (x.ndim - 1))
    theirs, t = parameters(D), torch.tensor(x if kind == "r1" else mix * x + (1 - mix) * x_g, requires_grad=True)
    (g,) = torch.autograd.grad(torch_forward(theirs, t).sum(), t, create_graph=True)
    square = g.pow(2).flatten(1).sum(dim=1)
    penalty = 1.5 * square.mean() if kind == "r1" else 3 * (square.sqrt() - 1).pow(2).mean()
    penalty.backward()
    alike(value, penalty)
    check_gradient(D, theirs)


OPTIMISERS = [
    (lambda: ng.Adam(lr=0.01), lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.5, 0.999))),
    (
        lambda: ng.Adam(lr=0.1, beta1=0.9, beta2=0.99, eps=1e-4),
        lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.9, 0.99), eps=1e-4),
    ),
    (lambda: ng.SGD(lr=0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    (lambda: ng.SGD(lr=0.1, momentum=0.9), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
]


@pytest.mark.parametrize(("ours", "theirs"), OPTIMISERS, ids=["Adam", "Adam of 2015", "SGD", "momentum"])
def test_optimisers(ours, theirs):
    rng = np.random.default_rng(4)
    theta = rng.standard_normal(50)
    p = torch.tensor(theta, requires_grad=True)
    mine, other = ours(), theirs([p])
    for _ in range(100):
        grad = rng.standard_normal(50)
        mine.step(theta, grad)
        p.grad = torch.tensor(grad)
        other.step()
    alike(theta, p)


def test_a_short_training_follows_the_same_path():
    """Twenty steps of Algorithm 1, both players with Adam, from the same parameters and on the same batches."""
    rng = np.random.default_rng(5)
    G, D = (ng.Network(layers, dtype="float64") for layers in plain())
    g, d = parameters(G), parameters(D)
    flat = [[tensor for p in net.values() for tensor in p.values()] for net in (g, d)]
    opt_g, opt_d = ng.Adam(lr=1e-3), ng.Adam(lr=1e-3)
    their_g, their_d = (torch.optim.Adam(tensors, lr=1e-3, betas=(0.5, 0.999)) for tensors in flat)
    loss_d, loss_g = LOSSES["nonsaturating"]
    for _ in range(20):
        x, z = rng.standard_normal((32, 6)), rng.standard_normal((32, 5))
        ng.discriminator_gradient(G, D, x, z, ng.losses.nonsaturating)
        opt_d.step(D.theta, D.grad)
        ng.generator_gradient(G, D, z, ng.losses.nonsaturating)
        opt_g.step(G.theta, G.grad)
        their_d.zero_grad()
        x_g = torch_forward(g, torch.tensor(z)).detach()
        loss_d(torch_forward(d, torch.tensor(x)), torch_forward(d, x_g)).backward()
        their_d.step()
        their_g.zero_grad()
        loss_g(torch_forward(d, torch_forward(g, torch.tensor(z)))).backward()
        their_g.step()
    for net, tensors in ((G, flat[0]), (D, flat[1])):
        alike(net.theta, torch.cat([t.flatten() for t in tensors]))
