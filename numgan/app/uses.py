"""`numgan uses`: what GANs are for, in miniature."""

from __future__ import annotations

import argparse
from pathlib import Path

from numgan.errors import check_whole, lookup


def uses(options: argparse.Namespace) -> int:
    from numgan.uses import BY_NAME, table

    if options.name is None:
        width = max(map(len, BY_NAME))
        print("\n".join(f"{name:{width}}  {use.about}" for name, use in BY_NAME.items()))
        return 0
    use = lookup("use", options.name, BY_NAME)
    check_whole("--seed", options.seed, 0)
    folder = Path(options.out or Path("uses", options.name))
    folder.mkdir(parents=True, exist_ok=True)
    games = {name: _trained(name, make(options.seed, None), use.steps) for name, make in use.games.items()}
    rows = {name: use.measure(game) for name, game in games.items()}
    print(table(rows | {name: measure() for name, measure in use.references.items()}))
    use.picture(games).savefig(folder / "picture.png", dpi=100)
    print(f"picture: {folder / 'picture.png'}")
    for name, made in use.files.items():
        (folder / name).write_bytes(made(games))
        print(f"file: {folder / name}")
    return 0


def _trained(name, game, steps):
    from tqdm import tqdm

    for values in (bar := tqdm(game.steps(steps), total=steps, desc=name, disable=None)):
        if game.step % 50 == 0:
            bar.set_postfix_str(" ".join(f"{key} {value:.3f}" for key, value in values.items()), refresh=False)
    return game
