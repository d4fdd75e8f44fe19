"""Rates that change, at updates counted by hand: before, at both ends, between, and after."""

import math

import numpy as np
import pytest

import numgan as ng
from numgan.errors import InputError
from numgan.schedules import ALL, at, check_schedule


def test_a_ramp_is_straight_between_its_ends_and_constant_outside():
    up, down = ng.Ramp(1.0, 3.0, 10, 20), ng.Ramp(0.6, 0.1, begin=2, finish=7)
    assert [up(t) for t in (0, 9, 10, 11, 13, 15, 19, 20, 21, 500)] == [1, 1, 1, 1.2, 1.6, 2, 2.8, 3, 3, 3]
    assert [round(down(t), 12) for t in range(9)] == [0.6, 0.6, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1]
    epochs = ng.Ramp(0.0, 2.0, 0, 6, every=3)
    assert [epochs(t) for t in range(8)] == [0, 0, 0, 1, 1, 1, 2, 2]


def test_a_decay_divides_at_every_update_down_to_its_floor():
    decay = ng.Decay(0.8, 2.0, 0.15)
    assert [decay(t) for t in range(5)] == pytest.approx([0.8, 0.4, 0.2, 0.15, 0.15])
    assert ng.Decay(0.8, 2.0)(100) == pytest.approx(0.8 / 2**100) and ng.Decay(0.8, 2.0).floor == 0
    assert ng.Decay(0.8, 1.0)(1000) == 0.8
    growing = ng.Decay(0.01, 0.5)
    assert growing(3) == pytest.approx(0.08) and math.isfinite(growing(10**6))
    assert growing(10**6) == growing(1010) == pytest.approx(0.01 * math.exp(700))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ng.Ramp(-1, 0, 0, 5), r"Ramp's start must be a number in \[0, inf\), got -1"),
        (lambda: ng.Ramp(0, -1, 0, 5), r"Ramp's end must be a number in \[0, inf\), got -1"),
        (lambda: ng.Ramp(0, 1, -3, 5), r"Ramp's begin must be a number in \[0, inf\), got -3"),
        (lambda: ng.Ramp(0, 1, 0, math.inf), r"Ramp's finish must be a number in \[0, inf\), got inf"),
        (lambda: ng.Ramp(0, 1, 0, 5, every=0), "Ramp's every must be a whole number of 1 or more, got 0"),
        (lambda: ng.Ramp(0, 1, 5, 5), "Ramp goes from update 5 to 5: begin must come before finish"),
        (lambda: ng.Decay(-0.1, 2), r"Decay's start must be a number in \[0, inf\), got -0.1"),
        (lambda: ng.Decay(0.1, 0), r"Decay's factor, by which it divides at every update, must be .*\(0, inf\), got 0"),
        (lambda: ng.Decay(0.1, 2, -1), r"Decay's floor must be a number in \[0, inf\), got -1"),
    ],
)
def test_what_cannot_be_is_refused_by_name(make, says):
    with pytest.raises(InputError, match=says):
        make()


def test_the_rate_at_an_update():
    assert at(0.25, 7) == 0.25 and at(0, 7) == 0.0 and type(at(0, 7)) is float
    assert at(lambda t: t / 4, 3) == 0.75
    for kind in (np.float64, np.float32, np.int64):  # a float64 of NumPy's would turn a float32 run into float64
        rates = kind(1), lambda t, kind=kind: kind(1), ng.Ramp(kind(1), kind(1), kind(0), kind(9))
        assert [at(rate, 3) for rate in rates] == [1.0] * 3 and {type(at(rate, 3)) for rate in rates} == {float}
    assert at(0.99, 0, below=1.0) == 0.99
    for rate, below in ((1.0, 1.0), (1.5, 1.0), (-0.1, 1.0), (math.nan, math.inf), (math.inf, math.inf), (-0.1, 9.0)):
        with pytest.raises(InputError, match=rf"a rate \(at t = 7\) must be a number in \[0, {below}\), got"):
            at(lambda t, rate=rate: rate, 7, below)


def test_what_may_stand_for_a_rate():
    for fine in (0, 0.5, ng.Ramp(0, 1, 0, 1), lambda t: 0.1):
        check_schedule("lr", fine)
    check_schedule("momentum", 0.999, "[0, 1)")
    for bad, interval in ((-0.5, "[0, inf)"), (1.0, "[0, 1)"), (ng.Ramp, "[0, inf)"), ("fast", "[0, inf)")):
        with pytest.raises(InputError, match=r"lr must be a number in .* or give a function of the update count"):
            check_schedule("lr", bad, interval)
    assert (ng.Ramp, ng.Decay) == ALL
