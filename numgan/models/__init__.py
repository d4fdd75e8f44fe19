"""The named pairs (G, D), one a file, each with the settings it trains well with."""

from numgan.models.cogan import COGAN
from numgan.models.conditional import CDCGAN, CGAN
from numgan.models.dcgan import DCGAN
from numgan.models.dcgan64 import DCGAN64
from numgan.models.goodfellow2014 import GOODFELLOW2014
from numgan.models.mlp import IMAGES, POINTS
from numgan.models.progan import PROGAN
from numgan.models.recipe import Model
from numgan.models.stylegan import STYLEGAN

BY_NAME: dict[str, Model] = {
    "images": IMAGES,
    "points": POINTS,
    "goodfellow2014": GOODFELLOW2014,
    "dcgan": DCGAN,
    "cgan": CGAN,
    "cdcgan": CDCGAN,
    "dcgan64": DCGAN64,
    "cogan": COGAN,
    "progan": PROGAN,
    "stylegan": STYLEGAN,
}

__all__ = ["BY_NAME", "Model"]
