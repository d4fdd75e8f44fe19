"""Faults of conduct, which no comparison of numbers shows: each is a function that returns a sentence, or nothing.

The sentence opens with the cause, up to its first colon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from numgan.check.differences import peak, rel_error
from numgan.check.pairs import NetworkPair, Pair

Verdict = str | None


def modifies_its_input(pair: Pair, dy: np.ndarray) -> Verdict:
    saved = {name: a.copy() for name, a in pair.tensors.items()}
    _, cache = pair.run(pair.x)
    if text := _changed(pair, saved, "forward"):
        return text
    mine = dy.copy()
    pair.back(mine, cache)
    if not _same(mine, dy):
        return "input modified in place: backward changes dy, which belongs to its caller: work on a copy"
    return _changed(pair, saved, "backward")


def draws_at_random(pair: Pair, dy: np.ndarray) -> Verdict:
    y, again = pair.y(), pair.y()
    if _same(y, again):
        return None
    return (
        f"non-deterministic forward: the same x gave {_first(y, again)}: "
        "give each call a generator with the same seed, or pass the mask in"
    )


def differs_on_a_second_call(pair: Pair, dy: np.ndarray) -> Verdict:
    _, cache = pair.run(pair.x)
    calls = [pair.back(dy.copy(), cache) for _ in range(3)]
    for name, (g1, g2, g3) in _each(*calls):
        if not _same(g1, g2):
            if _same(g3 - g2, g2 - g1, 1e-6):
                return f"accumulation doubled on a second call: each call adds to {d(name)} again: start from zeros"
            return f"input modified in place: a second backward with the same cache returns another {d(name)}"
    return None


def keeps_only_the_last_batch(pair: Pair, dy: np.ndarray) -> Verdict:
    if pair.x is None or pair.keeps_state:
        return None
    _, cache = pair.run(pair.x)
    before = pair.back(dy.copy(), cache)
    pair.run(other_batch(pair.x))
    for name, (g1, g2) in _each(before, pair.back(dy.copy(), cache)):
        if not _same(g1, g2):
            return (
                f"stale cache: after a forward of another batch, backward gives another {d(name)} for the same cache: "
                "it reads the last batch seen, where it should read what forward returned"
            )
    return None


def has_another_dtype(pair: Pair, dy: np.ndarray) -> Verdict:
    for name, a in pair.tensors.items():
        if a.dtype != np.float64:
            return f"wrong dtype: {name} is {a.dtype}: differences need float64, as in {name}.astype(np.float64)"
    y, cache = pair.run(pair.x)
    for name, v in {"y": y, **{d(name): g for name, g in pair.back(dy.copy(), cache).items()}}.items():
        if v is not None and getattr(v, "dtype", np.dtype(float)) != np.float64:
            return f"wrong dtype: {name} is {v.dtype} although x is float64"
    return None


def casts_on_the_way(pair: Pair, dy: np.ndarray) -> Verdict:
    """float64 in name, but only float32 numbers in it, even where all that goes in has more digits."""
    for a in pair.tensors.values():
        a *= 1 + 1e-3 / 3
    y, cache = pair.run(pair.x)
    grads = {d(name): g for name, g in pair.back(dy.copy(), cache).items() if g is not None}
    least = 1e-8 * max(1.0, *map(peak, grads.values()))  # what is less may be the few digits that rounding left
    for name, v in {"y": np.asarray(y), **grads}.items():
        if _single(v[np.abs(v) > least]):
            return f"wrong dtype: {name} holds only float32 numbers although x is float64: something is cast on the way"
    return None


def writes_over(pair: NetworkPair, dy: np.ndarray) -> Verdict:
    tape, once = _once(pair, dy)
    pair.net.backward(dy.copy(), tape, add=True)
    name = _differs(pair, pair.net.grad, 2 * once)
    return name and f"accumulation overwritten: with add=True backward must add to {d(name)}; it wrote over it"


def adds(pair: NetworkPair, dy: np.ndarray) -> Verdict:
    tape, once = _once(pair, dy)
    pair.net.backward(dy.copy(), tape, add=False)
    name = _differs(pair, pair.net.grad, once)
    return name and f"accumulation doubled on a second call: with add=False backward must write over {d(name)}"


def writes_unasked(pair: NetworkPair, dy: np.ndarray) -> Verdict:
    tape, once = _once(pair, dy)
    pair.net.backward(2 * dy, tape, params=False)
    name = _differs(pair, pair.net.grad, once)
    return name and f"gradient written unasked: with params=False backward must leave {d(name)} alone"


def mixes_rows(pair: NetworkPair, dy: np.ndarray) -> Verdict:
    if pair.x is None or not pair.net.rowwise or (pair.train and pair.net.stochastic):
        return None
    alone, among = pair.run(pair.x[:1])[0], pair.run(pair.x)[0][:1]
    if _same(alone, among, 1e-9):
        return None
    return (
        f"rows mixed: row 0 of y is {_first(alone, among)}, alone and among others: say rowwise = False, "
        "for D's step puts real and generated rows into one batch where it may"
    )


CONDUCT: list[Callable[[Pair, np.ndarray], Verdict]] = [
    modifies_its_input,
    draws_at_random,
    differs_on_a_second_call,
    keeps_only_the_last_batch,
    has_another_dtype,
    casts_on_the_way,  # moves the arrays, so it comes last
]

NETWORK_CONDUCT: list[Callable[[NetworkPair, np.ndarray], Verdict]] = [writes_over, adds, writes_unasked, mixes_rows]


def conduct(pair: Pair, dy: np.ndarray) -> str:
    """The first fault, or ''."""
    found = (look(pair, dy) for look in CONDUCT)
    more = (look(pair, dy) for look in NETWORK_CONDUCT) if isinstance(pair, NetworkPair) else ()
    return next(filter(None, chain(found, more)), "")


def d(name: str) -> str:
    """The gradient's name: dW for W, 0.dW for 0.W."""
    head, dot, tail = name.rpartition(".")
    return f"{head}{dot}d{tail}"


