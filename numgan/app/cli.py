"""The command line: numgan train | sample | gradcheck | gpucheck | lab.

Status 0: done. 1: it ran and the answer is no (a gradient is wrong, a run diverged). 2: it was asked for something
that cannot be done, said in one line; nothing on disk was touched.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, NoReturn

from numgan.app import commands
from numgan.errors import InputError


def main(argv: list[str] | None = None) -> int:
    try:
        options = _parser().parse_args(argv)
        return options.command(options)
    except KeyboardInterrupt:
        return 130  # as a shell reports Ctrl-C
    except InputError as error:
        print(f"numgan: error: {error}", file=sys.stderr)
        return 2


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, instead of printing the usage. No abbreviations: --step is not --steps."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        which = self.prog if " " in self.prog else f"{self.prog} [COMMAND]"
        raise InputError(f"{message} ({which} --help lists what there is)")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="numgan", description="Generative adversarial networks from scratch on NumPy.")
    names = "train | sample | gradcheck | gpucheck | lab"
    subparsers = parser.add_subparsers(title="commands", metavar=names, required=True)
    subparsers._parser_class = _Parser  # type: ignore[attr-defined]

    p = subparsers.add_parser("train", help="train a pair (G, D); with no options, on the embedded digits")
    p.set_defaults(command=commands.train)
    p.add_argument("--data", help="digits (default), gaussian, mixture, ring, grid, or the path of a .npz or .npy file")
    p.add_argument("--model", help="images, points, goodfellow2014 or dcgan; by default what fits the data")
    p.add_argument("--loss", help="minimax, nonsaturating, least_squares, wasserstein or hinge")
    p.add_argument("--steps", type=int, help="updates of G, in all")
    p.add_argument("--batch", type=int, help="rows per minibatch")
    p.add_argument("--k", type=int, help="updates of D for each of G (1)")
    p.add_argument("--lr", type=float, help="learning rate of both players")
    p.add_argument("--lr-g", type=float, help="learning rate of G")
    p.add_argument("--lr-d", type=float, help="learning rate of D")
    p.add_argument("--beta1", type=float, help="Adam's decay of the mean of the gradient")
    p.add_argument("--beta2", type=float, help="Adam's decay of the mean of its square")
    p.add_argument("--ema", type=float, help="decay of the average of G's weights that samples come from; 0: none")
    p.add_argument("--penalty", help="bound the slope of D: r1, r2 or wgan_gp (none)")
    p.add_argument("--penalty-weight", type=float, help="γ of r1 and r2, λ of wgan_gp (10)")
    p.add_argument("--clip", type=float, help="bound D's weights to ±CLIP after each update (not)")
    p.add_argument("--seed", type=int, help="fixes everything random (0)")
    p.add_argument("--threads", type=int, help="at most so many threads (the number of cores)")
    p.add_argument("--backend", help="numpy (default) or cupy, for a GPU")
    p.add_argument("--out", help="the run's folder, new or empty (runs/DATA-1, -2 …)")
    p.add_argument("--resume", metavar="RUN", help="go on with the run in this folder, up to --steps")

    p = subparsers.add_parser("sample", help="draw samples from a trained G")
    p.set_defaults(command=commands.sample)
    p.add_argument("run", metavar="RUN", help="a run's folder, or a checkpoint.npz")
    p.add_argument("-n", type=int, default=64, help="how many (64)")
    p.add_argument("--seed", type=int, default=0, help="which noise (0)")
    p.add_argument("--backend", default="numpy", help="numpy (default) or cupy; each has noise of its own")
    p.add_argument("--out", help="a new .png (a picture) or .npz (the array x)")

    p = subparsers.add_parser("gradcheck", help="compare every gradient of the package with central differences")
    p.set_defaults(command=commands.gradcheck)

    p = subparsers.add_parser("gpucheck", help="compare 20 training steps on the GPU with NumPy's, and time them")
    p.set_defaults(command=commands.gpucheck)

    p = subparsers.add_parser("lab", help="runs that fail on purpose, and what cures them; without a name, a list")
    p.set_defaults(command=commands.lab)
    p.add_argument("name", nargs="?", metavar="NAME", help="which failure to run, with all its cures")
    p.add_argument("--cure", help="this cure alone; none: the failing run alone")
    p.add_argument("--seed", type=int, default=0, help="another run of the same kind (0)")
    p.add_argument("--out", help="film it: a new .gif or .html; needs --cure")
    return parser
