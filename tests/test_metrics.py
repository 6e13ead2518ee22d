"""CLEAR, HOTA and Identity against TrackEval's own code, on scenes drawn to be awkward."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mots.metrics.clear import ClearCounts, clear
from mots.metrics.hota import HotaCounts, hota
from mots.metrics.identity import IdentityCounts, identity
from mots.metrics.sequence import ScoredSequence, from_frames

trackeval = pytest.importorskip("trackeval", reason="the dev extra is not installed")

Frames = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]


def scene(seed: int, frames: int, tracks: int) -> Frames:
    """Ids of objects and hypotheses, and their IoU, by frame.

    Objects come and go; hypotheses follow them with switches, misses and false positives. Each object's area is shared
    out among the hypotheses near it, so that the IoU are those of masks that share no pixel; exact halves occur often.
    """
    rng = np.random.default_rng(seed)
    truth, results, iou = [], [], []
    names = {k: 100 + k for k in range(tracks)}
    for _ in range(frames):
        here = np.flatnonzero(rng.random(tracks) < 0.7) if rng.random() < 0.9 else np.zeros(0, np.int64)
        if rng.random() < 0.2:  # two hypotheses change their objects
            a, b = rng.integers(0, max(tracks, 1), 2)
            if tracks:
                names[a], names[b] = names[b], names[a]
        given: list[int] = []
        columns: list[np.ndarray] = []
        for row, k in enumerate(here.tolist()):
            kind = rng.integers(0, 6)
            if kind == 0:
                continue
            parts = [(names[k], 1.0)]
            if kind == 1:  # an object in two exact halves
                parts = [(names[k], 0.5), (500 + k, 0.5)]
            elif kind == 2:
                parts = [(names[k], 0.5)]
            elif kind == 3:
                parts = [(names[k], float(rng.uniform(0.1, 1.0)))]
            elif kind == 4:
                share = float(rng.uniform(0, 1))
                parts = [(names[k], share), (500 + k, 1 - share)]
            for name, share in parts:
                column = np.zeros(len(here))
                column[row] = share
                if len(here) > 1 and rng.random() < 0.3:  # it lies over a neighbour a little
                    other = (row + 1) % len(here)
                    column[other] = float(rng.choice([0.05, 0.1, 0.25])) * (1 - share)
                given.append(name)
                columns.append(column)
        for _ in range(rng.poisson(0.3)):
            given.append(int(rng.integers(900, 905)))
            columns.append(np.zeros(len(here)))
        keep = sorted(set(given), key=given.index)
        index = [given.index(name) for name in keep]
        order = rng.permutation(len(index))
        truth.append(here + 1)
        results.append(np.array(keep, np.int64)[order] if len(keep) else np.zeros(0, np.int64))
        matrix = np.array([columns[i] for i in index]).reshape(len(index), len(here)).T
        iou.append(matrix[:, order])
    return truth, results, iou


def for_trackeval(frames: Frames) -> dict[str, Any]:
    truth, results, iou = frames

    def renumbered(parts: list[np.ndarray]) -> tuple[list[np.ndarray], int]:
        ids = np.unique(np.concatenate([np.zeros(0, np.int64), *parts]))
        return [np.searchsorted(ids, part) for part in parts], len(ids)

    gt, gt_count = renumbered(truth)
    tracker, tracker_count = renumbered(results)
    return {
        "gt_ids": gt,
        "tracker_ids": tracker,
        "similarity_scores": iou,
        "num_timesteps": len(gt),
        "num_gt_ids": gt_count,
        "num_tracker_ids": tracker_count,
        "num_gt_dets": sum(map(len, gt)),
        "num_tracker_dets": sum(map(len, tracker)),
    }


def assert_clear(counts: ClearCounts, wanted: dict[str, Any]) -> None:
    pairs = {
        "CLR_TP": counts.tp,
        "CLR_FP": counts.fp,
        "CLR_FN": counts.fn,
        "MOTP_sum": counts.soft_tp,
        "IDSW": counts.ids,
        "Frag": counts.frag,
        "MT": counts.mt,
        "PT": counts.pt,
        "ML": counts.ml,
        "CLR_Frames": counts.frames,
    }
    pairs |= {
        "sMOTA": counts.smotsa,
        "MOTA": counts.motsa,
        "MOTP": counts.motsp,
        "MODA": counts.moda,
        "MOTAL": counts.motsal,
        "CLR_Re": counts.recall,
        "CLR_Pr": counts.precision,
        "CLR_F1": counts.f1,
        "FP_per_frame": counts.faf,
        "MTR": counts.mtr,
        "PTR": counts.ptr,
        "MLR": counts.mlr,
    }
    assert pairs == pytest.approx({key: float(wanted[key]) for key in pairs}, abs=1e-9)


def assert_hota(counts: HotaCounts, wanted: dict[str, Any]) -> None:
    for key, found in {
        "HOTA": counts.hota,
        "DetA": counts.det_a,
        "AssA": counts.ass_a,
        "DetRe": counts.det_re,
        "DetPr": counts.det_pr,
        "AssRe": counts.ass_re,
        "AssPr": counts.ass_pr,
        "LocA": counts.loc_a,
        "OWTA": counts.owta,
        "HOTA_TP": counts.tp,
        "HOTA_FP": counts.fp,
        "HOTA_FN": counts.fn,
    }.items():
        # Its early answer for an empty sequence has no ratios but LocA; ours are 0 as well then.
        assert found == pytest.approx(wanted[key], abs=1e-9), key


def assert_identity(counts: IdentityCounts, wanted: dict[str, Any]) -> None:
    found: dict[str, float] = {"IDTP": counts.idtp, "IDFP": counts.idfp, "IDFN": counts.idfn}
    found |= {"IDF1": counts.idf1, "IDP": counts.idp, "IDR": counts.idr}
    assert found == pytest.approx({key: float(wanted[key]) for key in found}, abs=1e-9)


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(0, 8)), min_size=1, max_size=3))
def test_every_number_is_trackevals(scenes: list[tuple[int, int, int]]) -> None:
    metrics = {"clear": trackeval.metrics.CLEAR({"PRINT_CONFIG": False}), "hota": trackeval.metrics.HOTA()}
    metrics["identity"] = trackeval.metrics.Identity({"PRINT_CONFIG": False})
    wanted: dict[str, dict[str, Any]] = {name: {} for name in metrics}
    sums: list[Any] = [ClearCounts(), HotaCounts(), IdentityCounts()]
    for number, each in enumerate(scenes):
        frames = scene(*each)
        data, sequence = for_trackeval(frames), from_frames(*frames)
        for name, metric in metrics.items():
            wanted[name][f"{number}"] = metric.eval_sequence(data)
        found = clear(sequence), hota(sequence), identity(sequence)
        assert_clear(found[0], wanted["clear"][f"{number}"])
        assert_hota(found[1], wanted["hota"][f"{number}"])
        assert_identity(found[2], wanted["identity"][f"{number}"])
        sums = [a + b for a, b in zip(sums, found, strict=True)]
    assert_clear(sums[0], metrics["clear"].combine_sequences(wanted["clear"]))
    assert_hota(sums[1], metrics["hota"].combine_sequences(wanted["hota"]))
    assert_identity(sums[2], metrics["identity"].combine_sequences(wanted["identity"]))


def sequence_of(*frames: tuple[list[int], list[int], list[list[float]]]) -> ScoredSequence:
    truth = [np.array(t, np.int64) for t, _, _ in frames]
    results = [np.array(r, np.int64) for _, r, _ in frames]
    return from_frames(truth, results, [np.array(m, float).reshape(len(t), len(r)) for t, r, m in frames])


def test_counts_by_hand() -> None:
    counts = clear(
        sequence_of(
            ([1], [7], [[0.8]]),
            ([1], [7, 9], [[0.9, 0.0]]),
            ([1], [], []),
            ([1], [9], [[0.4]]),
            ([1], [8], [[0.6]]),
        )
    )
    assert counts == ClearCounts(tp=3, fp=2, fn=2, soft_tp=0.8 + 0.9 + 0.6, ids=1, frag=1, mt=0, pt=1, ml=0, frames=5)
    assert counts.smotsa == pytest.approx((2.3 - 2 - 1) / 5)


def test_the_two_kits_differ_at_exactly_one_half() -> None:
    half = sequence_of(([1], [7], [[0.5]]))
    assert clear(half).tp == 1
    assert clear(half, "mots_tools").tp == 0


def test_the_two_kits_count_fragments_differently() -> None:
    # The object is away in the second frame: for TrackEval its track breaks off, for mots_tools nothing was missed.
    away = sequence_of(([1, 2], [7], [[0.9], [0.0]]), ([2], [8], [[0.9]]), ([1, 2], [7], [[0.9], [0.0]]))
    assert clear(away).frag == 1
    assert clear(away, "mots_tools").frag == 0
    missed = sequence_of(([1], [7], [[0.9]]), ([1], [8], [[0.1]]), ([1], [7], [[0.9]]))
    assert clear(missed).frag == clear(missed, "mots_tools").frag == 1


def test_nothing_scores_nothing() -> None:
    empty = sequence_of(([], [], []), ([], [], []))
    assert clear(empty) == ClearCounts(one_sided=True)
    assert identity(empty) == IdentityCounts()
    assert hota(empty).hota == pytest.approx(0)
