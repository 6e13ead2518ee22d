"""BDD100K's segmentation tracking in Scalabel's JSON: frames with labels whose masks are COCO RLE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mots.classes import BDD_CLASSES, IGNORE
from mots.errors import FormatError
from mots.formats.faults import Fault, Report, fail
from mots.formats.label_table import LabelRow, LabelTable, table_of_rows
from mots.names import printable, safe_name
from mots.storage.json_file import item, items, load, size_of, text, whole

__all__ = ["read"]


def read(path: str | Path, report: Report = fail) -> dict[str, LabelTable]:
    """The sequences of a file by their video's name; crowds are ignore regions.

    Faults go to `report`, and the label is left out: one of another category than BDD100K's (as in its own scoring),
    one without a mask, or one that `table_of_rows` refuses. Raises FormatError, with the label, for what is not as
    Scalabel has it.
    """
    path = Path(path)
    content = load(path)
    content = item(content, "frames", str(path)) if isinstance(content, dict) else content
    videos: dict[str, list[tuple[int, str, dict[str, Any], str]]] = {}
    listed: dict[str, dict[int, str]] = {}
    others: Counter[str] = Counter()
    for place, each in enumerate(items(content, f"{path}: frames")):
        where = f"{path}: frame {place} of the list"
        name = item(each, "videoName", where)
        name = safe_name(str(name) if isinstance(name, int) else name, where)
        number = whole(item(each, "frameIndex", where), f"{where}, frameIndex")
        rows = videos.setdefault(name, [])
        first = listed.setdefault(name, {}).setdefault(number, where)
        if first != where:
            raise FormatError(f"{where}: frame {number} of {printable(name)} a second time")
        for own, label in enumerate(items(item(each, "labels", where, None), f"{where}, labels")):
            category = item(label, "category", f"{where}, label {own}")
            if isinstance(category, str) and category in BDD_CLASSES:
                rows.append((number, str(item(label, "id", f"{where}, label {own}")), label, f"{where}, label {own}"))
            else:
                others[str(category)] += 1
    for category, count in others.items():
        message = f"category '{printable(category)}' is none of BDD100K's: {count} labels are left out"
        report(Fault("category", str(path), message, refused=False))
    return {name: table_of(rows, f"{path}: {name}", report, listed[name]) for name, rows in videos.items()}


def table_of(
    labels: list[tuple[int, str, dict[str, Any], str]], origin: str, report: Report, listed: Iterable[int]
) -> LabelTable:
    """The labels of one video."""
    names = {name: number for number, name in enumerate(sorted({identity for _, identity, _, _ in labels}), start=1)}
    rows: list[LabelRow] = []
    for frame, identity, label, where in labels:
        mask = item(label, "rle", where, None)
        if not mask:
            report(
                Fault("mask", f"{origin}, frame {frame}, label {printable(identity)}", "no mask in 'rle'", frame=frame)
            )
            continue
        size = item(mask, "size", where)
        if not isinstance(size, list) or len(size) != 2:
            raise FormatError(f"{where}: a size that is not [height, width]")
        own = size_of(size[0], size[1], where)
        counts = text(item(mask, "counts", where), f"{where}, counts").encode("ascii", "replace")
        attributes = item(label, "attributes", where, None)
        crowd = isinstance(attributes, dict) and bool(attributes.get("crowd"))
        rows.append((frame, names[identity], IGNORE if crowd else BDD_CLASSES[label["category"]], counts, own))
    return table_of_rows(rows, origin, report, listed)
