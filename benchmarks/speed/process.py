"""The driver's end of a worker, and a process that keeps one core busy."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]  # from where a worker finds `benchmarks`
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NPROC")


class PeerError(Exception):
    """The peer cannot run here; the text says why."""


class Worker:
    """A peer's process; `ask` blocks until it has answered. NPROC is what sizes XLA's thread pool."""

    def __init__(self, name, workload, threads=None):
        env = os.environ | ({variable: str(threads) for variable in THREAD_VARIABLES} if threads else {})
        command = [sys.executable, "-m", "benchmarks.speed.worker", name, workload, str(threads or 0)]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, stderr=nowhere, text=True)

    def ask(self, do, **arguments):
        print(json.dumps({"do": do} | arguments), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        reply = json.loads(line) if line else {"error": f"the process ended with status {self.process.wait()}"}
        if "error" in reply:
            raise PeerError(reply["error"])
        return reply

    def close(self):
        self.process.communicate()  # end of input is the signal to leave


@contextlib.contextmanager
def busy_core():
    """Another process wants a core all the time."""
    spinner = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        yield
    finally:
        spinner.kill()
        spinner.wait()
