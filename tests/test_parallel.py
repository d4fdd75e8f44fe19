"""Threads change where something is computed, and nothing else."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from numgan import parallel
from numgan.parallel import Team, each, each_span, matmul

SHAPES = [(1, 1, 1), (7, 5, 3), (128, 100, 257), (33, 64, 500), (500, 64, 33), (100, 301, 40), (2, 3, 1000)]


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


def test_the_calling_thread_has_a_longer_share_by_its_head_start():
    assert Team(2).shares(1024, worth=2, lead=128) == [slice(0, 576), slice(576, 1024)]
    assert Team(3).shares(960, worth=3, lead=96) == [slice(0, 384), slice(384, 672), slice(672, 960)]
    assert Team(2).shares(64, worth=2, lead=1000) == [slice(0, 64)]


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


@pytest.mark.parametrize("n", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_each_item_is_done_once(n, threads):
    done = []
    with Team(threads).at_work():
        each(range(n), done.append)
    assert sorted(done) == list(range(n))
    each(range(n), done.append)
    assert done[n:] == list(range(n))


def test_a_thread_that_is_free_takes_the_next_item():
    taken, second = {}, threading.Event()

    def job(i):
        taken[i] = threading.get_ident()
        if i == 0:
            assert second.wait(10)  # as long as the first item lasts, the others are another thread's
        if i == 5:
            second.set()

    with Team(2).at_work():
        each(range(6), job)
    assert len(taken) == 6
    assert taken[0] not in {taken[i] for i in range(1, 6)}


def test_an_error_in_an_item_is_raised():
    def job(i):
        if i == 3:
            raise RuntimeError("in an item")

    with Team(2).at_work(), pytest.raises(RuntimeError, match="in an item"):
        each(range(8), job)


def test_an_error_in_a_share_is_raised():
    def job(span):
        if span.start:
            raise RuntimeError("in a worker")

    with Team(2).at_work(), pytest.raises(RuntimeError, match="in a worker"):
        each_span(100, job)


def test_a_team_works_only_inside_its_block_and_the_blas_gets_its_threads_back():
    def blas():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    with threadpool_limits(2, user_api="blas"):
        before = blas()
        with pytest.raises(RuntimeError), Team(2).at_work():
            assert blas() == [1] * len(before)
            raise RuntimeError
        assert blas() == before
    assert parallel._AT_WORK.get() is None
