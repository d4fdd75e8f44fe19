"""The mode-coverage table: ring and grid, plain GAN and its cures, over seeds, beside published rows.

    python -m benchmarks.modes                  # 10 seeds of everything; resumable, since each run is kept as it ends
    python -m benchmarks.modes --seeds 2 --only ring
    python -m benchmarks.modes --workers 8      # so many runs at a time, with Dask; --scheduler ADDRESS: on a cluster

Protocol (VEEGAN §5, PacGAN §4.1): 2,500 samples; high quality is within 3 std of the nearest mode; a mode counts with
one such sample; reverse KL is of all samples by nearest mode. The scale is that of a CPU: G 16 → 128 → 128 → 2 and
D 2 → 128 → 128 → 1 with LeakyReLU, Adam, batch 128, 4,000 updates (ring) and 8,000 (grid) with rates decayed to 0
over the second half. The papers' runs are larger: G of 4 × 400, D of 3 × Maxout 200 with 5 pieces, 400,000 updates.
Ring: radius 2, std .02. Grid: {-4, -2, 0, 2, 4}², std .05.
"""

import argparse
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

import numgan as ng
from benchmarks import RESULTS
from benchmarks.store import Store, add_engines, engines
from numgan.lab.setup import Setup
from numgan.metrics import mode_coverage

SAMPLES = 2500

PUBLISHED = {  # modes, % of high quality
    "ring": [
        ("GAN, VEEGAN's paper", "1", "99.3"),
        ("GAN, PacGAN's runs", "6.3 ± .5", "98.2"),
        ("Unrolled GAN", "7.6", "35.6"),
        ("VEEGAN", "8", "52.9"),
        ("PacGAN2", "7.9 ± .1", "95.6"),
        ("PacGAN4", "7.8 ± .1", "95.9"),
    ],
    "grid": [
        ("GAN, VEEGAN's paper", "3.3", "0.5"),
        ("GAN, PacGAN's runs", "17.3 ± .8", "94.8"),
        ("Unrolled GAN", "23.6", "16"),
        ("VEEGAN", "24.6", "40"),
        ("PacGAN2", "23.8 ± .7", "91.3"),
        ("PacGAN4", "24.8 ± .2", "93.6"),
    ],
}
DATA = {"ring": ng.data.ring, "grid": ng.data.grid}
BASE = {"ring": Setup(), "grid": Setup(data=ng.data.grid, steps=8000)}
VARIANTS = {
    "GAN": {},
    "PacGAN2": {"pack": 2},
    "PacGAN4": {"pack": 4},
    "minibatch stddev": {"stddev": True},
    "R1, γ = 0.1": {"penalty": ng.R1(0.1)},
    "WGAN-GP, λ = 1": {"loss": ng.losses.wasserstein, "penalty": ng.WGANGP(1.0)},
}


def measure(data, variant, seed):
    """{"modes", "quality", "reverse_kl"} of one run, or None where it diverged."""
    setup = replace(BASE[data], **VARIANTS[variant])
    run = setup.training(seed)
    try:
        for _ in run.steps(setup.steps, every=setup.steps):
            pass
    except ng.DivergedError:
        return None
    return mode_coverage(run.sample(SAMPLES), run.data.centres, run.data.std)._asdict()


def ceiling(data, seed):
    """The data's own distribution, through the same measure."""
    rows = DATA[data](n=SAMPLES, seed=1000 + seed)
    return mode_coverage(rows.x, rows.centres, rows.std)._asdict()


def mean_and_error(values):
    """Mean ± standard error, as text."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{np.mean(values):.2f} ± {error:.2f}"


def row(name, found):
    done = [measured for measured in found if measured]
    scales = {"modes": 1, "quality": 100, "reverse_kl": 1}
    cells = [mean_and_error([n * m[name] for m in done]) if done else "–" for name, n in scales.items()]
    lost = f" ({len(found) - len(done)} diverged)" if len(done) < len(found) else ""
    return f"| {name}{lost} | {len(found)} | {' | '.join(cells)} |"


def table(kept, data, seeds):
    lines = [f"### {data}, {len(BASE[data].data().centres)} modes", ""]
    lines += ["| | seeds | modes | % high quality | reverse KL |", "|---|---:|---:|---:|---:|"]
    lines += [row(name, [kept[f"{data}/{name}/{seed}"] for seed in range(seeds)]) for name in VARIANTS]
    lines.append(row("exact sampler", [ceiling(data, seed) for seed in range(seeds)]))
    lines += [f"| *{name} (published)* | | {modes} | {quality} | |" for name, modes, quality in PUBLISHED[data]]
    return "\n".join([*lines, ""])


def report(kept, chosen, seeds):
    return "\n".join(table(kept, data, seeds) for data in chosen)


def collect(store, chosen, seeds, **engine):
    runs = product(range(seeds), chosen, VARIANTS)
    store.all({f"{data}/{name}/{seed}": partial(measure, data, name, seed) for seed, data, name in runs}, **engine)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.modes", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", choices=BASE, help="one of the two data sets")
    parser.add_argument("--out", type=Path, default=RESULTS / "modes.jsonl", help="results; a .md goes beside it")
    add_engines(parser)
    options = parser.parse_args()
    chosen, store = [options.only] if options.only else list(BASE), Store(options.out)
    collect(store, chosen, options.seeds, **engines(options))
    text = report(store.read(), chosen, options.seeds)
    options.out.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
