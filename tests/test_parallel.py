"""Threads change where something is computed, and nothing else."""

import copy
import gc
import os
import pickle
import subprocess
import sys
import threading
import time
import types
import weakref
from queue import SimpleQueue

import numpy as np
import pytest
from interrupting import break_off, interrupted
from threadpoolctl import threadpool_limits

import numgan as ng
from numgan import blas, parallel
from numgan.blas import _libraries
from numgan.parallel import Team, each_span, matmul

SHAPES = [(1, 1, 1), (7, 5, 3), (128, 100, 257), (33, 64, 500), (500, 64, 33), (100, 301, 40), (2, 3, 1000)]
SHAPES += [(64, 520, 300)]  # few long rows, times a transposed matrix


@pytest.fixture(autouse=True)
def share_everything(monkeypatch):
    monkeypatch.setattr(parallel, "MIN_PRODUCT", 1)
    monkeypatch.setattr(parallel, "MIN_SPAN", 1)
    monkeypatch.setattr(parallel, "HEAD_START", 0)


@pytest.mark.parametrize("head_start", [0, 100, 10**6])
@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_shared_product_is_the_product(shape, threads, head_start, monkeypatch):
    monkeypatch.setattr(parallel, "HEAD_START", head_start)
    (m, k, n), rng = shape, np.random.default_rng(0)
    a, b = rng.standard_normal((m, k)), rng.standard_normal((n, k)).T
    out = np.empty((m, n))
    with Team(threads).at_work():
        shared = matmul(a, b)
        assert matmul(a, b, out=out) is out
    np.testing.assert_allclose(shared, a @ b, rtol=1e-12, atol=1e-12)
    assert (out == shared).all()


