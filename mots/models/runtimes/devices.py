"""The GPUs of this machine."""

from __future__ import annotations

import shutil

__all__ = ["cuda_devices"]


def cuda_devices() -> int:
    """How many GPUs a run may spread over; torch is not loaded where there is no NVIDIA driver."""
    if shutil.which("nvidia-smi") is None:
        return 0
    try:
        import torch
    except ImportError:
        return 0
    return int(torch.cuda.device_count())
