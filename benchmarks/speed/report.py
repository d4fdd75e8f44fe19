"""From raw timings to medians, ratios and tables."""

from statistics import median, quantiles

from benchmarks.speed.peers import LABELS

BASE = "numgan"


def quartiles(values):
    """(first, median, third)."""
    return tuple(quantiles(values, n=4, method="inclusive")) if len(values) > 1 else (values[0],) * 3


def summary(result):
    """Per peer: quartiles of its ms per pair of updates; of peer / numgan in the same round; GFLOP/s; share of peak."""
    peers, peak = result["peers"], result.get("gemm", {}).get("gflops")
    return {name: row(peer, peers.get(BASE), result["flops"], peak) for name, peer in peers.items() if "ms" in peer}


def row(peer, base, flops, peak):
    ms = peer["ms"]
    out = {"ms": quartiles(ms), "gflops": flops / median(ms) / 1e6}
    if base and "ms" in base:
        out["ratio"] = median(ms) / median(base["ms"])
        out["pairs"] = quartiles([a / b for a, b in zip(ms, base["ms"], strict=True)])
    if peak:
        out["of_peak"] = median(flops / a / 1e6 / b for a, b in zip(ms, peak, strict=True))
    if "busy_ms" in peer:
        out["slowdown"] = quartiles([b / a for a, b in zip(ms, peer["busy_ms"], strict=True)])
    return out


HEAD = "| {} | ms per step | ratio | ratio, round by round | GFLOP/s | of peak | threads | memory MB | start s |{}"


def table(name, result):
    """One workload as a Markdown table."""
    rows, busy = summary(result), any("busy_ms" in peer for peer in result["peers"].values())
    head = HEAD.format(name, " slowed by a busy core |" if busy else "")
    lines = [head, "|---" + "|---:" * (head.count("|") - 2) + "|"]
    lines += [line(LABELS[peer], result["peers"][peer], r, busy) for peer, r in rows.items()]
    skipped = [f"{LABELS[n]}: skipped, {p['skipped']}" for n, p in result["peers"].items() if "skipped" in p]
    return "\n".join([*lines, "", *skipped, *peak_line(result)])


def line(label, peer, r, busy):
    cells = [
        label,
        spread(r["ms"]),
        f"{r['ratio']:.2f}" if "ratio" in r else "–",
        spread(r["pairs"]) if "pairs" in r else "–",
        f"{r['gflops']:.1f}",
        f"{r['of_peak']:.0%}" if "of_peak" in r else "–",
        str(peer["about"]["threads"]),
        f"{peer['memory_mb']:.0f}" if peer["memory_mb"] else "–",
        f"{sum(peer['startup'].values()):.1f}",
    ]
    return "| " + " | ".join([*cells, *([spread(r["slowdown"])] if busy else [])]) + " |"


def spread(q):
    return f"{q[1]:.2f} ({q[0]:.2f}–{q[2]:.2f})"


def peak_line(result):
    rate = result.get("gemm", {}).get("gflops")
    work = f"{result['flops'] / 1e6:.0f} MFLOP of matrix products per step"
    return [f"{work}; GEMM peak {spread(quartiles(rate))} GFLOP/s" if rate else work, ""]


def markdown(results):
    m, o = results["machine"], results["options"]
    about = [
        "# Speed, side by side",
        "",
        f"{m['cpu']}, {m['cores']} cores, {m['memory_gb']} GB; {m['system']}; Python {m['python']}; "
        f"load {m['load_before']} before the run.",
        f"{o['rounds']} rounds; threads: {o['threads'] or 'as each peer chooses'}. In brackets: the quartiles. "
        "A ratio above 1 means that numgan is the faster.",
        "",
    ]
    return "\n".join(about + [table(*item) for item in results["workloads"].items()] + [*versions(results)]) + "\n"


def versions(results):
    """Per peer: versions, and the BLAS and OpenMP libraries that it loaded, with their kernels."""
    told = {n: p for w in results["workloads"].values() for n, p in [*w["peers"].items(), ("gemm", w["gemm"])]}
    yield from ("Versions, and the BLAS and OpenMP libraries loaded:", "")
    for name, peer in told.items():
        if "about" in peer:
            yield f"- {LABELS[name]}: {', '.join([*programs(peer['about']), *map(library, peer['pools'])])}"


def programs(about):
    return [f"{key} {value}" for key, value in about.items() if key not in ("threads", "flops")]


def library(pool):
    words = [pool["internal_api"], pool.get("version"), pool.get("architecture"), pool.get("threading_layer")]
    return " ".join([*filter(None, words), f"({pool['num_threads']} threads by default)"])
