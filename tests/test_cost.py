"""The model of what ranks cost, and its page: constants that were put in come out again; limits; the kept page."""

import json
import math

import numpy as np
import pytest

from benchmarks import RESULTS, cost, parallel

STEP, NETWORK = (0.004, 0.0001), (10e-6, 1e9)


def found(pairs=tuple(cost.PAIRS)):
    """What a machine with exactly these constants would measure."""
    a, b = STEP
    rows = {str(m): a + b * m for m in (1, 2, 8, 64)}
    sent = [[size, 2 * NETWORK[0] + size * 1e6 / NETWORK[1], 0.001] for size in parallel.SIZES]
    ranks = {"1": [], "2": sent, "4": sent}
    speed = {"1": {pair: [0.014, 0.0] for pair in parallel.SPEED_UP}, "2": {pair: [0.01, 0.25] for pair in pairs}}
    return {
        "machine": {"cpu": "a machine", "cores": 2, "load_before": 0.1},
        "rows": dict.fromkeys(pairs, rows),
        "ranks": {p: {"allreduce": ranks[p], "speed_up": speed.get(p, {})} for p in ranks},
    }


def test_constants_come_out_as_they_went_in():
    np.testing.assert_allclose(cost.step_here(found(), "wide"), STEP, rtol=1e-9)
    np.testing.assert_allclose(cost.network_here(found()), NETWORK, rtol=1e-9)


def test_a_line_has_no_negative_part():
    a, b = cost.line([1.0, 2.0, 3.0], [0.5, 2.0, 3.5])  # 1.5 x − 1
    assert a == 0
    assert b > 0


def test_megabytes_are_those_of_the_networks():
    run = parallel.training("digits", 8)
    assert cost.megabytes("digits") == [run.G.theta.nbytes / 1e6, run.D.theta.nbytes / 1e6]


def test_a_step_on_p_ranks():
    a, b = STEP
    free = 0.0, math.inf
    assert cost.seconds(STEP, free, "wide", 1, 100) == pytest.approx(a + 100 * b)
    assert cost.seconds(STEP, free, "wide", 3, 100) == pytest.approx(a + 34 * b)  # the largest share
    assert cost.best(STEP, free, "wide") == 100  # a row each
    sent = sum(cost.megabytes("wide")) * 1e6
    messages = 2 * 10e-6 * 2 * (4 - 1)
    assert cost.seconds(STEP, NETWORK, "wide", 4, 100) == pytest.approx(a + 25 * b + messages + sent * 1.5 / 1e9)
    assert cost.best(STEP, (1.0, 1e9), "wide") == 1  # where a message takes a second, one process is best


def test_what_the_lines_miss():
    exact = found()
    assert cost.rows_missed(exact) == pytest.approx(0, abs=1e-9)
    exact["rows"] = {"wide": {"1": 1.0, "3": 1.0, "2": 2.0}}  # by symmetry flat, and the one step lies above it
    a, b = cost.step_here(exact, "wide")
    assert b == pytest.approx(0)
    assert cost.rows_missed(exact) == pytest.approx(1 - a / 2)
    exact["ranks"]["2"]["allreduce"][2][1] *= 3  # 4 MB took three times as long as all others say
    size, said, took = cost.mean_missed(exact)
    latency, bandwidth = cost.network_here(exact)
    assert (size, took) == (4, pytest.approx(3 * (20e-6 + 4e6 / 1e9)))
    assert said == pytest.approx(2 * latency + 4e6 / bandwidth)


def test_the_share_of_a_step_that_waits_for_messages():
    waits = 2 * 2 * 511 * 50e-6
    sent = sum(cost.megabytes("wide")) * 1e6 * 2 * 511 / 512 / 1.1e9
    expected = waits / (STEP[0] + 100 * STEP[1] + waits + sent)
    assert cost.latency_share(found(), "10 Gb/s Ethernet", "wide", 512) == pytest.approx(expected)


def test_the_page():
    text = cost.page(found())
    assert "to steps of 1, 2, 8 and m rows; off by at most 0%" in text
    took, two = 10e-3, cost.seconds(STEP, NETWORK, "wide", 2, 100)
    large = cost.seconds(STEP, NETWORK, "4 × as wide", 2, 100)
    assert f"the model says {two / took:.2f} to {large / took:.2f} times what was measured" in text
    assert "| 10 Gb/s Ethernet | 50 | 1.1 |" in text  # what was assumed is said
    assert "latency 10 µs, bandwidth 1.0 GB/s" in text
    assert "| wide | 2 | 10 | 1.40 | 25% |" in text
    assert "| wide | 4 |" not in text.partition("A step on p ranks")[2]  # more ranks than cores
    assert "{" not in text and "}" not in text
    alone = (STEP[0] + 64 * STEP[1]) * cost.DIGITS_STEPS / 60
    assert f"| 4 | {alone:.1f} | {alone * 60 / 4:.1f} |" in text
    assert f"| 64 | {alone:.1f} | {alone:.1f} |" in text  # more cores than students


def test_the_page_that_is_kept_is_made_of_what_is_kept():
    kept = json.loads((RESULTS / "parallel.json").read_text(encoding="utf-8"))
    assert cost.page(kept) == (RESULTS / "parallel.md").read_text(encoding="utf-8")


def test_steps_are_timed():
    assert 0 < parallel.step_seconds(parallel.training("digits", 2), 3) < 5
