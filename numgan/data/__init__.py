"""Data to learn from: the embedded digits, toy distributions, and the user's own files."""

from numgan.data.base import Data, restore
from numgan.data.catalogue import NAMES, load
from numgan.data.coupled import coupled, edges, negatives
from numgan.data.toy import gaussian, grid, mixture, ring

__all__ = [
    "NAMES",
    "Data",
    "coupled",
    "edges",
    "gaussian",
    "grid",
    "load",
    "mixture",
    "negatives",
    "restore",
    "ring",
]
