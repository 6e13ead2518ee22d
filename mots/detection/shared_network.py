"""One detector for several streams: what they ask for at the same time goes through its network together."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.detection.protocols import ParallelDetector, StagedDetector
from mots.trackers.detections import Detections

__all__ = ["SharedNetwork"]


class Request:
    """Inputs that wait for the network; then their outputs, or what was raised."""

    def __init__(self, inputs: Sequence[NDArray[np.float32]]) -> None:
        self.inputs = inputs
        self.outputs: list[Any] | None = None
        self.error: BaseException | None = None


class SharedNetwork:
    """A detector that several threads may use at once; it gives each what the detector alone would give.

    A thread that finds the network free runs all requests that wait, those of one input size in one batch; or its own
    alone, where the network gains more by several calls at the same time. `users`: how many threads there will be.
    """

    independent = True  # of what its callers do meanwhile: it can run ahead

    def __init__(self, detector: StagedDetector, users: int = 1) -> None:
        self.detector = detector
        self.names: Mapping[int, str] = getattr(detector, "names", {})
        self.coarse = bool(getattr(detector, "coarse", False))
        self.runtime = getattr(detector, "runtime", None)
        self.waiting: list[Request] = []
        self.list_lock, self.network_lock = threading.Lock(), threading.Lock()
        calls = min(users, detector.most_calls) if isinstance(detector, ParallelDetector) else 1
        self.places = threading.Semaphore(calls) if calls > 1 else None
        if isinstance(detector, ParallelDetector):
            detector.expect_calls(calls)

    def detect(self, images: Sequence[NDArray[np.uint8]], classes: Sequence[int] = ()) -> list[Detections]:
        """As the detector's."""
        outputs = self.infer([self.prepare(image) for image in images])
        sizes = [(image.shape[0], image.shape[1]) for image in images]
        return [self.finish(output, size, classes) for output, size in zip(outputs, sizes, strict=True)]

    def prepare(self, image: NDArray[np.uint8]) -> Any:
        """As the detector's."""
        return self.detector.prepare(image)

    def finish(self, output: Any, size: tuple[int, int], classes: Sequence[int] = ()) -> Detections:
        """As the detector's."""
        return self.detector.finish(output, size, classes)

    def infer(self, inputs: Sequence[Any]) -> list[Any]:
        """As the detector's; waits while other threads use the network."""
        if self.places is not None:
            with self.places:
                return self.detector.infer(inputs)
        request = Request(inputs)
        with self.list_lock:
            self.waiting.append(request)
        with self.network_lock:
            if request.outputs is None and request.error is None:
                self._run_waiting()
        if request.error is not None:
            raise request.error
        assert request.outputs is not None
        return request.outputs

    def _run_waiting(self) -> None:
        """Run all requests that wait."""
        with self.list_lock:
            requests, self.waiting = self.waiting, []
        by_shape: dict[tuple[int, ...], list[Request]] = {}
        for request in requests:
            shape = tuple(request.inputs[0].shape) if len(request.inputs) else ()
            by_shape.setdefault(shape, []).append(request)
        for own in by_shape.values():
            try:
                outputs = self.detector.infer([each for request in own for each in request.inputs])
            except BaseException as error:  # it belongs to each thread that waits for it
                for request in own:
                    request.error = error
                continue
            begin = 0
            for request in own:
                request.outputs = outputs[begin : begin + len(request.inputs)]
                begin += len(request.inputs)
