"""Spoiled files: each is refused in one line, or it is a file that works. Nothing else may happen.

    python -m benchmarks.attack.files --minutes 2 --seed 0 --count 20000

Mutant i of a seed is always the same file. Each is opened as a user would open it, with every warning an error:
a checkpoint by `Training.load` and by `Checkpoint.sample`, frames, run.json, and a user's data. Faults:

    traceback   an error that is no InputError, or one of more than a line, or a warning
    nonsense    it was opened, and what it holds is not finite, or the run cannot make a step
    slow        more than 5 seconds, twice: the machine may have been busy with other things
    hungry      more memory than allowed (see `allowed`), or an attempt to take more than there is

A step may end in DivergedError: a run with a learning rate of 10³⁰ is what such a file asks for, and it says so. One
that asks for more than 100 updates of D in a step is not kept waiting for.
"""

import argparse
import contextlib
import faulthandler
import signal
import sys
import tempfile
import time
import traceback
import tracemalloc
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

import numgan as ng
from benchmarks.attack import mutants
from numgan.app.folder import read_about, read_frames
from numgan.errors import DivergedError
from numgan.run import archive
from numgan.run.state import Checkpoint

SECONDS = 5.0
MOST_UPDATES = 100
FRAMES = (5, 3)  # rows, n_x
FAULTS = ("traceback", "nonsense", "slow", "hungry")


class Slow(BaseException):
    """The alarm; no `except Exception` stops it."""


class Nonsense(Exception):
    """A file was opened that should have been refused; the text says why."""


# --- whole files, each with the mutations that suit its format and with what opens it


def plain(seed=0):
    """A small run with most kinds of layers, and data of its own."""
    x = np.random.default_rng(seed).standard_normal((60, 3)).astype("float32")
    G = [ng.Linear(2, 6), ng.BatchNorm(6), ng.ReLU(), ng.Network([ng.Linear(6, 5), ng.LeakyReLU(0.1)]), ng.Linear(5, 3)]
    D = [ng.InstanceNoise(0.05), ng.Maxout(3, 6, 2), ng.Dropout(0.1), ng.Linear(6, 1)]
    optimizers = ng.Adam(ng.Ramp(0.01, 0.001, 0, 50)), ng.SGD(ng.Decay(0.05, 1.01, 0.001), 0.5)
    settings = {"batch": 8, "k": 2, "ema": 0.9, "noise": "uniform", "penalty": ng.WGANGP(0.5), "clip": 2.0}
    return ng.Training(ng.Network(G), ng.Network(D, seed=1), x, optimizers=optimizers, threads=1, **settings), 7


def images(seed=0):
    """Images, shown to D in pairs, in float64."""
    x = np.random.default_rng(seed).uniform(-1, 1, (40, 6)).astype("float32")
    data = ng.data.Data(x, image_shape=(2, 3), range=(-1, 1), name="små")
    G = [ng.Linear(3, 8), ng.Reshape((2, 4)), ng.Reshape((8,)), ng.Sigmoid(), ng.Linear(8, 6), ng.Tanh()]
    D = [ng.Pack(2), ng.Linear(12, 4), ng.MinibatchStd(4), ng.Tanh(), ng.Linear(5, 1)]
    G, D = ng.Network(G, dtype="float64"), ng.Network(D, seed=1, dtype="float64")
    return ng.Training(G, D, data, ng.losses.least_squares, 10, optimizers=(ng.SGD(0.1), ng.Adam()), threads=2), 3


def fresh(seed=0):
    """A run that has made no step yet."""
    x = np.random.default_rng(seed).standard_normal((30, 2)).astype("float32")
    G, D = ng.Network([ng.Linear(2, 2)]), ng.Network([ng.Linear(2, 4), ng.Tanh(), ng.Linear(4, 1)], seed=1)
    return ng.Training(G, D, x, ng.losses.minimax, 5, penalty=ng.R1(0.1), threads=1), 0


def check_run(path, data):
    """Both ways to open a checkpoint; then samples, and a step."""
    sampled = opened(lambda: Checkpoint(path).sample(4))
    run = opened(lambda: ng.Training.load(path, data))
    if sampled is not None:
        finite(sampled, "a sample of the checkpoint")
    if run is None:
        return sampled is not None and "G alone"  # a damaged D does not matter to samples
    if run.k > MOST_UPDATES:
        return True
    try:
        list(run.steps(1))
        if not np.isfinite(run.G.theta).all() or not np.isfinite(run.D.theta).all():
            list(run.steps(1))
            raise Nonsense("parameters that are not finite went unnamed for two steps")
        finite(run.sample(4), "a sample after a step")
    except DivergedError:
        return "diverges"
    except ng.InputError as error:
        raise Nonsense("it was loaded, but cannot make a step") from error
    return True


