"""What conversion keeps, and what it tells: single rules, and a round trip through every pair of formats."""

from pathlib import Path

import numpy as np
import pytest
from conftest import random_images
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mots.classes import IGNORE
from mots.encodings.runs import masks_of, runs_of
from mots.errors import MotsError
from mots.formats import convert as conversion
from mots.formats.convert import convert, read, write
from mots.formats.fitting import TARGETS, disjoint, fitted, joined
from mots.formats.label_table import IGNORE_ID, LabelTable, dense_frames, union
from mots.trackers.masks import Masks

SIZE = (9, 14)
PERSON, CAR, BUS = 0, 2, 5
Row = tuple[int, int, int, np.ndarray]
MASK_FORMATS = ["mots-text", "mots-png", "cvat-mots-png", "kitti-step", "coco", "youtube-vis", "cvat-xml", "parquet"]


def table_of(rows: list[Row], listed: list[int] | None = None) -> LabelTable:
    """Frame, id, class and picture of each label."""
    frames, ids, classes = (np.array([row[k] for row in rows], np.int64) for k in range(3))
    pictures = np.stack([row[3] for row in rows]) if rows else np.zeros((0, *SIZE), np.bool_)
    there = None if listed is None else np.array(listed, np.int64)
    return LabelTable(
        "x", np.arange(1, len(rows) + 1), frames, ids, classes, runs_of(Masks.from_images(pictures)), there
    )


def block(x1: int, x2: int, y1: int = 0, y2: int = 9) -> np.ndarray:
    picture = np.zeros(SIZE, np.bool_)
    picture[y1:y2, x1:x2] = True
    return picture


def content(table: LabelTable) -> list[tuple[int, int, int, bytes]]:
    masks = masks_of(table.runs)
    columns = (table.frames.tolist(), table.ids.tolist(), table.classes.tolist())
    return sorted((*each, masks.image(k).tobytes()) for k, each in enumerate(zip(*columns, strict=True)))


def objects(table: LabelTable) -> list[tuple[int, list[tuple[int, bytes]]]]:
    """What each object is, whatever its id: its class, and its masks by frame. Ignore regions are one object."""
    tracks: dict[tuple[int, int], list[tuple[int, bytes]]] = {}
    for frame, identity, class_id, mask in content(table):
        tracks.setdefault((IGNORE_ID if class_id == IGNORE else identity, class_id), []).append((frame, mask))
    return sorted((class_id, masks) for (_, class_id), masks in tracks.items())


def test_an_id_that_a_picture_cannot_hold_is_another_and_told() -> None:
    rows = [(0, identity, PERSON, block(k, k + 1)) for k, identity in enumerate((5, 1005, 2001, 0, 2_001_000))]
    table, told = fitted(table_of(rows), TARGETS["mots-png"])
    assert table.ids.tolist() == [2003, 2004, 2001, 2002, 2005]
    assert told == [
        "ids that are not class * 1000 + instance: 0 (person) is 2002, 5 (person) is 2003, 1005 (person) is 2004 and 1 "
        "more there"
    ]
    table, told = fitted(table_of(rows), TARGETS["kitti-step"])
    assert table.ids.tolist() == [2003, 2004, 2001, 2002, 2_001_000]
    assert fitted(table_of(rows), TARGETS["mots-text"])[0].ids.tolist() == [5, 1005, 2001, 0, 2_001_000]


def test_one_instance_in_two_forms_of_an_id_is_two_objects() -> None:
    rows = [(0, 1123, CAR, block(0, 1)), (0, 1_000_123, CAR, block(2, 3))]
    for kind in ("kitti-step", "mots-png"):
        table, told = fitted(table_of(rows), TARGETS[kind])
        assert table.ids.tolist() == [1123, 1001]
        assert told == ["ids that are not class * 1000 + instance: 1000123 (car) is 1001 there"]
        table, told = fitted(table_of(rows[1:]), TARGETS[kind])
        assert table.ids.tolist() == [1123]
        assert told == ["ids that are not class * 1000 + instance: 1000123 (car) is 1123 there"]


def test_objects_beyond_the_ids_of_a_class_are_told() -> None:
    rows = [(k, 2001 + k if k < 999 else 2_001_000 + k, PERSON, block(0, 1)) for k in range(1001)]
    table, told = fitted(table_of(rows), TARGETS["mots-png"])
    assert (len(table), told) == (999, ["2 objects beyond the ids that it has for their class"])


def test_pixels_go_to_the_first_object_and_ignore_regions_come_last() -> None:
    rows = [
        (0, IGNORE_ID, IGNORE, block(0, 10)),
        (0, 2001, PERSON, block(2, 6)),
        (0, 2002, PERSON, block(4, 8)),
        (0, 2003, PERSON, block(3, 5)),  # inside the first
        (1, 2001, PERSON, block(0, 4)),
    ]
    table, pixels, gone = disjoint(table_of(rows))
    assert (pixels, gone) == (9 * (2 + 2 + 6), 1)
    masks = masks_of(table.runs)
    assert table.ids.tolist() == [IGNORE_ID, 2001, 2002, 2001]
    wanted = [block(0, 2) | block(8, 10), block(2, 6), block(6, 8), block(0, 4)]
    assert all((masks.image(k) == each).all() for k, each in enumerate(wanted))


