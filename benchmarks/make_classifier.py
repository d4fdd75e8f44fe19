"""Make numgan/classifier/digits_classifier.npz from MNIST's 60,000 training images (numgan/classifier/CLASSIFIER.md).

    numgan data mnist
    python benchmarks/make_classifier.py OUT.npz

The last lines say how many of the 10,000 test images the classifier gets right, and the sha256 of its weights. It takes
about two minutes.
"""

import hashlib
import sys
from collections.abc import Iterator

import numpy as np

import numgan as ng
from numgan.backend import random_generator
from numgan.classifier import Classifier, cross_entropy
from numgan.classifier import digits as classifier
from numgan.parallel import Team
from numgan.run.streams import LAYERS, Minibatches

EPOCHS, BATCH, RATE, SEED = 10, 128, 2e-3, 0
SCALE = 4  # brings the mean square of a feature near 1, so that distances between them are small numbers


def training(net: ng.Network, x: np.ndarray, labels: np.ndarray, epochs: int) -> Iterator[float]:
    """Trains net with Adam, at a rate that ramps down to 0, and yields the mean loss of each epoch."""
    minibatches, rng = Minibatches(x, BATCH, SEED), random_generator(np, SEED, LAYERS)
    steps = minibatches.per_epoch
    opt = ng.Adam(ng.Ramp(RATE, 0, 0, epochs * steps), beta1=0.9)
    for epoch in range(epochs):
        losses = []
        for i in range(epoch * steps, (epoch + 1) * steps):
            rows = minibatches.places(i)
            a, tape = net.forward(x[rows], train=True, rng=rng)
            value, da = cross_entropy(a, labels[rows])
            net.backward(da, tape, inputs=False, add=False)
            opt.step(net.theta, net.grad)
            losses.append(value)
        yield float(np.mean(losses))


def rescale(net: ng.Network) -> None:
    """Divides the features by SCALE, and multiplies the weights that meet them by it: the logits stay as they are."""
    body, head = net.layers
    dense = body.layers[-2]
    dense.W[...] /= SCALE
    dense.b[...] /= SCALE
    head.W[...] *= SCALE


def accuracy(of: Classifier, data: ng.data.Data) -> float:
    """The fraction of images that are classified rightly."""
    return float((of.classify(data.x) == data.labels).mean())


def main(out: str) -> None:
    data, test = (ng.data.load("mnist", range=(0, 1), split=split) for split in ("train", "test"))
    net = classifier.network(SEED)
    with Team(1).at_work():  # the BLAS with one thread: with others it may round otherwise
        for epoch, loss in enumerate(training(net, data.x, data.labels, EPOCHS)):
            print(f"epoch {epoch + 1:2} loss {loss:.4f}", flush=True)
    print(f"test accuracy {accuracy(Classifier(net), test):.2%}")
    rescale(net)
    theta = net.theta.astype(np.float16)  # half the bytes
    np.savez(out, theta=theta)
    net.theta[...] = theta
    print(f"test accuracy {accuracy(Classifier(net), test):.2%} as saved, in float16")
    print(f"theta {theta.shape} sha256 {hashlib.sha256(theta.tobytes()).hexdigest()}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
