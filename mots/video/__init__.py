"""Frames in (files, folders, streams, arrays), video out."""
