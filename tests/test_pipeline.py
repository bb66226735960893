"""Work ahead of its reader: bounded, in order, and stopped when nobody wants it any more."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from utils.pipeline import map_ahead


@pytest.fixture
def pool():
    with ThreadPoolExecutor(3) as pool:
        yield pool


def counted(items, taken):
    for item in items:
        taken.append(item)
        yield item


def test_results_come_in_order(pool):
    """The first call ends last; that changes nothing."""
    later = threading.Event()

    def double(x):
        if x == 0:
            assert later.wait(10)
        if x == 2:
            later.set()
        return 2 * x

    assert list(map_ahead(pool, double, range(50), 4)) == list(range(0, 100, 2))
    assert list(map_ahead(pool, double, [], 4)) == []


def test_no_more_is_taken_than_allowed(pool):
    """Without a result for the reader, exactly `ahead` items are taken; then one per result."""
    gate, taken = threading.Event(), []
    results = map_ahead(pool, lambda x: gate.wait(10) and x, counted(range(100), taken), 5)
    assert taken == []
    reader = pool.submit(next, results)
    while len(taken) < 5:
        assert not reader.done()
    gate.set()
    assert reader.result() == 0
    assert len(taken) == 5
    for read, result in enumerate(results, 2):
        assert result == read - 1
        assert len(taken) <= read + 4
    assert len(taken) == 100


def test_a_result_does_not_wait_for_items_that_are_not_needed(pool):
    """A slow source gets its results read as they are, not `ahead` items later."""
    taken = []

    def source():
        for x in range(1000):
            yield x
            taken.append(x)
            time.sleep(0.001)

    results = map_ahead(pool, str, source(), 1000)
    assert next(results) == "0"
    assert len(taken) < 500


@pytest.fixture
def held():
    """A gate, the items that calls have begun with, and a call that the gate holds up.

    The first call returns when 20 are pending, the next two at once, and the fourth fails.
    """
    gate, full, begun = threading.Event(), threading.Event(), []

    def items():
        for x in range(100):
            if x == 19:
                full.set()
            yield x

    def call(x):
        begun.append(x)
        if x == 3:
            raise OSError("disk full")
        assert x in (1, 2) or (gate if x else full).wait(10)
        return x

    return gate, begun, call, items()


def test_an_exception_comes_in_its_turn_and_cancels_the_rest(pool, held):
    gate, begun, call, items = held
    results, read = map_ahead(pool, call, items, 20), []
    with pytest.raises(OSError, match="disk full"):
        for result in results:
            read.append(result)
    gate.set()
    pool.shutdown()
    assert read == [0, 1, 2]
    assert max(begun) <= 6  # three threads had one call each


def test_closing_cancels_what_has_not_begun(pool, held):
    gate, begun, call, items = held
    results = map_ahead(pool, call, items, 20)
    assert next(results) == 0
    results.close()
    gate.set()
    pool.shutdown()
    assert max(begun) <= 6
