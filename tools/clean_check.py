"""What `mots clean` does to masks: sMOTSA and flicker before and after, on the real clips with masks as truth.

    python tools/clean_check.py [--frames N]

Flicker is T (`mots.metrics.stability`), the mean over the pairs of neighbouring masks of one track, in hundredths; that
of the truth is what an object's own motion makes of it.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path
from time import perf_counter

import numpy as np
from crossval import one_class
from footage import CLIPS, SHARED, Clip

from mots.benchmarks.registry import benchmark_named
from mots.evaluation.scoring import class_scores
from mots.formats import mots_text
from mots.labels import FrameLabels
from mots.metrics.stability import instability
from mots.pipeline.pipeline import Pipeline
from mots.segmentation.cleaning import CleanSettings, MaskCleaner
from mots.segmentation.mask_smoothing import SmoothSettings, smoothed
from mots.settings import Settings, changed, load
from mots.video.frame import Source
from mots.video.selection import select


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--clips", nargs="*", default=["05", "02", "09", "kitti", "girls"])
    arguments = parser.parse_args()
    print(f"{'clip':8}{'what':26}{'sMOTSA':>8}{'T':>8}")
    for clip in CLIPS:
        if clip.name in arguments.clips:
            source = select(str(SHARED / clip.source), max_frames=arguments.frames, frame_rate=clip.frame_rate)
            found = SHARED / clip.detections if clip.detections else None
            settings = load(changes={"detector.weights": str(SHARED / "weights/yolov8n-seg.pt")})
            results = tracked(source, settings, found)
            images = [each.image for each in source]
            truth = [each for each in mots_text.read(SHARED / clip.truth) if each.frame <= results[-1].frame]
            cleaner = MaskCleaner(CleanSettings())
            morphology = [with_masks(each, cleaner) for each in results]
            for name, frames in (
                ("as tracked", results),
                ("morphology", morphology),
                ("smoothed", list(smoothed(zip(images, results, strict=True), SmoothSettings()))),
                ("both (mots clean)", list(smoothed(zip(images, morphology, strict=True), SmoothSettings()))),
            ):
                print(f"{clip.name:8}{name:26}{score(clip, truth, frames):8.2f}{flicker(frames):8.3f}", flush=True)
            for names in ("clean", "smooth", "grabcut"):
                begin = perf_counter()
                frames = tracked(source, changed(settings, {"refiners": names}), found)
                seconds = perf_counter() - begin
                numbers = f"{score(clip, truth, frames):8.2f}{flicker(frames):8.3f}"
                print(f"{clip.name:8}{f'--refine {names}':26}{numbers}   {1000 * seconds / len(frames):.0f} ms a frame")
            print(f"{clip.name:8}{'truth':26}{'':8}{flicker(truth):8.3f}", flush=True)


def tracked(source: Source, settings: Settings, detections: Path | None) -> list[FrameLabels]:
    """The results of a run."""
    return [each.labels for each in Pipeline(source, settings, detections=detections)]


def with_masks(labels: FrameLabels, cleaner: MaskCleaner) -> FrameLabels:
    masks, _ = cleaner.clean(labels.masks).disjoint(labels.scores.astype(np.float64))
    return replace(labels, masks=masks)


def score(clip: Clip, truth: Sequence[FrameLabels], results: Sequence[FrameLabels]) -> float:
    """sMOTSA of the benchmark's classes together, in per cent."""
    classes = benchmark_named(clip.benchmark).classes.values()
    every = [class_scores(one_class(truth, results, each), "trackeval") for each in classes]
    return 100 * reduce(add, every).numbers()["sMOTSA"]


def flicker(frames: Sequence[FrameLabels]) -> float:
    """T of all neighbouring masks of one id, in hundredths."""
    values = []
    for one, two in itertools.pairwise(frames):
        for identity in np.intersect1d(one.ids, two.ids):
            i, j = int(np.flatnonzero(one.ids == identity)[0]), int(np.flatnonzero(two.ids == identity)[0])
            values.append(instability(one.masks.image(i), two.masks.image(j)))
    return 100 * float(np.nanmean(values))


if __name__ == "__main__":
    main()
