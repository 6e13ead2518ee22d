"""Frames a second of whole pipelines, in turns in one process, on the same frames, weights and input size.

    python tools/benchmark.py all [--rounds 5] [--json FILE] [--device cuda:0]

Ours (with the backend that `auto` takes, with torch, and with torch in one thread), Ultralytics' `track` (BoT-SORT,
masks at the image's resolution), and the network's forward pass alone; then what each step of ours costs a frame.
Clips: MOTS20-05 (640 x 480), -02 (1920 x 1080, crowded) and a KITTI drive (1242 x 375), where they are beside the
project.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np

from mots.models.runtimes.torch_runtime import kept_threads
from mots.models.yolov8_seg import YOLOv8Seg
from mots.pipeline.pipeline import Pipeline
from mots.settings import Settings, load
from mots.video.opening import open_source

SHARED = Path(os.environ.get("MOTS_DATA") or Path(__file__).resolve().parents[1].parent / "shared")
WEIGHTS = SHARED / "weights/yolov8n-seg.pt"
CONF, IMGSZ = 0.1, 640
WARM = 10  # frames before the clock starts


@dataclass(frozen=True)
class Clip:
    """A folder of images, how many of them are read, and how many others lie between two of them."""

    name: str
    folder: str
    frames: int


CLIPS = (
    Clip("640 x 480", "data/mots20/0005/images", 90),
    Clip("1080p, crowded", "data/mots20/0002_first300/images", 50),
    Clip("KITTI, 1242 x 375", "data/kitti_raw_drive/images", 70),
)


def settings_of(backend: str, ahead: int = 2, device: str = "cpu") -> Settings:
    return load(
        changes={
            "detector.weights": str(WEIGHTS), "detector.device": device, "detector.backend": backend,
            "detector.conf": CONF, "detector.imgsz": IMGSZ, "ahead": ahead, "frame_rate": 10.0,
        }
    )  # fmt: skip


def ours(backend: str, ahead: int, device: str) -> Callable[[Path], float]:
    """Frames a second of our pipeline."""
    settings = settings_of(backend, ahead, device)

    def run(folder: Path) -> float:
        return rate_of(iter(Pipeline(folder, settings)))

    return run


def rate_of(frames: Iterator[Any]) -> float:
    """Frames a second after the first ones."""
    count, begin = 0, 0.0
    for count, _ in enumerate(frames, 1):
        if count == WARM:
            begin = perf_counter()
    return (count - WARM) / (perf_counter() - begin)


def ultralytics_track(device: str) -> Callable[[Path], float]:
    """Frames a second of Ultralytics' own loop."""
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("ULTRALYTICS_SAFE_LOAD", "1")
    from mots.models.torchvision_operators import import_torchvision

    import_torchvision()
    import torch
    from ultralytics import YOLO

    def run(folder: Path) -> float:
        with kept_threads(torch):  # it leaves torch one thread fewer than there are cores
            frames = YOLO(str(WEIGHTS)).track(
                source=str(folder), stream=True, persist=False, tracker="botsort.yaml", retina_masks=True, conf=CONF,
                imgsz=IMGSZ, device=device, verbose=False, classes=[0, 2],
            )  # fmt: skip
            return rate_of(frames)

    return run


def forward_alone(backend: str, device: str, calls: int = 1) -> Callable[[Path], float]:
    """Frames a second of the network on inputs that are ready: one after another, or so many at once as the runtime
    takes, `calls` at most."""
    detector = YOLOv8Seg(settings_of(backend, device=device).detector)
    calls = min(calls, detector.most_calls)

    def run(folder: Path) -> float:
        inputs = detector.prepare(next(iter(open_source(folder, 10.0))).image)
        detector.expect_calls(calls)
        with ThreadPoolExecutor(calls) as pool:
            seconds = []
            for count in (3, 8, 8, 8):  # rounds, of which the first warms up
                begin = perf_counter()
                list(pool.map(lambda _: detector.infer([inputs]), range(count * calls)))
                seconds.append((perf_counter() - begin) / (count * calls))
        return 1.0 / statistics.median(seconds[1:])

    return run


