"""Slow, obvious versions of the fast functions."""

from __future__ import annotations

import contextlib
import io
import itertools
import warnings
from typing import Any

import numpy as np
from scipy.linalg import expm


def iou_of_images(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M) IoU of (N, H, W) and (M, H, W) images."""
    result = np.zeros((len(a), len(b)))
    for i, j in itertools.product(range(len(a)), range(len(b))):
        union = np.count_nonzero(a[i] | b[j])
        result[i, j] = np.count_nonzero(a[i] & b[j]) / union if union else 0.0
    return result


def disjoint_images(images: np.ndarray, priority: np.ndarray) -> np.ndarray:
    """(N, H, W) images in which each pixel stays with the highest priority, of equals with the first."""
    result = np.zeros_like(images)
    for y, x in itertools.product(range(images.shape[1]), range(images.shape[2])):
        owners = [i for i in range(len(images)) if images[i, y, x]]
        if owners:
            result[max(owners, key=lambda i: (priority[i], -i)), y, x] = True
    return result


def moved_image(image: np.ndarray, dx: int, dy: int) -> np.ndarray:
    """The image shifted; what leaves it is lost."""
    result = np.zeros_like(image)
    for y, x in zip(*np.nonzero(image), strict=True):
        if 0 <= y + dy < image.shape[0] and 0 <= x + dx < image.shape[1]:
            result[y + dy, x + dx] = True
    return result


def best_gain(cost: np.ndarray, limit: float) -> float:
    """The largest sum of limit - cost over all ways to pair rows with columns, each at most once."""
    rows, columns = cost.shape
    best = 0.0
    for k in range(1, min(rows, columns) + 1):
        for chosen_rows in itertools.combinations(range(rows), k):
            for chosen_columns in itertools.permutations(range(columns), k):
                best = max(best, sum(limit - cost[i, j] for i, j in zip(chosen_rows, chosen_columns, strict=True)))
    return best


def kalman_predict(
    x: np.ndarray, p: np.ndarray, dt: float, q: np.ndarray, spans: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Prediction of an 8-state filter whose speeds die out in `spans` seconds, by matrix exponentials (Van Loan, 1978).

    `q`: the noise strength of each of 4 axes.
    """
    flow, noise = np.zeros((8, 8)), np.zeros((8, 8))
    flow[:4, 4:], flow[4:, 4:] = np.eye(4), -np.diag(1 / spans)
    noise[4:, 4:] = np.diag(q)
    both = expm(np.block([[-flow, noise], [np.zeros((8, 8)), flow.T]]) * dt)
    f = both[8:, 8:].T
    return f @ x, f @ p @ f.T + f @ both[:8, 8:]


def kalman_update(x: np.ndarray, p: np.ndarray, z: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Textbook correction by a measurement of the 4 positions with noise variances r."""
    h = np.eye(4, 8)
    gain = p @ h.T @ np.linalg.inv(h @ p @ h.T + np.diag(r))
    return x + gain @ (z - h @ x), (np.eye(8) - gain @ h) @ p


def letterboxed(image: np.ndarray, inputs: tuple[int, int]) -> tuple[float, float, float]:
    """Gain and the padding to the left and on top when an image is fitted into the middle of an input."""
    gain = min(inputs[0] / image.shape[0], inputs[1] / image.shape[1])
    return gain, (inputs[1] - image.shape[1] * gain) / 2, (inputs[0] - image.shape[0] * gain) / 2


def stq_by_definition(frames: list[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    """AQ and SQ of one sequence, from the definition: sets of pixels, one by one."""
    truth_tubes: dict[int, set[tuple[int, int, int]]] = {}
    result_tubes: dict[int, set[tuple[int, int, int]]] = {}
    classes: dict[int, tuple[set[tuple[int, int, int]], set[tuple[int, int, int]]]] = {}
    for number, (truth, result) in enumerate(frames):
        for y, x in itertools.product(range(truth.shape[0]), range(truth.shape[1])):
            pixel, t, r = (number, y, x), int(truth[y, x]), int(result[y, x])
            crowd = t >> 16 in (11, 13) and t & 0xFFFF == 0
            if t >> 16 in (11, 13) and not crowd:
                truth_tubes.setdefault(t, set()).add(pixel)
            if r >> 16 in (11, 13) and not crowd:
                result_tubes.setdefault(r, set()).add(pixel)
            if t >> 16 != 255:
                classes.setdefault(t >> 16, (set(), set()))[0].add(pixel)
                classes.setdefault(r >> 16, (set(), set()))[1].add(pixel)
    aq = sum(
        sum(len(g & p) * len(g & p) / len(g | p) for p in result_tubes.values() if g & p) / len(g)
        for g in truth_tubes.values()
    )
    ious = [len(a & b) / len(a | b) for a, b in classes.values()]
    return aq / len(truth_tubes) if truth_tubes else 0.0, sum(ious) / len(ious) if ious else 0.0


def trackeval_answer(kind: Any, config: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """What TrackEval says of the one data set of this kind, by tracker, and the metrics that it was asked for."""
    import trackeval

    metrics = [
        trackeval.metrics.HOTA(),
        *(m({"PRINT_CONFIG": False}) for m in (trackeval.metrics.CLEAR, trackeval.metrics.Identity)),
    ]
    quiet = {"PRINT_RESULTS": False, "PRINT_CONFIG": False, "OUTPUT_SUMMARY": False, "OUTPUT_DETAILED": False}
    quiet |= {"PLOT_CURVES": False, "TIME_PROGRESS": False, "OUTPUT_EMPTY_CLASSES": False}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evaluator = trackeval.Evaluator({**trackeval.Evaluator.get_default_eval_config(), **quiet})
        answer, _ = evaluator.evaluate([kind(config)], metrics)
    (found,) = answer.values()
    return found, metrics
