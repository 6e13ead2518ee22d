"""Errors that a caller can fix, each as one sentence: what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["FormatError", "InputError", "MissingDependency", "MotsError", "MotsWarning"]


class MotsError(Exception):
    """The base of all errors of the engine. The command line prints it without a traceback and exits with status 2.

    `parameters`: names of arguments that would help, as in ("overwrite",); the command line shows their flags.
    """

    def __init__(self, message: str = "", *, parameters: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.parameters = tuple(parameters)


class InputError(MotsError):
    """An argument, a setting or a path that cannot be used."""


class FormatError(MotsError):
    """A file whose content is not what its format prescribes."""


class MissingDependency(MotsError):  # noqa: N818  (its name says that a package is missing, not what went wrong)
    """A package that this installation lacks; the message says how to install it."""


class MotsWarning(UserWarning):
    """Something is wrong with the input, and the work continues without it."""
