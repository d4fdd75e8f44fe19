"""Bugs of the kinds people make when code meets its first GPU, sown into numgan's own source, one at a time.

Each is (what it is, the function it is in, the text there, what stands in its place). All of them run on NumPy without
an error; that is why they are made.
"""

from __future__ import annotations
import __future__

import functools
import importlib
import inspect
import math
import sys
import textwrap
from typing import Any

import numpy as np

from numgan import backend

# Places that several bugs share.
SORT = ("run.streams:Minibatches.places", "xp.argsort(keys)")
PICK = ("run.streams:Minibatches.__call__", "self.x.take(self.places(i), axis=0)")
MASK = ("layers.dropout:Dropout.forward", "rng.random(x.shape, dtype=np.float32)")
LOSS = ("gan:generator_gradient", "return Info(value")
ADD = ("layers.windows:Windows.fold", "part += (y.reshape(-1, n) @ M[:, columns]).reshape(part.shape)")
STRIDED = ("layers.windows:Windows._view",
           "return as_strided(x, shape, (image, down * row, right * column, row, channel))")

BUGS = [
    # np. where xp. was meant
    ("np.maximum in an activation", "layers.activations:ReLU.f", "array_module(x).maximum", "np.maximum"),
    ("np.tanh with out=", "layers.activations:Sigmoid.f", "xp.tanh(", "np.tanh("),
    ("np.logaddexp in a loss", "losses:softplus", "array_module(a).logaddexp", "np.logaddexp"),
    ("np.matmul", "layers.linear:Linear.forward", "y += self.b", "np.matmul(x, self.W, out=y); y += self.b"),
    ("np.sqrt in the optimiser", "optim:_adam", "xp.sqrt(", "np.sqrt("),
    ("np.multiply with out=", "optim:_sgd", "v *= momentum", "np.multiply(v, momentum, out=v)"),
    ("np.concatenate of a batch", "layers.base:stacked", "array_module(x).concatenate", "np.concatenate"),
    ("np.mean of a batch", "layers.batchnorm:BatchNorm.forward", "x.mean(axis=axes)", "np.mean(x, axis=axes)"),
    ("np.arange beside device arrays", "layers.maxout:Maxout.backward", "array_module(dy).arange", "np.arange"),
    # host data in the step
    ("host labels", "losses:Wasserstein.d_on_generated", "return a,", "return a - np.zeros(a.shape, 'f'),"),
    ("a host gradient", "losses:Loss.discriminator", "da_x, da_g", "np.ones(a_x.shape, 'f') / 16, da_g"),
    ("a list as an operand", "layers.batchnorm:BatchNorm.forward", "(var + self.eps)", "(var + [self.eps] * self.n)"),
    ("noise drawn on the host", "run.streams:Noise.__call__", "self._block[j, self.share]",
     "array_module(self._block).asarray(np.random.default_rng(i).standard_normal((self.batch, self.n_z)),"
     " dtype=self.dtype)"),
    ("a constant uploaded every time", "layers.batchnorm:BatchNorm.forward", "(var + self.eps)",
     "(var + array_module(x).asarray(self.eps, dtype=x.dtype))"),
    ("a host array assigned", *LOSS, "D.grad[...] = np.zeros(D.grad.shape, 'f'); return Info(value"),
    # what CuPy does not have
    ("where= of a ufunc", "layers.activations:ReLU.dx", "dy * (y > 0)",
     "array_module(y).multiply(dy, 0, out=dy.copy(), where=y <= 0)"),
    ("initial= of a sum", "layers.batchnorm:BatchNorm.forward", "x.mean(axis=axes)",
     "x.sum(axis=axes, initial=0) / (x.size // self.n)"),
    ("min= and max= of clip", "layers.activations:ReLU.f", "maximum(x, 0)",
     "clip(x, a_min=0, a_max=None, dtype=x.dtype)"),
    ("rng.normal", "run.streams:Noise.__call__", "self._draw(rng, (BLOCK, self.batch, self.n_z), self.dtype)",
     "rng.normal(size=(BLOCK, self.batch, self.n_z)).astype(self.dtype)"),
    ("rng.permutation", *SORT, "random_generator(xp, 1).permutation(len(self.x))"),
    ("rng.choice", *SORT, "random_generator(xp, 1).choice(len(self.x), len(self.x))"),
    ("rng.shuffle", *SORT, "(order := xp.arange(len(self.x)), random_generator(xp, 1).shuffle(order))[0]"),
    ("the global generator", *MASK,
     "array_module(x).random.uniform(size=x.shape)"),
    ("xp.errstate", "losses:sigmoid", "return", "with array_module(a).errstate(all='ignore'): return"),
    ("setflags", "layers.linear:Linear.forward", "y += self.b", "y += self.b; y.setflags(write=True)"),
    ("einsum_path", "layers.linear:Linear.forward", "y += self.b",
     "array_module(x).einsum_path('ij,jk', x, self.W); y += self.b"),
    ("mode= of take", *PICK, "self.x.take(self.places(i), axis=0, mode='clip')"),
    # waiting for the device
    ("float(loss)", *LOSS, "float(value); return Info(value"),
    ("loss.item()", *LOSS, "value.item(); return Info(value"),
    ("if loss", *LOSS, "bool(value != value); return Info(value"),
    ("print(loss)", *LOSS, "f'{value:.3f}'; return Info(value"),
    ("np.isfinite(loss)", *LOSS, "assert np.isfinite(value); return Info(value"),
    ("math.sqrt of a device scalar", "optim:Adam.update", "t = self.t + 1", "t = self.t + 1; math.sqrt(grad[0] ** 2)"),
    ("max() of device scalars", "layers.batchnorm:BatchNorm.backward", "x_hat, s, train = cache",
     "x_hat, s, train = cache; max(dy.ravel()[:3])"),
    (".any() in a condition", "losses:Loss.generator", "_rows(a_g)", "_rows(a_g) if a_g.any() else 1"),
    ("a loop over entries", "losses:Loss.discriminator", "return", "[float(a) for a in a_x.ravel()[:2]]; return"),
    ("the norm read every step", "optim:Optimizer.step", "self.t += 1", "self.t += 1; (grad @ grad).tolist()"),
    ("np.asarray of the record", "backend:asnumpy_all", "asnumpy(xp.concatenate", "np.asarray(xp.concatenate"),
    ("figures read one by one", "run.record:record", "asnumpy_all(", "_one_by_one(asnumpy, "),
    ("samples kept on the host", *LOSS, "asnumpy(x_g); return Info(value"),
    # masks and indices
    ("a mask to assign", "layers.windows:Windows.unfold", "return", "x = x.copy(); x[x <= 0] = 0; return"),
    ("a mask to pick", "losses:Loss.discriminator", "l_x.mean()", "l_x.mean() + 0 * a_x[a_x < 1].sum()"),
    ("nonzero", "layers.maxout:Maxout.backward", "x, winner = cache", "x, winner = cache; array_module(x).nonzero(x)"),
    ("a list of indices", *PICK, "self.x[list(range(self.batch))]"),
    ("indices drawn on the host", *SORT, "np.random.default_rng(epoch).permutation(len(self.x))"),
    ("indices brought to the host", *PICK, "self.x[self.places(i).tolist()]"),
    ("assignment to an index twice", "layers.maxout:Maxout.backward", "x, winner = cache",
     "x, winner = cache; dy = dy.copy(); dy[array_module(dy).arange(len(dy)) // 2] *= 1"),
    # memory and dtypes
    ("Adam's state not set", "optim:Optimizer.begin", ".zeros_like", ".empty_like"),
    ("the average not set", "training:Training.__init__", "xp.zeros_like(G.theta)", "xp.empty_like(G.theta)"),
    ("half a buffer written", "layers.batchnorm:BatchNorm.forward", "x_hat *= s",
     "x_hat[1:] = array_module(x).empty(x.shape, dtype=x.dtype)[1:]; x_hat *= s"),
    ("a float64 scalar", "layers.dropout:Dropout.forward", "mask *= 1 / keep", "mask = mask * np.float64(1 / keep)"),
    ("a float64 scalar on the left", "layers.dropout:Dropout.forward", "mask *= 1 / keep",
     "mask = np.float64(1 / keep) * mask"),
    ("a float64 scalar in a fused formula", "optim:SGD.update", "g, v, lr, momentum", "g, v, np.float64(lr), momentum"),
    ("ones without a dtype", "losses:Wasserstein.d_on_generated", "array_module(a).full_like(a, 1 / m)",
     "array_module(a).ones(a.shape) / m"),
    ("a mask without a dtype", *MASK, "rng.random(x.shape)"),
    ("zeros without a dtype", "layers.maxout:Maxout.backward", "dh = dh.reshape(len(x), -1)",
     "dh = array_module(x).zeros(dh.shape); dh = dh.reshape(len(x), -1)"),
    ("an integer array as divisor", "losses:Loss.discriminator", "da_x, da_g",
     "da_x / (array_module(a_x).arange(1) + 1), da_g"),
    # fused formulas
    ("a sum in a fused formula", "losses:NonSaturating.g_on_generated", "softplus(-a)", "softplus(-a) + 0 * a.sum()"),
    ("a shape in a fused formula", "layers.activations:ReLU.dx", "dy * (y > 0)", "dy * (y > 0) * (y.shape[0] > 0)"),
    ("`if` in a fused formula", "optim:_adam", "m *= beta1", "m *= beta1 if beta1 > 0 else 0"),
    ("where= in a fused formula", "optim:_adam", "xp.sqrt(v, out=s)", "xp.sqrt(v, out=s, where=v >= 0)"),
    ("two numbers in a fused formula", "optim:_sgd", "v -= lr * g", "v -= (lr * momentum / momentum) * g"),
    ("a number that changes, compiled in", "optim:_adam", "s *= alpha", "_adam.n = getattr(_adam, 'n', 0) + 1; "
     "s *= alpha; s *= 1 if _adam.n < 3 else 2"),
    ("clip of an array in a fused formula", "layers.activations:LeakyReLU.dx", "dx *= dy",
     "dx.clip(0, 1, out=dx); dx *= dy"),
    # random numbers
    ("as many states as fit the GPU", "backend:random_generator", ", size=STATES", ""),
    ("states that are no multiple of 256", "backend:random_generator", "size=STATES", "size=1000"),
    # convolution
    ("np's as_strided", "layers.windows:Windows._view", "array_module(x).lib", "np.lib"),
    ("as_strided on a copy", STRIDED[0], STRIDED[1],
     "return array_module(x).asarray(np.lib.stride_tricks.as_strided(asnumpy(x), shape, "
     "(image, down * row, right * column, row, channel)))"),
    ("a view that cannot be written", STRIDED[0], STRIDED[1],
     STRIDED[1].replace("channel))", "channel), writeable=True)")),
    ("np.pad of a batch", "layers.windows:Windows._padded", "padded[:, top : top + h, left : left + w] = x",
     "padded[...] = np.pad(x, [(0, 0), (top, top), (left, left), (0, 0)])"),
    ("windows by host indices", "layers.windows:Windows.unfold", "return",
     "x[:, np.arange(x.shape[1])]; return"),
    ("np.add.at in fold", *ADD, ADD[1].replace("part += ", "np.add.at(part, ..., ") + ")"),
    ("add.at in fold", *ADD, ADD[1].replace("part += ", "array_module(x).add.at(part, ..., ") + ")"),
    ("fold by indices that occur twice", *ADD,
     ADD[1] + "; rows = array_module(x).arange(x.shape[1]) // 2; x[:, rows] += 0"),
    ("images without a dtype", "layers.windows:Windows.fold", ", dtype=y.dtype", ""),
    ("a host array for y", "layers.windows:Windows.unfold_product", "xp.empty", "np.zeros"),
    ("products kept on the host", "layers.windows:Windows.patch_product", "return products[0]",
     "return array_module(x).asarray(asnumpy(products[0]))"),
    ("pixels repeated by a host array", "layers.resampling:repeated", "x.repeat(factor, axis=2)",
     "(x.repeat(factor, axis=2) * np.ones((1, 1, factor * x.shape[2], 1), 'f'))"),
    # labels
    ("one-hot by a host array", "layers.label:Label.vectors", "array_module(c).arange", "np.arange"),
    ("one-hot by rows of a host eye", "layers.label:Label.vectors",
     "c[:, None] == array_module(c).arange(self.classes)",
     "array_module(c).asarray(np.eye(self.classes, dtype='f'))[c]"),
    ("labels left on the host", "run.streams:Labels.__init__", "array_module(minibatches.x).asarray(labels)", "labels"),
    ("labels looked at in every step", "layers.label:Label.check", "on_host(c) and ", ""),
    ("labels drawn on the host", "run.streams:Labels.__call__", "self._of_g(step)",
     "array_module(rows).asarray(np.random.default_rng(step).integers(0, 2, len(rows)))"),
]  # fmt: skip