def check_frames(path, data):
    found = opened(lambda: read_frames(path.parent, 40, FRAMES))
    if found is None:
        return False
    frames, steps = found
    if len(frames) != len(steps) or not all(type(step) is int and 0 <= step <= 40 for step in steps):
        raise Nonsense(f"{len(frames)} frames of steps {steps}")
    return all(finite(frame, "a frame").shape == FRAMES for frame in frames)


def check_about(path, data):
    about = opened(lambda: read_about(path.parent))
    if about is None:
        return False
    kinds = {"data": (str,), "model": (str,), "steps": (int,), "backend": (str,), "size": (int, type(None))}
    kinds |= {"hold_out": (int,)}
    fits = about.keys() == kinds.keys() and all(type(about[name]) in kinds[name] for name in kinds)
    if not fits or about["steps"] < 1 or about["hold_out"] < 0:
        raise Nonsense(f"run.json says {about}")
    return True


def check_data(path, data):
    found = opened(lambda: ng.data.load(path))
    if found is None:
        return False
    labels = np.zeros(len(found)) if found.labels is None else found.labels
    if found.x.ndim != 2 or found.x.dtype != np.float32 or labels.shape != (len(found),):
        raise Nonsense(f"data of {found.x.shape} {found.x.dtype}")
    return finite(found.x, "data").size > 0


def opened(open_it):
    """What opens; None where it is refused as it should be."""
    try:
        return open_it()
    except ng.InputError as error:
        cause = error
        while cause is not None:
            if isinstance(cause, MemoryError):
                raise MemoryError("tried to take more memory than there is") from error
            cause = cause.__cause__
        if "\n" in str(error).replace(str(Path(tempfile.gettempdir())), ""):
            raise RuntimeError("an error of more than one line") from error
        return None


def finite(x, what):
    if not np.isfinite(x).all():
        raise Nonsense(f"{what} is not finite")
    return x


def originals(folder):
    """Every kind of file: name, content, what opens it, its data, and the mutations that suit it."""
    zipped = mutants.BYTES + mutants.ARCHIVES + mutants.ARRAYS
    for make in (plain, images, fresh):
        run, steps = make()
        list(run.steps(steps, every=3))
        run.save(folder / "checkpoint.npz")
        yield "checkpoint.npz", (folder / "checkpoint.npz").read_bytes(), check_run, run.data, zipped + 3 * mutants.JSON
    rng = np.random.default_rng(0)
    archive.write(folder / "frames.npz", {"frames": rng.random((4, *FRAMES))}, {"steps": [0, 10, 20, 50]})
    yield "frames.npz", (folder / "frames.npz").read_bytes(), check_frames, None, zipped + mutants.JSON
    about = b'{\n "data": "ring",\n "model": "points",\n "steps": 4000,\n "backend": "numpy"\n}'
    yield "run.json", about, check_about, None, mutants.BYTES + 2 * mutants.JSON
    pixels = rng.integers(0, 256, (9, 4, 5), dtype=np.uint8)
    np.savez(folder / "images.npz", x_train=pixels, y_train=np.arange(9), x_test=pixels, y_test=np.arange(9))
    yield "images.npz", (folder / "images.npz").read_bytes(), check_data, None, zipped
    np.savez_compressed(folder / "vectors.npz", x=rng.standard_normal((9, 3)), labels=np.arange(9))
    yield "vectors.npz", (folder / "vectors.npz").read_bytes(), check_data, None, zipped
    np.save(folder / "vectors.npy", rng.standard_normal((9, 3)))
    yield "vectors.npy", (folder / "vectors.npy").read_bytes(), check_data, None, mutants.BYTES + mutants.ARRAYS


def allowed(path):
    """Bytes that opening a file may take: six times what it holds, and 64 MiB, of which numgan's threads take 31.

    What a run does then is its own affair; these runs are small. Data of a user's may be compressed.
    """
    size = path.stat().st_size
    if path.name in ("images.npz", "vectors.npz") and zipfile.is_zipfile(path):
        with contextlib.suppress(Exception), zipfile.ZipFile(path) as file:
            size = max(size, min(sum(info.file_size for info in file.infolist()), 100 * size))
    return 6 * size + (64 << 20)


