"""A short turn of benchmarks/attack/endurance.py."""

from benchmarks.attack import endurance


def test_what_is_not_finite_is_named():
    ends = endurance.outcomes(steps=4000, seed=3)
    assert set(ends) <= {"finite", "diverged, and said so"}
    assert ends["finite"] > 40
    assert ends["diverged, and said so"] > 4  # the absurd rate


def test_the_outcome_tells_a_run_that_broke_in_silence():
    run = endurance.training("hinge", "none", 1e-3, 0)
    run.history.append((0, *[float("nan")] * 7))
    assert endurance.outcome(run, 0) == "not finite, unnamed"
    run.G.theta[0] = float("inf")
    assert endurance.outcome(run, 0) == "diverged, and said so"


def test_memory_is_flat():
    assert endurance.growth(800, 0) < 30_000
