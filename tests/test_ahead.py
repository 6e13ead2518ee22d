"""Steps that run ahead in threads: order, errors, ends, and that results do not depend on them."""

from __future__ import annotations

import itertools
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from mots.errors import FormatError, InputError, MotsError, MotsWarning
from mots.models.runtimes.torch_runtime import TorchRuntime, import_torch
from mots.pipeline.ahead import ahead, at_once
from mots.pipeline.batches import SIZES, BatchSize, batched
from mots.pipeline.pipeline import Pipeline
from mots.pipeline.record import record_pipeline
from mots.settings import load


def numbers(
    count: int, error: Exception | None = None, made: list[int] | None = None, closed: list[bool] | None = None
) -> Iterator[int]:
    """`count` numbers, then an error; `made` takes each one, `closed` a mark when the generator ends."""
    try:
        for k in range(count):
            if made is not None:
                made.append(k)
            yield k
        if error is not None:
            raise error
    finally:
        if closed is not None:
            closed.append(True)


def taken(items: Iterable[Any], seen: list[Any]) -> None:
    """Put the items into `seen` until they end."""
    seen.extend(items)  # keeps what came before an error


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("mots ")]


@pytest.mark.parametrize("room", [0, 1, 3])
def test_items_come_in_order_and_the_thread_ends(room: int) -> None:
    assert list(ahead(numbers(50), room, "counting")) == list(range(50))
    assert threads() == []


@pytest.mark.parametrize("room", [1, 4])
def test_only_so_many_items_are_made_ahead(room: int) -> None:
    made: list[int] = []
    items = ahead(numbers(100, made=made), room, "counting")
    assert next(items) == 0
    time.sleep(0.3)
    # One is given, `room` wait in the queue, and one is in the hands of the step.
    assert len(made) == room + 2
    items.close()
    assert threads() == []


def test_an_error_comes_after_the_items_before_it() -> None:
    seen: list[Any] = []
    with pytest.raises(FormatError, match="cut off"):
        taken(ahead(numbers(5, FormatError("a film that is cut off")), 2, "reading"), seen)
    assert seen == list(range(5))


def test_a_step_that_dies_is_named_and_loses_nothing() -> None:
    seen: list[Any] = []
    steps = ahead(ahead(numbers(5, MemoryError("full")), 2, "measuring"), 2, "writing")
    with pytest.raises(MotsError, match="measuring failed after 5 frames: MemoryError: full") as caught:
        taken(steps, seen)
    assert seen == list(range(5))
    assert isinstance(caught.value.__cause__, MemoryError)


def test_closing_ends_all_steps_and_closes_what_they_read() -> None:
    closed: list[bool] = []
    items = ahead(ahead(numbers(1000, closed=closed), 1, "one"), 1, "two")
    assert [next(items), next(items)] == [0, 1]
    items.close()
    assert closed == [True]
    assert threads() == []


def test_batches_keep_order_and_give_what_was_read_before_an_error() -> None:
    assert list(batched(numbers(7), BatchSize(3))) == [[0, 1, 2], [3, 4, 5], [6]]
    seen: list[Any] = []
    with pytest.raises(InputError, match="no"):
        taken(batched(numbers(4, InputError("no")), BatchSize(3)), seen)
    assert seen == [[0, 1, 2], [3]]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def chosen_size(seconds_of_batch: Callable[[int], float]) -> int:
    """The size that is chosen on a device on which a batch of n frames takes `seconds_of_batch(n)`."""
    clock = Clock()
    size = BatchSize(0, clock)
    for _ in range(200):
        clock.now += seconds_of_batch(size.size)
        size.took(size.size, seconds_of_batch(size.size))
    assert size.chosen
    return size.size


def test_the_batch_is_as_large_as_it_pays() -> None:
    assert chosen_size(lambda n: 0.004 * n) == 1  # as a CPU: no gain
    assert chosen_size(lambda n: 0.010 + 0.0001 * n) == SIZES[-1]  # a large GPU: all at once
    assert chosen_size(lambda n: 0.004 if n <= 4 else 0.001 * n) == 4  # full at four
    assert chosen_size(lambda n: 0.6 + 0.01 * n) == 1  # so slow that the first second is over


def test_a_shorter_last_batch_tells_nothing() -> None:
    size = BatchSize(0, Clock())
    size.size = 4
    for _ in range(10):
        size.took(3, 0.001)
    assert size.size == 4
    assert not size.chosen


class Full:
    """A module that has memory for `room` images, and doubles them."""

    def __init__(self, torch: Any, room: int) -> None:
        self.torch, self.room = torch, room

    def __call__(self, tensor: Any) -> Any:
        if len(tensor) > self.room:
            raise self.torch.OutOfMemoryError("out of memory")
        return tensor * 2

    def to(self, device: Any) -> Full:
        return self

    def eval(self) -> Full:
        return self

    def float(self) -> Full:
        return self


