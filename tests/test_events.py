import motmetrics
import numpy as np
import pytest

from mots.labels import FrameLabels, label
from mots.metrics.events import accumulate, identity_scores
from mots.trackers.masks import Masks

SIZE = (20, 100)


def frame(number: int, places: dict[int, int], ignore: list[int] | None = None) -> FrameLabels:
    """Objects (id to column) of 10 x 10 pixels."""

    def blocks(columns: list[int]) -> Masks:
        return Masks.from_crops(SIZE, [(x, 5) for x in columns], [np.ones((10, 10))] * len(columns))

    n = len(places)
    return FrameLabels(
        number,
        number / 10,
        np.array(list(places), np.int64),
        np.zeros(n, np.int64),
        np.ones(n, np.float32),
        blocks(list(places.values())),
        blocks(ignore or []),
    )


def test_a_switch_is_counted_and_half_of_the_frames_keep_the_identity() -> None:
    truth = [frame(k, {1: 10}) for k in range(10)]
    result = [frame(k, {7 if k < 5 else 8: 11}) for k in range(10)]
    scores = identity_scores(accumulate(zip(truth, result, strict=True)))
    assert scores.switches == 1
    assert scores.idf1 == pytest.approx(0.5)


def test_results_inside_the_ignore_region_are_left_out() -> None:
    truth = [frame(0, {1: 10}, ignore=[50, 60])]
    result = [frame(0, {7: 10, 8: 55, 9: 62})]
    assert identity_scores(accumulate(zip(truth, result, strict=True))).idf1 == 1
    outside = [frame(0, {7: 10, 8: 65})]  # exactly half inside is not more than half
    assert identity_scores(accumulate(zip(truth, outside, strict=True))).idf1 == pytest.approx(2 / 3)


def test_masks_of_little_overlap_do_not_match() -> None:
    scores = identity_scores(accumulate([(frame(0, {1: 10}), frame(0, {7: 16}))]))
    assert scores.idf1 == 0


def test_motmetrics_counts_as_we_do() -> None:
    from mots.evaluation.scoring import score
    from mots.toy.world import World, WorldSettings
    from mots.trackers.tracker import Tracker

    world, tracker = World(4, WorldSettings(height=120, width=200, vehicles=0, walkers=10)), Tracker(frame_rate=25)
    truth, results = [], []
    for k in range(80):
        found = world.detections(k)
        found = found.take(np.flatnonzero(found.classes == 0))
        ids = tracker.update(found)
        labels, _ = label(found, ids, np.zeros(np.count_nonzero(ids), np.int64), k, k / 25)
        truth.append(world.truth(k))
        results.append(labels)
    ours = score(truth, results, benchmark="mots20").combined["pedestrian"].numbers()
    theirs = motmetrics.metrics.create().compute(
        accumulate(zip(truth, results, strict=True)),
        metrics=["num_switches", "num_misses", "num_false_positives", "idf1", "idp", "idr", "mota"],
    )
    assert ours["TP"] > 100
    pairs = {"IDS": "num_switches", "FN": "num_misses", "FP": "num_false_positives", "MOTSA": "mota"}
    pairs |= {"IDF1": "idf1", "IDP": "idp", "IDR": "idr"}
    assert {a: float(theirs[b].iloc[0]) for a, b in pairs.items()} == pytest.approx({a: ours[a] for a in pairs})
