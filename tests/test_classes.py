import pytest

from mots.classes import CLASS_IDS, CLASS_NAMES, IGNORE, class_name, engine_ids, from_mots, names_to_ids, to_mots


def test_mots_ids_are_those_of_the_benchmarks_and_come_back() -> None:
    assert to_mots(CLASS_IDS["car"]) == 1
    assert to_mots(CLASS_IDS["person"]) == 2
    mots = [to_mots(number) for number in range(200)]
    assert len(set(mots)) == 200
    assert not set(mots) & set(range(3, 11))  # 10 is the ignore region
    assert [from_mots(number) for number in mots] == list(range(200))
    assert from_mots(10) == IGNORE


@pytest.mark.parametrize("unknown", [-1, 0, 3, 9])
def test_other_mots_ids_are_refused(unknown: int) -> None:
    with pytest.raises(ValueError, match=f"class {unknown} "):
        from_mots(unknown)


def test_a_checkpoints_classes_are_found_by_name_and_new_ones_follow_cocos() -> None:
    assert engine_ids({0: "Pedestrian", 1: "forklift", 2: "car", 3: "ball"}) == {0: 0, 1: 80, 2: 2, 3: 81}
    assert engine_ids(dict(enumerate(CLASS_NAMES))) == {number: number for number in range(80)}


def test_names_numbers_and_aliases_are_understood() -> None:
    assert names_to_ids(["pedestrian", " Car ", "person", "7"]) == (0, 2, 7)
    assert names_to_ids(["forklift"], {80: "forklift"}) == (80,)
    assert class_name(80, {80: "forklift"}) == "forklift"
    assert class_name(0) == "person"
    assert class_name(99) == "class 99"


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(ValueError, match="unknown class 'persom': did you mean person"):
        names_to_ids(["persom"])
