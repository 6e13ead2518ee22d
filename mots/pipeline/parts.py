"""The parts of a pipeline as the settings ask for them, or as the caller gives them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from mots.classes import names_to_ids
from mots.detection.protocols import CameraMotion, Detector, Embedder, MaskRefiner
from mots.errors import InputError, MissingDependency, MotsWarning
from mots.models.yolov8_seg import DetectorSettings
from mots.settings import Settings

__all__ = ["Parts", "class_ids", "detector_of", "detector_weights"]

Part = TypeVar("Part")
COLOUR_SHARE = 0.75  # of the cosine, where texture is joined with colours; docs/association.md has other shares
METHODS = {"detector": "detect", "embedder": "embed", "mask_refiner": "refine", "camera_motion": "motion"}


@dataclass(frozen=True)
class Parts:
    """What measures frames. None: nothing does it.

    In the constructor's arguments None means: as the settings say; see `build`.
    """

    detector: Detector | None = None
    embedder: Embedder | None = None
    mask_refiner: MaskRefiner | None = None
    camera_motion: CameraMotion | None = None

    def build(self, settings: Settings, *, detects: bool, has_images: bool, coarse: bool | None = None) -> Parts:
        """The given parts, and the settings' for those that are None.

        `detects`: whether a detector is needed. `has_images`: without images nothing is measured but what detections
        hold. `coarse`: whether masks need refining; None: as the detector says. A part for which a package is missing
        is left out with a MotsWarning, but the detector and ReID networks raise MissingDependency.
        """
        for name, method in METHODS.items():
            part = getattr(self, name)
            if part is not None and not callable(getattr(part, method, None)):
                raise InputError(f"{name} is a {type(part).__name__}: wanted one with the method {method}()")
        detector = self.detector
        if detects and detector is None:
            detector = detector_of(settings)
        if not has_images:
            return Parts(detector)
        if coarse is None:
            coarse = bool(getattr(detector, "coarse", False))
        # A detector that follows the camera itself need not be doubled.
        followed = getattr(detector, "camera_motion", None)
        if not settings.camera.enabled or not callable(getattr(followed, "motion", None)):
            followed = None
        return Parts(
            detector,
            self.embedder or embedder_of(settings),
            self.mask_refiner or mask_refiner_of(settings, coarse),
            self.camera_motion or followed or camera_motion_of(settings),
        )

    @property
    def names(self) -> Mapping[int, str]:
        """The names of the detector's own classes, by the engine's id."""
        return getattr(self.detector, "names", None) or {}


def detector_of(settings: Settings) -> Detector:
    """A network, or what moves before a fixed camera."""
    own = settings.detector
    if own.kind == "background":
        from mots.detection.background import BackgroundDetector

        return BackgroundDetector(settings.background)
    if own.kind == "mask-rcnn":
        from mots.models.mask_rcnn import MaskRCNN

        return MaskRCNN(replace(own, weights=detector_weights(own)))
    from mots.models.yolov8_seg import YOLOv8Seg

    return YOLOv8Seg(own)


def detector_weights(settings: DetectorSettings) -> str:
    """The name or path of a detector's weights; empty for one without any."""
    if settings.kind == "background":
        return ""
    if settings.kind == "mask-rcnn" and settings.weights == DetectorSettings().weights:  # those of the other kind
        from mots.models.mask_rcnn import OFFICIAL_WEIGHTS

        return OFFICIAL_WEIGHTS
    return settings.weights


def embedder_of(settings: Settings) -> Embedder | None:
    """Colours, texture, both, or a ReID network joined with colours."""
    from mots.models.reid import COLOURS, COLOURS_TEXTURE, OFF, TEXTURE, ReID

    kind, share = settings.reid.weights, settings.reid.colour_share
    if kind == OFF:
        return None
    from mots.detection.colour_histograms import ColourHistograms
    from mots.detection.joined_embedding import JoinedEmbedder
    from mots.detection.textures import Textures

    if kind == COLOURS:
        return ColourHistograms()
    if kind == TEXTURE:
        return Textures()
    if kind == COLOURS_TEXTURE:
        return JoinedEmbedder(ColourHistograms(), Textures(), COLOUR_SHARE)
    return JoinedEmbedder(ColourHistograms(), ReID(settings.reid), share)


def mask_refiner_of(settings: Settings, coarse: bool) -> MaskRefiner | None:
    """The refinement by edges of `coarse` masks, where it is enabled and OpenCV is installed, then those that the
    settings name. Raises InputError for an unknown one, and what loading weights raises."""
    refiners: list[MaskRefiner | None] = []
    if coarse and settings.outline.enabled:
        from mots.detection.mask_refinement import EdgeRefiner

        refiners.append(built_or_warned(lambda: EdgeRefiner(settings.outline), "masks stay as they were detected"))
    refiners += [refiner_named(name, settings.detector.device) for name in settings.refiners]
    made = [each for each in refiners if each is not None]
    if len(made) < 2:
        return made[0] if made else None
    from mots.segmentation.refiner_chain import RefinerChain

    return RefinerChain(made)


def refiner_named(name: str, device: str) -> MaskRefiner:
    """One of the refiners that `settings.refiners` names."""
    if name == "clean":
        from mots.segmentation.cleaning import MaskCleaner

        return MaskCleaner()
    if name == "smooth":
        from mots.segmentation.mask_smoothing import MaskSmoother

        return MaskSmoother()
    if name != "grabcut" and name != "sam" and not name.endswith((".pt", ".pth")):
        raise InputError(f"unknown refiner '{name}': there are clean, smooth, grabcut, sam, or SAM's weights (.pt)")
    from mots.segmentation.prompted_refiner import PromptedRefiner, segmenter_named

    return PromptedRefiner(segmenter_named(name, device))


def camera_motion_of(settings: Settings) -> CameraMotion | None:
    """The motion by optical flow, where it is enabled and OpenCV is installed."""
    if not settings.camera.enabled:
        return None
    from mots.detection.camera_motion import FlowCameraMotion

    return built_or_warned(lambda: FlowCameraMotion(settings.camera), "the camera counts as fixed")


def built_or_warned(build: Callable[[], Part], consequence: str) -> Part | None:
    """What `build` returns; where a package is missing, None and a warning."""
    try:
        return build()
    except MissingDependency as error:
        warnings.warn(MotsWarning(f"{consequence}: {error}"), stacklevel=3)
        return None


def class_ids(settings: Settings, names: Mapping[int, str]) -> tuple[int, ...]:
    """The engine's ids of the classes to track; none for all, and for a detector that tells no classes apart.

    Raises InputError for an unknown name.
    """
    if settings.detector.kind == "background":
        return ()
    try:
        return names_to_ids(settings.classes, names)
    except ValueError as error:
        raise InputError(str(error)) from error