def test_large_products_run_on_as_many_threads_as_they_are_worth(monkeypatch):
    seen = set()
    monkeypatch.setattr(parallel, "_columns", lambda a, b, out, span: seen.add((threading.get_ident(), span.start)))
    with Team(3).at_work():
        matmul(np.ones((4, 8)), np.ones((8, 96)))
        assert sorted(start for _, start in seen) == [0, 32, 64]
        assert threading.get_ident() in {thread for thread, _ in seen}
        seen.clear()
        monkeypatch.setattr(parallel, "MIN_PRODUCT", 4 * 8 * 96 // 2)
        matmul(np.ones((4, 8)), np.ones((8, 96)))
        assert sorted(start for _, start in seen) == [0, 48]
        seen.clear()
        monkeypatch.setattr(parallel, "MIN_PRODUCT", 4 * 8 * 96)
        matmul(np.ones((4, 8)), np.ones((8, 96)))
        assert not seen


def test_rows_or_columns_are_shared_whichever_are_more(monkeypatch):
    shared = []
    for name in ("_rows", "_columns"):
        record = lambda a, b, out, span, name=name: shared.append((name, span.start, span.stop))  # noqa: E731
        monkeypatch.setattr(parallel, name, record)
    with Team(2).at_work():
        matmul(np.ones((96, 8)), np.ones((8, 64)))
        matmul(np.ones((64, 8)), np.ones((8, 96)))
    assert sorted(shared) == [("_columns", 0, 48), ("_columns", 48, 96), ("_rows", 0, 48), ("_rows", 48, 96)]


def test_each_share_is_long_enough_to_wake_a_thread_for(monkeypatch):
    """The usual figures: 3 million multiplications of a product, 65,536 numbers of an update, for each of two."""
    monkeypatch.undo()
    shares = []
    monkeypatch.setattr(Team, "do", lambda team, job, spans: shares.append([(span.start, span.stop) for span in spans]))
    with Team(2).at_work():
        matmul(np.ones((1000, 100), "float32"), np.ones((100, 59), "float32"))
        assert not shares
        matmul(np.ones((1000, 100), "float32"), np.ones((100, 60), "float32"))
        assert shares.pop() == [(0, 672), (672, 1000)]  # the first has 2 million more
        each_span(2 * 65536 - 1, lambda span: shares.append(span))
        assert shares.pop() == slice(0, 2 * 65536 - 1)
        each_span(2 * 65536, None)
        assert shares.pop() == [(0, 65536), (65536, 131072)]
        each_span(5 * 65536, None)
        assert [stop - start for start, stop in shares.pop()] == [163840, 163840]


def in_the_worker(team, job):
    """What job() gives in a thread that is not this one."""
    found, begun = [], threading.Event()

    def share(span):
        if span.start:
            begun.set()
            found.append((threading.get_ident(), job()))
        else:
            begun.wait(10)

    with team.at_work():
        team.do(share, SPANS[:2])
    ((thread, value),) = found
    assert thread != threading.get_ident()
    return value


def test_a_worker_is_as_silent_as_a_run_and_has_no_team_of_its_own():
    """NumPy's warnings are of each thread; those of this one stay."""

    def overflows():
        return np.geterr(), np.float32([1e38]) * np.float32([1e38]), np.log(np.zeros(1)), parallel._AT_WORK.get()

    for team in (Team(2), Team(3)):
        silent, inf, log, at_work = in_the_worker(team, overflows)
        assert set(silent.values()) == {"ignore"} and np.isinf(inf) and np.isinf(log) and at_work is None
    assert np.geterr()["over"] == "warn"


@pytest.mark.parametrize("n", [0, 1, 2, 5, 11])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_each_item_is_taken_once(threads, n):
    done, together = [], []

    def job(item):
        together.append(threading.get_ident())
        done.append(item)

    with Team(threads).at_work():
        parallel.each(range(n), job)
    assert sorted(done) == [*range(n)] and len(set(together)) <= threads
    done.clear()
    parallel.each(range(n), job)
    assert done == [*range(n)]  # without a team, in order


@pytest.mark.parametrize("items", ["ab", "abc"])
def test_each_item_has_a_thread_where_there_are_enough(items):
    barrier, threads = threading.Barrier(len(items)), []

    def job(item):
        barrier.wait(10)
        threads.append(threading.get_ident())

    with Team(3).at_work():
        parallel.each(items, job)
    assert len(set(threads)) == len(items)

    def fails(item):
        if item == 4:
            raise RuntimeError("the fourth")

    with Team(2).at_work(), pytest.raises(RuntimeError, match="the fourth"):
        parallel.each(range(9), fails)


def test_a_copy_of_a_team_has_threads_of_its_own():
    team = Team(3)
    for other in (copy.copy(team), copy.deepcopy(team), pickle.loads(pickle.dumps(team))):
        assert type(other) is Team and other.threads == 3 and other._tasks is not team._tasks


def test_the_calling_thread_has_a_longer_share_by_its_head_start():
    assert Team(2).shares(1024, worth=2, lead=128) == (slice(0, 576), slice(576, 1024))
    assert Team(3).shares(960, worth=3, lead=96) == (slice(0, 384), slice(384, 672), slice(672, 960))
    assert Team(2).shares(64, worth=2, lead=1000) == (slice(0, 64),)


def test_without_a_head_start_shares_are_alike_up_to_multiples_of_16():
    assert Team(2).shares(64, worth=2) == (slice(0, 32), slice(32, 64))
    assert Team(3).shares(100, worth=9) == (slice(0, 48), slice(48, 80), slice(80, 100))
    assert Team(9).shares(100, worth=2) == (slice(0, 64), slice(64, 100))
    assert Team(9).shares(100, worth=0) == Team(1).shares(100, worth=5) == (slice(0, 100),)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 100, 1000])
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_spans_cover_each_number_once(n, threads):
    count = np.zeros(n)

    def job(span):
        count[span] += 1

    with Team(threads).at_work():
        each_span(n, job)
    each_span(n, job)
    assert (count == 2).all()


