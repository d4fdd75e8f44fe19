"""PyTorch as its DCGAN tutorial writes the step: default Adam, two backward passes for D, and D differentiated for
its parameters in G's step as well (the next zero_grad throws that away).

One difference: the tutorial feeds G's step the samples of D's; here, as in Algorithm 1, each step draws its own noise.
"""

from math import prod

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from benchmarks.speed import networks as neutral
from benchmarks.speed.peers.channels_first import channels_first, channels_last


class Eager:
    def __init__(self, workload, dtype="float32", threads=None):
        if threads:
            torch.set_num_threads(threads)
        torch.manual_seed(0)
        w = workload
        g, d = w.weights(dtype)
        self.named = []  # each layer of the workload that has parameters, and these
        self.G, self.D = self.network(w.G, g), self.network(w.D, d)
        self.opt_g, self.opt_d = (self.adam(net, w) for net in (self.G, self.D))
        self.x, self.shape = self.tensor(w.data(dtype)), (w.batch, w.n_z)
        self.ones, self.zeros = torch.ones(w.batch, 1, dtype=self.x.dtype), torch.zeros(w.batch, 1, dtype=self.x.dtype)
        self.batches = self.shuffled()

    def network(self, specs, weights):
        layers = []
        for spec, arrays in zip(specs, weights, strict=True):
            made = self.translated(spec)
            parameters = [p for layer in made for p in layer.parameters()]
            for p, array in zip(parameters, self.turned(spec, arrays), strict=True):
                p.data = torch.from_numpy(np.ascontiguousarray(array))
            self.named.append((spec, parameters))
            layers += made
        net = nn.Sequential(*layers)
        return net.to(next(net.parameters()).dtype)  # BatchNorm's running averages too

    def translated(self, spec):
        """A layer as one or more of PyTorch's, with images (m, c, h, w)."""
        match spec:
            case neutral.Dense(x, y):
                return [*self.rows_of(x), nn.Linear(prod(x), prod(y)), *self.images_of(y)]
            case neutral.ConvTranspose(n_in, n_out, kernel, stride, padding, bias):
                return [nn.ConvTranspose2d(n_in, n_out, kernel, stride, padding, bias=bias)]
            case neutral.Conv(n_in, n_out, kernel, stride, padding, bias):
                return [nn.Conv2d(n_in, n_out, kernel, stride, padding, bias=bias)]
            case neutral.BatchNorm(n, eps):
                return [nn.BatchNorm2d(n, eps)]
            case neutral.LeakyReLU(slope):
                return [nn.LeakyReLU(slope, inplace=True)]
            case neutral.ReLU():
                return [nn.ReLU(inplace=True)]
            case neutral.Tanh():
                return [nn.Tanh()]
            case neutral.Reshape(shape):
                return self.images_of(shape) or [nn.Flatten()]

    def rows_of(self, shape):
        return [nn.Flatten()] if len(shape) > 1 else []

    def images_of(self, shape):
        return [nn.Unflatten(1, (shape[2], *shape[:2]))] if len(shape) > 1 else []

    def turned(self, spec, arrays):
        """A layer's arrays in PyTorch's order of axes."""
        return transposed(spec, channels_first(spec, arrays))

    def returned(self, spec, arrays):
        """And back."""
        return channels_last(spec, transposed(spec, arrays))

    def tensor(self, x):
        """Data; images become (m, c, h, w)."""
        x = torch.from_numpy(x)
        return x if x.ndim == 2 else x.permute(0, 3, 1, 2).contiguous()

    def adam(self, net, w):
        return torch.optim.Adam(net.parameters(), lr=w.lr, betas=(w.beta1, w.beta2), eps=w.eps)

    def shuffled(self):
        while True:
            for index in torch.randperm(len(self.x)).split(self.shape[0]):
                yield self.x[index]

    def noise(self):
        return torch.randn(self.shape, dtype=self.x.dtype)

    def steps(self, n):
        for _ in range(n):
            self.step(next(self.batches), self.noise(), self.noise())

    def step(self, x, z_d, z_g):
        self.D.zero_grad()
        bce(self.D(x), self.ones).backward()
        bce(self.D(self.G(z_d).detach()), self.zeros).backward()
        self.opt_d.step()
        self.G.zero_grad()
        bce(self.D(self.G(z_g)), self.ones).backward()
        self.opt_g.step()

    def pair(self, x, z_d, z_g):
        self.step(*map(self.tensor, (x, z_d, z_g)))

    def parameters(self):
        arrays = ((spec, [p.detach().numpy() for p in parameters]) for spec, parameters in self.named)
        return [array for spec, values in arrays for array in self.returned(spec, values)]

    def about(self):
        return {"torch": torch.__version__, "threads": torch.get_num_threads()}


def transposed(spec, arrays):
    """PyTorch's Linear keeps W as (n_out, n_in)."""
    return (arrays[0].T, *arrays[1:]) if isinstance(spec, neutral.Dense) else arrays
