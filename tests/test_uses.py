"""What all uses share: games of several networks, the table, the command, and the page of results."""

import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from notebook_tools import NOTEBOOKS

import numgan as ng
import numgan.uses
from benchmarks import make_uses
from benchmarks import uses as bench
from numgan.app import cli
from numgan.uses import BY_NAME, Game, Use, captions, frames, table, text_to_image, told
from numgan.uses.images import grey, read_right, sharpness, unseen


class Line(Game):
    """G learns a mean, D a slope: two numbers and noise."""

    def __init__(self, seed=0, threads=None, ema=None, x=None, lr=0.01):
        G, D = (ng.Network([ng.Linear(2, n), *more], seed=10 * seed + n) for n, more in ((2, []), (1, [])))
        super().__init__({"G": (G, ng.Adam(lr)), "D": (D, ng.Adam(lr))}, 8, seed, ema, threads)
        self.x = self.minibatches(np.random.default_rng(5).standard_normal((40, 2)) if x is None else x)
        self.z = self.noise(2)

    def update(self):
        G, D = self.nets["G"], self.nets["D"]
        of_d = ng.discriminator_gradient(G, D, self.x(self.step), self.z(2 * self.step), ng.losses.nonsaturating)
        self.follow("D")
        of_g = ng.generator_gradient(G, D, self.z(2 * self.step + 1), ng.losses.nonsaturating)
        self.follow("G")
        return {"D": of_d.value, "G": of_g.value}


def after(n, **how):
    game = Line(**how)
    return game, list(game.steps(n))


def theta(game):
    return np.concatenate([net.theta for net in game.nets.values()])


def test_a_step_moves_every_player_and_counts():
    game = Line()
    before = theta(game).copy()
    assert [set(values) for values in game.steps(3)] == [{"D", "G"}] * 3
    assert game.step == 3 and (theta(game) != before).all()


def test_a_game_is_training_with_the_same_draws():
    """The same data, noise and first values: the game is `ng.Training`, number for number."""
    x = np.random.default_rng(5).standard_normal((40, 2)).astype("float32")
    game = Line()
    how = {"batch": 8, "seed": game.x.seed, "optimizers": (ng.Adam(0.01), ng.Adam(0.01)), "threads": 1}
    run = ng.Training(*(net.copy() for net in game.nets.values()), x, **how)
    game.z = run._noise
    list(game.steps(5))
    list(run.steps(5))
    np.testing.assert_array_equal(game.nets["G"].theta, run.G.theta)
    np.testing.assert_array_equal(game.nets["D"].theta, run.D.theta)


def test_a_seed_fixes_all():
    first, again, other = after(4)[0], after(4, threads=1)[0], after(4, seed=1)[0]
    np.testing.assert_array_equal(theta(first), theta(again))
    assert (theta(first) != theta(other)).all()


def test_streams_are_drawn_apart():
    """Rows of two domains are not drawn in the same order, nor alike for two seeds."""
    x = np.arange(40.0)[:, None]
    one, other = Line().minibatches(x), Line().minibatches(x, stream=1)
    elsewhere = Line(seed=1).minibatches(x)
    assert sorted(np.concatenate([one(i) for i in range(5)]).ravel()) == sorted(x.ravel())
    assert (one(0) != other(0)).any() and (one(0) != elsewhere(0)).any()


def test_apply_takes_averaged_weights_and_leaves_the_player():
    game, seen, decay = Line(ema=0.5), [], 0.5
    for _ in game.steps(3):
        seen.append(game.nets["G"].theta.copy())
    shares = decay ** np.arange(2, -1, -1)
    expected = np.einsum("i,ij->j", shares / shares.sum(), np.array(seen, dtype=float))
    net, z = game.nets["G"].copy(), np.ones((1200, 2), dtype=np.float32)  # more rows than go through at a time
    net.theta[...] = expected
    np.testing.assert_allclose(game.apply("G", z), net(z), rtol=1e-5)
    np.testing.assert_array_equal(game.nets["G"].theta, seen[-1])


def test_kept_weights_make_the_same_rows():
    game = after(3, ema=0.9)[0]
    kept, z, fresh = game.weights(), np.ones((3, 2), dtype=np.float32), Line(seed=4, ema=0.9)
    fresh.put(kept)
    np.testing.assert_array_equal(fresh.apply("G", z), game.apply("G", z))


