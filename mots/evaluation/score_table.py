"""Scores as a table in the terminal, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
import json

from mots.evaluation.scoring import COUNTS, Scores
from mots.names import for_sheet

__all__ = ["COLUMNS", "as_csv", "as_json", "print_table"]

COLUMNS = ("HOTA", "DetA", "AssA", "sMOTSA", "MOTSA", "IDF1", "IDS", "FP", "FN")  # as many as fit into 80 characters
BOX_COLUMNS = ("HOTA", "DetA", "AssA", "sMOTA", "MOTA", "IDF1", "IDS", "FP", "FN")
TOGETHER = "combined"


def print_table(scores: Scores) -> None:
    """A table of each class on standard output: the sequences, and all together. Ratios are in per cent."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    whole = scores.to_dict()
    console = Console()
    for name, combined in whole["combined"].items():
        table = Table(
            title=f"{name}, per cent", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 0), pad_edge=False
        )
        table.add_column("sequence", no_wrap=True)
        columns = next((each for each in (COLUMNS, BOX_COLUMNS) if set(each) <= set(combined)), tuple(combined))
        for column in columns:
            table.add_column(column, justify="right", no_wrap=True)
        for sequence, classes in whole["sequences"].items():
            if name in classes:
                table.add_row(Text(sequence), *(cell(classes[name], column) for column in columns))
        if len(whole["sequences"]) > 1 or name not in next(iter(whole["sequences"].values()), {}):
            table.add_section()
            table.add_row(TOGETHER, *(cell(combined, column) for column in columns), style="bold")
        console.print(table)


def cell(numbers: dict[str, float], name: str) -> str:
    """A count as it is, a ratio in per cent."""
    return f"{numbers[name]:.0f}" if name in COUNTS else f"{100 * numbers[name]:.2f}"


def as_json(scores: Scores) -> str:
    """Every number with full precision; see `Scores.to_dict`."""
    return json.dumps(scores.to_dict(), indent=1) + "\n"


def as_csv(scores: Scores) -> str:
    """A line for each sequence and class, and for each class of all sequences together, with every number."""
    whole = scores.to_dict()
    rows = [
        (sequence, name, numbers)
        for sequence, classes in [*whole["sequences"].items(), (TOGETHER, whole["combined"])]
        for name, numbers in classes.items()
    ]
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(["sequence", "class", *(rows[0][2] if rows else ())])
    for sequence, name, numbers in rows:
        writer.writerow([for_sheet(sequence), name, *(repr(value) for value in numbers.values())])
    return output.getvalue()
