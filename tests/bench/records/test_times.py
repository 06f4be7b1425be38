"""A start is an instant, and one that can't be is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bench.records.times import list_undated, read_start, read_time, sort_newest
from tests.bench.ledgers import store
from tests.bench.runs import make_run
from tests.bench.sides import EAGER

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05Z", (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), True)),
        ("2026-01-02T03:04:05+05:30", (datetime(2026, 1, 1, 21, 34, 5, tzinfo=UTC), True)),
        ("2026-01-02T03:04:05", (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), False)),
        ("2026-01-02", (datetime(2026, 1, 2, tzinfo=UTC), False)),
        ("0001-01-01T00:00:00+14:00", (None, False)),
        ("yesterday", (None, False)),
        ("", (None, False)),
    ],
)
def test_a_time_is_read_as_an_instant(text: str, expected: tuple[datetime | None, bool]) -> None:
    assert read_time(text) == expected


@pytest.mark.parametrize("text", ["2019-12-31T23:59:59Z", "2026-03-02T00:00:01Z", "9999-12-31", "zzz"])
def test_nothing_was_started_before_this_project_or_more_than_a_day_ahead(text: str) -> None:
    assert read_start(text, NOW) is None
    assert read_start("2026-03-02T00:00:00Z", NOW) == datetime(2026, 3, 2, tzinfo=UTC)
    assert read_start("2020-01-01T00:00:00Z", NOW) == datetime(2020, 1, 1, tzinfo=UTC)


def test_the_newest_is_first_by_the_instant_and_what_can_not_be_is_last_and_named() -> None:
    times = ["zzz", "2026-01-02T03:00:00+14:00", "2026-01-02T02:00:00Z", "2099-01-01", "2026-01-01T14:00:00Z"]
    stored = [store(make_run([EAGER]), started=text) for text in times]
    for order in (stored, stored[::-1]):
        expected = ["2026-01-02T02:00:00Z", "2026-01-01T14:00:00Z", "2026-01-02T03:00:00+14:00", "2099-01-01", "zzz"]
        assert [each.started_at for each in sort_newest(order, NOW)] == expected
    assert [each.started_at for each in list_undated(stored, NOW)] == ["zzz", "2099-01-01"]