def test_an_error_in_a_share_is_raised():
    begun = threading.Event()

    def job(span):
        if span.start:
            begun.set()
            raise RuntimeError(threading.current_thread().name)
        begun.wait()

    with Team(2).at_work(), pytest.raises(RuntimeError) as caught:
        each_span(100, job)
    assert str(caught.value) != threading.current_thread().name


def test_a_team_works_only_inside_its_block_and_the_blas_gets_its_threads_back():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with pytest.raises(RuntimeError), Team(2).at_work():
            assert blas_threads() == [1] * len(before)
            raise RuntimeError
        assert blas_threads() == before
    assert parallel._AT_WORK.get() is None


def blas_threads():
    """Of the libraries that were there at first, NumPy's among them: SciPy brings one of its own, later."""
    return [library.num_threads for library in _libraries()]


SPANS = [slice(i, i + 1) for i in range(3)]


class Slowly:
    """A job that says where it is."""

    def __init__(self):
        self.begun, self.ended = [], []

    def __call__(self, span):
        self.begun.append(span.start)
        time.sleep(0.002)
        self.ended.append(span.start)

    def is_over(self):
        """Nobody is at it, and nobody begins."""
        begun, ended = sorted(self.begun), sorted(self.ended)
        time.sleep(0.005)
        return begun == ended == sorted(self.begun)


def test_an_interrupt_at_any_line_leaves_no_thread_at_the_job():
    old, where = Team(3), [Team.do, Team._call_workers, parallel._Shared.give_up, parallel._Shared.wait]
    old.do(Slowly(), SPANS)
    for at in range(1, 40):
        for team in (old, Team(3)):
            job = Slowly()
            interrupted(lambda job=job, team=team: team.do(job, SPANS), where, at, break_off)
            assert job.is_over()
            assert len(set(job.begun)) == len(job.begun)
    together = threading.Barrier(3)
    old.do(lambda span: together.wait(timeout=10), SPANS)  # its threads are all there still


@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_of_the_wait_does_not_end_it(times, monkeypatch):
    begun, waited_for, ended, interrupts = threading.Event(), threading.Event(), [], []

    class News(SimpleQueue):
        def get(self):
            if len(interrupts) < times:
                interrupts.append(KeyboardInterrupt())
                raise interrupts[-1]
            waited_for.set()
            return super().get()

    def job(span):
        if span.start == 0:
            begun.wait()  # so that the other share is a worker's
            return
        begun.set()
        waited_for.wait(10)
        ended.append(span.start)

    team = Team(2)
    monkeypatch.setattr(parallel, "SimpleQueue", News)
    with pytest.raises(KeyboardInterrupt):
        team.do(job, SPANS[:2])
    assert (ended, len(interrupts)) == ([1], times)


def test_a_job_that_was_broken_off_does_not_answer_for_the_next_one():
    """The first is left while its worker is busy; the second must wait for its own."""
    team = Team(2)
    here, out = threading.get_ident(), np.zeros(2)

    def leave(span):
        if threading.get_ident() == here:
            time.sleep(0.002)  # the worker has its share by now
            raise KeyboardInterrupt
        time.sleep(0.01)

    def fill(span):
        time.sleep(0.005)
        out[span] += 1

    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            team.do(leave, SPANS[:2])
        out[...] = 0
        team.do(fill, SPANS[:2])
        assert out.tolist() == [1, 1]


