"""Peers that take turns on one workload."""

import random

from benchmarks.speed.process import PeerError, Worker, busy_core


class Contest:
    """The peers on one workload. Each lives in its own process, and sleeps while another has its turn."""

    def __init__(self, workload, names, threads=None):
        self.workload, self.workers, self.peers = workload, {}, {}
        for name in (*names, "gemm"):
            self.enter(name, threads)

    def enter(self, name, threads):
        worker = Worker(name, self.workload.name, threads)
        try:
            self.peers[name] = {"startup": worker.ask("start"), "idle": []}
            self.workers[name] = worker
            self.turn(name)  # warm-up
            self.peers[name]["idle"].clear()
        except PeerError as reason:
            self.drop(name, worker, reason)

    def drop(self, name, worker, reason):
        worker.close()
        self.workers.pop(name, None)
        self.peers[name] = {"skipped": str(reason)}

    def turn(self, name):
        """ms per pair of updates (or per product of matrices)."""
        n = 4 if name == "gemm" else self.workload.turn
        reply = self.workers[name].ask("turn", n=n)
        self.peers[name]["idle"].append(reply["idle"])
        return reply["seconds"] / n * 1e3

    def round(self, r, busy):
        """One turn for everyone, in an order of this round's own; with `busy` a second one beside a busy process."""
        for name in random.Random(r).sample(list(self.workers), len(self.workers)):
            try:
                self.turns(name, busy)
            except PeerError as reason:
                self.drop(name, self.workers[name], reason)

    def turns(self, name, busy):
        self.peers[name].setdefault("ms", []).append(self.turn(name))
        if busy:
            with busy_core():
                self.peers[name].setdefault("busy_ms", []).append(self.turn(name))

    def result(self):
        for name, worker in self.workers.items():
            self.peers[name] |= worker.ask("about")
        gemm = self.peers.pop("gemm")
        gemm["gflops"] = [gemm["about"]["flops"] / ms / 1e6 for ms in gemm["ms"]]
        return {"flops": self.workload.flops, "peers": self.peers, "gemm": gemm}

    def close(self):
        for worker in self.workers.values():
            worker.close()


def contest(workload, options):
    players = Contest(workload, options.peers, options.threads)
    try:
        for r in range(options.rounds):
            players.round(r, options.busy)
        return players.result()
    finally:
        players.close()
