"""Interrupts at random moments, in scripts and in a Jupyter kernel, with one thread and with two.

python -m benchmarks.attack.interrupts [--minutes 2] [--seed 0] [--where script kernel] [--threads 1 2]

A run is interrupted again and again, each time goes on with `run.steps`, and in the end must equal, bit for bit, the
same run left alone; or it must have said that it is torn. Every tenth interrupt or so is two signals at once. A run
that is neither is silently wrong: there must be none, and the exit status says whether there was one.
"""

import argparse
import json
import os
import queue
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
STEPS = {1: 120, 2: 16}  # updates of a run, by the number of threads
EVERY = 4  # updates between its records, at which it is also sampled
TWICE = 0.1  # of the interrupts are two at once
GAP = {1: 0.1, 2: 0.15}  # seconds between interrupts at most: some steps' time
PATIENCE = 3  # seconds that a kernel may take to answer
BROKEN_OFF = ("KeyboardInterrupt", "no answer")


class Victim:
    """A run that is interrupted, and what it must come to."""

    def __init__(self, threads):
        self.threads = threads
        self.begin()
        self.go()
        self.expected = self.state()
        self.begin()

    def begin(self):
        """A new run. With two threads it is large enough for them to share every product of its large layers."""
        import numgan as ng

        hidden, rows = (64, 600) if self.threads == 1 else (512, 1024)
        x = ng.data.ring(n=rows).x if self.threads == 1 else ng.data.load("digits").x[:rows]
        G = ng.Network([ng.Linear(64, hidden), ng.ReLU(), ng.Linear(hidden, x.shape[1])], seed=0)
        D = ng.Network([ng.Linear(x.shape[1], hidden), ng.LeakyReLU(0.2), ng.Linear(hidden, 1)], seed=1)
        self.run = ng.Training(G, D, x, batch=128, k=2, ema=0.9, threads=self.threads)

    def go(self):
        """What a person writes."""
        for _ in self.run.steps(STEPS[self.threads] - self.run.step, every=EVERY):
            self.run.sample(8)

    def state(self):
        """Everything that a run is and shows, as plain values."""
        state = self.run.state
        vectors = {name: vector.tobytes() for name, vector in state.vectors.items()}
        return vectors, state.step, state.updates, list(self.run.history), self.run.sample(8).tobytes()

    def verdict(self):
        import numgan as ng

        try:
            self.run.sample(1)
        except getattr(ng, "TornError", ()):
            return "torn"
        return "equal" if self.state() == self.expected else "silently wrong"


