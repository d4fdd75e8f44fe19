"""A model of what a step costs on p ranks of MPI, and the page that `benchmarks.parallel` writes of it.

    t(p) = a + b ⌈m/p⌉ + 2 (p − 1) latency + 2 (p − 1)/p · bytes / bandwidth,   the last two for each player

a is what a step costs however few rows it has: the update of all of θ, and reading it; b is the cost of a row, m the
rows of a batch. The last two terms are `Ranks.mean`: each rank sends a span of its gradient to each of the others, and
gets their sums back.
"""

import math
from itertools import pairwise

import numpy as np

PAIRS = {  # the sizes of G and D, and the rows of a batch
    "digits": ((32, 256, 512, 784), (784, 512, 256, 1), 64),
    "wide": ((100, 1200, 1200, 784), (784, 1200, 1200, 1), 100),
    "4 × as wide": ((100, 4800, 4800, 784), (784, 4800, 4800, 1), 100),
}
NETWORKS = {  # seconds a message, bytes a second: round numbers, not measured
    "10 Gb/s Ethernet": (50e-6, 1.1e9),
    "100 Gb/s InfiniBand": (2e-6, 11e9),
}
WORKERS = (1, 2, 4, 8, 64, 512)
DIGITS_STEPS, STUDENTS, HUB_CORES = 5000, 60, (4, 16, 64)


# The model


def line(x, y):
    """(a, b) of y ≈ a + b x, least squares of the relative error; neither is negative."""
    weights = 1 / np.asarray(y)
    a, b = np.linalg.lstsq(np.stack([weights, np.asarray(x) * weights], axis=1), np.ones(len(x)), rcond=None)[0]
    return max(float(a), 0.0), max(float(b), 0.0)


def network_here(found):
    """(latency, bandwidth) of two ranks on this machine."""
    rows = found["ranks"]["2"]["allreduce"]
    messages, sent = 2 * (2 - 1), 2 * (2 - 1) / 2  # in a mean; of each byte
    a, b = line([size * 1e6 * sent for size, *_ in rows], [seconds for _, seconds, _ in rows])
    return a / messages, 1 / b


def step_here(found, pair):
    """(a, b): a step of this pair costs a, and b for each row."""
    rows = found["rows"][pair]
    return line([int(m) for m in rows], [*rows.values()])


def megabytes(pair):
    """Of each player's gradient."""
    return [sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes)) * 4 / 1e6 for sizes in PAIRS[pair][:2]]


def seconds(step, network, pair, p, batch):
    """t(p)."""
    (a, b), (latency, bandwidth) = step, network
    if p == 1:
        return a + b * batch
    sent = sum(megabytes(pair)) * 1e6 * 2 * (p - 1) / p
    return a + b * math.ceil(batch / p) + 2 * 2 * (p - 1) * latency + sent / bandwidth


def best(step, network, pair):
    """The number of ranks with the shortest step, of those that a batch has rows for."""
    batch = PAIRS[pair][2]
    return min(range(1, batch + 1), key=lambda p: seconds(step, network, pair, p, batch))


# The page


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def ms(value):
    return f"{1000 * value:.3g}"


def measured_table(found):
    rows = []
    for p, on in found["ranks"].items():
        for size, ours, theirs in on["allreduce"]:
            rows.append([p, f"{size:g}", ms(ours), ms(theirs)])
    return table(["ranks", "MB", "`Ranks.mean`, ms", "MPI's Allreduce, ms"], rows)


def speed_table(found):
    rows, network = [], network_here(found)
    for pair in found["ranks"]["1"]["speed_up"]:
        alone = found["ranks"]["1"]["speed_up"][pair][0]
        for p, on in found["ranks"].items():
            if pair not in on["speed_up"]:
                continue  # more ranks than cores
            took, share = on["speed_up"][pair]
            expected = seconds(step_here(found, pair), network, pair, int(p), PAIRS[pair][2])
            rows.append([pair, p, ms(took), f"{alone / took:.2f}", f"{share:.0%}", ms(expected)])
    return table(["pair", "ranks", "step, ms", "speed-up", "in the mean", "by the model, ms"], rows)


