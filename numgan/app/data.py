"""`numgan data`: a data set that is not part of the package, brought into a folder of this computer."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from numgan.errors import lookup


def data(options: argparse.Namespace) -> int:
    from numgan.data import download, mnist

    lookup("data set", options.name, {"mnist": None})
    folder = mnist.cache()
    wanted = mnist.missing(folder)
    try:
        if wanted and options.source is not None:
            download.take(Path(options.source), wanted, folder)
        elif wanted:
            download.download(wanted, folder)
    except KeyboardInterrupt:
        print("\nstopped; to go on with what is missing:  numgan data mnist", file=sys.stderr)
        raise
    print(f"mnist {'is' if wanted else 'was there already,'} in {folder}: 60,000 digits to train on, 10,000 to test on")
    print("to train:  numgan train --data mnist")
    return 0
