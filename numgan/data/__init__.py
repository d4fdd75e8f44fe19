"""Data to learn from: the embedded digits, toy distributions, and the user's own files."""

from numgan.data.base import Data, DataError, restore
from numgan.data.catalogue import load
from numgan.data.toy import gaussian, grid, mixture, ring

__all__ = ["Data", "DataError", "load", "gaussian", "mixture", "ring", "grid", "restore"]
