"""PyTorch at its best on a CPU, in two shapes, picked by timing the alternatives on the MLPs.

`Best` is eager: fused Adam, G(z) without a graph in D's step, real and generated rows as one batch where D looks at
each row alone, and `autograd.grad` for just the gradients that a step needs, which leaves D alone in G's (cheaper than
requires_grad_). Images lie in memory with their channels last.
`Compiled` hands the whole pair of updates, Adam included, to `torch.compile` as one function.
"""

import torch
from torch import nn
from torch.func import functional_call, grad
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from benchmarks.speed.networks import Dense
from benchmarks.speed.peers.torch_eager import Eager, transposed

SMALL = 1e8  # below so many FLOPs per pair of updates a second thread costs more than it brings


class Rows(nn.Module):
    """Images, channels last in memory, as rows in that order: no number moves."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


class Images(nn.Module):
    """And back."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.unflatten(1, self.shape).permute(0, 3, 1, 2)


class ChannelsLast(Eager):
    """Where an image and a kernel lie in memory with their channels last; PyTorch still calls them (m, c, h, w)."""

    def network(self, specs, weights):
        return super().network(specs, weights).to(memory_format=torch.channels_last)

    def rows_of(self, shape):
        return [Rows()] if len(shape) > 1 else []

    def images_of(self, shape):
        return [Images(shape)] if len(shape) > 1 else []

    def turned(self, spec, arrays):
        return transposed(spec, arrays) if isinstance(spec, Dense) else super().turned(spec, arrays)

    def returned(self, spec, arrays):
        return transposed(spec, arrays) if isinstance(spec, Dense) else super().returned(spec, arrays)

    def tensor(self, x):
        x = torch.from_numpy(x)
        return x if x.ndim == 2 else x.permute(0, 3, 1, 2)


class Best(ChannelsLast):
    def __init__(self, workload, dtype="float32", threads=None):
        super().__init__(workload, dtype, threads or (1 if workload.flops < SMALL else None))
        self.rowwise, self.labels = workload.rowwise, torch.cat([self.ones, self.zeros])
        self.theta_g, self.theta_d = list(self.G.parameters()), list(self.D.parameters())

    def adam(self, net, w):
        return torch.optim.Adam(net.parameters(), lr=w.lr, betas=(w.beta1, w.beta2), eps=w.eps, fused=True)

    def step(self, x, z_d, z_g):
        with torch.no_grad():
            x_g = self.G(z_d)
        self.descend(self.opt_d, self.theta_d, 2 * bce(self.logits(x, x_g), self.labels))
        self.descend(self.opt_g, self.theta_g, bce(self.D(self.G(z_g)), self.ones))

    def logits(self, x, x_g):
        return self.D(torch.cat([x, x_g])) if self.rowwise else torch.cat([self.D(x), self.D(x_g)])

    def descend(self, opt, theta, loss):
        for p, g in zip(theta, torch.autograd.grad(loss, theta), strict=True):
            p.grad = g
        opt.step()


class Compiled(ChannelsLast):
    def __init__(self, workload, dtype="float32", threads=None):
        super().__init__(workload, dtype, threads)
        self.w, self.t, self.labels = workload, 0, torch.cat([self.ones, self.zeros])
        self.state = [self.begin(net) for net in (self.D, self.G)]
        self.compiled = torch.compile(self.whole)

    def translated(self, spec):
        """BatchNorm without its running averages, which `grad` cannot write; no step needs them."""
        layers = super().translated(spec)
        for layer in layers:
            if isinstance(layer, nn.BatchNorm2d):
                layer.track_running_stats, layer.running_mean, layer.running_var = False, None, None
        return layers

    def begin(self, net):
        """A player's parameters, and Adam's two moments, by name."""
        theta = {name: p.detach() for name, p in net.named_parameters()}
        return theta, *({name: torch.zeros_like(p) for name, p in theta.items()} for _ in range(2))

    def step(self, x, z_d, z_g):
        self.t += 1
        scale = torch.tensor([1 / (1 - self.w.beta1**self.t), 1 / (1 - self.w.beta2**self.t)], dtype=x.dtype)
        with torch.no_grad():
            self.compiled(*self.state, scale, x, z_d, z_g)

    def whole(self, state_d, state_g, scale, x, z_d, z_g):
        x_g = functional_call(self.G, state_g[0], z_d)

        def loss_d(d):
            return 2 * bce(self.logits(d, x, x_g), self.labels)

        self.update(state_d, grad(loss_d)(state_d[0]), scale)

        def loss_g(g):
            return bce(functional_call(self.D, state_d[0], functional_call(self.G, g, z_g)), self.ones)

        self.update(state_g, grad(loss_g)(state_g[0]), scale)

    def logits(self, d, x, x_g):
        if self.w.rowwise:
            return functional_call(self.D, d, torch.cat([x, x_g]))
        return torch.cat([functional_call(self.D, d, x), functional_call(self.D, d, x_g)])

    def update(self, state, gradient, scale):
        w = self.w
        for name, g in gradient.items():
            theta, m, v = (part[name] for part in state)
            m.lerp_(g, 1 - w.beta1)
            v.mul_(w.beta2).addcmul_(g, g, value=1 - w.beta2)
            theta.sub_(w.lr * scale[0] * m / ((scale[1] * v).sqrt() + w.eps))