def test_frames_without_objects_are_kept_or_told(tmp_path: Path) -> None:
    table = table_of([(2, 2001, PERSON, block(0, 4))], [0, 1, 2, 3, 4])
    for kind in MASK_FORMATS:
        told = write(tmp_path / kind, {"s": table}, kind)
        back = read(tmp_path / kind, kind)["s"]
        if kind in ("mots-text", "parquet"):
            assert told == ["s: 4 frames without objects, of 5"]
        else:
            assert told == []
            assert back.listed is not None
            assert back.listed.tolist() == [0, 1, 2, 3, 4]


def test_a_clock_s_numbers_are_not_counted_up_to() -> None:
    table = table_of([(1_650_000_000 + k, 2001, PERSON, block(0, 4)) for k in range(3)])
    assert dense_frames(table, 0).tolist() == [1_650_000_000, 1_650_000_001, 1_650_000_002]
    assert dense_frames(table_of([(3, 2001, PERSON, block(0, 4))]), 1).tolist() == [1, 2, 3]


def test_joined_sources_keep_their_ids_apart() -> None:
    cars = table_of([(0, 1, CAR, block(0, 2)), (1, 1, CAR, block(0, 2)), (0, 2001, CAR, block(3, 4))])
    people = table_of([(0, 1, PERSON, block(5, 6)), (2, 1, PERSON, block(5, 6)), (0, 7, PERSON, block(8, 9))])
    table, told = joined([cars, people])
    assert told == ["1 ids that an earlier source has too: they are others now"]
    found = sorted(zip(table.frames.tolist(), table.ids.tolist(), table.classes.tolist(), strict=True))
    assert found == [(0, 1, CAR), (0, 7, PERSON), (0, 2001, CAR), (0, 2002, PERSON), (1, 1, CAR), (2, 2002, PERSON)]


@given(st.integers(0, 2**32 - 1))
def test_the_union_of_two_masks_has_the_pixels_of_both(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pictures = random_images(rng, 2, SIZE, 0.5)
    one, other = (runs_of(Masks.from_images(each[None])) for each in pictures)
    both = union(one, other)
    assert (masks_of(both).image(0) == pictures.any(axis=0)).all()
    assert both.areas.tolist() == [int(pictures.any(axis=0).sum())]
    assert (both.starts[1:] > both.stops[:-1]).all()  # runs that touch are one


def random_table(rng: np.random.Generator) -> LabelTable:
    """Labels as tools write them: odd ids, ignore regions, overlaps, empty masks, frames without objects."""
    rows: list[Row] = []
    kinds = [PERSON, CAR, BUS, IGNORE]
    # Few numbers, so that some are one instance of a class in the short and in the long form.
    forms = [0, 1000, 2000, 1_000_000, 2_000_000, 2_001_000, 70_000]
    names = {k: (int(rng.choice(forms)) + int(rng.integers(1, 4)), kinds[k % 4]) for k in range(8)}
    for frame in sorted(rng.choice(12, int(rng.integers(1, 6)), replace=False).tolist()):
        chosen = rng.choice(8, int(rng.integers(0, 6)), replace=False)
        pictures = random_images(rng, len(chosen), SIZE, 0.7)
        seen: set[int] = set()
        for k, picture in zip(chosen.tolist(), pictures, strict=True):
            identity, class_id = names[k]
            if class_id == IGNORE:
                identity = IGNORE_ID
            elif identity in seen:
                continue
            seen.add(identity)
            rows.append((frame, identity, class_id, picture))
    listed = None if rng.random() < 0.5 else sorted({row[0] for row in rows} | {0, 13})
    return table_of(rows, listed)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1), st.sampled_from(MASK_FORMATS), st.sampled_from(MASK_FORMATS))
def test_a_round_trip_is_equal_or_each_difference_is_told(tmp_path: Path, seed: int, first: str, second: str) -> None:
    table = random_table(np.random.default_rng(seed))
    places = [tmp_path / f"{seed}-{first}-{second}-{k}" for k in range(2)]
    told = write(places[0], {"s": table}, first)
    expected = [f"s: {phrase}" for phrase in fitted(table, TARGETS[first])[1]]
    try:
        between = read(places[0], first)
        told += conversion.convert(places[0], places[1], second, first)
        back = read(places[1], second).get("s", table_of([]))
    except MotsError:  # a table without objects makes no pictures
        assert any("no objects" in each for each in told)
        return
    if len(between) and not told:
        assert objects(back) == objects(table)
        assert content(back) == content(table)
        if table.listed is not None:
            assert back.listed is not None
            assert set(table.listed.tolist()) <= set(back.listed.tolist())
    # Each single loss is told: what is told is what the rules say of the table.
    assert [each for each in told if each in expected] == expected


@pytest.mark.parametrize("kind", MASK_FORMATS)
def test_what_a_format_can_hold_comes_back_as_it_was(kind: str, tmp_path: Path) -> None:
    rows = [(1, 2001, PERSON, block(0, 4)), (1, 1002, CAR, block(5, 9)), (3, 2001, PERSON, block(1, 5))]
    if kind != "kitti-step":
        rows.append((3, IGNORE_ID, IGNORE, block(8, 12)))
    table = table_of(rows)
    assert convert_told(table, kind, tmp_path) == []
    assert content(read(tmp_path / kind, kind)["s"]) == content(table)


def convert_told(table: LabelTable, kind: str, tmp_path: Path) -> list[str]:
    write(tmp_path / "text", {"s": table}, "mots-text")
    return convert(tmp_path / "text", tmp_path / kind, kind)
