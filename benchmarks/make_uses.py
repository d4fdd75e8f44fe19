"""Keeps what the trained uses made, and the small ones of their generators, in one file, which lesson 17 opens.

    python -m benchmarks.uses --runs DIR train          # first: the runs
    python -m benchmarks.make_uses DIR                  # DIR/USE-GAME-0.npz → notebooks/kept/uses.npz

Of paired translation and of the next frame: what each game makes of the first test rows, as bytes. Of the unpaired one:
θ of G and F, in half precision. Of the captions: θ of G, a byte for each number, with a factor for each tensor. Of the
sounds: as bytes. All are of seed 0. A name is "use/game", and what it is where there are several.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.make_family import half
from benchmarks.uses import trained
from numgan.uses import BY_NAME, frames, translation
from numgan.uses.images import grey, unseen

OUT = Path(__file__).parents[1] / "notebooks" / "kept" / "uses.npz"
SHOWN, SOUNDS = 200, 120  # rows


def keep(runs, path=OUT):
    """Writes the arrays."""
    arrays = {}
    for name, some in (("halves", halves), ("frames", next_frames), ("negatives", both_ways), ("sound", sounds)):
        for kind in BY_NAME[name].games:
            arrays |= some(f"{name}/{kind}", trained(name, kind, 0, runs))
    arrays |= generator("captions", trained("captions", next(iter(BY_NAME["captions"].games)), 0, runs))
    np.savez_compressed(path, **arrays)
    return Path(path)


def halves(name, game):
    rows = translation.Translation(translation.left_half, 14).pairs(unseen())[:SHOWN]
    return {name: as_bytes(grey(game.translate(game.given(rows))))}


def next_frames(name, game):
    rows, _ = frames.to_test()
    return {name: as_bytes(grey(game.translate(game.given(rows[:SHOWN]))))}


def both_ways(name, game):
    return {f"{name}/{player}": half(game.weights()[player]) for player in ("G", "F")}


def sounds(name, game):
    return {name: np.round(127 * game.sounds(SOUNDS, seed=0)).astype(np.int8)}


def generator(name, game):
    """θ = scale · W, with a scale for each tensor, of which 127 is the largest number."""
    G = game.ready("G")
    scales = np.array([np.abs(G.theta[span]).max() / 127 for span in G.slices.values()], dtype=np.float32)
    sizes = [span.stop - span.start for span in G.slices.values()]
    return {f"{name}/W": np.round(G.theta / scales.repeat(sizes)).astype(np.int8), f"{name}/scales": scales}


def as_bytes(x):
    """Images in [0, 1], in 256 greys."""
    return np.round(255 * x).astype(np.uint8)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.make_uses", description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="the folder of benchmarks.uses' weights")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    made = keep(options.runs, options.out)
    print(f"{made}: {made.stat().st_size:,} bytes")
