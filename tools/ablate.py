"""What each cue of association contributes: the tracker with one of them switched off or changed.

    python tools/ablate.py [--data ../shared] [--reid WEIGHTS] [--markdown]

Tracks the two MOTS20 sequences beside the project from saved detections, with appearance and the camera's motion
measured once, and scores each variant over both sequences together with `mots score`'s own evaluator.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mots.detection import saved_detections as saved
from mots.detection.camera_motion import FlowCameraMotion
from mots.detection.colour_histograms import ColourHistograms
from mots.detection.mask_refinement import EdgeRefiner
from mots.detection.protocols import Embedder
from mots.evaluation.scoring import score
from mots.formats import mots_text
from mots.labels import FrameLabels, label
from mots.models.reid import ReIDSettings
from mots.pipeline.parts import embedder_of
from mots.settings import Settings, load
from mots.trackers.detections import Detections
from mots.trackers.motion import STILL
from mots.trackers.stages import Stage
from mots.trackers.tracker import Tracker, TrackerSettings
from mots.video.opening import open_source

SHARED = Path(os.environ.get("MOTS_DATA") or Path(__file__).resolve().parents[1].parent / "shared")
SEQUENCES = ("0005", "0002_first300")
COLUMNS = ("HOTA", "DetA", "AssA", "sMOTSA", "IDF1", "IDS")


@dataclass(frozen=True, eq=False)
class Observed:
    """One frame as a tracker gets it: `colours` without a network, `network` with one, `coarse` with one and with masks
    as they were detected, not fitted to the picture."""

    number: int
    plain: Detections
    colours: Detections
    network: Detections
    coarse: Detections
    camera: NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=SHARED, help="the folder of real data (default: beside the project)"
    )
    parser.add_argument("--reid", default="", metavar="WEIGHTS", help="a ReID network, for the rows that have one")
    parser.add_argument("--markdown", action="store_true", help="print a table for README")
    arguments = parser.parse_args()
    reid = arguments.reid or str(arguments.data / "weights/osnet_x0_25_msmt17.pth")
    frames = {name: list(observed(arguments.data, name, reid)) for name in SEQUENCES}
    truth = {name: list(mots_text.read(arguments.data / f"data/mots20/{name}/instances.txt")) for name in SEQUENCES}
    base = load("mots20").tracker
    divider = " | " if arguments.markdown else "  "
    edge = "| " if arguments.markdown else ""
    print(edge + divider.join([f"{'variant':44}", *(f"{column:>6}" for column in COLUMNS)]))
    if arguments.markdown:
        print("|---" * (1 + len(COLUMNS)) + "|")
    for name, settings, pick, moving in variants(base):
        results = {sequence: tracked(settings, frames[sequence], pick, moving) for sequence in SEQUENCES}
        numbers = score(truth, results, benchmark="mots20").combined["pedestrian"].numbers()
        cells = [f"{numbers[c]:6.0f}" if c == "IDS" else f"{100 * numbers[c]:6.2f}" for c in COLUMNS]
        print(edge + divider.join([f"{name:44}", *cells]), flush=True)


Pick = Callable[[Observed], Detections]


def variants(base: TrackerSettings) -> Iterator[tuple[str, TrackerSettings, Pick, bool]]:
    """Each variant's name, settings, detections, and whether the camera's motion is used."""

    def network(frame: Observed) -> Detections:
        return frame.network

    def colours(frame: Observed) -> Detections:
        return frame.colours

    def plain(frame: Observed) -> Detections:
        return frame.plain

    def coarse(frame: Observed) -> Detections:
        return frame.coarse

    def stages(change: Callable[[Stage], Stage]) -> TrackerSettings:
        return replace(base, stages=tuple(change(stage) for stage in base.stages))

    yield "OSNet and colours", base, network, True
    yield "colours alone (the default)", base, colours, True
    yield "no appearance", base, plain, True
    yield "masks as detected, not refined", base, coarse, True
    yield "no camera motion", base, network, False
    yield "neither", base, plain, False
    for weight in (0.0, 0.2, 0.5, 1.0):
        kind = {0.0: "boxes only", 1.0: "masks only"}.get(weight, f"{weight:.0%} mask IoU in every stage")
        yield f"overlap: {kind}", stages(partial_mask(weight)), network, True
        yield f"overlap: {kind}, no appearance", stages(partial_mask(weight)), plain, True
    yield (
        "no low-score stage",
        replace(base, stages=tuple(s for s in base.stages if s.name != "low score")),
        network,
        True,
    )
    yield (
        "lost tracks do not take low scores",
        replace(base, stages=tuple(s for s in base.stages if s.name != "lost, low score")),
        network,
        True,
    )
    yield "low scores at full weight", stages(lambda stage: replace(stage, score_weight=0.0)), network, True
    yield "duplicates kept", replace(base, duplicate_iou=1.0), network, True
    yield (
        "no gallery (one view and a fast average)",
        replace(base, appearance=replace(base.appearance, views=1, momentum=0.0, every=0.0)),
        network,
        True,
    )
    yield (
        "every embedding counts as clean",
        replace(base, appearance=replace(base.appearance, clean_score=0.0, clean_coverage=1.0)),
        network,
        True,
    )
    life = base.lifecycle
    yield (
        "tracks start at 0.5 and wait below 0.7",
        replace(base, lifecycle=replace(life, new_score=0.5, sure_score=0.7, confirm_score=0.0)),
        network,
        True,
    )
    yield "fragments start tracks too", replace(base, lifecycle=replace(life, new_coverage=1.01)), network, True
    yield "every match is reported", replace(base, lifecycle=replace(life, report_score=0.0)), network, True
    yield (
        "velocity never decays",
        replace(base, motion=replace(base.motion, persistence=1e6, size_persistence=1e6)),
        network,
        True,
    )
    yield (
        "no re-identification",
        replace(base, reentry=replace(base.reentry, max_dissimilarity=0.0)),
        network,
        True,
    )
    for seconds in (0.5, 1.0, 4.0):
        yield f"memory {seconds} s", replace(base, lifecycle=replace(base.lifecycle, memory=seconds)), network, True


def partial_mask(weight: float) -> Callable[[Stage], Stage]:
    """A change of a stage's share of mask IoU."""
    return lambda stage: replace(stage, mask_weight=weight)


