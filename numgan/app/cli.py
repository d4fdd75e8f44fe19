"""The command line: numgan train | sweep | sample | evaluate | gradcheck | gpucheck | lab | uses | data.

Status 0: done. 1: it ran and the answer is no (a gradient is wrong, a run diverged, the disk is full). 2: it was asked
for something that cannot be done, said in one line; nothing on disk was touched.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import textwrap
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeAlias

from numgan import losses, models, penalty
from numgan.app.data import data
from numgan.app.evaluate import evaluate
from numgan.app.gradcheck import gpucheck, gradcheck
from numgan.app.lab import lab
from numgan.app.sample import sample
from numgan.app.sweep import SEVERAL, option, sweep
from numgan.app.train import train
from numgan.app.uses import uses
from numgan.backend import BACKENDS
from numgan.data import NAMES
from numgan.errors import DivergedError, InputError, reason


def main(argv: list[str] | None = None) -> int:
    _print_anywhere()
    try:
        options = _parser().parse_args(argv)
        status = options.command(options)
        sys.stdout.flush()  # here, where it can still be said that nobody reads, or that the disk is full
        return status
    except KeyboardInterrupt:
        return 130  # as a shell reports Ctrl-C
    except InputError as error:
        return _refused(str(error), 2)
    except DivergedError as error:
        return _refused(str(error), 1)
    except BrokenPipeError:
        _drop_output()
        return 1
    except OSError as error:
        _drop_output()
        return _refused(reason(error), 1)
    except MemoryError as error:
        return _refused(f"not enough memory ({str(error) or 'Python does not say for what'}): ask for less", 1)


def _refused(message: str, status: int) -> int:
    print(f"numgan: error: {message}", file=sys.stderr)
    return status


def _print_anywhere() -> None:
    """A terminal or a file that has no letter for − or θ gets a question mark; closed streams go nowhere."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 (it stays open)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _drop_output() -> None:
    """What is still waiting to be printed goes nowhere: Python would try once more at its end, and complain."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # there may be no file behind the stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Help(argparse.HelpFormatter):
    """Breaks no line inside a name: digits-edges."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, instead of printing the usage. No abbreviations: --step is not --steps."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_abbrev": False, "formatter_class": _Help, **options})

    def error(self, message: str) -> NoReturn:
        which = self.prog if " " in self.prog else f"{self.prog} [COMMAND]"
        raise InputError(f"{message} ({which} --help lists what there is)")


Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def _names(table: Iterable[str]) -> str:
    return ", ".join(table)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="numgan", description="Generative adversarial networks from scratch on NumPy.")
    names = "train | sweep | sample | evaluate | gradcheck | gpucheck | lab | uses | data"
    subparsers = parser.add_subparsers(title="commands", metavar=names, required=True)
    subparsers._parser_class = _Parser  # type: ignore[attr-defined]
    for add in (_train, _sweep, _runs, _others):
        add(subparsers)
    return parser


def _command(subparsers: Commands, name: str, command: Callable[[argparse.Namespace], int], about: str) -> _Parser:
    p = subparsers.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    p.set_defaults(command=command)
    return p


def _train(subparsers: Commands) -> None:
    p = _command(subparsers, "train", train, "train a pair (G, D); with no options, on the embedded digits")
    kinds = "a .npz or .npy file, or a folder of images"
    p.add_argument("--data", help=f"{_names(NAMES)}, or the path of {kinds} (digits)")
    p.add_argument("--size", type=int, help="pixels along a side, to which the images of a folder are brought (64)")
    p.add_argument("--hold-out", type=int, metavar="N", help="the last N rows are not trained on: evaluate needs such")
    p.add_argument("--model", help=f"{_names(models.BY_NAME)} (what fits the data)")
    p.add_argument("--loss", help=f"{_names(losses.BY_NAME)} (the model's)")
    p.add_argument("--steps", type=int, help="updates of G, in all")
    p.add_argument("--batch", type=int, help="rows per minibatch")
    p.add_argument("--k", type=int, help="updates of D for each of G (1)")
    p.add_argument("--lr", type=float, help="learning rate of both players")
    p.add_argument("--lr-g", type=float, help="learning rate of G")
    p.add_argument("--lr-d", type=float, help="learning rate of D")
    p.add_argument("--beta1", type=float, help="Adam's decay of the mean of the gradient")
    p.add_argument("--beta2", type=float, help="Adam's decay of the mean of its square")
    p.add_argument("--ema", type=float, help="decay of the average of G's weights that samples come from; 0: none")
    p.add_argument("--penalty", help=f"bound the slope of D: {_names(penalty.BY_NAME)}, none (the model's)")
    p.add_argument("--penalty-weight", type=float, help="γ of r1 and r2, λ of wgan_gp (10)")
    p.add_argument("--clip", type=float, help="bound D's weights to ±CLIP after each update (not)")
    p.add_argument("--seed", type=int, help="fixes everything random (0)")
    p.add_argument("--threads", type=int, help="at most so many threads (the number of cores)")
    p.add_argument("--backend", help=f"{_names(BACKENDS)}; cupy is for a GPU (numpy)")
    p.add_argument("--out", help="the run's folder, new or empty (runs/DATA-1, -2 …)")
    p.add_argument("--resume", metavar="RUN", help="go on with this folder's run; --data: where its data is now")


