"""One peer on one workload in a process of its own: reads commands as lines of JSON and sleeps in between.

python -m benchmarks.speed.worker PEER WORKLOAD THREADS     (process.py starts these; THREADS 0: the peer's own choice)
"""

import json
import os
import platform
import sys
import time


class Session:
    def __init__(self, name, workload, threads):
        self.name, self.workload, self.threads = name, workload, int(threads) or None
        self.cpu = 0.0

    def start(self):
        """From nothing to the first step: imports, then networks and data, then the step (which may compile)."""
        begin = time.perf_counter()
        peer, workload = self.imported()
        imported = time.perf_counter()
        self.peer = peer(workload, threads=self.threads)
        built = time.perf_counter()
        self.peer.steps(1)
        return {"import": imported - begin, "build": built - imported, "first_step": time.perf_counter() - built}

    def imported(self):
        from benchmarks.speed.peers import load
        from benchmarks.speed.workloads import WORKLOADS

        return load(self.name), WORKLOADS[self.workload]

    def turn(self, n):
        """Times n pairs of updates, after some that wake the caches; `idle` is the CPU time burnt since the last turn,
        which should be none."""
        idle = time.process_time() - self.cpu
        self.peer.steps(max(1, n // 8))
        seconds = self.peer.seconds(n) if hasattr(self.peer, "seconds") else self.seconds(n)
        time.sleep(0.1)  # let BLAS and OpenMP threads stop spinning before the next peer's turn
        self.cpu = time.process_time()
        return {"seconds": seconds, "idle": idle}

    def seconds(self, n):
        start = time.perf_counter()
        self.peer.steps(n)
        return time.perf_counter() - start

    def about(self):
        found = pools()
        threads = next((pool["num_threads"] for pool in found if "architecture" in pool), None)  # the BLAS's
        return {"memory_mb": peak_memory(), "about": {"threads": threads} | self.peer.about(), "pools": found}

    def changes(self, path, cases, pairs):
        """Saves by how much `pairs` pairs of updates in float64 change every parameter, for each case of options."""
        from dataclasses import replace

        import numpy as np

        peer, workload = self.imported()
        changes = []
        for options in cases:
            p = peer(replace(workload, **options), dtype="float64", threads=self.threads)
            before = [a.copy() for a in p.parameters()]
            for seed in range(pairs):
                p.pair(*workload.inputs(seed))
            changes += [after - a for after, a in zip(p.parameters(), before, strict=True)]
        np.savez(path, *changes)
        return {}


def peak_memory():
    """Of this process so far, in MB (10⁶ bytes); None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def pools():
    """The BLAS and OpenMP libraries of this process, with threads and kernel."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    keep = ("internal_api", "version", "num_threads", "architecture", "threading_layer")
    return [{key: pool[key] for key in keep if pool.get(key)} for pool in threadpool_info()]


def main(name, workload, threads):
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library or compiler prints must not end up among the replies
    session = Session(name, workload, threads)
    for line in sys.stdin:
        command = json.loads(line)
        try:
            reply = getattr(session, command.pop("do"))(**command)
        except Exception as error:
            reply = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
