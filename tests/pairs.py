"""What the tests of the gradient check share: a hand-written Linear as two functions, and random numbers."""

import numpy as np


def rng(seed=0):
    return np.random.default_rng(seed)


def linear(W, b, wrong=0.0):
    def forward(x):
        return x @ W + b, x

    def backward(dy, x):
        return dy @ W.T, {"W": x.T @ dy * (1 + wrong), "b": dy.sum(axis=0)}

    return {"forward": forward, "backward": backward, "params": {"W": W, "b": b}}