def sow(place: str, old: str, new: str, monkeypatch: Any) -> None:
    """Puts `new` for `old` in the function at `place`, wherever numgan holds that function."""
    module_name, _, path = place.partition(":")
    module = importlib.import_module(f"numgan.{module_name}")
    monkeypatch.setattr(backend, "_kernel", functools.cache(backend._kernel.__wrapped__))  # those before are without it
    *owners, name = path.split(".")
    owner = getattr(module, owners[0]) if owners else module
    function = getattr(owner, name)
    source = textwrap.dedent(inspect.getsource(function))
    assert old in source, f"{place} no longer holds {old!r}"
    changed = _function(source.replace(old, new), vars(module), name)
    if owners:
        monkeypatch.setattr(owner, name, changed)
        return
    for room in [room for key, room in sys.modules.items() if key.startswith("numgan.")]:
        if vars(room).get(name) is function:
            monkeypatch.setattr(room, name, changed)


def _function(source: str, names: dict[str, Any], name: str) -> Any:
    extra = {f.__name__: f for f in (backend.array_module, backend.asnumpy, backend.random_generator)}
    extra |= {"np": np, "math": math, "_one_by_one": lambda read, *arrays: list(map(read, arrays))}
    scope = extra | names
    code = compile(source, f"<{name} with a bug>", "exec", flags=__future__.annotations.compiler_flag)
    exec(code, scope)
    return scope[name]
