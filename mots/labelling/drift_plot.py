"""The picture of two runs' distributions, side by side."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mots.classes import class_name
from mots.files import cannot_write, write_whole
from mots.labelling.drift import Difference, Seen
from mots.optional import optional_import

__all__ = ["plot"]


def plot(reference: Seen, new: Seen, differences: Sequence[Difference], path: Path) -> None:
    """Draw a panel for each comparison of numbers or classes. Raises MissingDependency without matplotlib, MotsError
    where the picture cannot be written."""
    figure_module = optional_import("matplotlib.figure", "plotting", extra="plot")
    shown = [each for each in differences if each.name != "embedding"]
    figure = figure_module.Figure(figsize=(3.2 * len(shown), 3), layout="constrained")
    for axes, each in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
        sides = [np.concatenate(side.samples[each.name])[:, 0] for side in (reference, new)]
        if each.name == "class":
            classes = np.unique(np.concatenate(sides)).astype(int)
            places = np.arange(len(classes))
            for k, (side, label) in enumerate(zip(sides, ("reference", "new"), strict=True)):
                shares = [(side == c).mean() for c in classes]
                axes.bar(places + 0.4 * k - 0.2, shares, 0.4, label=label)
            axes.set_xticks(places, [class_name(int(c)) for c in classes], rotation=45)
        else:
            edges = np.histogram_bin_edges(np.concatenate(sides), 30)
            for side, label in zip(sides, ("reference", "new"), strict=True):
                axes.hist(side, edges, density=True, histtype="step", label=label)
        axes.set_title(f"{each.name}{' (changed)' if each.changed else ''}")
        axes.legend()
    content = io.BytesIO()
    figure.savefig(content, format="png")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content.getvalue())
    except OSError as error:
        raise cannot_write(path, error) from error
