"""Masks at rest: run lengths, COCO's RLE, polygons."""
