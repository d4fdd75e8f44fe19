"""The contract of forward and backward, apart from the numbers: pure functions, float64, accumulation as asked for.

Each function here tests one rule and returns a sentence where it is violated, or None. The sentence opens with the
cause, up to its first colon. A function that modifies its input or keeps state between calls has a side effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from numgan.check.differences import restored
from numgan.check.pairs import Gradients, NetworkPair, Pair, gradient_name
from numgan.check.simple import max_abs, rel_error
from numgan.network import Tape

Finding = str | None  # a sentence that opens with a cause, or None


def input_modified(pair: Pair, dy: np.ndarray) -> Finding:
    saved = {name: a.copy() for name, a in pair.tensors.items()}
    _, cache = pair.run_forward(pair.x)
    if text := _changed(pair, saved, "forward"):
        return text
    passed = dy.copy()
    pair.run_backward(passed, cache)
    if not _same(passed, dy):
        return "input modified in place: backward changes dy, its caller's array (a side effect): work on a copy"
    return _changed(pair, saved, "backward")


def nondeterministic(pair: Pair, dy: np.ndarray) -> Finding:
    y, again = pair.y(), pair.y()
    if _same(y, again):
        return None
    return (
        f"non-deterministic forward: two calls with the same x gave {_first_difference(y, again)}: "
        "give each call a random generator with the same seed, or pass the mask as an argument"
    )


def accumulated_between_calls(pair: Pair, dy: np.ndarray) -> Finding:
    _, cache = pair.run_forward(pair.x)
    calls = [pair.run_backward(dy.copy(), cache) for _ in range(3)]
    for name, (g1, g2, g3) in _common(*calls):
        if not _same(g1, g2):
            g = gradient_name(name)
            if _same(g3 - g2, g2 - g1, 1e-6):
                return f"accumulation doubled on a second call: each call adds to the {g} of the last: start from zeros"
            return f"input modified in place: a second backward with the same cache returns a different {g}"
    return None


def state_kept_between_calls(pair: Pair, dy: np.ndarray) -> Finding:
    if pair.x is None or pair.keeps_state:
        return None
    _, cache = pair.run_forward(pair.x)
    before = pair.run_backward(dy.copy(), cache)
    pair.run_forward(other_batch(pair.x))
    for name, (g1, g2) in _common(before, pair.run_backward(dy.copy(), cache)):
        if not _same(g1, g2):
            return (
                f"stale cache: after a forward pass of another batch, backward returns a different "
                f"{gradient_name(name)} for the same cache: "
                "it reads state kept between calls; it must read the cache that forward returned"
            )
    return None


def wrong_dtype(pair: Pair, dy: np.ndarray) -> Finding:
    for name, a in pair.tensors.items():
        if a.dtype != np.float64:
            return f"wrong dtype: {name} is {a.dtype}: differences need float64, as in {name}.astype(np.float64)"
    y, cache = pair.run_forward(pair.x)
    grads = {gradient_name(name): g for name, g in pair.run_backward(dy.copy(), cache).items()}
    for name, v in {"y": y, **grads}.items():
        if v is not None and getattr(v, "dtype", np.dtype(float)) != np.float64:
            return f"wrong dtype: {name} is {v.dtype} although x is float64"
    return None


def cast_to_float32(pair: Pair, dy: np.ndarray) -> Finding:
    """The dtype says float64, but all numbers are float32 numbers, even where those that go in have more digits."""
    with restored(pair.tensors.values()):
        for a in pair.tensors.values():
            a *= 1 + 1e-3 / 3
        y, cache = pair.run_forward(pair.x)
        grads = {gradient_name(name): g for name, g in pair.run_backward(dy.copy(), cache).items() if g is not None}
        y = np.array(y)  # it may be x itself
    least = 1e-8 * max(1.0, *map(max_abs, grads.values()))  # what is less may be rounding error, which has few digits
    for name, v in {"y": y, **grads}.items():
        if _holds_only_float32(v[np.abs(v) > least]):
            return f"wrong dtype: {name} holds only float32 numbers although x is float64: an array is cast to float32"
    return None


def accumulation_overwritten(pair: NetworkPair, dy: np.ndarray) -> Finding:
    tape, once = _first_backward(pair, dy)
    pair.net.backward(dy.copy(), tape, add=True)
    name = _differing_parameter(pair, pair.net.grad, 2 * once)
    return name and f"accumulation overwritten: with add=True backward must add to {gradient_name(name)}"


def accumulation_unasked(pair: NetworkPair, dy: np.ndarray) -> Finding:
    tape, once = _first_backward(pair, dy)
    pair.net.backward(dy.copy(), tape, add=False)
    name = _differing_parameter(pair, pair.net.grad, once)
    return name and (
        f"accumulation doubled on a second call: with add=False backward must overwrite {gradient_name(name)}"
    )


def params_false_ignored(pair: NetworkPair, dy: np.ndarray) -> Finding:
    tape, once = _first_backward(pair, dy)
    pair.net.backward(2 * dy, tape, params=False)
    name = _differing_parameter(pair, pair.net.grad, once)
    return name and f"gradient written although params=False: backward must then not modify {gradient_name(name)}"


def rows_dependent(pair: NetworkPair, dy: np.ndarray) -> Finding:
    if pair.x is None or not pair.net.rowwise or (pair.train and pair.net.stochastic):
        return None
    alone, in_batch = pair.run_forward(pair.x[:1])[0], pair.run_forward(pair.x)[0][:1]
    if _same(alone, in_batch, 1e-9):
        return None
    return (
        f"rows depend on each other: row 0 of y, alone and in a batch, is {_first_difference(alone, in_batch)}: "
        "set rowwise = False, or else D's step puts real and generated rows into one batch"
    )


RULES: list[Callable[[Pair, np.ndarray], Finding]] = [
    input_modified,
    nondeterministic,
    accumulated_between_calls,
    state_kept_between_calls,
    wrong_dtype,
    cast_to_float32,
]

NETWORK_RULES: list[Callable[[NetworkPair, np.ndarray], Finding]] = [
    accumulation_overwritten,
    accumulation_unasked,
    params_false_ignored,
    rows_dependent,
]


def violation(pair: Pair, dy: np.ndarray) -> str:
    """The first rule that is violated, as a sentence, or ''."""
    found = (rule(pair, dy) for rule in RULES)
    more = (rule(pair, dy) for rule in NETWORK_RULES) if isinstance(pair, NetworkPair) else ()
    return next(filter(None, chain(found, more)), "")


def other_batch(x: np.ndarray) -> np.ndarray:
    """Another batch of the same shape, with numbers of the same kind, so that the same function accepts it."""
    return 0.9 * (x[::-1] if x.ndim else x)


def _first_backward(pair: NetworkPair, dy: np.ndarray) -> tuple[Tape, np.ndarray]:
    """The tape, and the gradient of one backward pass that started from zeros."""
    _, tape = pair.run_forward(pair.x)
    pair.net.grad[...] = 0
    pair.net.backward(dy.copy(), tape)
    return tape, pair.net.grad.copy()


def _differing_parameter(pair: NetworkPair, found: np.ndarray, expected: np.ndarray) -> str | None:
    """The first parameter in whose part the two vectors differ."""
    parts = zip(pair.named(found).items(), pair.named(expected).values(), strict=True)
    return next((name for (name, a), b in parts if not _same(a, b, 1e-9)), None)


def _common(*calls: Gradients) -> Iterator[tuple[str, tuple[np.ndarray, ...]]]:
    """The gradients that every one of the calls returned."""
    for name in calls[0]:
        values = [g for g in (grads.get(name) for grads in calls) if g is not None]
        if len(values) == len(calls):
            yield name, tuple(values)


def _changed(pair: Pair, saved: dict[str, np.ndarray], by: str) -> Finding:
    """How forward or backward changed an array that it was given."""
    for name, a in pair.tensors.items():
        if not np.array_equal(a, saved[name], equal_nan=True):
            change = _first_difference(saved[name], a)
            return f"input modified in place: {by} changes {name} (a side effect), {change}: work on a copy"
    return None


def _first_difference(before: np.ndarray, after: np.ndarray) -> str:
    """The first entry that differs."""
    before, after = np.atleast_1d(before), np.atleast_1d(after)
    if before.shape != after.shape:
        return f"shape {before.shape}, then {after.shape}"
    where = tuple(int(i) for i in np.argwhere(before != after)[0])
    return f"{before[where]:.6g}, then {after[where]:.6g}, at {list(where)}"


def _same(a: np.ndarray, b: np.ndarray, tolerance: float = 1e-12) -> bool:
    """Equal up to rounding (a product may be summed in another order in another call)."""
    if np.shape(a) != np.shape(b):
        return False
    return np.array_equal(a, b, equal_nan=True) or rel_error(np.asarray(a), np.asarray(b)) <= tolerance


def _holds_only_float32(v: np.ndarray) -> bool:
    """Are these float32 numbers, too many to be so by chance, and not short ones such as 0, 1 or ¾?"""
    with np.errstate(all="ignore"):
        long = v[np.frexp(v)[0] * 2.0**12 % 1 != 0]
        return long.size >= 4 and bool(np.all(long == long.astype(np.float32)))
