"""Labels for less: which frames to label, keyframe labels carried to all frames, and whether footage has changed."""

from mots.lazy import lazy_package

__getattr__, __dir__ = lazy_package(
    __name__, ("annotate", "choosing", "drift", "drift_plot", "frame_values", "keyframes", "selection_task")
)
