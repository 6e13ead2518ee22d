import numpy as np
import pytest
from conftest import random_images
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from mots.encodings import rle
from mots.encodings.runs import masks_of, runs_of
from mots.trackers.masks import Masks


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 6),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.sampled_from([0.0, 0.05, 0.5, 0.95, 1.0]),
)
def test_encoding_is_that_of_pycocotools_and_comes_back(seed: int, n: int, size: tuple[int, int], fill: float) -> None:
    images = random_images(np.random.default_rng(seed), n, size, fill)
    if n and fill == 1.0:
        images[0] = True  # the whole frame: its first gap is empty and runs cross every column
    masks = Masks.from_images(images)
    strings = rle.encode(runs_of(masks))
    assert strings == [coco.encode(np.asfortranarray(image.astype(np.uint8)))["counts"] for image in images]
    back = masks_of(rle.decode(strings, size))
    assert (back.boxes == masks.boxes).all()
    assert all((back.image(i) == images[i]).all() for i in range(n))


def test_large_frames_need_long_numbers() -> None:
    size = (5000, 4000)
    masks = Masks.from_crops(size, [(3999, 4999), (0, 0)], [np.ones((1, 1)), np.ones((1, 1))])
    strings = rle.encode(runs_of(masks))
    assert [coco.area({"size": size, "counts": string}) for string in strings] == [1, 1]
    assert (masks_of(rle.decode(strings, size)).boxes == masks.boxes).all()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (b"", "runs of 0 pixels"),
        (b"0", "runs of 0 pixels"),
        (b"P", "middle of a number"),
        (b"~~", "is not used by the encoding"),
        (b"\x00", "is not used by the encoding"),
        (b"PPPPPPPPPPPPPPPPPPP0", "60 bits"),
        (b"O51", "negative length"),
        (b"0:", "runs of 10 pixels"),
        (b"PPPP2", "runs of 2097152 pixels"),
    ],
)
def test_broken_encodings_name_their_row_and_fault(broken: bytes, message: str) -> None:
    good = rle.encode(runs_of(Masks.from_images(np.ones((1, 4, 5), np.bool_))))[0]
    with pytest.raises(rle.RLEError, match=message) as caught:
        rle.decode([good, broken, good], (4, 5))
    assert caught.value.row == 1


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_any_bytes_decode_or_raise_their_own_error(strings: list[bytes]) -> None:
    try:
        runs = rle.decode(strings, (7, 9))
    except rle.RLEError as error:
        row = error.row
    else:
        assert len(masks_of(runs)) == len(strings)
        row = 0
    assert 0 <= row < max(len(strings), 1)