def cluster_table(found):
    rows = []
    for pair in PAIRS:
        step, batch = step_here(found, pair), PAIRS[pair][2]
        for name, network in NETWORKS.items():
            alone = seconds(step, network, pair, 1, batch)
            cells = [f"{alone / seconds(step, network, pair, p, batch):.2f}" if p <= batch else "–" for p in WORKERS]
            grown = [alone * p / seconds(step, network, pair, p, batch * p) for p in WORKERS[-2:]]
            rows.append([f"{pair}, {name}", *cells, str(best(step, network, pair)), *[f"{g:.0f}" for g in grown]])
    return table(["", *map(str, WORKERS), "best p", *[f"{p}, batch × {p}" for p in WORKERS[-2:]]], rows)


def hub_table(found):
    alone = seconds(step_here(found, "digits"), (0, math.inf), "digits", 1, PAIRS["digits"][2]) * DIGITS_STEPS
    rows = [[str(cores), f"{alone / 60:.1f}", f"{alone * max(1, STUDENTS / cores) / 60:.1f}"] for cores in HUB_CORES]
    return table(["cores of the hub", "one student alone, minutes", f"all {STUDENTS} at once, minutes"], rows)


def page(found):
    machine, (latency, bandwidth) = found["machine"], network_here(found)
    costs = [[pair, *map(ms, step_here(found, pair)), *[f"{mb:.1f}" for mb in megabytes(pair)]] for pair in PAIRS]
    return PAGE.format(
        machine=f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_before']} before",
        cores=machine["cores"],
        latency=f"{latency * 1e6:.0f}",
        bandwidth=f"{bandwidth / 1e9:.1f}",
        measured=measured_table(found),
        costs=table(["pair", "a, ms", "b, ms a row", "G, MB", "D, MB"], costs),
        speed=speed_table(found),
        cluster=cluster_table(found),
        hub=hub_table(found),
    )


PAGE = """# What several processes cost, and where they stop paying

`python -m benchmarks.parallel`, on {machine}. One thread a rank. More ranks than the {cores} cores share them, and
their figures say only that it works.

    t(p) = a + b ⌈m/p⌉ + 2 (p − 1) latency + 2 (p − 1)/p · bytes / bandwidth,   the last two for each player

## Measured

The mean of a vector over the ranks, median of 7, the slowest rank's time. Ours adds up in a fixed order.

{measured}
From those of two ranks: latency {latency} µs, bandwidth {bandwidth} GB/s.

A step on one core with 1, 2, 4 … m rows, as a + b · rows:

{costs}
A step on p ranks, with the batch of one process:

{speed}
## By the model

The speed-up on p machines of one core each, with the batch of one process; the number of ranks at which a step is
shortest; and, in the last columns, how many times as many rows a second are seen where the batch grows with p. That is
another game than one process plays: rates would have to be found anew.

{cluster}
Where it stops, and why:

- **a does not shrink.** Every rank updates all of θ, reads all weights and writes all gradients, for however few rows.
  The speed-up stays below (a + b m) / a. (Each rank could update the span of θ that it adds up anyway, and send θ in
  place of sums: as many bytes, and a part of a / p.)
- **Bytes do not shrink.** Each rank sends and gets about twice its gradient, however many there are. Where that takes
  longer than the rows that it saves, more ranks make a step longer.
- **Messages grow.** Each rank sends two to every other in a mean: 2 (p − 1). With hundreds of ranks on Ethernet that
  is most of a step; a tree (MPI's Allreduce) needs about 2 log₂ p, and adds in an order of its own.
- **A batch ends.** With m rows there are at most m ranks, and products of few rows are slow long before.

## A class on a hub

Runs of `digits` ({students} students, {steps} steps, one thread each):

{hub}
Dealing one run out to several cores of a hub makes nothing faster for a class: the cores are busy already, and the
means come on top. Independent runs need no messages; so do those of `numgan sweep`, which is why it gives each run one
thread.
""".replace("{students}", str(STUDENTS)).replace("{steps}", f"{DIGITS_STEPS:,}")
