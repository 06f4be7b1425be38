"""What can go wrong in a way that a user can mend; each error carries its exit code."""

from __future__ import annotations

from typing import ClassVar, Literal

from productnet.exit_code import ExitCode


class BenchError(Exception):
    """The base of every error that this package raises on purpose."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class UsageError(BenchError):
    """What was asked for can't be done as asked."""


class UnavailableError(BenchError):
    """A device asked for is not there."""

    exit_code = ExitCode.UNAVAILABLE


class FaultyDeviceError(BenchError):
    """A device asked for computes wrong values, or its timer lies."""

    exit_code = ExitCode.INVALID


class InvalidFileError(BenchError):
    """A stored run can't be read."""

    exit_code = ExitCode.INVALID


class NothingStoredError(InvalidFileError):
    """A path holds no run and no race, or is not there."""


class NewerSchemaError(InvalidFileError):
    """A stored run was written by a newer version of this project."""


class NotComparableError(BenchError):
    """What two runs have to share, they don't."""

    exit_code = ExitCode.NOT_COMPARABLE


class IncompleteError(BenchError):
    """The run could not go on; what was measured is kept."""

    exit_code = ExitCode.FAILED_CASES


class WorkloadError(BenchError):
    """A workload of a user's own has a mistake.

    Args:
        kind: "crashed" where it raised an error itself, "faulty" where what it did is not what was asked for.
    """

    def __init__(self, message: str, kind: Literal["crashed", "faulty"] = "faulty") -> None:
        super().__init__(message)
        self.kind = kind
