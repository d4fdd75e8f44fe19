"""The gallery as lines of text: each figure beside its own word."""

import numpy as np
import pytest

import numgan as ng
from numgan import metrics
from numgan.lab import console
from numgan.lab.gallery import GALLERY
from numgan.lab.health import health


def test_every_recipe_is_listed_with_its_story_and_its_cures():
    lines = [*console.listing()]
    assert lines[::2] == [f"{name}: {recipe.story}" for name, recipe in GALLERY.items()]
    assert lines[1::2] == ["    cures: " + ", ".join(recipe.cures) for recipe in GALLERY.values()]


def test_runs_by_title():
    name, recipe = next((name, recipe) for name, recipe in GALLERY.items() if len(recipe.cures) > 1)
    assert console.setups(name) == {"none": recipe.setup, **recipe.cures}
    assert next(iter(console.setups(name))) == "none"
    last = [*recipe.cures][-1]
    assert console.setups(name, last) == {last: recipe.cures[last]}
    assert console.setups(name, "none") == {"none": recipe.setup}
    for near in ("collapse-ring", "collapse-grid"):
        with pytest.raises(ng.InputError, match=f"did you mean '{near}'"):
            console.setups(near[:-1])
    with pytest.raises(ng.InputError, match="unknown recipe"):
        console.setups("zzz")
    with pytest.raises(ng.InputError, match="unknown cure 'zzz'"):
        console.setups(name, "zzz")


def training(data):
    G, D = (ng.Network([ng.Linear(2, 8), ng.LeakyReLU(0.2), ng.Linear(8, n)], seed=n) for n in (2, 1))
    return ng.Training(G, D, data, batch=16, threads=1)


@pytest.mark.parametrize(("steps", "said_at"), [(31, [6, 12, 18, 24, 30, 31]), (3, [1, 2, 3])])
def test_it_says_how_a_run_goes_at_a_few_even_steps(steps, said_at, monkeypatch):
    monkeypatch.setattr("numgan.lab.health.ROWS", 64)
    run = training(ng.data.ring(n=200, modes=3))
    lines, healths = [], []
    for line in console.watch(run, steps):
        lines.append(line)
        healths.append(str(health(run)))
    *steps_said, last = lines
    assert [int(line.split()[1]) for line in steps_said] == said_at
    records = {record.step: record for record in run.history}
    for t, line, state in zip(said_at, steps_said, healths, strict=False):
        record = records[t]
        assert line == f"  step {t:>5}  D(x) {record.D_x:.2f}  D(G(z)) {record.D_Gz:.2f}  {state}"
    found = metrics.mode_coverage(run.sample(2500), run.data.centres, run.data.std)
    assert last == f"  {found.modes} of 3 modes, {found.quality:.0%} of high quality, reverse KL {found.reverse_kl:.2f}"


def test_a_run_that_breaks_off_is_followed_until_then_and_not_scored():
    run = training(ng.data.ring(n=64, modes=3))
    lines = []
    for line in console.watch(run, 30):
        lines.append(line)
        if len(lines) == 2:
            run.D.theta[...] = np.float32(1e30)
    assert [line[:12] for line in lines[:2]] == ["  step     6", "  step    12"]
    assert [line[:22] for line in lines[2:]] == ["  diverging: step 18: "]


def test_modes_are_counted_where_they_are_known_and_share_a_width(monkeypatch):
    monkeypatch.setattr("numgan.lab.health.ROWS", 64)
    x = ng.data.ring(n=64).x
    for data in (x, ng.data.Data(x, centres=np.zeros((2, 2)))):
        *_, last = console.watch(training(data), 2)
        assert last.startswith("  step     2  D(x) ")