def steps(folder: Path, backend: str, device: str) -> dict[str, float]:
    """Median milliseconds a frame of each step, one after another in one thread."""
    from mots.detection.camera_motion import FlowCameraMotion
    from mots.detection.colour_histograms import ColourHistograms
    from mots.detection.mask_refinement import EdgeRefiner
    from mots.labels import label
    from mots.pipeline.results import ResultFolder
    from mots.trackers.tracker import Tracker

    settings = settings_of(backend, device=device)
    detector = YOLOv8Seg(settings.detector)
    refiner, colours, camera = EdgeRefiner(), ColourHistograms(), FlowCameraMotion()
    tracker = Tracker(settings.tracker, 10.0)
    spent: dict[str, list[float]] = {}

    @contextmanager
    def step(name: str) -> Iterator[None]:
        begin = perf_counter()
        yield
        spent.setdefault(name, []).append(1e3 * (perf_counter() - begin))

    count: list[int] = []
    source = iter(open_source(folder, 10.0))
    with TemporaryDirectory() as place, ResultFolder(Path(place), "x", overwrite=False) as results:
        while True:
            try:
                with step("decode"):
                    frame = next(source)
            except StopIteration:
                break
            image = frame.image
            with step("prepare"):
                inputs = detector.prepare(image)
            with step("network"):
                (output,) = detector.infer([inputs])
            with step("masks from the network"):
                found = detector.finish(output, (image.shape[0], image.shape[1]), (0, 2))
            with step("masks to the edges"):
                found = replace(found, masks=refiner.refine(image, found.masks))
            with step("colours"):
                embeddings = colours.embed(image, found)
            found = replace(found, embeddings=embeddings)
            with step("camera"):
                motion = camera.motion(image, found.masks)
            with step("tracker"):
                ids = tracker.update(found, frame.time, motion)
            with step("labels and files"):
                labels, _ = label(found, ids, tracker.classes_of(ids[ids > 0]), frame.number, frame.time)
                results.write(labels)
            count.append(len(found))
    medians = {name: statistics.median(values[WARM:]) for name, values in spent.items()}
    return {"detections": float(np.mean(count)), **medians}


@contextmanager
def first_frames(clip: Clip) -> Iterator[Path]:
    """A folder with the clip's first frames."""
    with TemporaryDirectory() as place:
        for path in sorted((SHARED / clip.folder).iterdir())[: clip.frames]:
            (Path(place) / path.name).symlink_to(path)
        yield Path(place)


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in ("torch", "openvino", "ultralytics", "opencv-python", "numba", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), "versions": found}


def device_name(device: str) -> str:
    """What a device is."""
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


def compare(rounds: int, target: Path | None, device: str = "cpu") -> None:
    """Print medians, the spread and ratios; write them as JSON."""
    if not WEIGHTS.is_file():
        raise SystemExit(f"no {WEIGHTS}: the comparison needs the weights and clips beside the project")
    runs: dict[str, Callable[[Path], float]] = {
        "ours": ours("auto", 2, device),
        "ours, torch": ours("torch", 2, device),
        "ours, torch, one thread for all steps": ours("torch", 0, device),
        "Ultralytics track": ultralytics_track(device),
        "forward pass alone, torch": forward_alone("torch", device),
        "forward pass alone, auto": forward_alone("auto", device),
        "forward pass alone, auto, several at once": forward_alone("auto", device, calls=8),
    }
    report: dict[str, Any] = {"machine": machine(), "device": device_name(device), "clips": {}}
    for clip in CLIPS:
        if not (SHARED / clip.folder).is_dir():
            continue
        with first_frames(clip) as folder:
            rates: dict[str, list[float]] = {name: [] for name in runs}
            for _ in range(rounds):
                for name, run in runs.items():
                    rates[name].append(run(folder))
                own = {backend: steps(folder, backend, device) for backend in ("auto", "torch")}
        print(f"\n{clip.name}: {own['auto']['detections']:.1f} detections a frame, {rounds} rounds in turns")
        print(f"{'':40} {'frames/s':>9} {'lowest':>8} {'highest':>8}  of Ultralytics")
        theirs = rates["Ultralytics track"]
        for name, values in rates.items():
            ratio = statistics.median(a / b for a, b in zip(values, theirs, strict=True))
            print(f"{name:40} {statistics.median(values):9.1f} {min(values):8.1f} {max(values):8.1f} {ratio:8.2f}")
        print(f"{'step, ms a frame':40} {'auto':>9} {'torch':>8}")
        for name in own["auto"]:
            if name != "detections":
                print(f"{name:40} {own['auto'][name]:9.2f} {own['torch'][name]:8.2f}")
        report["clips"][clip.name] = {"frames_per_second": rates, "steps_ms": own}
    report["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if target is not None:
        target.write_text(json.dumps(report, indent=1), "utf-8")
