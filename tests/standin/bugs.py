"""Bugs of the kinds people make when code meets its first GPU, sown into numgan's own source, one at a time.

Each is (what it is, the function it is in, the text there, what stands in its place). All of them run on NumPy without
an error; that is why they are made.
"""

from __future__ import annotations
import __future__

import importlib
import inspect
import math
import sys
import textwrap
from typing import Any

import numpy as np

# Places that several bugs share.
SORT = ("run.streams:Minibatches.places", "xp.argsort(keys)")
PICK = ("run.streams:Minibatches.__call__", "self.x.take(self.places(i), axis=0)")
MASK = ("layers.dropout:Dropout.forward", "rng.random(x.shape, dtype=np.float32)")
LOSS = ("gan:generator_gradient", "return Info(value")
ADD = ("layers.windows:Windows.fold", "part += (y.reshape(-1, n) @ M[:, columns]).reshape(part.shape)")
STRIDED = ("layers.windows:Windows._view", "return as_strided(x, shape, (image, s * row, s * column, row, channel))")

BUGS = [
    # np. where xp. was meant
    ("np.maximum in an activation", "layers.activations:ReLU.f", "array_module(x).maximum", "np.maximum"),
    ("np.tanh with out=", "layers.activations:Sigmoid.f", "xp.tanh(", "np.tanh("),
    ("np.logaddexp in a loss", "losses:softplus", "array_module(a).logaddexp", "np.logaddexp"),
    ("np.matmul", "layers.linear:Linear.forward", "y += self.b", "np.matmul(x, self.W, out=y); y += self.b"),
    ("np.sqrt in the optimiser", "optim:Adam.update", "xp.sqrt(", "np.sqrt("),
    ("np.multiply with out=", "optim:SGD.update", "v *= momentum", "np.multiply(v, momentum, out=v)"),
    ("np.concatenate of a batch", "layers.base:stacked", "array_module(x).concatenate", "np.concatenate"),
    ("np.mean of a batch", "layers.batchnorm:BatchNorm.forward", "x.mean(axis=axes)", "np.mean(x, axis=axes)"),
    ("np.arange beside device arrays", "layers.maxout:Maxout.backward", "array_module(dy).arange", "np.arange"),
    # host data in the step
    ("host labels", "losses:LeastSquares.discriminator", "(a_x - 1)", "(a_x - np.ones(a_x.shape, 'f'))"),
    ("a host gradient", "losses:NonSaturating.generator", "-sigmoid(-a_g) / m", "-np.ones(a_g.shape, 'f') / m"),
    ("a list as an operand", "layers.batchnorm:BatchNorm.forward", "(var + self.eps)", "(var + [self.eps] * self.n)"),
    ("noise drawn on the host", "run.streams:Noise.__call__", "self._block[j]",
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
    (".any() in a condition", "losses:LeastSquares.generator", "m = _rows(a_g)", "m = _rows(a_g) if a_g.any() else 1"),
    ("a loop over entries", "losses:sigmoid", "return", "[float(x) for x in a.ravel()[:2]]; return"),
    ("the norm read every step", "optim:Optimizer.step", "self.t += 1", "self.t += 1; (grad @ grad).tolist()"),
    ("np.asarray of the record", "run.record:record", "asnumpy(xp.stack(figures))",
     "np.asarray(xp.stack(figures))"),
    ("figures read one by one", "run.record:record", "*asnumpy(xp.stack(figures)).tolist()",
     "*map(float, figures)"),
    ("samples kept on the host", *LOSS, "asnumpy(x_g); return Info(value"),
    # masks and indices
    ("a mask to assign", "layers.activations:LeakyReLU.dx", "dx *= dy", "dx[y <= 0] = self.slope; dx *= dy"),
    ("a mask to pick", "losses:Hinge.discriminator", "value = ", "value = 0 * a_x[a_x < 1].sum() + "),
    ("nonzero", "layers.activations:ReLU.dx", "dy * (y > 0)", "dy * (array_module(y).nonzero(y), y > 0)[1]"),
    ("a list of indices", *PICK, "self.x[list(range(self.batch))]"),
    ("indices drawn on the host", *SORT, "np.random.default_rng(epoch).permutation(len(self.x))"),
    ("indices brought to the host", *PICK, "self.x[self.places(i).tolist()]"),
    ("assignment to an index twice", "layers.maxout:Maxout.backward", "x, winner = cache",
     "x, winner = cache; dy = dy.copy(); dy[array_module(dy).arange(len(dy)) // 2] *= 1"),
    # memory and dtypes
    ("Adam's state not set", "optim:Optimizer.begin", ".zeros_like", ".empty_like"),
    ("the average not set", "training:Training.__init__", "xp.zeros_like(G.theta)", "xp.empty_like(G.theta)"),
    ("half a buffer written", "layers.activations:Tanh.dx", "dx -= 1",
     "dx[1:] = array_module(y).empty(y.shape, dtype=y.dtype)[1:]; dx -= 1"),
    ("a float64 scalar", "optim:SGD.update", "lr * g", "g * np.float64(lr)"),
    ("a float64 scalar on the left", "optim:SGD.update", "lr * g", "np.float64(lr) * g"),
    ("ones without a dtype", "losses:Wasserstein.discriminator", "array_module(a_x).ones_like",
     "lambda a: array_module(a).ones(a.shape)"),
    ("a mask without a dtype", *MASK, "rng.random(x.shape)"),
    ("zeros without a dtype", "layers.maxout:Maxout.backward", "dh = dh.reshape(len(x), -1)",
     "dh = array_module(x).zeros(dh.shape); dh = dh.reshape(len(x), -1)"),
    ("an integer array as divisor", "losses:LeastSquares.generator", "(a_g - 1) / m",
     "(a_g - 1) / (array_module(a_g).arange(1) + m)"),
    # convolution
    ("np's as_strided", "layers.windows:Windows._view", "array_module(x).lib", "np.lib"),
    ("as_strided on a copy", STRIDED[0], STRIDED[1],
     "return array_module(x).asarray(np.lib.stride_tricks.as_strided(asnumpy(x), shape, "
     "(image, s * row, s * column, row, channel)))"),
    ("a view that cannot be written", STRIDED[0], STRIDED[1],
     STRIDED[1].replace("channel))", "channel), writeable=True)")),
    ("np.pad of a batch", "layers.windows:Windows._padded", "padded[:, p : p + h, p : p + w] = x",
     "padded[...] = np.pad(x, [(0, 0), (p, p), (p, p), (0, 0)])"),
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
    ("pixels repeated by a host array", "layers.resampling:repeated", "return",
     "blocks = blocks * np.ones(blocks.shape, 'f'); return"),
    # labels
    ("one-hot by a host array", "layers.label:Label.forward", "xp.arange(self.classes)", "np.arange(self.classes)"),
    ("one-hot by rows of a host eye", "layers.label:Label.forward", "c[:, None] == xp.arange(self.classes)",
     "xp.asarray(np.eye(self.classes, dtype='f'))[c]"),
    ("labels left on the host", "run.streams:Labels.__init__", "array_module(minibatches.x).asarray(labels)", "labels"),
    ("labels looked at in every step", "conditional:check_labels", "on_host(c) and ", ""),
    ("labels drawn on the host", "run.streams:Labels.__call__", "self._of_g(step)",
     "array_module(rows).asarray(np.random.default_rng(step).integers(0, 2, len(rows)))"),
]  # fmt: skip


def sow(place: str, old: str, new: str, monkeypatch: Any) -> None:
    """Puts `new` for `old` in the function at `place`, wherever numgan holds that function."""
    module_name, _, path = place.partition(":")
    module = importlib.import_module(f"numgan.{module_name}")
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
    from numgan.backend import array_module, asnumpy, random_generator

    extra = {f.__name__: f for f in (array_module, asnumpy, random_generator)} | {"np": np, "math": math}
    scope = extra | names
    code = compile(source, f"<{name} with a bug>", "exec", flags=__future__.annotations.compiler_flag)
    exec(code, scope)
    return scope[name]
