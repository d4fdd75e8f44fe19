"""The model dcgan64 is the pair of PyTorch's DCGAN tutorial, number for number."""

import numpy as np
import pytest
from PIL import Image

import numgan as ng
from numgan import models
from numgan.app import cli
from numgan.layers import BatchNorm, Conv2d, ConvTranspose2d

MODEL = models.BY_NAME["dcgan64"]


def images(n, *shape):
    x = np.random.default_rng(0).uniform(-1, 1, (n, int(np.prod(shape)))).astype("float32")
    return ng.data.Data(x, image_shape=shape, range=(-1, 1))


@pytest.fixture(scope="module")
def pair():
    """G and D in colour, in float64."""
    return [net.copy(dtype="float64") for net in MODEL.networks(images(2, 64, 64, 3), seed=0)]


def test_as_many_parameters_as_in_the_tutorial(pair):
    assert [net.size for net in pair] == [3_576_704, 2_765_568]
    grey = MODEL.networks(images(2, 64, 64), seed=0)
    assert [net.size for net in grey] == [3_576_704 - 2 * 64 * 16, 2_765_568 - 2 * 64 * 16]


def test_first_values(pair):
    for net in pair:
        for layer in net.layers:
            if isinstance(layer, Conv2d | ConvTranspose2d):
                assert not layer.bias
                assert abs(layer.W.std() / 0.02 - 1) < 0.03 and abs(layer.W.mean()) < 0.002
            if isinstance(layer, BatchNorm):
                assert abs(layer.gamma.std() / 0.02 - 1) < 0.3 and abs(layer.gamma.mean() - 1) < 0.01
                assert (layer.beta == 0).all()


@pytest.mark.parametrize(
    ("shape", "says"),
    [((28, 28), "got 28 × 28: take dcgan, or a folder with --size 64"), ((64, 32, 3), "got 64 × 32"), (None, "points")],
)
def test_other_sizes_are_refused(shape, says):
    data = images(3, *shape) if shape else ng.data.ring(20)
    with pytest.raises(ng.InputError, match=f"dcgan64 needs images of 64 × 64 pixels, got.*{says.removeprefix('got')}"):
        MODEL.networks(data, seed=0)


def test_it_trains_on_a_folder_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("numgan.training.CALIBRATION_ROWS", 4)
    monkeypatch.setattr("numgan.app.folder.Run.draw", lambda run: None)  # other tests look at a run's pictures
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for i in range(3):
        noise = Image.fromarray(rng.integers(0, 256, (40, 70, 3), dtype=np.uint8))
        noise.save(tmp_path / "photos" / f"{i}.png")
    settings = ["--size", "64", "--batch", "2", "--steps", "1", "--out", "r"]
    assert cli.main(["train", "--model", "dcgan64", "--data", "photos", *settings]) == 0
    assert cli.main(["sample", "r", "-n", "2", "--out", "x.npz"]) == 0
    with np.load("x.npz") as file:
        assert file["x"].shape == (2, 64 * 64 * 3)
        assert 0 <= file["x"].min() < file["x"].max() <= 1


def test_noise_is_as_wide_as_the_shape_it_is_brought_into():
    G = ng.Network([ng.Reshape((1, 2, 3)), ng.ConvTranspose2d(3, 1, stride=1, padding=0), ng.Reshape((20,))])
    D = ng.Network([ng.Linear(20, 1)])
    assert ng.Training(G, D, np.zeros((64, 20))).n_z == 6


@pytest.mark.parametrize("shape", [(28, 28), (32, 32, 3), (64, 64, 3)])
def test_dcgan_takes_the_usual_sizes(shape):
    data = images(2, *shape)
    G, D = models.BY_NAME["dcgan"].networks(data, seed=0)
    x_g = G(np.zeros((2, G.n_in), "float32"))
    assert x_g.shape == data.x.shape
    assert D(x_g).shape == (2, 1)


# Beside PyTorch


def tutorial(torch):
    """netG and netD, as the tutorial writes them."""
    nn = torch.nn

    def up(n_in, n_out, stride, padding):
        conv = nn.ConvTranspose2d(n_in, n_out, 4, stride, padding, bias=False)
        return conv, nn.BatchNorm2d(n_out), nn.ReLU(True)

    def down(n_in, n_out):
        return nn.Conv2d(n_in, n_out, 4, 2, 1, bias=False), nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2, inplace=True)

    netG = nn.Sequential(
        *(*up(100, 512, 1, 0), *up(512, 256, 2, 1), *up(256, 128, 2, 1), *up(128, 64, 2, 1)),
        *(nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh()),
    )
    netD = nn.Sequential(
        *(nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True)),
        *(*down(64, 128), *down(128, 256), *down(256, 512)),
        *(nn.Conv2d(512, 1, 4, 1, 0, bias=False), nn.Sigmoid()),
    )
    return netG.double(), netD.double()


