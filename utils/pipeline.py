"""Work done ahead by threads, in bounded memory."""

from collections import deque


def map_ahead(pool, function, items, ahead):
    """`function` of every item, computed by `pool`; results come in the items' order.

    A result is handed on as soon as it is there. While it is not, more items are taken, so that
    the work ahead grows just as far as the reader needs it.

    Args:
        pool: a `ThreadPoolExecutor`; it stays open.
        items: taken one by one, in the reader's thread.
        ahead: most calls that run, wait for a thread, or have a result that nobody read yet.

    Yields:
        the results. An exception of a call is raised in its turn. After it, and when the
        generator is closed, calls that have not begun are cancelled.
    """
    pending = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) == ahead or pending[0].done():
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for call in pending:
            call.cancel()
