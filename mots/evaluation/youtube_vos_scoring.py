"""Scoring video object segmentation as YouTube-VOS does: objects of seen and of unseen categories apart.

Xu et al.: YouTube-VOS: A Large-Scale Video Object Segmentation Benchmark, arXiv:1809.03327. A folder has `meta.json`,
which names the category and the frames of each object, and `Annotations/<video>/<frame>.png`, every fifth frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mots.errors import FormatError, InputError
from mots.evaluation.davis_scoring import measured
from mots.evaluation.step_scoring import check_there
from mots.formats import davis_png
from mots.metrics.vos import VosScores
from mots.storage.json_file import load

__all__ = ["score_youtube_vos"]

SEEN, UNSEEN = "seen", "unseen"


def score_youtube_vos(
    truth: Path, results: Path, sequences: Iterable[str] | None = None, training: Path | None = None
) -> dict[str, dict[str, VosScores]]:
    """J and F of each video, of the classes `seen` and `unseen`.

    An object counts from the frame after its first one on. `training`: the `meta.json` of the training split, whose
    categories are the seen ones; without it all are. (The benchmark's overall score is the mean of J and F of both.)
    Raises InputError for a missing video, FormatError for a missing frame and a file of another form.
    """
    meta = videos_in(truth / "meta.json")
    known = {} if training is None else videos_in(training)
    seen = {each["category"] for video in known.values() for each in video.values()}
    truths, given = (davis_png.folders(annotations_of(side)) for side in (truth, results))
    names = list(sequences) if sequences is not None else [name for name in truths if name in meta]
    if not names:
        raise InputError(f"{truth}: no video of meta.json has a folder in Annotations")
    check_there(names, (truth, truths), (results, given), "00000.png")
    scores: dict[str, dict[str, VosScores]] = {}
    for name in names:
        if name not in meta:
            raise FormatError(f"{truth / 'meta.json'}: there is no video {name}")
        wanted, there = davis_png.pictures(truths[name]), davis_png.pictures(given[name])
        by_class: dict[str, dict[int, list[str]]] = {}
        for number, each in meta[name].items():
            # The first frame of an object is given; it is annotated only where there is a picture.
            frames = [frame for frame in wanted if frame in each["frames"]][1:]
            kind = SEEN if training is None or each["category"] in seen else UNSEEN
            if frames:
                by_class.setdefault(kind, {})[number] = frames
        scores[name] = {kind: measured(wanted, there, own, given[name]) for kind, own in sorted(by_class.items())}
    return scores


def annotations_of(side: Path) -> Path:
    """The folder of the pictures: `Annotations` in it, or itself."""
    return side / "Annotations" if (side / "Annotations").is_dir() else side


def videos_in(path: Path) -> dict[str, dict[int, dict[str, Any]]]:
    """By video and object the category and the frames' names. Raises FormatError for another file."""
    content = load(path)
    try:
        return {
            str(name): {
                int(number): {"category": str(each["category"]), "frames": set(map(str, each["frames"]))}
                for number, each in video["objects"].items()
            }
            for name, video in content["videos"].items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FormatError(f"{path}: not a meta.json of YouTube-VOS ({type(error).__name__}: {error})") from error