# --- the campaign


def mutant(kinds, seed, i):
    """File i of a seed: its kind, the mutations that made it, its content, and what opens it."""
    rng = np.random.default_rng([seed, i])
    name, content, check, data, suitable = kinds[i % len(kinds)]
    made = []
    for _ in range(1 if rng.random() < 0.85 else 2):
        change = mutants.pick(rng, suitable)
        try:
            content = change(rng, content)
        except Exception:  # what the first left can no longer be taken apart
            change = mutants.pick(rng, mutants.BYTES)
            content = change(rng, content or b"x")
        made.append(change.__name__)
    return name, "+".join(made), content, check, data


def alarm(number, frame):
    raise Slow


def outcome(path, check, data):
    """What happens when a file is opened: refused, works, G alone, diverges, or a fault, and the story of it."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        found = check(path, data)
        happened, story = found if isinstance(found, str) else "works" if found else "refused", ""
    except Slow:
        happened, story = "slow", traceback.format_exc()
    except Nonsense:
        happened, story = "nonsense", traceback.format_exc()
    except MemoryError:
        happened, story = "hungry", traceback.format_exc()
    except Exception:
        happened, story = "traceback", traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    taken = tracemalloc.get_traced_memory()[1] - before
    if taken > allowed(path):
        happened, story = "hungry", f"{taken} bytes, allowed {allowed(path)}"
    return happened, story, taken


def campaign(count, seed=0, minutes=float("inf"), keep=None, tell=lambda line: None):
    """Opens `count` mutants, or as many as the time allows: how often each thing happened, by kind of file and of
    mutation, the stories of the faults, and which one came nearest to the memory that it is allowed."""
    counts, by_change, stories, nearest = Counter(), Counter(), [], (0.0, 0, 0)
    end = time.monotonic() + 60 * minutes
    old = signal.signal(signal.SIGALRM, alarm)
    traced = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
            warnings.simplefilter("error")
            kinds = list(originals(Path(place)))
            for i in range(count):
                if time.monotonic() > end:
                    break
                name, change, content, check, data = mutant(kinds, seed, i)
                path = Path(place) / name
                path.write_bytes(content)
                happened, story, taken = outcome(path, check, data)
                if happened == "slow":
                    happened, story, taken = outcome(path, check, data)
                counts[name, happened] += 1
                by_change[change if "+" not in change else "two", happened] += 1
                nearest = max(nearest, (taken / allowed(path), taken, i))
                if happened in FAULTS:
                    stories.append(f"mutant {i}: {name}, {change}: {happened}\n{story}")
                    tell(stories[-1])
                    if keep:
                        Path(keep).mkdir(parents=True, exist_ok=True)
                        (Path(keep) / f"{i}-{name}").write_bytes(content)
    finally:
        signal.signal(signal.SIGALRM, old)
        if not traced:
            tracemalloc.stop()
    return counts, by_change, stories, nearest


def table(counts):
    """Markdown: a row for each kind."""
    columns = ("refused", "works", "G alone", "diverges", *FAULTS)
    rows = [f"| | mutants | {' | '.join(columns)} |", f"|---{'|---:' * (len(columns) + 1)}|"]
    for name in sorted({name for name, _ in counts}):
        numbers = [counts[name, column] for column in columns]
        rows.append(f"| {name} | {sum(numbers)} | {' | '.join(map(str, numbers))} |")
    totals = [sum(n for (_, happened), n in counts.items() if happened == column) for column in columns]
    return "\n".join([*rows, f"| all | {sum(totals)} | {' | '.join(map(str, totals))} |"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2.0, help="at most (default 2)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=20_000, help="mutants (default 20,000)")
    parser.add_argument("--keep", help="a folder for the files at fault")
    options = parser.parse_args()
    began = time.monotonic()
    faulthandler.dump_traceback_later(60 * options.minutes + 60, exit=True)  # where not even an alarm is heard
    found = campaign(options.count, options.seed, options.minutes, options.keep, print)
    counts, by_change, stories, (share, taken, i) = found
    print(table(counts), table(by_change), sep="\n\n")
    print(f"\nseed {options.seed}: {counts.total()} mutants in {time.monotonic() - began:.0f} s, {len(stories)} faults")
    print(f"nearest to the memory it is allowed: mutant {i}, {taken / 2**20:.1f} MiB, {share:.0%}")
    return 1 if stories else 0


if __name__ == "__main__":
    sys.exit(main())
