"""PyTorch as its DCGAN tutorial writes the step: default Adam, two backward passes for D, and D differentiated for
its parameters in G's step as well (the next zero_grad throws that away).

One difference: the tutorial feeds G's step the samples of D's; here, as in Algorithm 1, each step draws its own noise.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce


def mlp(sizes, weights, slope, last=()):
    layers = []
    for (n_in, n_out), (W, b) in zip(pairwise(sizes), weights, strict=True):
        linear = nn.Linear(n_in, n_out)
        linear.weight.data, linear.bias.data = torch.from_numpy(W.T.copy()), torch.from_numpy(b)
        layers += [linear, nn.LeakyReLU(slope, inplace=True)]
    return nn.Sequential(*layers[:-1], *last)


class Eager:
    def __init__(self, workload, dtype="float32", threads=None):
        if threads:
            torch.set_num_threads(threads)
        torch.manual_seed(0)
        w = workload
        g, d = w.weights(dtype)
        self.G = mlp(w.G, g, w.slope, [nn.Tanh()] if w.tanh else [])
        self.D = mlp(w.D, d, w.slope)
        self.opt_g, self.opt_d = (self.adam(net, w) for net in (self.G, self.D))
        self.x, self.shape = torch.from_numpy(w.data(dtype)), (w.batch, w.n_z)
        self.ones, self.zeros = torch.ones(w.batch, 1, dtype=self.x.dtype), torch.zeros(w.batch, 1, dtype=self.x.dtype)
        self.batches = self.shuffled()

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
        self.step(*map(torch.from_numpy, (x, z_d, z_g)))

    def parameters(self):
        return [p.detach().numpy().T for net in (self.G, self.D) for p in net.parameters()]

    def about(self):
        return {"torch": torch.__version__, "threads": torch.get_num_threads()}
