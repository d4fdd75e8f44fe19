"""A classifier of digits, by whose features sets of samples are compared; `load()` reads its weights."""

from numgan.classifier.cross_entropy import cross_entropy
from numgan.classifier.digits import Classifier, load

__all__ = ["Classifier", "cross_entropy", "load"]