def _sweep(subparsers: Commands) -> None:
    p = _command(subparsers, "sweep", sweep, "train a run of every combination of settings, over seeds; resumable")
    p.add_argument("--data", help="as for train (digits)")
    p.add_argument("--size", type=int, help="as for train")
    p.add_argument("--hold-out", type=int, metavar="N", help="as for train")
    p.add_argument("--steps", type=int, help="updates of G, in each run")
    for name, kind in SEVERAL.items():
        p.add_argument(option(name), type=_several(kind), metavar="A,B", help="as for train, one value or several")
    p.add_argument("--seeds", type=int, default=10, help="runs of each combination, from seed 0 on (10)")
    p.add_argument("--workers", type=int, help="processes, with Dask (one a core); 0: one run at a time, without")
    p.add_argument("--scheduler", metavar="ADDRESS", help="Dask's, as in tcp://host:8786; its workers must see OUT")
    p.add_argument("--out", help="the sweep's folder; what is finished there is not trained again (sweeps/DATA)")


def _several(kind: type) -> Callable[[str], list[Any]]:
    """Reads values of this kind with commas between them."""

    def read(text: str) -> list[Any]:
        return [kind(part) for part in text.split(",")]

    read.__name__ = f"list of {kind.__name__}"  # as argparse calls it, where it cannot be read
    return read


def _runs(subparsers: Commands) -> None:
    """What takes a run."""
    p = _command(subparsers, "sample", sample, "draw samples from a trained G")
    p.add_argument("run", metavar="RUN", help="a run's folder, or a checkpoint.npz")
    p.add_argument("-n", type=int, default=64, help="how many (64)")
    p.add_argument("--seed", type=int, default=0, help="which noise (0)")
    p.add_argument("--label", type=int, help="of a run with labels: this class alone (all, in turn)")
    p.add_argument("--backend", default="numpy", help=f"{_names(BACKENDS)}; each has noise of its own (numpy)")
    p.add_argument("--out", help="a new .png (a picture) or .npz (the array x, and y, its labels)")

    about = "measure a run's samples: how near to data, how varied, whether copied"
    p = _command(subparsers, "evaluate", evaluate, about)
    p.add_argument("run", metavar="RUN", help="a run's folder; evaluation.json and evaluation.png are written there")
    p.add_argument("-n", type=int, default=10_000, help="how many samples (10000)")
    p.add_argument("--seed", type=int, default=0, help="which noise (0)")
    p.add_argument("--against", metavar="DATA", help="data that the run never saw (its own test rows)")
    p.add_argument("--data", help="where the run's data is now, if it has moved")
    p.add_argument("--backend", default="numpy", help=f"{_names(BACKENDS)}; each has noise of its own (numpy)")


def _others(subparsers: Commands) -> None:
    _command(subparsers, "gradcheck", gradcheck, "compare every gradient of the package with central differences")
    _command(subparsers, "gpucheck", gpucheck, "compare 20 training steps on the GPU with NumPy's, and time them")

    p = _command(subparsers, "lab", lab, "runs that fail on purpose, and what cures them; without a name, a list")
    p.add_argument("name", nargs="?", metavar="NAME", help="which failure to run, with all its cures")
    p.add_argument("--cure", help="this cure alone; none: the failing run alone")
    p.add_argument("--seed", type=int, default=0, help="another run of the same kind (0)")
    p.add_argument("--out", help="film it: a new .gif or .html; needs --cure")

    p = _command(subparsers, "uses", uses, "what GANs are for, each in minutes; without a name, a list")
    p.add_argument("name", nargs="?", metavar="NAME", help="which use to train, beside its baselines")
    p.add_argument("--seed", type=int, default=0, help="another run of the same kind (0)")
    p.add_argument("--steps", type=int, help="updates of each of them (the use's own, for which its rates are set)")
    p.add_argument("--threads", type=int, help="at most so many threads (the number of cores)")
    p.add_argument("--out", help="the folder of its picture, new or empty (runs/NAME-1, -2 …)")

    p = _command(subparsers, "data", data, "bring all of MNIST to this computer, 12 MB: 60,000 and 10,000 digits")
    p.add_argument("name", metavar="NAME", help="mnist; it lies in NUMGAN_DATA, a folder to share, or a cache of yours")
    p.add_argument("--from", dest="source", metavar="DIR", help="no download: its four files, or Keras' mnist.npz")