def test_where_the_system_gives_no_threads_the_calling_one_does_it_all(monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    a, b = np.random.default_rng(0).standard_normal((2, 64, 64))
    with Team(4).at_work():
        np.testing.assert_allclose(matmul(a, b), a @ b)


def test_there_are_no_more_threads_than_a_job_has_shares():
    before, team = threading.active_count(), Team(parallel.MOST_THREADS)
    assert threading.active_count() == before
    with team.at_work():
        matmul(np.ones((4, 8)), np.ones((8, 48)))
    assert len(team.shares(48, 4 * 8 * 48)) == 3
    assert threading.active_count() <= before + 2


def test_jobs_of_several_threads_do_not_mix():
    """Some share a team, some have their own."""
    team, wrong, barrier = Team(3), [], threading.Barrier(4)

    def multiply(seed, team):
        a, b = np.random.default_rng(seed).integers(0, 9, (2, 60, 60)).astype(float)
        barrier.wait()
        for _ in range(100):
            with team.at_work():
                wrong.append((matmul(a, b) != a @ b).any())

    threads = [threading.Thread(target=multiply, args=(i, team if i < 2 else Team(2))) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrong) == 400
    assert not any(wrong)


class Library:
    """A BLAS whose number of threads is the process's or, as MKL's, each thread's own."""

    def __init__(self, per_thread):
        self.number = threading.local() if per_thread else types.SimpleNamespace()

    @property
    def num_threads(self):
        return getattr(self.number, "threads", 8)

    def set_num_threads(self, threads):
        self.number.threads = threads


def in_a_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("per_thread", [False, True])
def test_the_first_takes_the_blas_its_threads_and_the_last_gives_them_back(per_thread, monkeypatch):
    library, limit = Library(per_thread), blas.ThreadLimit()
    monkeypatch.setattr(blas, "_libraries", lambda: [library])

    def second():
        limit.begin(other)
        return library.num_threads

    class User:
        pass

    one, other = User(), User()
    assert not limit.limit_here()
    limit.begin(one)
    assert library.num_threads == 1
    assert in_a_thread(second) == 1
    assert in_a_thread(lambda: (limit.limit_here(), library.num_threads)) == (True, 1)  # a worker
    limit.end(one)
    assert library.num_threads == (8 if per_thread else 1)
    limit.end(other)
    assert library.num_threads == 8
    limit.end(other)
    assert library.num_threads == 8


class Holding(Library):
    """As in some versions of threadpoolctl: it obeys the thread that set a number first, until that lets go."""

    holder = None

    def set_num_threads(self, threads):
        if self.holder in (None, threading.get_ident()):
            self.holder = threading.get_ident()
            super().set_num_threads(threads)

    def clear_controlling_thread(self, force):
        assert force
        self.holder = None


def test_a_library_that_obeys_one_thread_is_made_to_let_go(monkeypatch):
    library, limit = Holding(False), blas.ThreadLimit()
    monkeypatch.setattr(blas, "_libraries", lambda: [library])
    in_a_thread(lambda: library.set_num_threads(6))
    user = Slowly()
    in_a_thread(lambda: limit.begin(user))
    assert library.num_threads == 1 and library.holder is None
    limit.end(user)
    assert library.num_threads == 6 and library.holder is None


def test_a_library_without_a_number_of_threads_or_with_one_is_let_be(monkeypatch):
    class Fixed(types.SimpleNamespace):
        def set_num_threads(self, threads):
            raise AssertionError("it takes no orders")

    limit, user = blas.ThreadLimit(), Slowly()
    monkeypatch.setattr(blas, "_libraries", lambda: [Fixed(num_threads=None), Fixed(num_threads=1)])
    limit.begin(user)
    assert limit.limit_here()
    limit.end(user)
    assert not limit.limit_here()


def test_a_block_that_never_ended_is_forgotten(monkeypatch):
    library, limit = Library(False), blas.ThreadLimit()
    monkeypatch.setattr(blas, "_libraries", lambda: [library])
    lost, user = Slowly(), Slowly()
    limit.begin(lost)
    del lost
    assert library.num_threads == 1
    limit.begin(user)
    limit.end(user)
    assert library.num_threads == 8


def training(seed):
    """Its products round differently on one thread of OpenBLAS and on two, and a team leaves some of them whole."""
    x = ng.data.ring(n=1000)
    G, D = (
        ng.Network([ng.Linear(2, 500), ng.ReLU(), ng.Linear(500, 65), ng.ReLU(), ng.Linear(65, n)], seed=seed + n)
        for n in (2, 1)
    )
    return ng.Training(G, D, x, batch=130, seed=seed, threads=2)


def test_two_runs_in_two_threads_are_those_of_one_after_the_other(monkeypatch):
    monkeypatch.undo()  # share as usual

    def go(run):
        return [run.sample(130).tobytes() for _ in run.steps(25)]

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        alone = [(go(run), run.history) for run in map(training, range(2))]
        runs, found = [training(seed) for seed in range(2)], {}
        threads = [
            threading.Thread(target=lambda i=i, run=run: found.update({i: go(run)})) for i, run in enumerate(runs)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [(found[i], run.history) for i, run in enumerate(runs)] == alone
        assert blas_threads() == before


FORK = """
import os, threading, warnings
import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits
from numgan import parallel
from numgan.blas import ONE_THREAD
from numgan.parallel import Team, matmul

warnings.simplefilter("ignore")  # of a fork where there are threads, which is what this is about
parallel.MIN_PRODUCT, parallel.HEAD_START = 1, 0
a, b = np.random.default_rng(0).standard_normal((2, 100, 100))
team, began, over = Team(3), threading.Event(), threading.Event()

def product():
    with team.at_work():
        return matmul(a, b)

def stay_in(block):
    with block:
        began.set()
        over.wait()

def while_another_thread_is_in(block, check):
    began.clear(), over.clear()
    threading.Thread(target=stay_in, args=(block,)).start()
    began.wait()
    child(check)
    over.set()

def blas():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

def child(check):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = 0 if check() else 2
        finally:
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))

with threadpool_limits(2, user_api="blas"):
    before, c = blas(), product()
    child(lambda: (product() == c).all() and (product() == c).all() and threading.active_count() == 3)
    while_another_thread_is_in(team.at_work(), lambda: blas() == before and (product() == c).all() and blas() == before)
    while_another_thread_is_in(ONE_THREAD._lock, lambda: (product() == c).all())
    with team.at_work():
        child(lambda: (product() == c).all() and blas() == [1] * len(before))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_a_team_and_a_blas_of_its_own():
    """After a job, and inside a block of another thread or its own."""
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60)
    assert (done.stdout.split(), done.returncode) == (["0"] * 4, 0), done.stderr


def gone(*still_there, patience=5.0):
    """Whether these all turn false before long: what a thread does when it wakes up is not done at once."""
    end = time.monotonic() + patience
    while any(there() for there in still_there) and time.monotonic() < end:
        time.sleep(0.001)
    return not any(there() for there in still_there)


def test_the_threads_of_a_team_go_home_with_it():
    before, team, met = set(threading.enumerate()), Team(3), threading.Barrier(3)
    team.do(lambda span: met.wait(10), SPANS)
    workers = set(threading.enumerate()) - before
    assert len(workers) == 2 and all(worker.daemon for worker in workers)  # and an end of Python does not wait for them
    del team
    assert gone(*(worker.is_alive for worker in workers))


def test_the_threads_of_a_run_go_home_with_it():
    before = set(threading.enumerate())
    G, D = ng.Network([ng.Linear(2, 40), ng.Linear(40, 2)]), ng.Network([ng.Linear(2, 1)], seed=1)
    run = ng.Training(G, D, np.random.default_rng(0).standard_normal((64, 2)), batch=64, threads=2)
    list(run.steps(2))
    workers = set(threading.enumerate()) - before
    assert len(workers) == 1
    del run
    gc.collect()
    assert gone(*(worker.is_alive for worker in workers))


def test_a_worker_that_waits_keeps_nothing_of_its_last_job():
    team, met, a = Team(2), threading.Barrier(2), np.ones(9)
    kept = weakref.ref(a)

    def job(span, a=a):
        met.wait(10)
        a[span] += 1

    team.do(job, SPANS[:2])
    del job, a
    assert gone(lambda: kept() is not None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_product_in_shares_has_the_dtype_of_what_it_is_of(dtype):
    a = np.ones((1024, 128), dtype=dtype)
    with Team(2).at_work():
        assert matmul(a, a.T).dtype == dtype
