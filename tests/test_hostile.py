"""A small, seeded part of tools/fuzz.py: damaged files of every format, each in a process with limits."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import fuzz


def test_damaged_files_end_commands_as_they_should(capsys: pytest.CaptureFixture[str]) -> None:
    found = fuzz.fuzz(6 * len(fuzz.KINDS), 20261125, list(fuzz.KINDS))
    assert sum(found.values()) == 6 * len(fuzz.KINDS)
    assert {way for _, way in found} == {"good"}, capsys.readouterr().out
