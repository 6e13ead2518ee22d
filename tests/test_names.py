import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mots.errors import FormatError
from mots.names import (
    beginnings,
    for_sheet,
    is_junk,
    natural_key,
    ordered,
    picture_numbers,
    printable,
    safe_name,
    sequence_names,
)


@pytest.mark.parametrize("name", ["._000001.png", "__MACOSX/._0002.txt", "Thumbs.db", "a/desktop.ini", "x\\._y.txt"])
def test_what_an_operating_system_leaves_is_junk(name: str) -> None:
    assert is_junk(name)


@pytest.mark.parametrize("name", ["000001.png", "_.png", "a._b.png", "MACOSX/0002.txt", ".0002.txt"])
def test_other_names_are_somebodys(name: str) -> None:
    assert not is_junk(name)


@pytest.mark.parametrize(
    ("stems", "numbers"),
    [
        (["cam2_0007", "cam2_0010", "cam2_0008"], [7, 10, 8]),
        (["1", "10", "2"], [1, 10, 2]),
        (["1", "001"], None),  # one number twice
        (["frame_000007_jpg.rf.1a2b3c", "frame_000010_jpg.rf.99c0ff"], [7, 10]),  # Roboflow
        (["1305031102.175304", "1305031102.211214"], None),  # TUM: seconds and their decimals
        (["2024-05-01_12-59-59", "2024-05-01_13-00-00"], None),
        (["2024-05-01_12-59-58", "2024-05-01_12-59-59", "2024-05-01_13-00-00"], None),
        (["IMG_20240501_125959", "IMG_20240501_130000"], None),  # a phone's
        (["PXL_20240501_125959123", "PXL_20240501_125959456"], None),
        (["Screenshot 2024-05-01 at 12.59.59", "Screenshot 2024-05-01 at 13.00.00"], None),
        (["20240501_125958", "20240501_125959", "20240502_000000"], None),
        (["cam_20240501_125959_000005", "cam_20240501_125959_000010"], [5, 10]),  # one moment, and frames
        (["2024-05-01_12-59-59_frame_0001", "2024-05-01_12-59-59_frame_0100"], [1, 100]),
        (["05012024_125959", "05012024_130000"], None),
        (["vlcsnap-2024-05-01-12h59m59s123", "vlcsnap-2024-05-01-13h00m01s456"], None),
        (["20240501_000001", "20240501_000002"], [1, 2]),  # a day and the number of a frame
        (["20240501_000099", "20240501_000100"], [99, 100]),
        (["125958", "125959", "130000"], None),  # a clock's
        (["cam_125955", "cam_130005", "cam_130000"], None),
        (["125958", "125959"], [125958, 125959]),
        (["000058", "000059", "000060"], [58, 59, 60]),
        (["000059", "000100", "000200"], [59, 100, 200]),
        (["000100", "000200", "000300"], [100, 200, 300]),
        (["1650000000123", "1650000000156"], None),  # a clock's milliseconds are no frame numbers
        (["frame_000007"], [7]),
        (["picture"], None),
        (["a", "1"], None),
    ],
)
def test_the_number_that_differs_is_the_frame_s(stems: list[str], numbers: list[int] | None) -> None:
    assert picture_numbers(stems) == numbers