def test_a_value_that_is_not_finite_ends_it():
    game = Line()
    game.nets["D"].theta[0] = np.nan
    with pytest.raises(ng.DivergedError, match=r"step 1: .*nan.* try another seed"):
        list(game.steps(2))


@pytest.mark.parametrize("x", [np.ones((7, 2)), np.full((9, 2), np.nan)])
def test_data_that_make_no_minibatch_are_refused(x):
    with pytest.raises(ng.InputError, match=rf"x has {len(x)} rows, expected 8 or more, of finite numbers"):
        Line(x=x)


def test_the_table_lines_up():
    rows = {"a long name": {"L1": 0.12345, "class": 0.9}, "data": {"class": 1.0}}
    assert table(rows).split("\n") == [
        "                L1  class",
        "a long name  0.123    0.9",
        "data                    1",
    ]


def picture(games):
    figure = Figure()
    figure.subplots().set_title(" ".join(games))
    return figure


SMALL = Use(
    about="a line",
    games={"game": Line, "slow": lambda seed, threads: Line(seed, threads, lr=1e-5)},
    steps=4,
    measure=lambda game: {"moved": float(game.step)},
    picture=picture,
    references={"data": lambda: {"moved": 0.0}},
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(numgan.uses.BY_NAME, "line", SMALL)
    return tmp_path


def test_without_a_name_it_lists_all(here, capsys):
    assert cli.main(["uses"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*BY_NAME]
    assert all(line.endswith(use.about) for line, use in zip(lines, BY_NAME.values(), strict=True))


def test_a_use_is_trained_beside_its_baselines(here, capsys):
    assert cli.main(["uses", "line", "--threads", "1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("a line: 4 steps, seed 0, ") and "in runs/line-1: picture.png  measures.json" in out
    found = json.loads((here / "runs/line-1/measures.json").read_text(encoding="utf-8"))
    assert found == {"game": {"moved": 4.0}, "slow": {"moved": 4.0}, "data": {"moved": 0.0}}
    assert (here / "runs/line-1/picture.png").stat().st_size > 1000
    assert sorted(path.name for path in (here / "runs/line-1").iterdir()) == ["measures.json", "picture.png"]


def test_its_options(here, capsys):
    assert cli.main(["uses", "line", "--steps", "2", "--seed", "7", "--out", "here"]) == 0
    assert "2 steps, seed 7" in capsys.readouterr().out
    assert json.loads((here / "here/measures.json").read_text(encoding="utf-8"))["game"] == {"moved": 2.0}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["lin"], "unknown use 'lin': did you mean 'line'?"),
        (["line", "--seed", "-1"], "--seed"),
        (["line", "--steps", "0"], "--steps"),
        (["line", "--threads", "0"], "--threads"),
        (["line", "--out", "full"], "full is not empty: choose a new folder"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_runs(here, capsys, options, words):
    (here / "full").mkdir()
    (here / "full/mine").touch()
    assert cli.main(["uses", *options]) == 2
    assert words in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == ["full"]


def test_an_interrupt_leaves_nothing_behind(here, capsys, monkeypatch):
    def stopped(seed, threads):
        raise KeyboardInterrupt

    monkeypatch.setitem(numgan.uses.BY_NAME, "line", replace(SMALL, games={"game": SMALL.games["game"], "b": stopped}))
    assert cli.main(["uses", "line"]) == 130
    assert "stopped; nothing was written" in capsys.readouterr().err
    assert not [*(here / "runs").iterdir()]


def test_the_page_has_every_figure(here, capsys, monkeypatch):
    """Trained once, not again; the picture is drawn from weights that were kept."""
    out = here / "found.jsonl"
    call = ["uses", "--runs", "w", "--out", str(out)]
    for what in ([*call, "train", "line", "--seeds", "0", "1"], [*call, "pictures", "line"]):
        monkeypatch.setattr("sys.argv", what)
        bench.main()
    kept = bench.Store(out).read()
    assert {"line/game/0", "line/game/1", "line/slow/0", "line/slow/1"} == set(kept)
    assert (here / "found/line.png").exists()
    monkeypatch.setattr(bench, "train", lambda *run: pytest.fail("trained again"))
    monkeypatch.setattr("sys.argv", [*call, "train", "line", "--seeds", "0", "1"])
    bench.main()
    lines = [*bench.section("line", kept | {"line/data": {"moved": 0.0}})]
    assert "A line. 4 steps." in lines and "| | moved | seconds |" in lines
    assert any(line.startswith("| game | 4, 4 | ") for line in lines) and "| data | 0 |  |" in lines


def test_the_page_is_what_was_kept():
    """With every seed of every game, and the picture of every use."""
    kept = bench.Store(bench.RESULTS / "uses.jsonl").read()
    games = {f"{name}/{kind}/{seed}" for name, use in BY_NAME.items() for kind in use.games for seed in bench.SEEDS}
    assert {*kept} == games | {f"{name}/{kind}" for name, use in BY_NAME.items() for kind in use.references}
    assert (bench.RESULTS / "uses.md").read_text(encoding="utf-8") == bench.report(kept) + "\n"
    assert {path.stem for path in (bench.RESULTS / "uses").iterdir()} == {*BY_NAME}


def figures(name, kind, measure):
    kept = bench.Store(bench.RESULTS / "uses.jsonl").read()
    return np.array([kept[f"{name}/{kind}/{seed}"][measure] for seed in bench.SEEDS])


def test_what_the_pages_say_of_each_use_was_measured():
    """On every one of the seeds."""
    for measure, least in (("class", 0.9), ("width", 0.8), ("slant", 0.8)):
        assert (figures("captions", "matching-aware D", measure) >= least).all()
    assert (figures("negatives", "with the cycle", "F(G(a)) read") >= 0.9).all()
    kinds = "with the cycle", "without"
    there_and_back, without = (figures("negatives", kind, "F(G(a)) read") for kind in kinds)
    assert (there_and_back > without).all()
    for where in ("in flight", "at a wall"):
        game, squares = (figures("frames", kind, f"sharpness {where}") for kind in BY_NAME["frames"].games)
        assert (game > squares).all()
    both, distance, game = (figures("halves", kind, "L1") for kind in BY_NAME["halves"].games)
    assert (distance < both).all() and (both < game).all()
    both, distance, _ = (figures("halves", kind, "sharpness") for kind in BY_NAME["halves"].games)
    assert (distance < both).all()
    assert (figures("clouds", "with the cycle", "home") > figures("clouds", "without", "home")).all()
    assert (figures("sound", "R1 penalty", "notes") == 5).all()


def test_what_the_lesson_opens_is_what_was_measured():
    kept = np.load(NOTEBOOKS / "kept" / "uses.npz", allow_pickle=False)
    G = told.generator(0)
    sizes = [span.stop - span.start for span in G.slices.values()]
    G.theta[...] = kept["captions/W"] * kept["captions/scales"].repeat(sizes)
    said = text_to_image.what_is_said()
    z = np.random.default_rng(0).standard_normal((len(said), told.N_Z)).astype("float32")
    found = text_to_image.scores(grey(G((z, captions.bags(said)))), said)
    for measure in ("class", "width", "slant"):
        assert abs(found[measure] - figures("captions", "matching-aware D", measure)[0]) < 0.02
    for kind in BY_NAME["halves"].games:
        x = kept[f"halves/{kind}"] / 255
        found = read_right(x, unseen().labels[: len(x)])
        assert abs(found - figures("halves", kind, "read right")[0]) < 0.08
    wall = frames.at_wall(frames.to_test()[1][1])[: make_uses.SHOWN]
    for kind in BY_NAME["frames"].games:
        found = sharpness(kept[f"frames/{kind}"][wall] / 255)
        assert abs(found - figures("frames", kind, "sharpness at a wall")[0]) < 0.05


def test_a_kept_generator_is_off_by_half_a_step_at_most():
    game = after(3, ema=0.9)[0]
    kept = make_uses.generator("x", game)
    G = game.ready("G")
    for (name, span), scale in zip(G.slices.items(), kept["x/scales"], strict=True):
        assert np.abs(kept["x/W"][span] * scale - G.theta[span]).max() <= 0.501 * scale, name
    assert make_uses.as_bytes(np.array([0, 0.5, 1])).tolist() == [0, 128, 255]
