"""`numgan sweep`: every combination over seeds, each run once, whoever carries it out; the table, the picture."""

import json
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from benchmarks.attack import sweeps
from numgan import plots
from numgan.app import cli, folder, trial, workers
from numgan.app.begin import asked as asked_of_train
from numgan.app.claim import Claim
from numgan.app.sweep import combinations, explained, in_its_sweep, mean_and_error, planned, table, words
from numgan.errors import InputError

QUICK = ["--data", "ring", "--batch", "32", "--steps", "25"]
GRID = ["--loss", "minimax,hinge", "--penalty", "none,r1"]


def sweep(*arguments, workers=0):
    return cli.main(["sweep", *map(str, arguments), *([] if workers is None else ["--workers", str(workers)])])


def asked(*arguments):
    return cli._parser().parse_args(["sweep", *arguments])


@pytest.fixture(scope="module")
def in_turn(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweeps") / "ring"
    assert sweep(*QUICK, *GRID, "--seeds", 2, "--out", out) == 0
    return out


def test_a_sweep_leaves_its_folder(in_turn):
    runs = sweeps.results(in_turn)
    kinds = ["loss=hinge", "loss=hinge_penalty=r1", "loss=minimax", "loss=minimax_penalty=r1"]
    assert {*runs} == {f"{kind}_batch=32_seed={seed}" for kind in kinds for seed in (0, 1)}
    assert {path.name for path in in_turn.iterdir()} == {*runs, "sweep.json", "table.md", "sweep.png"}
    assert (in_turn / "sweep.png").read_bytes().startswith(b"\x89PNG")
    result = json.loads(next(iter(runs.values())))
    assert result["record"]["step"] == 25
    assert set(result["figures"]) == {"modes", "quality", "reverse_kl", "fit", "gap"}


def test_each_run_is_as_train_would_make_it(in_turn, tmp_path, monkeypatch):
    monkeypatch.setattr("numgan.app.folder.Run.draw", lambda run: None)
    alone = ["train", *QUICK, "--loss", "hinge", "--penalty", "r1", "--seed", "1", "--threads", "1"]
    assert cli.main([*alone, "--out", str(tmp_path / "run")]) == 0
    theirs = in_turn / "loss=hinge_penalty=r1_batch=32_seed=1" / "history.csv"
    assert (tmp_path / "run" / "history.csv").read_bytes() == theirs.read_bytes()


def test_the_table(in_turn):
    lines = (in_turn / "table.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "| | seeds | modes | quality | reverse_kl | fit | gap | health |"
    assert [line.split(" | ")[0] for line in lines[2:6]] == [
        "| loss minimax, penalty none", "| loss minimax, penalty r1", "| loss hinge, penalty none",
        "| loss hinge, penalty r1",
    ]  # fmt: skip
    fits = [json.loads(r)["figures"]["fit"] for name, r in sweeps.results(in_turn).items() if "hinge_penalty" in name]
    assert len(fits) == 2
    assert mean_and_error(fits) in lines[5]
    assert lines[7].startswith("On ring, runs of 25 steps. Each figure is the mean over them ± its standard error.")
    assert [line.split(":")[0] for line in lines[9:]] == ["- modes", "- quality", "- reverse_kl", "- fit", "- gap"]


def test_what_a_table_of_diverged_runs_is_of():
    (line,) = explained([("all", [{"diverged": "step 25"}])], "ring").splitlines()
    assert line.startswith("On ring. Each figure")


def test_a_row_says_how_many_diverged():
    ended = [{"figures": {"fit": 1.0}, "health": "healthy"}, {"figures": {"fit": 2.0}, "health": "healthy"}]
    text = table([("all", [*ended, {"diverged": "step 25"}]), ("none", [{"diverged": "step 25"}])])
    assert text.splitlines()[2:] == [
        "| all | 3 | 1.5 ± 0.5 | healthy 2, diverged 1 |",
        "| none | 1 | – | diverged 1 |",
    ]
    assert mean_and_error([1.0]) == "1"


def test_what_is_finished_is_not_made_again(in_turn, monkeypatch, capsys):
    before = {path: path.stat().st_mtime_ns for path in in_turn.glob("*/*")}
    monkeypatch.setattr(trial, "_make", lambda trial: pytest.fail("made again"))
    assert sweep(*QUICK, *GRID, "--seeds", 2, "--out", in_turn) == 0
    assert before == {path: path.stat().st_mtime_ns for path in in_turn.glob("*/*")}
    assert "penalty r1" in capsys.readouterr().out


def test_a_run_that_was_cut_off_goes_on(in_turn, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(folder, "SAVE_EVERY", 25)
    steps = ["--data", "ring", "--batch", "16", "--steps", "75", "--seeds", "1"]
    assert sweep(*steps, "--out", tmp_path / "whole") == 0

    def cut(run):
        for record in go(run):
            yield record
            if run.training.step == 50:
                raise KeyboardInterrupt

    go = folder.Run.go
    with monkeypatch.context() as until:
        until.setattr(folder.Run, "go", cut)
        assert sweep(*steps, "--out", tmp_path / "cut") == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert sweeps.in_mid_run(tmp_path / "cut") == {"batch=16_seed=0"}
    monkeypatch.setattr("numgan.app.begin.new_run", lambda options: pytest.fail("begun again"))
    assert sweep(*steps, "--out", tmp_path / "cut") == 0
    assert sweeps.results(tmp_path / "cut") == sweeps.results(tmp_path / "whole")


def test_a_run_that_diverges_has_ended(tmp_path, capsys):
    assert sweep(*QUICK, "--lr", "1e30", "--seeds", 1, "--out", tmp_path / "d") == 0
    assert "| all | 1 | diverged 1 |" in capsys.readouterr().out
    assert json.loads(next(iter(sweeps.results(tmp_path / "d").values()))) == {"diverged": "step 25"}


def test_a_run_at_which_another_process_is_is_waited_for(tmp_path, monkeypatch):
    chosen = trial.Trial(str(tmp_path / "run"), {"data": "ring", "batch": 16, "steps": 25, "seed": 0})
    (tmp_path / "run").mkdir()
    rival, slept = Claim(tmp_path / "run"), []
    monkeypatch.setattr(time, "sleep", lambda seconds: slept.append(seconds) or rival.release())
    assert trial.carry_out(chosen)["record"]["step"] == 25
    assert len(slept) == 1


def test_combinations():
    options = asked("--loss", "hinge,minimax", "--penalty", "none,r1", "--penalty-weight", "0.1,1", "--lr", "1e-3")
    found = combinations(options)
    assert len(found) == 2 * 3  # none, r1 with each weight
    assert found[0] == {"loss": "hinge", "lr": 1e-3}
    assert words(found[0], ["loss", "penalty", "penalty_weight"]) == "loss hinge, penalty none"
    assert words(found[2], ["loss", "penalty", "penalty_weight"]) == "loss hinge, penalty r1, penalty_weight 1.0"
    assert combinations(asked()) == [{}]
    assert words({}, []) == "all"


def test_the_penalty_none_turns_off_a_models_own():
    own = combinations(asked("--model", "stylegan", "--penalty", "none,r1", "--penalty-weight", "1,2"))
    assert own == [
        {"model": "stylegan", "penalty": "none"},
        {"model": "stylegan", "penalty": "r1", "penalty_weight": 1.0},
        {"model": "stylegan", "penalty": "r1", "penalty_weight": 2.0},
    ]
    none = asked_of_train(trial.options(data="digits", **own[0]))[0]
    assert none.penalty is None
    assert asked_of_train(trial.options(data="digits", model="stylegan"))[0].penalty is not None
    assert asked_of_train(trial.options(data="digits", model="goodfellow2014", penalty="none"))[0].together


def test_what_holds_for_all_runs_reaches_each(tmp_path):
    fixed = {"data": "ring", "size": None, "hold_out": 5, "steps": 25}
    runs = planned(tmp_path / "out", fixed, {"loss": "hinge"}, 2)
    assert [Path(run.folder).name for run in runs] == ["loss=hinge_seed=0", "loss=hinge_seed=1"]
    assert runs[1].options == {**fixed, "loss": "hinge", "seed": 1}
    options = runs[1].train(out="x")
    assert (options.hold_out, options.seed, options.threads, options.out, options.k) == (5, 1, 1, "x", None)


def test_one_row_of_data(tmp_path, capsys):
    np.save(tmp_path / "one.npy", np.ones((1, 2), dtype="float32"))
    assert sweep("--data", tmp_path / "one.npy", "--steps", 2, "--batch", 1, "--seeds", 1, "--out", tmp_path / "s") == 0
    assert "| all | 1 | too few rows 1 |" in capsys.readouterr().out


def test_runs_without_a_result_are_named(tmp_path, capsys, monkeypatch):
    full = OSError("no space")
    monkeypatch.setattr("numgan.app.workers._in_turn", lambda jobs: iter([(name, None, full) for name in jobs]))
    assert sweep(*QUICK, "--seeds", 1, "--out", tmp_path / "new") == 1
    said = capsys.readouterr()
    assert "1 runs have no result (batch=32_seed=0: OSError: no space)" in said.err
    assert said.out == ""  # no table of nothing


@pytest.mark.parametrize("text", ['{"health": "heal', "[]", '{"health": "healthy"}', '{"figures": {}}', "\x00"])
def test_a_result_that_somebody_edited(text, tmp_path, capsys):
    path = tmp_path / "s" / "batch=32_seed=0" / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    assert sweep(*QUICK, "--seeds", 1, "--out", tmp_path / "s") == 2
    assert f"{path} holds no result of a run: remove it" in capsys.readouterr().err


def test_one_damaged_run_does_not_keep_the_others_waiting(tmp_path, capsys):
    assert sweep(*QUICK, "--seeds", 2, "--out", tmp_path) == 0
    capsys.readouterr()
    for seed in (0, 1):
        (tmp_path / f"batch=32_seed={seed}" / "result.json").unlink()
    (tmp_path / "batch=32_seed=0" / "checkpoint.npz").write_bytes(b"no checkpoint")
    assert sweep(*QUICK, "--seeds", 2, "--out", tmp_path) == 1
    said = capsys.readouterr()
    assert "| all | 1 |" in said.out
    assert "1 runs have no result (batch=32_seed=0: InputError:" in said.err


def test_a_machine_that_does_not_see_the_sweep_makes_no_other(tmp_path, capsys, monkeypatch):
    there = planned(tmp_path / "elsewhere", {"data": "ring", "steps": 25}, {}, 1)[0]
    with pytest.raises(InputError, match=r"does not see the sweep in .*elsewhere: give --out a folder that all"):
        in_its_sweep(there)
    assert not (tmp_path / "elsewhere").exists()
    error = InputError("host does not see the sweep")
    monkeypatch.setattr("numgan.app.workers._in_turn", lambda jobs: iter([(name, None, error) for name in jobs]))
    assert sweep(*QUICK, "--seeds", 2, "--out", tmp_path / "new") == 1
    out, err = capsys.readouterr()
    assert out == ""  # no table without rows
    assert "2 runs have no result (batch=32_seed=0: InputError: host does not" in err


def test_a_result_is_in_the_table_before_its_file_is_seen(tmp_path, capsys, monkeypatch):
    late = {"figures": {"fit": 0.5}, "health": "healthy"}
    monkeypatch.setattr("numgan.app.workers._in_turn", lambda jobs: iter([(name, late, None) for name in jobs]))
    assert sweep(*QUICK, "--seeds", 2, "--out", tmp_path / "new") == 0
    assert "| all | 2 | 0.5 ± 0 | healthy 2 |" in capsys.readouterr().out


def test_the_options_of_a_run_are_those_of_train():
    names = {*vars(cli._parser().parse_args(["train"]))} - {"command"}
    assert {*trial.TRAIN} == names


def test_the_picture_shows_each_run_and_the_mean():
    figure = plots.spread({"a": [1.0, 3.0], "b": [5.0]}, "modes")
    (ax,) = figure.axes
    dots = [collection.get_offsets() for collection in ax.collections]
    assert any(np.array_equal(d, [[1, 0], [3, 0]]) for d in dots)
    assert any(np.array_equal(d, [[5, 1]]) for d in dots)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert ax.get_xlabel() == "modes"
    mean = [line.get_xydata() for line in ax.lines if np.array_equal(line.get_xydata(), [[2, 0]])]
    assert len(mean) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--loss", "hings"], "unknown loss 'hings'"),
        (["--loss", "hinge,"], "unknown loss ''"),
        (["--lr", "1e-3,x"], "invalid list of float value"),
        (["--penalty-weight", "3"], "add --penalty"),
        (["--seeds", "0"], "--seeds must be a whole number of 1 or more"),
        (["--workers", "-1"], "--workers must be a whole number of 0 or more"),
        (["--workers", "0", "--scheduler", "tcp://127.0.0.1:1"], "leave one out"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(arguments, said, tmp_path, capsys):
    assert sweep(*QUICK, "--out", tmp_path / "new", *arguments, workers=None) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_folder_with_other_runs(in_turn, tmp_path, capsys):
    assert sweep(*QUICK[:4], "--steps", 50, "--out", in_turn) == 2
    assert "holds a sweep with --steps 25, not --steps 50" in capsys.readouterr().err
    assert sweep(*QUICK[:4], "--out", in_turn) == 2
    assert "holds a sweep with --steps 25, not --steps (not given)" in capsys.readouterr().err
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "sweep.json").write_text("{", encoding="utf-8")
    assert sweep(*QUICK, "--out", tmp_path / "damaged") == 2
    assert "sweep.json is not a sweep's, or is damaged" in capsys.readouterr().err
    (tmp_path / "notes").touch()
    assert sweep(*QUICK, "--out", tmp_path) == 2
    assert "is not empty, and holds no sweep" in capsys.readouterr().err
    assert sweep(*QUICK, "--out", tmp_path / "notes") == 2
    assert "cannot be made" in capsys.readouterr().err


def test_without_dask_it_is_named(tmp_path, capsys, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    assert sweep(*QUICK, "--out", tmp_path / "new", workers=2) == 2
    assert "[sweep]" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_second_ctrl_c_does_not_meet_workers_that_close():
    before = signal.getsignal(signal.SIGINT)
    with workers._undisturbed():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    with ThreadPoolExecutor() as another:  # where handlers cannot be set
        assert another.submit(lambda: workers._undisturbed().__enter__()).result() is None


# On Dask


@pytest.fixture
def dask():
    pytest.importorskip("distributed", reason="Dask is not installed: pip install -e '.[sweep]'")


def finished(job, seconds=300):
    try:
        out, err = job.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        job.kill()
        pytest.fail(f"the sweep did not end in {seconds} s: {job.communicate()}")
    return job.returncode, out, err


@pytest.mark.notebooks
def test_a_local_cluster_finds_the_same_bit_for_bit(dask, in_turn, tmp_path):
    status, out, err = finished(sweeps.sweep(tmp_path / "dask", 2, 25, "--workers", "2"))
    assert status == 0, err
    assert (in_turn / "table.md").read_text(encoding="utf-8") in out
    assert "8 runs, each once" in sweeps.compare(tmp_path / "dask", in_turn, 2)


def test_a_scheduler_that_does_not_answer(dask, tmp_path, capsys, monkeypatch):
    from distributed import Client

    monkeypatch.setattr("dask.distributed.Client", lambda address, timeout: Client(address, timeout=0.5))
    assert sweep(*QUICK, "--out", tmp_path / "new", "--scheduler", "tcp://127.0.0.1:1", workers=None) == 2
    assert "--scheduler tcp://127.0.0.1:1 cannot be reached" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


class Gone:
    """A client whose scheduler is lost, `times` over."""

    def __init__(self, times):
        self.times = times

    def close(self): ...

    def gathered(self, client, jobs, attempt):
        from concurrent.futures import CancelledError

        for i, name in enumerate([*jobs]):
            lost = attempt < self.times and (attempt, i) != (0, 0)
            yield (name, None, CancelledError()) if lost else (name, jobs[name](), None)


def test_what_was_lost_with_the_scheduler_is_asked_for_again(dask, monkeypatch, capsys):
    jobs = {name: name.upper for name in "abcd"}
    for times in (0, 2, 99):
        gone = Gone(times)
        monkeypatch.setattr(workers, "_gathered", gone.gathered)
        monkeypatch.setattr(workers, "_client", lambda *a, gone=gone, **k: gone)
        ended = []
        with pytest.raises(InputError, match="lost 10 times") if times == 99 else nullcontext():
            ended.extend(workers._on_dask(jobs, gone, "tcp://x:1", None))
        assert ended == [(name, name.upper(), None) for name in ("abcd" if times < 99 else "a")]
        assert ("were lost" in capsys.readouterr().err) == (times > 0)


@pytest.mark.notebooks
def test_killed_workers_and_a_new_scheduler_change_nothing(dask, tmp_path):
    done = sweeps.attack(tmp_path / "attacked", 3, 1500)
    assert "restarted" in done and not done.startswith("0 "), done
    status, _, err = finished(sweeps.sweep(tmp_path / "alone", 3, 1500, "--workers", "0"))
    assert status == 0, err
    sweeps.compare(tmp_path / "attacked", tmp_path / "alone", 3)
