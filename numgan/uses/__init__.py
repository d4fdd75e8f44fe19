"""What GANs are for, in miniature: one use a file, each with its game, its measure, its baseline and its picture."""

from numgan.uses.game import Game
from numgan.uses.sound import SOUND
from numgan.uses.strips import STRIPS
from numgan.uses.text_to_image import CAPTIONS
from numgan.uses.translation import EDGES, HALVES
from numgan.uses.use import Measures, Use, table

BY_NAME: dict[str, Use] = {
    "edges": EDGES,
    "halves": HALVES,
    "captions": CAPTIONS,
    "strips": STRIPS,
    "sound": SOUND,
}

__all__ = ["BY_NAME", "Game", "Measures", "Use", "table"]
