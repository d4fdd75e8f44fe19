"""An interrupt takes effect between two updates; what is broken off in the middle of one says so and is not used."""

import copy
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from interrupting import Lines, break_off, ctrl_c, handler, interrupted

import numgan as ng
from numgan import parallel
from numgan.blas import _libraries
from numgan.run.interrupts import HeldBack

RING = ng.data.ring(n=600)
STEPS = 6
LOOP = ["training.py", "blas.py", "run/interrupts.py", "run/record.py"]  # what stands around an update
INSIDE = ["training.py", "gan.py", "optim.py", "parallel.py", "run/streams.py", "run/averaging.py"]
LOOKS = ["training.py", "parallel.py", "blas.py"]
LOOKS += [f"run/{room}.py" for room in ("evaluation", "interrupts", "sampling", "averaging")]


def new_run(**settings):
    """Two updates of D for each of G, an average of θ_g, and threads that share everything there is to share."""
    G = ng.Network([ng.Linear(2, 8), ng.LeakyReLU(0.2), ng.Linear(8, 2)], seed=0)
    D = ng.Network([ng.Linear(2, 8), ng.Dropout(0.2), ng.LeakyReLU(0.2), ng.Linear(8, 1)], seed=1)
    return ng.Training(G, D, RING, **{"batch": 40, "k": 2, "ema": 0.9, "threads": 2, "seed": 3} | settings)


@pytest.fixture(autouse=True)
def nothing_left_at_work():
    """A second interrupt may break off even the end of `Team.at_work`: the next test must not inherit its team."""
    yield
    parallel._AT_WORK.set(None)


@pytest.fixture(autouse=True)
def ctrl_c_is_heard():
    """A shell starts what it runs in the background with interrupts ignored; these tests are about what they do."""
    with handler(signal.default_int_handler):
        yield


@pytest.fixture
def share_everything(monkeypatch):
    monkeypatch.setattr(parallel, "MIN_PRODUCT", 1)
    monkeypatch.setattr(parallel, "MIN_SPAN", 1)
    monkeypatch.setattr(parallel, "HEAD_START", 0)


@pytest.fixture(params=[1, 2], ids=["every=1", "every=2"])
def every(request):
    return request.param


def go(run, n, every=1):
    return list(run.steps(n, every))


def state_of(run):
    """Everything that a run is, as plain values that can be compared."""
    vectors = {name: vector.tobytes() for name, vector in run.state.vectors.items()}
    return vectors | {"step": run.step, "updates": run.state.updates, "history": list(run.history)}


def blas_threads():
    """Of the libraries that were there at first, NumPy's among them: SciPy brings one of its own, later."""
    return [library.num_threads for library in _libraries()]


def moments(run, every):
    """Lines of the next two updates: every second one of the loop around them, and some of those inside."""
    for where, stride in ((LOOP, 2), (INSIDE, 67)):
        with Lines(where) as lines:
            go(copy.deepcopy(run), 2, every)
        yield from ((where, at) for at in range(every, lines.count + 1, stride))


def is_torn(run):
    try:
        run.sample(1)
    except ng.TornError:
        return True
    return False


@pytest.mark.usefixtures("share_everything")
def test_one_interrupt_at_any_line_waits_for_the_update_and_nothing_is_lost(every):
    start = new_run()
    go(start, 2)
    whole, before = copy.deepcopy(start), blas_threads()
    go(whole, STEPS, every)
    seen = set()
    for where, at in moments(start, every):
        run = copy.deepcopy(start)
        interrupted(lambda run=run: go(run, 2, every), where, at)
        assert not is_torn(run)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert run.opt_g.t * 2 == run.opt_d.t == run.step * 2
        seen.add(run.step)
        go(run, start.step + STEPS - run.step, every)
        assert state_of(run) == state_of(whole)
    assert seen == {2, 3, 4}
    assert blas_threads() == before


@pytest.mark.usefixtures("share_everything")
@pytest.mark.parametrize("do", [break_off, lambda: (ctrl_c(), ctrl_c())], ids=["an exception", "two signals"])
def test_what_breaks_an_update_off_at_any_line_is_said_or_did_no_harm(every, do):
    start = new_run()
    go(start, 2)
    whole, before = copy.deepcopy(start), blas_threads()
    go(whole, STEPS, every)
    torn = []
    for where, at in moments(start, every):
        run = copy.deepcopy(start)
        interrupted(lambda run=run: go(run, 2, every), where, at, do)
        torn.append(is_torn(run))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if not torn[-1]:
            go(run, start.step + STEPS - run.step, every)
            assert state_of(run) == state_of(whole)
    assert 0.5 < np.mean(torn) < 1
    go(start, 1)
    assert (blas_threads(), parallel._AT_WORK.get()) == (before, None)


