"""From prototypes and coefficients to masks on a GPU, where the network left the prototypes.

The same sums as in `mask_upsampling`, for all pixels of all boxes at once. What comes back to the CPU is a byte for
each pixel of a box; neither the prototypes nor an array (N, H, W) is ever copied or made.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mots.models.outputs.mask_upsampling import Taps, masks_in_boxes, trimmed_masks, upsampling, whole_boxes
from mots.trackers.masks import MaskArrays, Masks

__all__ = ["DeviceMasks"]

AT_ONCE = 1 << 21  # pixels of boxes that are computed together, or those of one larger box: about 200 MB


class DeviceMasks:
    """Computes masks on the device of the prototypes, on a stream of its own: the network goes on meanwhile."""

    def __init__(self, torch: Any, device: Any) -> None:
        self.torch, self.device = torch, device
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.taps = functools.lru_cache(maxsize=8)(self.copied_taps)  # safe for several threads

    def masks_in_boxes(
        self, size: tuple[int, int], coefficients: NDArray[np.float32], prototypes: Any, boxes: NDArray[np.float32]
    ) -> Masks:
        """Masks in a frame of (height, width), each inside its box (N, 4), as the function of that name in
        `mask_upsampling` gives them, which stands in where the device has too little memory.

        `coefficients`: (N, nm). `prototypes`: a tensor (nm, mh, mw) on the device, which is ready.
        """
        try:
            return self.computed(size, coefficients, prototypes, boxes)
        except self.torch.OutOfMemoryError:
            planes = prototypes.cpu().float().numpy()  # as numbers of single precision on the CPU only
            return masks_in_boxes(size, coefficients, planes, boxes, upsampling(planes.shape[1:], size))

    def computed(
        self, size: tuple[int, int], coefficients: NDArray[np.float32], prototypes: Any, boxes: NDArray[np.float32]
    ) -> Masks:
        """`masks_in_boxes` on the device."""
        whole = whole_boxes(boxes, size)
        lengths = np.prod(np.maximum(whole[:, 2:] - whole[:, :2], 0), axis=1, dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        pixels = np.empty(int(starts[-1]), np.uint8)
        with self.torch.inference_mode(), self.on_stream():
            factors = self.torch.from_numpy(np.ascontiguousarray(coefficients)).to(self.device)
            planes, taps = prototypes.float(), self.taps(tuple(prototypes.shape[1:]), size)
            for begin, end in portions(lengths):
                logits = self.torch.tensordot(factors[begin:end], planes, dims=1)
                inside = self.inside(logits, whole[begin:end], lengths[begin:end], taps)
                pixels[starts[begin] : starts[end]] = inside.cpu().numpy()
        return trimmed_masks(size, MaskArrays(whole, starts[:-1], pixels))

    def on_stream(self) -> AbstractContextManager[Any]:
        """What is computed inside does not wait for the network's next frame."""
        return nullcontext() if self.stream is None else self.torch.cuda.stream(self.stream)

    def copied_taps(
        self, prototypes: tuple[int, int], size: tuple[int, int]
    ) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """The upsampling from prototypes (mh, mw) to (height, width), along y and along x, on the device."""
        rows, columns = upsampling(prototypes, size)
        return self.copied(rows), self.copied(columns)

    def copied(self, taps: Taps) -> tuple[Any, Any]:
        """First samples and weights on the device."""
        first, weights = (self.torch.from_numpy(np.ascontiguousarray(each)).to(self.device) for each in taps)
        return first, weights

    def inside(
        self,
        logits: Any,
        boxes: NDArray[np.int32],
        lengths: NDArray[np.int64],
        taps: tuple[tuple[Any, Any], tuple[Any, Any]],
    ) -> Any:
        """(P,) uint8: for the pixels of all whole boxes (N, 4), row by row, whether their mask's logit (N, mh, mw),
        upsampled, is above 0. `lengths`: (N,) the pixels of each box."""
        torch, total = self.torch, int(lengths.sum())
        (row_first, row_weights), (column_first, column_weights) = taps
        corners = torch.from_numpy(boxes.astype(np.int64)).to(self.device)
        begins = torch.from_numpy(np.cumsum(lengths) - lengths).to(self.device)
        count = torch.from_numpy(lengths).to(self.device)
        mask = torch.repeat_interleave(torch.arange(len(boxes), device=self.device), count, output_size=total)
        place = torch.arange(total, device=self.device) - begins[mask]
        wide = (corners[:, 2] - corners[:, 0])[mask]
        y = torch.div(place, wide, rounding_mode="floor")
        x = place - y * wide + corners[mask, 0]
        y = y + corners[mask, 1]
        top, left = row_first[y], column_first[x]
        value = torch.zeros(total, dtype=torch.float32, device=self.device)
        for s in range(row_weights.shape[1]):
            along = torch.zeros_like(value)
            for t in range(column_weights.shape[1]):
                along += column_weights[x, t] * logits[mask, top + s, left + t]
            value += row_weights[y, s] * along
        return (value > 0).to(torch.uint8)


def portions(lengths: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First and last (half-open) of successive boxes that have at most AT_ONCE pixels together; one box at least."""
    begin, total = 0, 0
    for k, length in enumerate(lengths.tolist()):
        if k > begin and total + length > AT_ONCE:
            yield begin, k
            begin, total = k, 0
        total += length
    if begin < len(lengths):
        yield begin, len(lengths)
