"""What a user did or the world did to them, in one sentence: what, where, and what to do."""

from __future__ import annotations

__all__ = ["MotsError", "MotsWarning"]


class MotsError(Exception):
    """Something that the caller can mend; the command line prints it without a traceback and exits with status 2."""


class MotsWarning(UserWarning):
    """Something was wrong with the input, and the work goes on without it."""
