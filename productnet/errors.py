"""What can go wrong in a way that a user can mend: one base, a few children.

A message says what was given, what was expected, and what to do. Only a command's door catches them: it prints the
message as one line and exits with `exit_code` (the table of codes is in `productnet.exit_code`).
"""

from __future__ import annotations

from typing import ClassVar

from productnet.exit_code import ExitCode


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or what it is called where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


class ProductNetError(Exception):
    """The base of every error that this package raises on purpose."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class ConfigError(ProductNetError):
    """A setting is outside of what it may be.

    Args:
        setting: its name: a field of `TrainConfig`, or the flag where a user has given it.
        complaint: its value, what was expected, and what to do.
    """

    def __init__(self, setting: str, complaint: str) -> None:
        super().__init__(f"{setting} {complaint}")
        self.setting = setting
        self.complaint = complaint


class DeviceUnavailableError(ProductNetError):
    """The device asked for is not there, or does not work."""

    exit_code = ExitCode.UNAVAILABLE


class ModeUnavailableError(ProductNetError):
    """The engine or precision asked for can't be had on this device or machine."""

    exit_code = ExitCode.UNAVAILABLE


class DeviceFaultError(ProductNetError):
    """The device answers, but with a wrong value: nothing measured on it would mean anything."""

    exit_code = ExitCode.INVALID


class LoaderError(ProductNetError):
    """The worker processes of a loader can't start, were killed, or can't hand over what they have fetched."""

    exit_code = ExitCode.UNAVAILABLE


class CheckpointError(ProductNetError):
    """A file of a trained network is damaged, foreign, or does not fit what it says of itself."""

    exit_code = ExitCode.INVALID


class DivergedError(ProductNetError):
    """The training ended with a loss that is not finite."""

    exit_code = ExitCode.INVALID