# W (kernel, kernel, n_in, n_out) → PyTorch's (n_out, n_in, kernel, kernel); W (n_in, kernel, kernel, n_out) → its
# (n_in, n_out, kernel, kernel).
AXES = {Conv2d: (3, 2, 0, 1), ConvTranspose2d: (0, 3, 1, 2)}


def in_pytorchs_order(net, vector):
    """The parts of θ or of its gradient, each in the shape and place that it has in PyTorch's modules."""
    for name, span in net.slices.items():
        layer, part = net.layers[int(name.split(".")[0])], vector[span].reshape(net.shapes[name])
        yield part.transpose(AXES[type(layer)]) if type(layer) in AXES else part


def alike(ours, theirs):
    """max|a − b| / max|b|, at most 10⁻¹⁰."""
    theirs = theirs if isinstance(theirs, np.ndarray) else theirs.detach().numpy()
    assert ours.shape == theirs.shape
    assert abs(ours - theirs).max() <= 1e-10 * abs(theirs).max()


@pytest.fixture(scope="module")
def both(pair):
    """Our pair after one step of each player, with what the steps saw; and the tutorial's."""
    torch = pytest.importorskip("torch", reason="PyTorch is the referee: pip install 'numgan[bench]'")
    G, D = (net.copy() for net in pair)
    netG, netD = tutorial(torch)
    for ours, theirs in ((G, netG), (D, netD)):
        for mine, parameter in zip(in_pytorchs_order(ours, ours.theta), theirs.parameters(), strict=True):
            parameter.data = torch.tensor(np.ascontiguousarray(mine))
    m, rng = 2, np.random.default_rng(1)
    x, z = rng.uniform(-1, 1, (m, 64 * 64 * 3)), rng.standard_normal((m, 100))

    (opt_g, opt_d), loss = MODEL.optimizers({}, {}), MODEL.loss
    info_d = ng.discriminator_gradient(G, D, x, z, loss)
    opt_d.step(D.theta, D.grad)
    info_g = ng.generator_gradient(G, D, z, loss)
    opt_g.step(G.theta, G.grad)

    criterion, adam = torch.nn.BCELoss(), {"lr": 2e-4, "betas": (0.5, 0.999)}
    their_g, their_d = torch.optim.Adam(netG.parameters(), **adam), torch.optim.Adam(netD.parameters(), **adam)
    real = torch.tensor(x.reshape(m, 64, 64, 3).transpose(0, 3, 1, 2).copy())
    one, zero = torch.ones(m, dtype=torch.double), torch.zeros(m, dtype=torch.double)
    fake = netG(torch.tensor(z)[:, :, None, None])
    on_real, on_fake = netD(real).view(-1), netD(fake.detach()).view(-1)
    err_d = criterion(on_real, one) + criterion(on_fake, zero)
    err_d.backward()
    grad_d = [parameter.grad.clone() for parameter in netD.parameters()]
    their_d.step()
    err_g = criterion(netD(fake).view(-1), one)
    err_g.backward()
    their_g.step()
    grad_g = [parameter.grad for parameter in netG.parameters()]

    x_g = info_d.x_g.reshape(m, 64, 64, 3).transpose(0, 3, 1, 2)
    seen = [(x_g, fake), (info_d.D_x, on_real.mean()), (info_d.D_Gz, on_fake.mean())]
    seen += [(info_d.value, err_d), (info_g.value, err_g)]
    return seen, (D, grad_d, netD), (G, grad_g, netG)


@pytest.mark.notebooks
def test_forward_and_losses_are_the_tutorials(both):
    for ours, theirs in both[0]:
        alike(ours, theirs)


@pytest.mark.notebooks
def test_the_step_of_each_player_is_the_tutorials(both):
    """The gradients one by one; θ as a vector, as Adam's first step is ±2e-4 wherever a gradient is not exactly 0."""
    for net, grads, theirs in both[1:]:
        for mine, grad in zip(in_pytorchs_order(net, net.grad), grads, strict=True):
            alike(mine, grad)
        theta = [mine.ravel() for mine in in_pytorchs_order(net, net.theta)]
        alike(np.concatenate(theta), np.concatenate([p.detach().numpy().ravel() for p in theirs.parameters()]))
