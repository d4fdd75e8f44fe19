"""`numgan uses`: what GANs are for, each use trained in minutes beside its baselines, measured and drawn."""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from typing import TYPE_CHECKING

from numgan.app.claim import claim_new
from numgan.errors import check_whole, lookup
from numgan.run.output import atomic, check_writable

if TYPE_CHECKING:
    from numgan.uses import Game, Measures, Use

SHOWN = 50  # steps from one look at the values to the next


def uses(options: argparse.Namespace) -> int:
    from numgan.uses import BY_NAME, table

    if options.name is None:
        width = max(map(len, BY_NAME))
        print(*(f"{name:{width}}  {use.about}" for name, use in BY_NAME.items()), sep="\n")
        return 0
    use = lookup("use", options.name, BY_NAME)
    check_whole("--seed", options.seed, 0)
    steps = use.steps if options.steps is None else check_whole("--steps", options.steps, 1)
    if options.threads is not None:
        check_whole("--threads", options.threads, 1)
    with claim_new(options.out, options.name) as claim:
        check_writable(claim.place, str(claim.folder))
        began = time.perf_counter()
        try:
            made = {name: make(options.seed, options.threads) for name, make in use.games.items()}
            games = {name: _trained(name, game, steps) for name, game in made.items()}
            measures = {name: use.measure(game) for name, game in games.items()}
            measures |= {name: measure() for name, measure in use.references.items()}
            files = _files(use, games, measures)
        except KeyboardInterrupt:
            print("\nstopped; nothing was written", file=sys.stderr)
            raise
        claim.check()
        for name, content in files.items():
            with atomic(claim.place / name) as file:
                file.write(content)
        print(f"{use.about}: {steps} steps, seed {options.seed}, {time.perf_counter() - began:.0f} s", "", sep="\n")
        print(table(measures))
        print(f"\nin {claim.folder}: {'  '.join(files)}")
    return 0


def _trained(name: str, game: Game, steps: int) -> Game:
    """The game after so many steps, with a progress bar on stderr where that is a terminal."""
    from tqdm import tqdm

    with tqdm(total=steps, desc=name, unit="step", disable=None, dynamic_ncols=True) as bar:
        for values in game.steps(steps):
            if game.step % SHOWN == 0:
                bar.set_postfix_str("  ".join(f"{key} {value:.3f}" for key, value in values.items()), refresh=False)
            bar.update()
    return game


def _files(use: Use, games: dict[str, Game], measures: dict[str, Measures]) -> dict[str, bytes]:
    """The files that tell of it, by name: all are made before the first is written."""
    picture = io.BytesIO()
    use.picture(games).savefig(picture, format="png", dpi=100)
    made = {name: content(games) for name, content in use.files.items()}
    told = json.dumps(measures, indent=1, ensure_ascii=False, allow_nan=False).encode()
    return {"picture.png": picture.getvalue(), **made, "measures.json": told}
