"""Optical flow: known motion is found, moved values arrive, and what is uncovered is seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mots.errors import FormatError, InputError
from mots.optional import opencv
from mots.segmentation.flow import agreement, flow_named, moved, places_in


def textured(rng: np.random.Generator, height: int, width: int) -> NDArray[np.uint8]:
    coarse = rng.integers(20, 230, (height // 4, width // 4, 3))
    return np.asarray(np.kron(coarse, np.ones((4, 4, 1))), np.uint8)


@pytest.mark.parametrize("name", ["dis", "farneback"])
def test_a_shifted_picture_is_found_and_moved_back(name: str, rng: np.random.Generator) -> None:
    picture = textured(rng, 120, 200)
    one, two = picture[10:90, 10:170], picture[7:87, 5:165]  # in the second all lies 5 to the right, 3 further down
    flow = flow_named(name)
    backward, forward = flow.between(two, one), flow.between(one, two)
    inner = np.s_[15:-15, 15:-15]
    np.testing.assert_allclose(np.median(backward[inner], axis=(0, 1)), [-5, -3], atol=0.3)
    cv2 = opencv("tests")
    places = places_in(backward)
    values = one.astype(np.float32)
    assert np.median(np.abs(moved(cv2, values, places) - two)[inner]) < 12
    many = np.concatenate([values, values[..., :2]], axis=2)  # more channels than OpenCV takes at once
    np.testing.assert_array_equal(moved(cv2, many, places)[..., 3:], moved(cv2, values, places)[..., :2])
    assert agreement(cv2, backward, forward, places)[inner].mean() > 0.9


def test_what_an_object_uncovers_has_no_place_before(rng: np.random.Generator) -> None:
    ground, block = textured(rng, 120, 200), textured(rng, 80, 80)
    one, two = ground.copy(), ground.copy()
    one[20:100, 60:140], two[20:100, 70:150] = block, block
    flow = flow_named("dis")
    backward = flow.between(two, one)
    seen = agreement(opencv("tests"), backward, flow.between(one, two), places_in(backward))
    assert seen[25:95, 61:69].mean() < 0.5  # uncovered
    assert seen[25:95, 80:140].mean() > 0.9  # the object
    assert seen[25:95, 165:195].mean() > 0.95  # still ground


def test_other_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown flow 'fast': there are dis, farneback, raft"):
        flow_named("fast")
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(FormatError, match="no weights of torchvision's RAFT"):
        flow_named(str(tmp_path / "other.pth"))


@pytest.mark.parametrize("size", ["small", "large"])
def test_raft_runs_with_weights_of_its_own_definition(size: str, tmp_path: Path, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    from mots.models.torchvision_operators import import_torchvision

    import_torchvision()
    from torchvision.models import optical_flow

    torch.manual_seed(1)
    model = getattr(optical_flow, f"raft_{size}")(weights=None).eval()
    torch.save(model.state_dict(), tmp_path / "own.pth")
    one, two = textured(rng, 136, 144), textured(rng, 136, 144)
    found = flow_named(str(tmp_path / "own.pth")).between(one, two)
    inputs = [torch.from_numpy(each.transpose(2, 0, 1)[None].astype(np.float32)) / 127.5 - 1 for each in (one, two)]
    with torch.inference_mode():
        wanted = model(*inputs)[-1][0].numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(found, wanted, atol=1e-3)
    small = flow_named(str(tmp_path / "own.pth")).between(
        one[:50, :61], two[:50, :61]
    )  # smaller than the network takes
    assert small.shape == (50, 61, 2)
    assert np.isfinite(small).all()