def other_batch(x: np.ndarray) -> np.ndarray:
    """Another batch of the same shape, near enough to suit the same function."""
    return 0.9 * (x[::-1] if x.ndim else x)


def _once(pair: NetworkPair, dy: np.ndarray) -> tuple[Any, np.ndarray]:
    """The tape, and the gradient from a clean start."""
    _, tape = pair.run(pair.x)
    pair.net.grad[...] = 0
    pair.net.backward(dy.copy(), tape)
    return tape, pair.net.grad.copy()


def _differs(pair: NetworkPair, got: np.ndarray, due: np.ndarray) -> Verdict:
    """The first parameter whose part of the two vectors differs."""
    pairs = zip(pair.named(got).items(), pair.named(due).values(), strict=True)
    return next((name for (name, a), b in pairs if not _same(a, b, 1e-9)), None)


def _each(*calls: dict[str, Any]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The tensors of which every one of the calls returned a gradient."""
    for name in calls[0]:
        values = tuple(grads.get(name) for grads in calls)
        if all(v is not None for v in values):
            yield name, values


def _changed(pair: Pair, saved: dict[str, np.ndarray], by: str) -> Verdict:
    """What `by` has done to the arrays."""
    for name, a in pair.tensors.items():
        if not np.array_equal(a, saved[name], equal_nan=True):
            return f"input modified in place: {by} changes {name}, {_first(saved[name], a)}: work on a copy"
    return None


def _first(before: Any, after: Any) -> str:
    """The first entry that differs."""
    before, after = np.atleast_1d(before), np.atleast_1d(after)
    if before.shape != after.shape:
        return f"shape {before.shape}, then {after.shape}"
    where = tuple(int(i) for i in np.argwhere(before != after)[0])
    return f"{before[where]:.6g}, then {after[where]:.6g}, at {list(where)}"


def _same(a: Any, b: Any, tolerance: float = 1e-12) -> bool:
    """Alike up to rounding (a product may be summed in another order on another day)."""
    if np.shape(a) != np.shape(b):
        return False
    return np.array_equal(a, b, equal_nan=True) or rel_error(np.asarray(a), np.asarray(b)) <= tolerance


def _single(v: np.ndarray) -> bool:
    """Are these float32 numbers, too many for chance, and not merely short ones such as 0, 1 or ¾?"""
    with np.errstate(all="ignore"):
        long = v[np.frexp(v)[0] * 2.0**12 % 1 != 0]
        return long.size >= 4 and bool(np.all(long == long.astype(np.float32)))
