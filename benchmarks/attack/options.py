"""Random command lines: none may end in a traceback, and none that is refused (status 2) may touch a file.

python -m benchmarks.attack.options --count 2000 --seed 0
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.attack import within
from benchmarks.attack.processes import draw_little
from numgan.app import cli, folder

NUMBERS = ["0", "1", "2", "3", "5", "-1", "1.5", "1e-3", "0.9", "nan", "inf", "1e400", "", "x", "100000", "1" * 40, "٣"]
WORDS = [
    "",
    "digits",
    "ring",
    "Ring",
    "images",
    "points",
    "goodfellow2014",
    "hinge",
    "minimax",
    "r1",
    "wgan_gp",
    "numpy",
    "cupy",
    "none",
    "PacGAN2",
    "idle",
    "\0",
    "a\nb",
    "ü",
    "--",
    "-h",
]
PATHS = [
    "a",
    "b/c",
    "run",
    "run/x",
    "file.npz",
    "file.npz/sub",
    "no.npz",
    "images.npz",
    "broken.npz",
    "tall.npz",
    "one.npy",
    "text.txt",
    ".",
    "..",
    "/",
    "/proc/x",
    "x" * 300,
    "nul\0",
    "new.png",
    "new.npz",
    "new.gif",
    "",
]
TRAIN = {
    "--data": PATHS[:12] + WORDS[:4],
    "--model": WORDS,
    "--loss": WORDS,
    "--steps": NUMBERS[:6] + NUMBERS[10:14],
    "--batch": NUMBERS,
    "--k": NUMBERS[:6],
    "--lr": NUMBERS,
    "--lr-g": NUMBERS,
    "--lr-d": NUMBERS,
    "--beta1": NUMBERS,
    "--beta2": NUMBERS,
    "--ema": NUMBERS,
    "--penalty": WORDS,
    "--penalty-weight": NUMBERS,
    "--clip": NUMBERS,
    "--seed": NUMBERS,
    "--threads": NUMBERS,
    "--backend": WORDS,
    "--out": PATHS,
    "--resume": PATHS,
    "--spets": NUMBERS,
}
SANE = {
    "--data": ["ring", "file.npz", "images.npz", "tall.npz", "gaussian"],
    "--model": ["images", "points"],
    "--loss": ["hinge", "minimax"],
    "--ema": ["0.9", "0"],
    "--penalty": ["r1", "wgan_gp"],
    "--backend": ["numpy"],
    "--out": ["a", "b/c", "new.npz"],
    "--resume": ["run", "a"],
    "--lr": ["1e-3"],
    "--lr-g": ["0.1"],
    "--lr-d": ["0.01"],
    "--beta1": ["0.5"],
    "--beta2": ["0.9"],
    "--clip": ["0.1"],
    "--cure": ["none"],
}
SAMPLE = {"-n": NUMBERS, "--seed": NUMBERS, "--backend": WORDS, "--out": PATHS}
LAB = {"--cure": WORDS, "--seed": NUMBERS, "--out": PATHS}


def command_line(rng: random.Random) -> list[str]:
    """Mostly of options that exist, with values of which many do not fit."""
    kind = rng.choices(("train", "sample", "lab", "word"), (8, 4, 1, 1))[0]
    if kind == "word":
        return [rng.choice(WORDS + PATHS) for _ in range(rng.randrange(4))]
    options = {"train": TRAIN, "sample": SAMPLE, "lab": LAB}[kind]
    chosen = rng.sample(list(options), min(len(options), rng.choice((0, 1, 1, 2, 2, 3, 5))))
    line = [kind] + [word for name in chosen for word in (name, _value(rng, name, options[name]))]
    if kind == "train":  # none of the trials may be long
        return line if "--steps" in chosen else [*line, "--steps", rng.choice(("1", "2", "26"))]
    target = rng.choice(PATHS if kind == "sample" else ["prayer", "idle ", *WORDS[:3], "\0"])
    return [*line, target] if rng.random() < 0.95 else line


def _value(rng: random.Random, name: str, values: list[str]) -> str:
    return rng.choice(SANE.get(name, ["1", "2", "3", "8"]) if rng.random() < 0.6 else values)


def furnish(where: Path) -> None:
    """A run, and files of every kind, good and bad."""
    rng = np.random.default_rng(0)
    np.savez(where / "file.npz", x=rng.random((40, 3)).astype("float32"))
    np.savez(where / "images.npz", x=rng.integers(0, 256, (30, 4, 5, 3)).astype("uint8"))
    np.savez(where / "tall.npz", x=rng.integers(0, 256, (30, 1, 6)).astype("uint8"))
    np.save(where / "one.npy", rng.random((1, 2)))
    (where / "broken.npz").write_bytes((where / "file.npz").read_bytes()[:200])
    (where / "text.txt").write_text("not an array")
    cli.main(["train", "--data", "file.npz", "--steps", "4", "--batch", "8", "--out", "run"])


def tree(where: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_mtime_ns if p.is_file() else 0, p.stat().st_size) for p in where.rglob("*")}


def outcome(line: list[str], where: Path) -> str:
    before, out, err = tree(where), io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = cli.main(line)
    except SystemExit as end:  # argparse, after --help
        status = end.code
    except BaseException as error:
        return f"traceback: {type(error).__name__}"
    if status == 2 and tree(where) != before:
        return "status 2, but a file was touched"
    if status == 2 and err.getvalue().count("\n") != 1:
        return "status 2, but not in one line"
    return f"status {status}" if status in (0, 1, 2) else f"unknown status {status}"


def _tried(line: list[str], where: Path) -> str:
    end = outcome(line, where)
    if not good(end):
        print(f"{end}: {line}", file=sys.stderr)
    return end


def good(end: str) -> bool:
    return end in ("status 0", "status 1", "status 2")


def attack(count: int, seed: int, minutes: float = 60.0) -> Counter[str]:
    """How so many random command lines end; prints those that end badly."""
    rng, ends, here = random.Random(seed), Counter(), Path.cwd()
    draw, folder.Run.draw = folder.Run.draw, draw_little
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            furnish(Path(name))
            ends.update(within(minutes, (_tried(command_line(rng), Path(name)) for _ in range(count))))
        finally:
            os.chdir(here)
            folder.Run.draw = draw
    return ends


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=60.0, help="at most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    ends = attack(options.count, options.seed, options.minutes)
    print(f"command lines: {dict(ends)}")
    return 0 if all(map(good, ends)) else 1


if __name__ == "__main__":
    sys.exit(main())
