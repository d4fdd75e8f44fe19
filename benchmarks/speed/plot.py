"""Draws a kept result file: how many times numgan's time each peer takes, workload by workload.

python -m benchmarks.speed.plot [benchmarks/results/speed.json] [--out benchmarks/results/speed.png]
"""

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from benchmarks import RESULTS
from benchmarks.speed.peers import LABELS
from benchmarks.speed.report import BASE, summary

# Okabe and Ito's palette, which colour-blind readers can tell apart; the labels say it all again
COLOURS = {"numgan": "#000000", "torch": "#0072B2", "jax": "#E69F00", "textbook": "#999999"}


def draw(results):
    workloads = results["workloads"]
    rows = {name: summary(result) for name, result in workloads.items()}
    peers = [peer for peer in LABELS if any(peer in row for row in rows.values())][::-1]
    fig, axes = plt.subplots(1, len(rows), figsize=(10, 0.9 + 0.3 * len(peers)), sharey=True, squeeze=False)
    for ax, (name, row) in zip(axes[0], rows.items(), strict=True):
        panel(ax, row, peers)
        ax.set_title(f"{name}\nnumgan: {row[BASE]['ms'][1]:.3g} ms per step", fontsize=9, loc="left")
    axes[0, 0].set_yticks(range(len(peers)), [LABELS[peer] for peer in peers], fontsize=9)
    m = results["machine"]
    fig.supxlabel(f"time per training step, in numgan's ({m['cpu']}, {m['cores']} cores); lines: quartiles", fontsize=8)
    fig.tight_layout()
    return fig


def panel(ax, row, peers):
    """One bar per peer; the thin line spans the quartiles of the ratio, round by round."""
    widest = max(r["pairs"][2] for r in row.values())
    for y, peer in enumerate(peers):
        if peer in row:
            bar(ax, y, row[peer], COLOURS[peer.split("_")[0]], 0.04 * widest)
    ax.axvline(1, color="black", linewidth=0.8, linestyle=":")
    ax.set_xlim(0, 1.3 * widest)
    ax.tick_params(labelsize=8, left=False)
    ax.spines[["top", "right", "left"]].set_visible(False)


def bar(ax, y, r, colour, gap):
    low, _, high = r["pairs"]
    ax.barh(y, r["ratio"], color=colour, height=0.68)
    ax.plot([low, high], [y, y], color="#555555", linewidth=1)
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # over the dotted line
    ax.text(max(r["ratio"], high) + gap, y, f"{r['ratio']:.2f}", va="center", fontsize=8, bbox=paper)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.plot", description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="?", type=Path, default=RESULTS / "speed.json")
    parser.add_argument("--out", type=Path, help="the picture (default: beside the results, .png)")
    options = parser.parse_args()
    out = options.out or options.results.with_suffix(".png")
    draw(json.loads(options.results.read_text())).savefig(out, dpi=160)
    print(f"drawn in {out}")


if __name__ == "__main__":
    main()
