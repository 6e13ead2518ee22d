"""Scores as plots: HOTA over alpha, and bars by sequence, as PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mots.evaluation.scoring import ClassScores, Scores
from mots.files import cannot_write
from mots.metrics.hota import ALPHAS
from mots.metrics.vos import VosScores
from mots.optional import optional_import

__all__ = ["plot"]

CURVES = {"HOTA": "hota", "DetA": "det_a", "AssA": "ass_a", "LocA": "loc_a"}
BARS = ("HOTA", "sMOTSA", "sMOTA", "IDF1")


def plot(scores: Scores, folder: str | Path) -> list[Path]:
    """Write `hota_<class>`, `sequences_<class>` and, of objects whose first masks are given,
    `frames_<sequence>_<class>` as .png and .svg into `folder`; the files written.

    Raises MissingDependency where matplotlib is not installed, MotsError where the folder cannot be written.
    """
    optional_import("matplotlib", "plotting", extra="plot").use("Agg")
    from matplotlib import pyplot

    folder = Path(folder)
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, combined in scores.combined.items():
            pictures = {f"sequences_{name}": bars(scores, name)}
            if isinstance(combined, ClassScores):
                pictures[f"hota_{name}"] = curves(combined, name)
            for sequence, each in scores.sequences.items():
                own = each.get(name)
                if isinstance(own, VosScores):
                    pictures[f"frames_{sequence}_{name}"] = over_time(own, sequence)
            for stem, figure in pictures.items():
                for ending in ("png", "svg"):
                    written.append(folder / f"{stem}.{ending}")
                    figure.savefig(written[-1], dpi=120)
                pyplot.close(figure)
    except OSError as error:
        raise cannot_write(folder, error) from error
    return written


def curves(scores: ClassScores, name: str) -> Any:
    """HOTA and its parts over the threshold of mask IoU."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for label, attribute in CURVES.items():
        values = getattr(scores.hota, attribute)
        axes.plot(ALPHAS, 100 * values, marker="o", markersize=3, label=f"{label} {100 * values.mean():.1f}")
    axes.set(xlabel="alpha (mask IoU)", ylabel="per cent", title=name, xlim=(0, 1), ylim=(0, 102))
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def over_time(scores: VosScores, sequence: str) -> Any:
    """J (mask IoU) of each object over the frames."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 3), layout="constrained")
    for each in scores.curves:
        axes.plot(range(len(each.j)), 100 * each.j, label=f"object {each.object}: {100 * each.j.mean():.1f}")
    names = max((each.frames for each in scores.curves), key=len, default=())
    places = range(0, len(names), max(len(names) // 8, 1))
    axes.set_xticks(list(places), [names[k] for k in places])
    axes.set(xlabel="frame", ylabel="J (mask IoU), per cent", title=sequence, ylim=(0, 102))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return figure


def bars(scores: Scores, name: str) -> Any:
    """A group of bars for each sequence."""
    from matplotlib import pyplot

    whole = scores.to_dict()
    rows = {sequence: each[name] for sequence, each in whole["sequences"].items() if name in each}
    rows["combined"] = whole["combined"][name]
    shown = [key for key in (*BARS, "STQ", "AQ", "SQ", "J&F", "J-Mean", "F-Mean") if key in rows["combined"]]
    figure, axes = pyplot.subplots(figsize=(max(6.0, 0.7 * len(rows) + 2), 4), layout="constrained")
    for k, key in enumerate(shown):
        places = [i + 0.27 * (k - (len(shown) - 1) / 2) for i in range(len(rows))]
        axes.bar(places, [100 * numbers[key] for numbers in rows.values()], width=0.25, label=key)
    axes.set_xticks(range(len(rows)), list(rows), rotation=45 if len(rows) > 8 else 0)
    axes.set(ylabel="per cent", title=name)
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    return figure