@pytest.mark.parametrize("room", [1, 2, 3, 8])
def test_a_batch_that_does_not_fit_is_halved(room: int) -> None:
    runtime = TorchRuntime(Full(import_torch("tests"), room), "cpu")
    batch = np.arange(8 * 3, dtype=np.float32).reshape(8, 3, 1, 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (answer,) = runtime(batch)
        (again,) = runtime(batch)
    assert np.array_equal(answer, batch * 2)
    assert np.array_equal(again, batch * 2)
    told = [str(each.message) for each in caught if issubclass(each.category, MotsWarning)]
    assert len(told) == {1: 3, 2: 2, 3: 2, 8: 0}[room]  # said once for each halving, and not again


def test_no_memory_for_one_image_is_one_sentence() -> None:
    runtime = TorchRuntime(Full(import_torch("tests"), 0), "cpu")
    with pytest.raises(InputError, match="no memory left for one image of 5 x 7"):
        runtime(np.zeros((1, 3, 5, 7), np.float32))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short film of the toy world."""
    from mots.toy.world import World, WorldSettings
    from mots.video.writer import VideoWriter

    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with VideoWriter(path, 10) as writer:
        for k, (image, _) in enumerate(World(5, WorldSettings()).frames(12)):
            writer.write(image, k / 10)
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.suffix in (".txt", ".csv")}


@pytest.mark.parametrize("offline", [False, True])
def test_results_do_not_depend_on_threads_and_batches(film: Path, tmp_path: Path, offline: bool) -> None:
    found = {}
    for ahead_by, batch in ((0, 1), (2, 1), (1, 0), (3, 5)):
        changes = {"ahead": ahead_by, "detector.batch": batch, "detector.weights": "demo", "classes": "all"}
        pipeline = Pipeline(film, load(changes=changes), offline=offline)
        folder = tmp_path / f"{ahead_by}-{batch}"
        record_pipeline(pipeline, folder, table="csv", quiet=True)
        found[ahead_by, batch] = files(folder)
    first = found[0, 1]
    assert len(first) >= 3
    assert any(len(content) > 200 for content in first.values())
    assert all(each == first for each in found.values())
    assert threads() == []


def test_a_callers_own_parts_stay_in_its_thread(film: Path) -> None:
    seen: list[Any] = []

    class Watching:
        coarse = False

        def detect(self, images: Any, classes: Any = ()) -> Any:
            from mots.trackers.detections import Detections

            seen.append(threading.current_thread())
            return [Detections.empty(image.shape[:2]) for image in images]

    pipeline = Pipeline(film, load(), detector=cast(Any, Watching()))
    assert len(list(pipeline)) == 12
    assert set(seen) == {threading.current_thread()}


def test_a_callers_own_images_are_not_read_ahead() -> None:
    read: list[int] = []

    def images() -> Iterator[Any]:
        for k in range(5):
            read.append(k)
            yield np.full((48, 64, 3), 90, np.uint8)

    frames = iter(Pipeline(images(), load(changes={"detector.weights": "demo"})))
    next(frames)
    assert read == [0]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_several_workers_give_the_results_in_order(workers: int) -> None:
    together = threading.Barrier(workers)

    def slow(k: int) -> int:
        if k < 20 // workers * workers:
            together.wait(10)  # fails unless so many are here at the same time
        return k * k

    assert list(at_once(slow, range(20), workers, "squares")) == [k * k for k in range(20)]
    assert list(at_once(slow, [], workers, "squares")) == []


@pytest.mark.parametrize("workers", [1, 3])
def test_what_workers_raise_comes_after_the_results_before_it(workers: int) -> None:
    def until(k: int) -> int:
        if k == 7:
            raise ValueError("seven")
        return k

    def broken() -> Iterator[int]:
        yield from range(4)
        raise OSError("no more")

    for items, count, error in ((range(20), 7, ValueError), (broken(), 4, OSError)):
        got: list[int] = []

        def keep(items: Iterable[int], got: list[int] = got) -> None:
            for each in at_once(until, items, workers, "counting"):
                got.append(each)  # noqa: PERF402  (what comes before the error is kept)

        with pytest.raises(error):
            keep(items)
        assert got == list(range(count))


def test_workers_end_when_their_results_are_not_wanted() -> None:
    closed: list[bool] = []
    done: list[int] = []

    def noted(k: int) -> int:
        done.append(k)
        return k

    def items() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            closed.append(True)

    results = at_once(noted, items(), 2, "counting")
    assert next(results) == 0
    results.close()
    assert closed == [True]
    count = len(done)
    time.sleep(0.1)
    assert len(done) == count
    assert not [each for each in threading.enumerate() if each.name.startswith("mots counting")]
