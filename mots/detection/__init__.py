"""An image becomes what the tracker is told: detections, refined masks, embeddings, camera motion."""

from mots.lazy import lazy_package

MODULES = (
    "background", "blobs", "camera_motion", "colour_histograms", "joined_embedding", "mask_refinement", "measurement",
    "npz_file", "outline_kernels", "protocols", "saved_detections", "shared_network", "text_file", "textures",
)  # fmt: skip

__getattr__, __dir__ = lazy_package(__name__, MODULES)
