"""What GANs are for, in miniature: one use a file, each with its game, its measure, its baseline and its picture."""

from numgan.uses.clouds import CLOUDS
from numgan.uses.negatives import NEGATIVES
from numgan.uses.translation import EDGES, HALVES
from numgan.uses.use import Use, table

BY_NAME: dict[str, Use] = {
    "edges": EDGES,
    "halves": HALVES,
    "clouds": CLOUDS,
    "negatives": NEGATIVES,
}

__all__ = ["BY_NAME", "Use", "table"]
