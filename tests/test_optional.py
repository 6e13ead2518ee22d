import sys

import pytest

from mots.detection.camera_motion import FlowCameraMotion
from mots.detection.mask_refinement import EdgeRefiner
from mots.errors import MotsError
from mots.optional import opencv


def test_opencv_is_given_where_it_is_installed() -> None:
    assert opencv("drawing").__name__ == "cv2"


def test_a_missing_opencv_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MotsError, match=r"^drawing needs OpenCV: pip install opencv-python-headless$"):
        opencv("drawing")
    for make, knob in ((FlowCameraMotion, "camera.enabled"), (EdgeRefiner, "outline.enabled")):
        with pytest.raises(MotsError, match=f"pip install opencv-python-headless, or set {knob} = false"):
            make()