def test_a_torn_run_refuses_to_go_on_to_sample_and_to_save_and_its_checkpoint_is_the_way_out(tmp_path):
    run, whole = new_run(), new_run()
    go(whole, STEPS)
    go(run, 3)
    run.save(tmp_path / "c.npz")
    kept = (tmp_path / "c.npz").read_bytes()
    with pytest.raises(MemoryError), pytest.MonkeyPatch.context() as patch:
        patch.setattr(run.opt_g, "step", raises(MemoryError))
        go(run, 3)
    uses = (lambda: go(run, 1), lambda: run.sample(4), lambda: run.save(tmp_path / "c.npz"))
    for use in (*uses, lambda: go(copy.deepcopy(run), 1)):
        with pytest.raises(ng.TornError, match=r"^update 4 is not finished .* Training\.load"):
            use()
    assert (tmp_path / "c.npz").read_bytes() == kept
    again = ng.Training.load(tmp_path / "c.npz", RING)
    go(again, STEPS - 3)
    assert state_of(again) == state_of(whole)


def raises(error):
    def function(*arguments):
        raise error

    return function


def test_an_error_in_ones_own_loss_tears_the_run_and_a_diverged_run_is_not_torn():
    class Own(ng.losses.NonSaturating):
        broken = False

        def generator(self, a):
            if self.broken:
                raise ZeroDivisionError
            return super().generator(a)

    loss = Own()
    run = new_run(loss=loss)
    go(run, 1)
    object.__setattr__(loss, "broken", True)
    with pytest.raises(ZeroDivisionError):
        go(run, 1)
    with pytest.raises(ng.TornError, match="update 2"):
        go(run, 1)
    run = new_run()
    run.D.theta[...] = np.nan
    for step in (1, 2):
        with pytest.raises(ng.DivergedError, match=f"step {step}: loss_D = nan"):
            go(run, 1)
    with pytest.raises(ng.DivergedError, match="samples"):  # not torn, but of no worth
        run.sample(2)


@pytest.mark.usefixtures("share_everything")
@pytest.mark.parametrize("look", ["sample", "save"])
def test_an_interrupt_while_it_samples_or_saves_leaves_the_run_as_it_was(tmp_path, look):
    run = new_run()
    go(run, 3)
    before = state_of(run)
    use = {"sample": lambda: run.sample(5), "save": lambda: run.save(tmp_path / "c.npz")}[look]
    use()  # starts the threads
    with Lines(LOOKS) as lines:
        use()
    for at in range(1, lines.count + 1):
        interrupted(use, LOOKS, at)
        assert state_of(run) == before
        assert not is_torn(run)
    torn = []
    for at in range(1, lines.count + 1):
        other = copy.deepcopy(run)
        interrupted(lambda run=other: run.sample(5), LOOKS, at, break_off)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        torn.append(is_torn(other))
        assert torn[-1] or state_of(other) == before
    run.sample(5)
    assert parallel._AT_WORK.get() is None
    assert 0 < np.mean(torn) < 1


def test_the_records_that_an_interrupt_leaves_out_are_none(monkeypatch):
    """Every record that is due stands in the history, though the loop did not see the one of the last update."""
    run, seen = new_run(), []
    monkeypatch.setattr(run.opt_g, "step", then_ctrl_c(run.opt_g.step, at=4))
    with pytest.raises(KeyboardInterrupt):
        seen.extend(record.step for record in run.steps(10, every=2))
    assert (run.step, seen, [record.step for record in run.history]) == (4, [2], [2, 4])
    assert [record.step for record in run.steps(3, every=2)] == [6, 7]


def then_ctrl_c(function, at):
    calls = []

    def wrapped(*arguments):
        function(*arguments)
        calls.append(arguments)
        if len(calls) == at:
            ctrl_c()

    return wrapped


def test_an_interrupt_takes_effect_within_one_update():
    class Slow(ng.losses.NonSaturating):
        def generator(self, a):
            time.sleep(0.05)
            return super().generator(a)

    run = new_run(loss=Slow())
    timer = threading.Timer(0.12, ctrl_c)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        go(run, 100, every=100)
    assert 2 <= run.step <= 4
    assert run.history == []


def test_two_iterators_made_beforehand_each_make_their_own_updates():
    run = new_run()
    first, second = run.steps(4), run.steps(4, every=3)
    assert [record.step for record in first] == [1, 2, 3, 4]
    assert [record.step for record in second] == [6, 8]
    first, second = run.steps(2), run.steps(3)
    assert [next(each).step for each in (first, second, first, second, second)] == [9, 10, 11, 12, 13]
    assert list(first) == list(second) == []


