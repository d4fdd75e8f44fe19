"""What GANs are for, in miniature: one use a file, each with its game, its measure, its baseline and its picture."""

from numgan.uses.frames import NEXT_FRAME
from numgan.uses.translation import EDGES, HALVES
from numgan.uses.use import Use, table

BY_NAME: dict[str, Use] = {
    "edges": EDGES,
    "halves": HALVES,
    "frames": NEXT_FRAME,
}

__all__ = ["BY_NAME", "Use", "table"]