def be_interrupted(threads, seconds):
    """The script that is attacked: makes one run after the other, and counts what became of them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    victim, counts = Victim(threads), Counter()
    print("ready", flush=True)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not interrupted(victim, counts):
            counts[victim.verdict()] += 1
            victim.begin()
    print(json.dumps(counts))


def interrupted(victim, counts):
    """Whether `go` ended in an interrupt after which the run can go on. Signals are heard in `go` only."""
    import numgan as ng

    try:
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            victim.go()
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        counts["interrupts"] += 1
        return victim.run.step < STEPS[victim.threads]
    except getattr(ng, "TornError", ()):
        counts["refused to go on"] += 1
    return False


def attack_script(threads, seconds, rng):
    """Counts of a script under fire."""
    command = [sys.executable, "-m", "benchmarks.attack.interrupts", "--victim", str(threads), str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        sent = 0
        while process.poll() is None:
            time.sleep(rng.uniform(0, GAP[threads]))
            sent += fire(lambda: os.kill(process.pid, signal.SIGINT), rng)
        out, err = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the script ended with status {process.returncode}\n{err}")
    return Counter(json.loads(out)) + Counter(sent=sent)


def fire(interrupt, rng):
    """One interrupt, or two within a millisecond; how many."""
    interrupt()
    if rng.random() >= TWICE:
        return 1
    time.sleep(rng.uniform(0, 0.001))
    interrupt()
    return 2


class Kernel:
    """A Jupyter kernel, and what became of the cells that it ran."""

    def __init__(self):
        from jupyter_client.manager import start_new_kernel

        self.manager, self.client = start_new_kernel(kernel_name="python3", cwd=str(ROOT))

    def cell(self, code, value="None", meanwhile=lambda: None):
        """Runs a cell, and something else once it is at work. What it ended in, "ok" or the error's name, and a value.

        An interrupt may hit the kernel's own code, which then forgets to answer: "no answer".
        """
        code = f"print({code!r}, flush=True)\n{code}"
        sent = self.client.execute(code, user_expressions={"value": value}, store_history=False)
        self.answer(self.client.get_iopub_msg, sent, "stream")
        meanwhile()
        content = self.answer(self.client.get_shell_msg, sent)
        if content is None:
            return "no answer", None
        if content["status"] != "ok":
            return content.get("ename", "no answer"), None  # none if an error before it made the kernel skip the cell
        found = content["user_expressions"]["value"]
        return "ok", found["data"]["text/plain"].strip("'") if found["status"] == "ok" else found["ename"]

    def answer(self, get, sent, kind="execute_reply"):
        """The content of the message of a kind that answers the one that was sent; None where there is none."""
        try:
            while True:
                message = get(timeout=PATIENCE)
                if message["parent_header"].get("msg_id") == sent and message["msg_type"] == kind:
                    return message["content"]
        except queue.Empty:
            return None

    def surely(self, code, value="None"):
        """A cell that is run again when a late interrupt hits it."""
        while (reply := self.cell(code, value))[0] in BROKEN_OFF:
            pass
        if reply[0] != "ok":
            raise RuntimeError(f"{code} ended in {reply[0]}")
        return reply[1]

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def attack_kernel(threads, seconds, rng):
    """Counts of a notebook whose cell is stopped and run again until its run is complete."""
    kernel, counts = Kernel(), Counter()
    try:
        kernel.surely("from benchmarks.attack.interrupts import Victim")
        kernel.surely(f"victim = Victim({threads})")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            counts[stop_and_go_on(kernel, threads, counts, rng)] += 1
            kernel.surely("victim.begin()")
        return counts
    finally:
        kernel.close()


def stop_and_go_on(kernel, threads, counts, rng):
    """One run to its end; its verdict."""

    def stop():
        time.sleep(rng.uniform(0, GAP[threads]))
        counts["sent"] += fire(kernel.manager.interrupt_kernel, rng)

    ended = "KeyboardInterrupt"
    while ended in BROKEN_OFF:
        ended, _ = kernel.cell("victim.go()", meanwhile=stop)
        counts["interrupts"] += ended == "KeyboardInterrupt"
        counts["refused to go on"] += ended == "TornError"
    if ended not in ("ok", "TornError"):
        raise RuntimeError(f"the cell ended in {ended}")
    return kernel.surely("pass", "victim.verdict()")


ATTACKS = {"script": attack_script, "kernel": attack_kernel}


def attack(minutes, seed=0, where=tuple(ATTACKS), threads=(1, 2)):
    """Counts by (where, threads); each has its share of the minutes."""
    seconds, rng = minutes * 60 / (len(where) * len(threads)), random.Random(seed)
    return {(name, n): ATTACKS[name](n, seconds, rng) for name in where for n in threads}


def table(results):
    heads = ("sent", "interrupts", "equal", "torn", "refused to go on", "silently wrong")
    yield f"{'where':<8} {'threads':>7} " + " ".join(f"{head:>16}" for head in heads)
    for (name, threads), counts in [*results.items(), (("all", ""), sum(results.values(), Counter()))]:
        yield f"{name:<8} {threads!s:>7} " + " ".join(f"{counts[head]:>16}" for head in heads)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack.interrupts", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2, help="in all (2)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (0)")
    parser.add_argument("--where", nargs="+", choices=ATTACKS, default=list(ATTACKS))
    parser.add_argument("--threads", nargs="+", type=int, choices=list(GAP), default=list(GAP))
    parser.add_argument("--victim", nargs=2, metavar=("THREADS", "SECONDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.victim:
        be_interrupted(int(options.victim[0]), float(options.victim[1]))
        return 0
    results = attack(options.minutes, options.seed, options.where, options.threads)
    print(*table(results), sep="\n")
    return 1 if any(counts["silently wrong"] for counts in results.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
