"""What GANs are for, in miniature: one use a file, each with its game, its measure, its baseline and its picture."""

from numgan.uses.clouds import CLOUDS
from numgan.uses.frames import NEXT_FRAME
from numgan.uses.game import Game
from numgan.uses.negatives import NEGATIVES
from numgan.uses.sound import SOUND
from numgan.uses.strips import STRIPS
from numgan.uses.text_to_image import CAPTIONS
from numgan.uses.translation import EDGES, HALVES
from numgan.uses.use import Measures, Use, table

BY_NAME: dict[str, Use] = {
    "edges": EDGES,
    "halves": HALVES,
    "clouds": CLOUDS,
    "negatives": NEGATIVES,
    "captions": CAPTIONS,
    "strips": STRIPS,
    "frames": NEXT_FRAME,
    "sound": SOUND,
}

__all__ = ["BY_NAME", "Game", "Measures", "Use", "table"]
