"""Mutates the package, and counts what the tests notice.

    cd tests && python -m mutation run --sample 1500      # goes on where it was stopped
    python -m mutation again                              # the survivors once more, after new tests
    python -m mutation show ID …                          # a mutant as a diff
    python -m mutation keep                               # the tests that noticed, into known.json
    python -m mutation known --sample 60                  # whether known mutants still die; status 1 if one lives
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from mutation import lines
from mutation.mutants import Mutant, mutants, slips

ROOT = Path(__file__).resolve().parents[2]
KNOWN = Path(__file__).with_name("known.json")
SLIPS = Path(__file__).with_name("slips.json")
CORE = ("numgan/layers/", "numgan/losses.py", "numgan/optim.py", "numgan/network.py", "numgan/gan.py")


def main() -> int:
    parser = argparse.ArgumentParser(prog="mutation", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=COMMANDS)
    parser.add_argument("ids", nargs="*", help="mutants; default: a sample")
    parser.add_argument("--sample", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", default="", help="only files whose path holds this")
    parser.add_argument("--slips", action="store_true", help="those by hand, in slips.json, instead of a sample")
    parser.add_argument("--core", action="store_true", help="the files of a training step, instead of all others")
    parser.add_argument("--tests", nargs="+", default=[], help="only these tests or files of tests, by how their names begin")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", type=Path, default=ROOT / ".mutation", help="map and verdicts are kept here")
    options = parser.parse_args()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    return COMMANDS[options.what](options)


def run(options: argparse.Namespace) -> int:
    """Judges those of the sample that have no verdict yet."""
    chosen = drawn(options)
    judged = verdicts(options.work)
    todo = chosen if options.ids else [m for m in chosen if m.id not in judged]
    judge([_job(m, options.tests) for m in todo], options.work, options.jobs)
    return report(chosen, options.work)


def again(options: argparse.Namespace) -> int:
    """Judges the survivors of the sample once more."""
    chosen, judged = drawn(options), verdicts(options.work)
    lived = [m for m in chosen if m.id in judged and judged[m.id]["outcome"] != "died"]
    judge([_job(m, options.tests) for m in lived], options.work, options.jobs)
    return report(chosen, options.work)


def show(options: argparse.Namespace) -> int:
    for mutant in drawn(options):
        source = (ROOT / mutant.file).read_text(encoding="utf-8")
        changed = mutant.applied(source)
        print(mutant)
        diff = difflib.unified_diff(*(s.splitlines() for s in (source, changed)), "", mutant.file, n=2, lineterm="")
        print("\n".join(diff), "\n")
    return 0


def score(options: argparse.Namespace) -> int:
    return report(drawn(options), options.work)


def keep(options: argparse.Namespace) -> int:
    """Writes down which test noticed which mutant, for `known`."""
    judged = verdicts(options.work)
    died = {m.id: judged[m.id]["test"] for m in drawn(options) if judged.get(m.id, {}).get("outcome") == "died"}
    kept = {i: test for i, test in died.items() if not test.startswith("(")}
    old = json.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    KNOWN.write_text(json.dumps(dict(sorted((old | kept).items())), indent=0, ensure_ascii=False) + "\n")
    print(f"{len(kept)} kept, {len(old | kept)} in all: {KNOWN}")
    return 0


def known(options: argparse.Namespace) -> int:
    """Judges known mutants by the one test that noticed each; status 1 unless all die."""
    everything = {m.id: m for file in _files() for m in mutants(ROOT, file)} | {m.id: m for m in slips(ROOT, SLIPS)}
    tests = json.loads(KNOWN.read_text())
    order = sorted(tests, key=lambda i: hashlib.sha256(f"{options.seed} {i}".encode()).digest())
    chosen = [i for i in order if i in everything][: options.sample]
    work = _empty(options.work / "known")
    judge([_job(everything[i], [tests[i]]) for i in chosen], work, options.jobs)
    judged = verdicts(work)
    lived = [i for i in chosen if judged.get(i, {"outcome": "not judged"})["outcome"] != "died"]
    for i in lived:
        print(f"{judged.get(i, {}).get('outcome', 'not judged')} {everything[i]}\n  noticed before by {tests[i]}")
    gone = len(tests) - sum(i in everything for i in tests)
    print(f"{len(chosen) - len(lived)} of {len(chosen)} known mutants died; {gone} of {len(tests)} are of code that is gone")
    return int(bool(lived) or len(chosen) < min(options.sample, len(tests)))


COMMANDS = {"run": run, "again": again, "show": show, "score": score, "keep": keep, "known": known}


def drawn(options: argparse.Namespace) -> list[Mutant]:
    """The first of all mutants in an order that the seed fixes, and that stays when others come or go."""
    by_hand = [m for m in slips(ROOT, SLIPS) if options.files in m.file]
    if options.slips:
        return by_hand
    everything = [m for file in _files(options.core) if options.files in file for m in mutants(ROOT, file)]
    if options.ids:
        return [m for m in [*everything, *by_hand] if m.id in options.ids]
    return sorted(everything, key=lambda m: hashlib.sha256(f"{options.seed} {m.id}".encode()).digest())[: options.sample]


def _files(core: bool | None = None) -> list[str]:
    """Of the package: those of a training step, the others, or all."""
    files = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("numgan/**/*.py"))
    return [file for file in files if core is None or file.startswith(CORE) == core]


def _job(mutant: Mutant, tests: list[str]) -> dict:
    return {"mutant": asdict(mutant)} | ({"tests": tests} if tests else {})


def verdicts(work: Path) -> dict[str, dict]:
    """The last of each mutant."""
    file = work / "verdicts.jsonl"
    read = map(json.loads, file.read_text().splitlines()) if file.exists() else []
    return {verdict["id"]: verdict for verdict in read}


def judge(jobs: list[dict], work: Path, processes: int) -> None:
    """Each in one of `processes` copies of the project."""
    if not jobs:
        return
    print(f"{len(jobs)} mutants to judge", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        trees = [_copy(Path(folder) / f"tree{i}") for i in range(processes)]
        if not all("tests" in job for job in jobs) and not (work / "map.json").exists():
            print("which test runs which line: the suite, once, under coverage (some five minutes)", flush=True)
            shutil.move(lines.record(trees[0], _empty(Path(folder) / "map"), []), work / "map.json")
        (work / "jobs.json").write_text(json.dumps(jobs))
        _empty(work / "claims")
        files = sorted({test.partition("::")[0] for job in jobs for test in job.get("tests", [])})
        running = [_judge(tree, work, files) for tree in trees]
        for process in running:
            process.wait()


def _judge(tree: Path, work: Path, files: list[str]) -> subprocess.Popen:
    environment = os.environ | {"MUTATION_WORK": str(work), "PYTHONPATH": f"{tree}{os.pathsep}{tree / 'tests'}"}
    options = ["-q", "-p", "mutation.judge", "-p", "no:cacheprovider", f"--basetemp={tree}-temp"]
    with (work / f"{tree.name}.log").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, *files], cwd=tree, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )


def _copy(tree: Path) -> Path:
    """A copy of what git would keep, edits included."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    return tree


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def report(chosen: Iterable[Mutant], work: Path) -> int:
    """The score, and who lives."""
    judged = verdicts(work)
    known = [(m, judged[m.id]) for m in chosen if m.id in judged]
    count = Counter(v["outcome"] for _, v in known)
    n, died = len(known), count["died"]
    for mutant, verdict in known:
        if verdict["outcome"] != "died":
            print(verdict["outcome"], mutant)
    share = died / n if n else 0.0
    print(f"{n} judged: {died} died, {count['lived']} lived, {count['unseen']} unseen: "
          f"{share:.1%} ± {196 * math.sqrt(share * (1 - share) / max(n, 1)):.1f}")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
