"""Whether footage has changed: found where it has, and hardly ever where it has not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from mots.cli.entry import main
from mots.detection.saved_detections import DetectionWriter
from mots.errors import InputError
from mots.labelling.drift import DriftSettings, Seen, changes_between, seen_of, summaries_of
from mots.toy.world import World, WorldSettings
from mots.trackers.detections import Detections
from mots.video.frame import NO_IMAGE


def frames(seed: int, start: int, count: int = 100, gain: float = 0.0) -> list[tuple[Detections, NDArray[np.uint8]]]:
    """A stretch of a toy world: its noisy detections, and its pictures, so many times as bright; none with 0."""
    world = World(seed, WorldSettings(height=90, width=160, walkers=12, vehicles=4, light=0.0, frame_rate=1))
    return [
        (world.detections(k), np.clip(world.frame(k)[0] * gain, 0, 255).astype(np.uint8) if gain else NO_IMAGE)
        for k in range(start, start + count)
    ]


def changed(one: Seen, two: Seen) -> set[str]:
    return {each.name for each in changes_between(one, two) if each.changed}


def test_more_of_the_same_is_no_change() -> None:
    alarms = 0
    for seed in range(4):
        alarms += bool(changed(seen_of("a", frames(seed, 0)), seen_of("b", frames(seed, 300))))
    assert alarms <= 1


def test_what_has_changed_is_named() -> None:
    usual = seen_of("a", frames(3, 0, gain=1.0))
    assert changed(usual, seen_of("b", frames(3, 300, gain=0.5))) == {"brightness"}
    later = frames(3, 300)
    weak = [(Detections.from_masks(d.masks, d.scores * 0.7, d.classes, d.boxes, d.embeddings), i) for d, i in later]
    assert "score" in changed(usual, seen_of("b", weak))
    buses = [(Detections.from_masks(d.masks, d.scores, np.full(len(d), 5), d.boxes, d.embeddings), i) for d, i in later]
    assert "class" in changed(usual, seen_of("b", buses))
    other = [(d.take(np.flatnonzero(d.masks.areas() > 400)), i) for d, i in later]
    assert "size" in changed(usual, seen_of("b", other))
    turned = []
    for found, image in later:
        moved = found.embeddings + 2 * np.eye(64, dtype=np.float32)[0]
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        turned.append((Detections.from_masks(found.masks, found.scores, found.classes, found.boxes, moved), image))
    assert "embedding" in changed(usual, seen_of("b", turned))


def test_the_distance_of_numbers_is_that_of_kolmogorov_and_smirnov(rng: np.random.Generator) -> None:
    one, two = rng.normal(size=(90, 1)), rng.normal(0.4, 1.3, size=(70, 1))
    sums, distance = summaries_of("score", [one[:40], one[40:], two])
    wanted = ks_2samp(one[:, 0], two[:, 0]).statistic
    assert distance(sums[:2].sum(axis=0)[None], sums[2:])[0] == pytest.approx(wanted)


def test_the_chances_are_right_where_nothing_differs(rng: np.random.Generator) -> None:
    def side() -> Seen:
        return Seen("a", 24, {"score": [rng.normal(size=(5, 1)) for _ in range(24)]})

    low = sum(changes_between(side(), side(), DriftSettings(rounds=199))[0].p <= 0.1 for _ in range(60))
    assert low <= 14  # 6 are to be expected at most


def test_what_cannot_be_compared_is_told() -> None:
    usual = seen_of("a", frames(3, 0, 4))
    with pytest.raises(InputError, match="b: no frames"):
        seen_of("b", [])
    with pytest.raises(InputError, match="wanted 2 or more"):
        changes_between(usual, seen_of("b", frames(3, 0, 1)))
    short = [
        (Detections.from_masks(d.masks, d.scores, d.classes, d.boxes, d.embeddings[:, :5]), i)
        for d, i in frames(3, 0, 4)
    ]
    with pytest.raises(InputError, match="detect both with the same --reid"):
        changes_between(usual, seen_of("b", short))


def test_saved_detections_are_compared_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, start, factor in (("old", 0, 1.0), ("same", 300, 1.0), ("weak", 300, 0.6)):
        with DetectionWriter(tmp_path / f"{name}.npz", 5.0, {}) as writer:
            for k, (found, _) in enumerate(frames(3, start)):
                own = Detections.from_masks(found.masks, found.scores * factor, found.classes, found.boxes)
                writer.write(k, k / 5, own)
    old = str(tmp_path / "old.npz")
    assert main(["drift", old, str(tmp_path / "same.npz")]) == 0
    assert "no change found" in capsys.readouterr().out
    files = ["--json", str(tmp_path / "d.json"), "--plot", str(tmp_path / "d.png")]
    assert main(["drift", old, str(tmp_path / "weak.npz"), *files]) == 1
    assert "the footage has changed: " in capsys.readouterr().out
    told = {each["name"]: each for each in json.loads((tmp_path / "d.json").read_text())}
    assert told["score"]["changed"]
    assert "brightness" not in told  # files of detections have no pictures
    assert (tmp_path / "d.png").read_bytes()[:4] == b"\x89PNG"
    assert main(["drift", old]) == 2
