"""Several sources at once: a thread for each, and one network for all."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from mots.detection.protocols import StagedDetector
from mots.detection.shared_network import SharedNetwork
from mots.errors import InputError, MotsError
from mots.pipeline.interrupts import interruptible
from mots.pipeline.parts import detector_of
from mots.pipeline.pipeline import Pipeline, SourceLike, is_saved
from mots.pipeline.record import Summary, record_pipeline
from mots.pipeline.tracked_frame import TrackedFrame
from mots.settings import Settings

__all__ = ["record_streams", "track_streams"]

WAITING = 2  # frames of one source that wait for the caller
POLL_SECONDS = 0.2  # at which the main thread looks for Ctrl-C


class Stopped(MotsError):  # noqa: N818  (it tells no fault)
    """The caller wants no more frames."""


def pipelines_of(
    sources: Mapping[str, SourceLike] | Sequence[SourceLike], settings: Settings | None = None
) -> dict[str, Pipeline]:
    """A pipeline for each source, by its name; one detector serves all.

    Raises InputError where two sources have one name, and what `Pipeline` raises.
    """
    settings = settings or Settings()
    found: dict[str, Pipeline] = {}
    named: Sequence[tuple[str | None, SourceLike]] = (
        list(sources.items()) if isinstance(sources, Mapping) else [(None, source) for source in sources]
    )
    if not named:
        raise InputError("no sources: name one at least")
    shared: SharedNetwork | None = None
    if settings.detector.kind == "yolov8" and not all(is_saved(source) for _, source in named):
        detector = detector_of(settings)
        shared = SharedNetwork(detector, len(named)) if isinstance(detector, StagedDetector) else None
    for name, source in named:
        pipeline = Pipeline(source, settings, name=name, detector=shared)  # a live source can be opened once
        if pipeline.name in found:
            raise InputError(f"two sources have the name '{pipeline.name}': rename one, or track them one by one")
        found[pipeline.name] = pipeline
    return found


def track_streams(
    sources: Mapping[str, SourceLike] | Sequence[SourceLike], settings: Settings | None = None
) -> Iterator[tuple[str, TrackedFrame]]:
    """The frames of several sources with the names of the sources, as they come.

    `sources`: as `track` takes them, or a mapping of names to them. The frames of one source come in their order and
    are what `track` gives for it alone; those of different sources come as they are ready. A source that fails ends,
    and what it raised is raised after the frames of all others.
    """
    pipelines = pipelines_of(sources, settings)
    made: queue.Queue[tuple[str, TrackedFrame | BaseException | None]] = queue.Queue(WAITING * len(pipelines))
    unwanted = threading.Event()

    def put(name: str, item: TrackedFrame | BaseException | None) -> bool:
        while not unwanted.is_set():
            try:
                made.put((name, item), timeout=POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def work(name: str, pipeline: Pipeline) -> None:
        end: BaseException | None = None
        try:
            for frame in pipeline:
                if not put(name, frame):
                    return
        except Exception as error:
            end = error
        put(name, end)

    threads = [
        threading.Thread(target=work, args=item, name=f"mots stream {item[0]}", daemon=True)
        for item in pipelines.items()
    ]
    for thread in threads:
        thread.start()
    failed: BaseException | None = None
    try:
        running = len(threads)
        while running:
            name, item = made.get()
            if isinstance(item, TrackedFrame):
                yield name, item
            else:
                running -= 1
                failed = failed or item
        if failed is not None:
            raise failed
    finally:
        unwanted.set()
        for thread in threads:
            thread.join(POLL_SECONDS * 10)


def record_streams(
    sources: Mapping[str, SourceLike] | Sequence[SourceLike],
    folder: str | Path = "runs",
    settings: Settings | None = None,
    **options: Any,
) -> Iterator[tuple[str, Summary | MotsError]]:
    """Track several sources at once, each into a folder of its name in `folder`; each one's summary when it is done.

    The files are those that `record` writes for each source alone. `options`: `video`, `table`, `overwrite` as for
    `record`. A source that fails gives its error in place of a summary, with what was tracked so far on disk; the
    others go on. After Ctrl-C all end after the frame at hand.
    """
    pipelines = pipelines_of(sources, settings)
    stopping = threading.Event()

    def watch(frame: TrackedFrame) -> None:
        if stopping.is_set():
            raise Stopped("stopped")

    def work(name: str, pipeline: Pipeline) -> Summary:
        return record_pipeline(pipeline, Path(folder) / name, quiet=True, watch=watch, **options)

    with ThreadPoolExecutor(len(pipelines), thread_name_prefix="mots stream") as pool:
        names: dict[Future[Summary], str] = {pool.submit(work, *item): item[0] for item in pipelines.items()}
        try:
            for each in interruptible(finished(names)):
                if each is not None:
                    yield each
        finally:
            stopping.set()


def finished(names: Mapping[Future[Summary], str]) -> Iterator[tuple[str, Summary | MotsError] | None]:
    """Each stream's name and summary, or error, when it is done; None in between, so that Ctrl-C is seen."""
    left = set(names)
    while left:
        done, left = wait(left, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
        yield None
        for each in done:
            error = each.exception()
            if error is None:
                yield names[each], each.result()
            elif isinstance(error, MotsError):
                yield names[each], error
            else:
                raise error
