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
NETWORKS = {  # seconds a message, bytes a second: assumed, round numbers
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


def mean_missed(found):
    """(megabytes, seconds by that line, seconds measured) where the line is furthest from a mean of two ranks."""
    latency, bandwidth = network_here(found)
    rows = [(size, 2 * latency + size * 1e6 / bandwidth, took) for size, took, _ in found["ranks"]["2"]["allreduce"]]
    return max(rows, key=lambda row: abs(row[1] / row[2] - 1))


def rows_missed(found):
    """The largest relative error of the lines through the steps of one core."""
    steps = [(step_here(found, pair), int(m), took) for pair, rows in found["rows"].items() for m, took in rows.items()]
    return max(abs((a + b * m) / took - 1) for (a, b), m, took in steps)


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


def latency_share(found, name, pair, p):
    """Which part of a step on p ranks of this network, each with a batch of its own, waits for messages."""
    network = NETWORKS[name]
    return 2 * 2 * (p - 1) * network[0] / seconds(step_here(found, pair), network, pair, p, PAIRS[pair][2] * p)


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


def speeds(found):
    """(pair, ranks, seconds of a step, seconds by the model, the share in the mean), on no more ranks than cores."""
    network = network_here(found)
    for pair in found["ranks"]["1"]["speed_up"]:
        for p, on in found["ranks"].items():
            if pair in on["speed_up"]:
                took, share = on["speed_up"][pair]
                expected = seconds(step_here(found, pair), network, pair, int(p), PAIRS[pair][2])
                yield pair, p, took, expected, share


def speed_table(found):
    rows, alone = [], {pair: took for pair, p, took, *_ in speeds(found) if p == "1"}
    for pair, p, took, expected, share in speeds(found):
        rows.append([pair, p, ms(took), f"{alone[pair] / took:.2f}", f"{share:.0%}", ms(expected)])
    return table(["pair", "ranks", "step, ms", "speed-up", "in the mean", "by the model, ms"], rows)


def network_table():
    rows = [[name, f"{wait * 1e6:g}", f"{bandwidth / 1e9:g}"] for name, (wait, bandwidth) in NETWORKS.items()]
    return table(["", "latency, µs", "bandwidth, GB/s"], rows)


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
    size, said, took = mean_missed(found)
    ratios = [expected / took for _, p, took, expected, _ in speeds(found) if p != "1"]
    bounds = [(a + b * PAIRS[pair][2]) / a for pair in PAIRS for a, b in [step_here(found, pair)]]
    shares = [latency_share(found, "10 Gb/s Ethernet", pair, WORKERS[-1]) for pair in PAIRS]
    return PAGE.format(
        machine=f"{machine['cpu']}, {machine['cores']} cores, load {machine['load_before']} before",
        cores=machine["cores"],
        latency=f"{latency * 1e6:.0f}",
        bandwidth=f"{bandwidth / 1e9:.1f}",
        measured=measured_table(found),
        missed=f"At {size:g} MB it says {ms(said)} ms, and {ms(took)} were measured: there it is furthest off",
        rows=", ".join([*next(iter(found["rows"].values()))][:-1]),
        off=f"{rows_missed(found):.0%}",
        ratios=f"{min(ratios):.2f} to {max(ratios):.2f}",
        networks=network_table(),
        bounds=", ".join(f"{bound:.1f}" for bound in bounds),
        shares=", ".join(f"{share:.0%}" for share in shares),
        most=WORKERS[-1],
        costs=table(["pair", "a, ms", "b, ms a row", "G, MB", "D, MB"], costs),
        speed=speed_table(found),
        cluster=cluster_table(found),
        hub=hub_table(found),
    )


PAGE = """# What several processes cost, and where they stop paying

`python -m benchmarks.parallel`, on {machine}.
One thread a rank. More ranks than the {cores} cores share them, and their figures say only that it works.

    t(p) = a + b ⌈m/p⌉ + 2 (p − 1) latency + 2 (p − 1)/p · bytes / bandwidth,   the last two for each player

## Measured

The mean of a vector over the ranks, median of 7, the slowest rank's time. Ours adds up in a fixed order.

{measured}
From those of two ranks, a line of least relative error: latency {latency} µs, bandwidth {bandwidth} GB/s.
{missed}.

A step on one core, as a + b · rows. Fitted alike, to steps of {rows} and m rows; off by at most {off}:

{costs}
A step on p ranks, with the batch of one process:

{speed}
On more than one rank, the model says {ratios} times what was measured. Below 1, it promises too much, and so
does what follows.

## By the model

Extrapolated: no cluster was measured. a and b are those above, of one core here; the networks are assumed:

{networks}
The time in which a rank adds up what has come is left out (above, it is within the bandwidth). So speed-ups are too
good, the more so the faster the network.

The speed-up on p machines of one core each, with the batch of one process; the number of ranks at which a step is
shortest; and, in the last columns, how many times as many rows a second are seen where the batch grows with p. That is
another game than one process plays: rates would have to be found anew.

{cluster}
Where it stops, and why:

- **a does not shrink.** Every rank updates all of θ, reads all weights and writes all gradients, for however few rows.
  The speed-up stays below (a + b m) / a, which is {bounds} for these pairs. (Each rank could update only
  the span of θ that it adds up anyway, and send θ in place of sums: as many bytes, and that part of a divided by p.)
- **Bytes do not shrink.** Each rank sends, and gets, its gradient once where there are two, and about twice where there
  are many. Where that takes longer than the rows that it saves, more ranks make a step longer.
- **Messages grow.** Each rank sends two to every other in a mean: 2 (p − 1). With {most} ranks on Ethernet, each with a
  batch of its own, waiting for them is {shares} of a step of these pairs. A tree (as MPI's Allreduce may use) needs
  about 2 log₂ p, and adds in an order of its own.
- **A batch ends.** With m rows there are at most m ranks, and a step of one row each takes a + b, and the means.

## A class on a hub

Runs of `digits` ({students} students, {steps} steps, one thread each), by a and b above: extrapolated, as if cores did
not share memory or slow down when all are busy.

{hub}
Dealing one run out to several cores of a hub makes nothing faster for a class: the cores are busy already, and the
means come on top. Independent runs need no messages: `numgan sweep` has one on each core, of one thread.
""".replace("{students}", str(STUDENTS)).replace("{steps}", f"{DIGITS_STEPS:,}")
