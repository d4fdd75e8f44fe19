"""`numgan lab`: runs that fail on purpose, beside their cures, as lines of text or as a film."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from numgan.errors import InputError, check_whole

if TYPE_CHECKING:
    from numgan.lab.setup import Setup


def lab(options: argparse.Namespace) -> int:
    from numgan.lab import console

    check_whole("--seed", options.seed, 0)
    if options.name is None:
        print(*console.listing(), sep="\n")
        return 0
    chosen = console.setups(options.name, options.cure)
    if options.out is not None:
        return _film(options, chosen)
    for title, setup in chosen.items():
        print(f"{options.name}, cure: {title}, seed {options.seed}")
        for line in console.watch(setup.training(options.seed), setup.steps):
            print(line, flush=True)
    return 0


def _film(options: argparse.Namespace, chosen: dict[str, Setup]) -> int:
    from numgan.lab.film import film

    if len(chosen) > 1:
        raise InputError("--out films one run: choose it with --cure NAME, or --cure none")
    (setup,) = chosen.values()
    title = f"{options.name}, cure: {options.cure}, seed {options.seed}"
    broke = film(setup.training(options.seed), setup.steps, options.out, title=title)
    print(f"{title}: {options.out}")
    if broke:
        print(broke)
    return 0
