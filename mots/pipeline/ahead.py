"""Steps that run ahead of each other, each in a thread of its own, with bounded queues between them.

What a step gives depends on what it is given alone, so neither the order of the results nor their bytes depend on
timing.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from typing import TypeVar

from mots.errors import MotsError

__all__ = ["ahead", "at_once"]

Item = TypeVar("Item")
Result = TypeVar("Result")

WAIT_SECONDS = 0.1  # at which a step that waits for room looks whether it is still wanted
LEAVE_SECONDS = 5.0  # for a step to finish what it is at, when its results are no longer wanted


class End:
    """The last item of a queue: the step has ended, by an error or without one."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterable[Item], room: int, step: str) -> Generator[Item, None, None]:
    """The items in their order, made in a thread of its own, at most `room` of them before they are asked for.

    An error comes after the items before it. A MotsError stays as it is; any other Exception becomes a MotsError that
    names the `step` and how many items it had made. The thread ends when this iterator is closed. A `room` of 0 makes
    no thread.
    """
    if room == 0:
        yield from items
        return
    made: queue.Queue[Item | End] = queue.Queue(room)
    unwanted = threading.Event()

    def put(item: Item | End) -> bool:
        while not unwanted.is_set():
            try:
                made.put(item, timeout=WAIT_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        count, error, source = 0, None, iter(items)
        try:
            for item in source:
                if not put(item):
                    break
                count += 1
        except MotsError as own:
            error = own
        except Exception as foreign:
            error = MotsError(f"{step} failed after {count} frames: {type(foreign).__name__}: {foreign}")
            error.__cause__ = foreign
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()
            put(End(error))

    thread = threading.Thread(target=work, name=f"mots {step}", daemon=True)
    thread.start()
    try:
        while True:
            item = made.get()
            if isinstance(item, End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        unwanted.set()
        thread.join(LEAVE_SECONDS)


def at_once(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, step: str
) -> Generator[Result, None, None]:
    """`function` of each item, in their order, computed by so many threads at the same time.

    What is raised, by the items or by the function, comes after the results before it. The threads begin nothing more
    when this iterator has raised it or is closed, and the end of the program does not wait for them. One worker is no
    thread.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    source = iter(items)
    jobs: queue.SimpleQueue[tuple[Item, Future[Result]] | None] = queue.SimpleQueue()
    running: deque[Future[Result]] = deque()
    error: BaseException | None = None
    failed, ended = threading.Event(), threading.Event()

    def work() -> None:
        while (job := jobs.get()) is not None:
            item, future = job
            if ended.is_set():
                future.cancel()
                continue
            try:
                future.set_result(function(item))
            except BaseException as own:  # it belongs to who waits for the result
                failed.set()
                future.set_exception(own)

    threads = [threading.Thread(target=work, name=f"mots {step}", daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        while not failed.is_set():
            try:
                item = next(source)
            except StopIteration:
                break
            except Exception as own:
                error = own
                break
            running.append(Future())
            jobs.put((item, running[-1]))
            if len(running) > workers:  # one more than there are threads, so that none waits
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        ended.set()
        for _ in threads:
            jobs.put(None)
        for thread in threads:
            thread.join(LEAVE_SECONDS)
        close = getattr(source, "close", None)
        if close is not None:
            close()
    if error is not None:
        raise error