def test_between_records_and_afterwards_the_handler_is_the_one_that_was_there():
    def own(number, frame):
        pass

    for there in (signal.default_int_handler, own, signal.SIG_IGN, signal.SIG_DFL):
        with handler(there):
            run = new_run()
            for record in run.steps(3):
                assert signal.getsignal(signal.SIGINT) is there
                if record.step == 2:
                    break
            next(run.steps(3))
            with pytest.raises(ng.TornError), pytest.MonkeyPatch.context() as patch:
                patch.setattr(run, "_update", raises(ng.TornError))
                go(run, 1)
            assert signal.getsignal(signal.SIGINT) is there


def test_a_handler_that_does_not_raise_is_called_after_the_update_and_the_run_goes_on(monkeypatch):
    run, calls = new_run(), []
    monkeypatch.setattr(run.opt_d, "step", then_ctrl_c(run.opt_d.step, at=3))
    with handler(lambda number, frame: calls.append((number, run.step))):
        assert [record.step for record in run.steps(6, every=3)] == [3, 6]
    assert calls == [(signal.SIGINT, 2)]


def test_two_signals_reach_a_handler_that_does_not_raise_at_once():
    calls = []
    with handler(lambda number, frame: calls.append(number)):
        with HeldBack() as interrupt:
            ctrl_c()
            assert (calls, interrupt.asked) == ([], True)
            ctrl_c()
            assert calls == [signal.SIGINT] * 2
            ctrl_c()
            assert calls == [signal.SIGINT] * 3
        assert calls == [signal.SIGINT] * 3


def test_a_handler_that_someone_else_puts_in_place_meanwhile_stays_and_one_from_outside_python_is_let_be(monkeypatch):
    def other(number, frame):
        pass

    with handler(signal.default_int_handler):
        with HeldBack():
            signal.signal(signal.SIGINT, other)
        assert signal.getsignal(signal.SIGINT) is other
        monkeypatch.setattr(signal, "getsignal", lambda number: None)
        monkeypatch.setattr(signal, "signal", raises(AssertionError))
        with HeldBack() as interrupt:
            assert not interrupt.asked
        monkeypatch.undo()


def test_an_interrupt_is_not_lost_when_an_error_ends_the_block():
    with pytest.raises(KeyboardInterrupt) as caught, HeldBack():
        ctrl_c()
        raise ValueError
    assert isinstance(caught.value.__context__, ValueError)


def test_blocks_inside_blocks_hand_on_to_each_other():
    with pytest.raises(KeyboardInterrupt), HeldBack() as outer:
        with HeldBack():
            ctrl_c()
            assert not outer.asked
        assert outer.asked


def test_a_run_in_another_thread_touches_no_handler_and_tears_when_it_is_broken_off():
    run, seen = new_run(), []

    def train():
        go(run, 2)
        seen.append(signal.getsignal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt), Lines([type(run)._update], at=5, do=break_off):
            go(run, 2)
        seen.append(is_torn(run))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler, True]


def test_a_look_from_another_thread_in_mid_update_is_refused(monkeypatch):
    run, said = new_run(), []

    def look():
        with pytest.raises(ng.TornError, match="another thread is still at it"):
            run.sample(3)
        said.append(True)

    def step(*arguments):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    monkeypatch.setattr(run.opt_g, "step", step)
    go(run, 1)
    assert said == [True]
    run.sample(3)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_sigterm_ends_the_command_line_as_ctrl_c_does(tmp_path):
    folder = tmp_path / "r"
    command = [sys.executable, "-m", "numgan", "train", "--data", "ring", "--batch", "16", "--steps", "1000000"]
    command += ["--out", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (folder / "checkpoint.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "stopping after this step" in err
    assert f"numgan train --resume {folder}" in out
    run = ng.Training.load(folder / "checkpoint.npz", ng.data.load("ring"))
    steps = [record.step for record in run.history]
    assert all(b - a == 25 for a, b in pairwise([0, *steps]))
    assert run.step == steps[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("where", "threads"), [("script", 1), pytest.param("kernel", 2, marks=pytest.mark.notebooks)])
def test_a_short_campaign_of_real_interrupts_finds_nothing_silent(where, threads):
    command = [sys.executable, "-m", "benchmarks.attack.interrupts", "--minutes", "0.05"]
    command += ["--where", where, "--threads", str(threads)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    sent, interrupts, equal, torn, _, wrong = map(int, done.stdout.split("\n")[-2].split()[1:])
    assert sent >= interrupts > 0
    assert equal + torn > 0
    assert wrong == 0