@pytest.mark.parametrize(
    "names",
    [
        ["1305031102.175304.png", "1305031102.211214.png", "1305031103.011000.png"],
        ["1305031102.175.png", "1305031102.5.png"],  # decimals of different lengths
        ["2024-05-01_12-59-58.png", "2024-05-01_12-59-59.png", "2024-05-01_13-00-00.png"],
        ["a/2.png", "a/10.png", "b/1.png"],
        [f"Screenshot 2024-05-01 at {time}.png" for time in ("9.05.00 AM", "12.59.59 PM", "1.00.01 PM")],
        ["2024-05-01 12.59.59.jpg", "2024-05-01 12.59.59-1.jpg", "2024-05-01 13.00.00.jpg"],
        ["1.jpg", "001.png", "2.jpg", "10.jpg"],
    ],
)
def test_names_without_one_number_come_in_their_natural_order(names: list[str]) -> None:
    shuffled = [names[(k * 2 + 1) % len(names)] for k in range(len(names))] if len(names) % 2 else names[::-1]
    found = ordered(shuffled)
    assert [number for number, _ in found] == list(range(len(names)))
    assert [shuffled[place] for _, place in found] == names


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["A/img1", "B/img1"], ["A", "B"]),
        (["x/A", "y/A"], ["x-A", "y-A"]),
        (["x/A/img1", "y/A/img1", "y/B/img1"], ["x-A", "y-A", "y-B"]),
        (["A/left", "A/right"], ["left", "right"]),
        (["A/img1", "A/img2"], ["A", "img2"]),
        (["A/img1", "A/images"], ["img1", "images"]),
        (["train/0001/img1"], ["0001"]),
        (["img1"], ["img1"]),
        (["A", "B/A"], ["A", "B-A"]),
        (["../A", "./B"], ["A", "B"]),
        (["A", "A", "A-1"], ["A-2", "A-3", "A-1"]),  # two of one path, and a name that is taken
    ],
)
def test_a_sequence_is_named_by_what_tells_it_from_the_others(folders: list[str], names: list[str]) -> None:
    found = sequence_names({key: tuple(each.split("/")) for key, each in enumerate(folders)})
    assert [found[key] for key in range(len(folders))] == names


@given(st.lists(st.lists(st.sampled_from(["a", "b", "img1", "images", "a-b"]), min_size=1, max_size=3), max_size=7))
def test_names_of_sequences_are_all_different(folders: list[list[str]]) -> None:
    names = sequence_names({key: tuple(each) for key, each in enumerate(folders)})
    assert len(set(names.values())) == len(folders)


def test_pictures_of_several_videos_in_one_folder() -> None:
    assert beginnings(["a_1", "a_2", "b_1"]) == ["a", "a", "b"]
    assert beginnings(["a_1_jpg.rf.0a", "b_1_jpg.rf.0b"]) == ["a", "b"]  # Roboflow
    for names in (["a-1", "a-2", "b-1", "b-2"], ["a1", "a2", "b1", "b2"], ["a (1)", "a (2)", "b (1)", "b (2)"]):
        assert beginnings(names) == ["a", "a", "b", "b"]
    assert beginnings(["a_1_x", "a_2_x", "b_1_x", "b_2_x"]) == ["a__x", "a__x", "b__x", "b__x"]
    videos = [f"VID_{day}_{k}" for day in ("20240501_125959", "20240502_130500") for k in (1, 2, 7)]
    assert beginnings(videos) == ["VID_20240501_125959"] * 3 + ["VID_20240502_130500"] * 3
    assert beginnings(["2024-05-30", "2024-05-31", "2024-06-01", "2024-06-02"]) is None  # a picture a day
    assert beginnings(["1305031102.175304", "1305031102.211214", "1305031103.1", "1305031103.2"]) is None
    for names in (["a_1", "a_2"], ["1", "2"], ["a1", "b1"], ["20240501_235959", "20240502_000000"], ["x", "a_1"], []):
        assert beginnings(names) is None


@given(st.lists(st.text("ab019._-", max_size=8), min_size=1, max_size=8, unique=True))
def test_the_order_is_total_and_its_numbers_rise(names: list[str]) -> None:
    found = ordered(names)
    assert sorted(place for _, place in found) == list(range(len(names)))
    numbers = [number for number, _ in found]
    assert all(a < b for a, b in itertools.pairwise(numbers))
    assert len({natural_key(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", ["0002", "MOTS20-02", "a b", "Straße 5", ".hidden", "a..b", "日本"])
def test_a_name_is_a_name(name: str) -> None:
    assert safe_name(name, "x.json") == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "x\0y", "\ud800", "\x1b[31m", "a" * 201, "é" * 150, 7, None],
)
def test_a_path_is_no_name(name: object) -> None:
    with pytest.raises(FormatError, match=r"^x\.json: ") as caught:
        safe_name(name, "x.json")
    assert str(caught.value).isprintable()


def test_nothing_that_a_terminal_obeys_is_printed() -> None:
    said = printable("a\x1b[2J\rb\u202e\nc\ud800é")
    assert said == "a\\x1b[2J\\rb\\u202e\nc\\ud800é"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_text_is_a_formula(text: str) -> None:
    assert for_sheet(text) == f"'{text}"
    assert not re.match(r"[=+\-@\t\r]", for_sheet(text))
    assert for_sheet("a=1") == "a=1"
