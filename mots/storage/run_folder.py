"""What a run's folder holds beside its MOTS texts, and where it is looked for."""

from __future__ import annotations

from pathlib import Path

__all__ = ["EXPLAIN", "NAMES", "TABLES", "TABLE_ENDINGS", "TRACKS", "folder_of", "tables_in", "texts_in"]

TRACKS = "tracks.csv"
TABLES = ("frames.csv", "frames.parquet")
TABLE_ENDINGS = (".csv", ".parquet")
NAMES = "names.json"  # the names that people gave to tracks, by their numbers
EXPLAIN = "explain.jsonl"  # what each identity was compared with


def folder_of(results: Path) -> Path:
    """The run's folder: `results` itself, or the folder in which a text or a table lies."""
    return results if results.is_dir() else results.parent


def texts_in(folder: Path) -> list[Path]:
    """The MOTS texts of a run's folder."""
    return [path for path in sorted(folder.glob("*.txt")) if path.is_file()]


def tables_in(folder: Path) -> list[Path]:
    """The tables of a run's folder."""
    return [folder / name for name in TABLES if (folder / name).is_file()]
