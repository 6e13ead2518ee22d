"""Results for Rerun's viewer: video, masks, boxes, paths, and scores over time."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

import numpy as np

from mots.analytics.feet import foot_points
from mots.classes import class_name
from mots.files import cannot_write, check_target
from mots.optional import optional_import
from mots.rendering.palette import colour_of
from mots.rendering.saved_results import SavedResults, check_frame_size
from mots.video.frame import Source
from mots.video.opening import source_of

__all__ = ["write"]

QUALITY = 75  # of the pictures
PATH = 1.5  # seconds of a path


def write(
    source: str | Path | Source | None, results: str | Path, output: str | Path, *, overwrite: bool = False
) -> Path:
    """Write a recording `.rrd` of results, over the frames of their source where it is given; its path.

    Raises MissingDependency without rerun-sdk, InputError and FormatError for what cannot be read, MotsError where it
    cannot be written.
    """
    rr = optional_import("rerun", "recordings for Rerun", extra="view")
    output = Path(output)
    saved = SavedResults(results)
    read = [Path(each) for each in (source, results) if isinstance(each, (str, Path))]
    check_target(output, overwrite, read)
    part = output.with_name(f"{output.name}.part")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
        recording = rr.RecordingStream("mots-engine", recording_id=saved.sequence)
        recording.save(str(part))
        frames = (
            ((n, f.labels.time, None) for n, f in sorted(saved.frames.items()))
            if source is None
            else ((frame.number, frame.time, frame.image) for frame in source_of(source))
        )
        paths: dict[int, deque[tuple[float, float, float]]] = {}
        for number, time, image in frames:
            recording.set_time("frame", sequence=number)
            recording.set_time("time", duration=time)
            size = saved.size if image is None else image.shape[:2]
            labels = saved.frame(number, time, (size[0], size[1])).labels
            if image is not None:
                check_frame_size(saved.path, labels.size, image.shape)
                recording.log("video", rr.Image(image).compress(jpeg_quality=QUALITY))
            ids = labels.ids.tolist()
            colours = [colour_of(identity) for identity in ids]
            owner = np.zeros(labels.size, np.uint16)
            for i, identity in enumerate(ids):
                x1, y1, x2, y2 = labels.masks.boxes[i].tolist()
                owner[y1:y2, x1:x2][labels.masks.crop(i)] = identity % 65_536
            recording.log("video/masks", rr.SegmentationImage(owner))
            names = [
                saved.names.get(identity, f"{class_name(number_of)} {identity}")
                for identity, number_of in zip(ids, labels.classes.tolist(), strict=True)
            ]
            boxes = rr.Boxes2D(
                array=labels.masks.boxes.astype(np.float32).reshape(-1, 4), array_format=rr.Box2DFormat.XYXY,
                labels=names, colors=colours,
            )  # fmt: skip
            recording.log("video/boxes", boxes)
            for identity, (x, y) in zip(ids, foot_points(labels.masks).tolist(), strict=True):
                path = paths.setdefault(identity, deque())
                path.append((time, x, y))
                while time - path[0][0] > PATH:
                    path.popleft()
            strips = [[(x, y) for _, x, y in paths[identity]] for identity in ids]
            recording.log("video/paths", rr.LineStrips2D(strips, colors=colours))
            for identity, score in zip(ids, labels.scores.tolist(), strict=True):
                recording.log(f"scores/{identity}", rr.Scalars(score))
            recording.log("objects", rr.Scalars(len(ids)))
        recording.flush()
        recording.disconnect()
        os.replace(part, output)
    except OSError as error:
        raise cannot_write(output, error) from error
    finally:
        part.unlink(missing_ok=True)
    return output
