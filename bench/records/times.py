"""When a result was started, as far as that can be: the clock that wrote it down may have been wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
"""No result is older than this project: the clock of one that says so was wrong."""
AHEAD = timedelta(days=1)
"""How far another's clock may be ahead of ours."""


class Dated(Protocol):
    """What says when it was started."""

    @property
    def started_at(self) -> str: ...  # noqa: D102
    @property
    def content(self) -> str: ...  # noqa: D102


DatedT = TypeVar("DatedT", bound=Dated)


def read_time(text: str) -> tuple[datetime | None, bool]:
    """Read a time in ISO 8601 as one in UTC, and say whether it came with a zone; without one it is taken for UTC."""
    try:
        time = datetime.fromisoformat(text)
        has_zone = time.tzinfo is not None
        return (time.astimezone(UTC) if has_zone else time.replace(tzinfo=UTC)), has_zone
    except (ValueError, OverflowError):
        return None, False


def read_start(text: str, now: datetime) -> datetime | None:
    """Read when a result was started; None where that is no time, or can't have been."""
    time, _ = read_time(text)
    return time if time is not None and EARLIEST <= time <= now + AHEAD else None


def sort_newest(results: Iterable[DatedT], now: datetime) -> list[DatedT]:
    """Sort results, the newest first; what has no time that can be comes last, and equal times go by contents."""

    def start(result: DatedT) -> datetime:
        return read_start(result.started_at, now) or datetime.min.replace(tzinfo=UTC)

    return sorted(sorted(results, key=lambda result: result.content), key=start, reverse=True)


def list_undated(results: Iterable[DatedT], now: datetime) -> list[DatedT]:
    """Return the results that say of their start what can't be."""
    return [each for each in results if read_start(each.started_at, now) is None]