def observed(data: Path, name: str, reid: str) -> Iterator[Observed]:
    """The frames of a sequence, with everything measured that any variant wants."""
    camera, refiner, colours = FlowCameraMotion(), EdgeRefiner(), ColourHistograms()
    network = embedder_of(Settings(reid=ReIDSettings(reid)))
    assert network is not None
    source = open_source(data / f"data/mots20/{name}/images")
    for frame, found in saved.joined(source, saved.read(data / f"acceptance/detections/{name}.txt")):
        fitted = replace(found, masks=refiner.refine(frame.image, found.masks))
        yield Observed(
            frame.number,
            fitted,
            embedded(colours, frame.image, fitted),
            embedded(network, frame.image, fitted),
            embedded(network, frame.image, found),
            camera.motion(frame.image, fitted.masks),
        )


def embedded(embedder: Embedder, image: NDArray[np.uint8], found: Detections) -> Detections:
    """The detections with this embedder's embeddings."""
    return replace(found, embeddings=embedder.embed(image, found))


def tracked(settings: TrackerSettings, frames: list[Observed], pick: Pick, moving: bool) -> list[FrameLabels]:
    """The results of one sequence."""
    tracker, results = Tracker(settings, 30.0), []
    for frame in frames:
        found = pick(frame)
        ids = tracker.update(found, camera=frame.camera if moving else STILL)
        results.append(label(found, ids, tracker.classes_of(ids[ids > 0]), frame.number, 0.0)[0])
    return results


if __name__ == "__main__":
    main()
