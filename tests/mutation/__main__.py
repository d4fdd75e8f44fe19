"""Mutates the package, and counts what the tests notice.

    cd tests
    python -m mutation run --sample 1500      # judges those that have no verdict yet; stop it and go on as you like
    python -m mutation again                  # the survivors once more, after new tests
    python -m mutation score                  # the count, and who lives
    python -m mutation show ID …              # mutants, each as a diff
    python -m mutation keep                   # the tests that noticed, into known.json
    python -m mutation known --sample 60      # whether known mutants still die; status 1 if one lives
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from mutation import lines
from mutation.mutants import Mutant, compiles, mutants, slips

ROOT = Path(__file__).resolve().parents[2]
KNOWN, SLIPS = (Path(__file__).with_name(f"{name}.json") for name in ("known", "slips"))
PAGE = ROOT / "tests" / "MUTANTS.md"
CORE = ("numgan/layers/", "numgan/losses.py", "numgan/optim.py", "numgan/network.py", "numgan/gan.py")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("ids", nargs="*", help="these mutants; default: a sample")
    parser.add_argument("--sample", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", default="", help="only files whose path holds this")
    parser.add_argument("--core", action="store_true", help="the files of a training step, instead of all others")
    parser.add_argument("--slips", action="store_true", help="those by hand, of slips.json, instead of a sample")
    parser.add_argument("--tests", nargs="+", default=[], help="only tests whose names begin so (tests/test_x.py)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=Path, default=ROOT / ".mutation", help="map and verdicts are kept here")
    options = parser.parse_args()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    return COMMANDS[options.what](options)


def run(options: argparse.Namespace) -> int:
    chosen, judged = drawn(options), {} if options.ids else verdicts(options.work)
    judge([(m, options.tests) for m in chosen if m.id not in judged], options.work, options.jobs)
    return report(chosen, options.work)


def again(options: argparse.Namespace) -> int:
    chosen, judged = drawn(options), verdicts(options.work)
    lived = [m for m in chosen if m.id in judged and judged[m.id]["outcome"] != "died"]
    judge([(m, options.tests) for m in lived], options.work, options.jobs)
    return report(chosen, options.work)


def score(options: argparse.Namespace) -> int:
    return report(drawn(options), options.work)


def show(options: argparse.Namespace) -> int:
    for mutant in drawn(options):
        source = (ROOT / mutant.file).read_text(encoding="utf-8")
        both = (text.splitlines() for text in (source, mutant.applied(source)))
        print(mutant, *difflib.unified_diff(*both, "", mutant.file, n=2, lineterm=""), "", sep="\n")
    return 0


def keep(options: argparse.Namespace) -> int:
    judged = verdicts(options.work)
    died = {m.id: judged[m.id]["test"] for m in drawn(options) if judged.get(m.id, {}).get("outcome") == "died"}
    kept = {i: test for i, test in died.items() if not test.startswith("(")}  # by a test that can be named
    kept = (json.loads(KNOWN.read_text()) if KNOWN.exists() else {}) | kept
    KNOWN.write_text(json.dumps(dict(sorted(kept.items())), indent=0, ensure_ascii=False) + "\n")
    print(f"{len(kept)} in {KNOWN}")
    return 0


def known(options: argparse.Namespace) -> int:
    tests = json.loads(KNOWN.read_text())
    there = {m.id: m for m in [*everything(), *slips(ROOT, SLIPS)] if m.id in tests}
    chosen = _in_order(there.values(), options.seed)[: options.sample]
    work = _empty(options.work / "known")
    judge([(m, [tests[m.id]]) for m in chosen], work, options.jobs)
    judged = {i: verdict["outcome"] for i, verdict in verdicts(work).items()}
    lived = [m for m in chosen if judged.get(m.id) != "died"]
    for m in lived:
        print(f"{judged.get(m.id, 'not judged')}: {m}\n  noticed before by {tests[m.id]}")
    died = len(chosen) - len(lived)
    print(f"{died} of {len(chosen)} known mutants died; {len(there)} of all {len(tests)} are still there")
    return int(bool(lived) or len(chosen) < min(options.sample, len(tests)))


COMMANDS = {f.__name__: f for f in (run, again, score, show, keep, known)}


def drawn(options: argparse.Namespace) -> list[Mutant]:
    """A sample: the first in an order that the seed fixes, and that stays when other mutants come or go."""
    by_hand = [m for m in slips(ROOT, SLIPS) if options.files in m.file]
    if options.slips:
        return by_hand
    if options.ids:
        return [m for m in [*everything(), *by_hand] if m.id in options.ids]
    chosen = [m for m in everything() if options.files in m.file and m.file.startswith(CORE) == options.core]
    return list(islice((m for m in _in_order(chosen, options.seed) if compiles(ROOT, m)), options.sample))


def everything() -> list[Mutant]:
    files = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("numgan/**/*.py"))
    return [m for file in files for m in mutants(ROOT, file)]


def _in_order(some: Iterable[Mutant], seed: int) -> list[Mutant]:
    return sorted(some, key=lambda m: hashlib.sha256(f"{seed} {m.id}".encode()).digest())


def verdicts(work: Path) -> dict[str, dict[str, Any]]:
    """The last of each mutant."""
    file = work / "verdicts.jsonl"
    read = map(json.loads, file.read_text().splitlines()) if file.exists() else []
    return {verdict["id"]: verdict for verdict in read}


def judge(jobs: list[tuple[Mutant, list[str]]], work: Path, processes: int) -> None:
    """Each in one of `processes` copies of the project, by the tests given for it, or by all that run its lines."""
    if not jobs:
        return
    print(f"{len(jobs)} mutants to judge", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        trees = [_copy(Path(folder) / f"tree{i}") for i in range(processes)]
        if not all(tests for _, tests in jobs) and not (work / "map.json").exists():
            print("first, which test runs which line: the suite under coverage, some five minutes", flush=True)
            shutil.move(lines.record(trees[0], _empty(Path(folder) / "map")), work / "map.json")
        (work / "jobs.json").write_text(json.dumps([{"mutant": asdict(m), "tests": tests} for m, tests in jobs]))
        _empty(work / "claims")
        files = sorted({test.partition("::")[0] for _, tests in jobs for test in tests})
        for process in [_judge(tree, work, files) for tree in trees]:
            process.wait()


def _judge(tree: Path, work: Path, files: list[str]) -> subprocess.Popen[bytes]:
    environment = os.environ | {"MUTATION_WORK": str(work), "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'tests'}"}
    options = ["-q", "-p", "mutation.judge", "-p", "no:cacheprovider", f"--basetemp={tree}-temp", *files]
    with (work / f"{tree.name}.log").open("w") as log:
        command = [sys.executable, "-m", "pytest", *options]
        return subprocess.Popen(command, cwd=tree, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def _copy(tree: Path) -> Path:
    """A copy of the project, edits included, without what git ignores."""
    ignored = [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    return Path(shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(".git", *ignored)))


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def report(chosen: Iterable[Mutant], work: Path) -> int:
    """Who lives, with what MUTANTS.md says of it; and the score, with a margin of 95 %, of all and room by room."""
    judged, said = verdicts(work), judgements()
    known = [(m, judged[m.id]["outcome"]) for m in chosen if m.id in judged]
    for mutant, outcome in known:
        if outcome != "died":
            print(f"{outcome} {said.get(mutant.id, 'not yet judged'):<14} {mutant}")
    rooms = {room: [pair for pair in known if _room(pair[0]) == room] for room in sorted({_room(m) for m, _ in known})}
    print(f"| {'room':<14} | mutants | died | equivalent | share of the others |\n|---|---|---|---|---|")
    for room, pairs in {**rooms, "**all**": known}.items():
        died = sum(outcome == "died" for _, outcome in pairs)
        same = sum(outcome != "died" and said.get(m.id) == "equivalent" for m, outcome in pairs)
        n = max(len(pairs) - same, 1)
        margin = 1.96 * math.sqrt(died / n * (1 - died / n) / n)
        print(f"| {room:<14} | {len(pairs)} | {died} | {same} | {died / n:.1%} ± {margin:.1%} |")
    return 0


def judgements() -> dict[str, str]:
    """What the page says of each mutant that lives: equivalent, cosmetic, …"""
    return dict(re.findall(r"^\| `([0-9a-f]{12})` \| (\w+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))


def _room(mutant: Mutant) -> str:
    folder, _, rest = mutant.file.removeprefix("numgan/").partition("/")
    return f"{folder}/" if rest else folder


if __name__ == "__main__":
    sys.exit(main())
