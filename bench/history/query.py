"""Questions to the index. The SQL is fixed: what a user or a file says is bound to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from bench.judge.axes import AXES
from bench.judge.change_points import Change, find_changes
from bench.judge.course import CaseRow, RunRow
from bench.records.times import AHEAD, EARLIEST

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FILTERS = ("case", "cpu", "gpu", "label", "commit", "since", "until")

_CHOOSE = """
CREATE OR REPLACE TEMP TABLE chosen AS
WITH distinct_cases AS (
    SELECT * REPLACE (CASE WHEN started BETWEEN $earliest AND $latest THEN started END AS started)
    FROM cases SEMI JOIN seen USING (path)
    QUALIFY row_number() OVER (PARTITION BY content, "case" ORDER BY path) = 1
)
FROM distinct_cases
WHERE ($case::VARCHAR IS NULL OR "case" = $case)
  AND ($device::VARCHAR[] IS NULL OR device IN $device)
  AND ($engine::VARCHAR[] IS NULL OR engine IN $engine)
  AND ($batching::VARCHAR[] IS NULL OR batching IN $batching)
  AND ($precision::VARCHAR[] IS NULL OR precision IN $precision)
  AND ($threads::VARCHAR[] IS NULL OR num_threads::VARCHAR IN $threads)
  AND ($replicas::VARCHAR[] IS NULL OR num_replicas::VARCHAR IN $replicas)
  AND ($cpu::VARCHAR IS NULL OR contains(lower(cpu_model), lower($cpu)))
  AND ($gpu::VARCHAR IS NULL OR contains(lower(accelerators), lower($gpu)))
  AND ($label::VARCHAR IS NULL OR label = $label)
  AND ($commit::VARCHAR IS NULL OR starts_with("commit", $commit))
  AND ($since::TIMESTAMP IS NULL OR started >= $since)
  AND ($until::TIMESTAMP IS NULL OR started < $until)
"""

_RUNS = """
SELECT any_value(path), any_value(started), any_value(has_zone), any_value(is_complete), any_value(label),
       any_value("commit"), any_value(is_dirty), any_value(cpu_model), any_value(accelerators),
       any_value(torch_version), any_value(identity), string_agg(DISTINCT device, ', ' ORDER BY device), count(*)
FROM chosen GROUP BY content ORDER BY any_value(started) DESC NULLS LAST, content LIMIT ?
"""


def choose(connection: DuckDBPyConnection, wanted: Mapping[str, Any], now: datetime) -> int:
    """Choose cases of runs, of copies of a run only one; a time that can't be becomes None.

    Args:
        wanted: of `_FILTERS`, and "filter", pairs of an axis and a value; what is missing or None lets everything pass.
        now: later by more than a day no run can have been started.
    Returns:
        How many runs have such a case.
    """
    values = {name: _bare(wanted.get(name)) for name in _FILTERS}
    axes = {axis: [value for each, value in wanted.get("filter", ()) if each == axis] or None for axis in AXES}
    bounds = {"earliest": _bare(EARLIEST), "latest": _bare(now + AHEAD)}
    connection.execute(_CHOOSE, {**values, **axes, **bounds})
    return int(connection.execute("SELECT count(DISTINCT content) FROM chosen").fetchall()[0][0])


def list_runs(connection: DuckDBPyConnection, limit: int | None) -> list[RunRow]:
    """Return the newest of the runs that were chosen, newest first; those without a time come last."""
    found = connection.execute(_RUNS, [limit]).fetchall()
    return [RunRow(path, _in_utc(started), *rest) for path, started, *rest in found]


def list_rows(connection: DuckDBPyConnection) -> list[CaseRow]:
    """Return the cases of runs that were chosen, oldest first; those without a time come last."""
    found = connection.execute('FROM chosen ORDER BY started NULLS LAST, content, "case"').fetchall()
    return [CaseRow(path, content, _in_utc(started), *rest) for path, content, started, *rest in found]


def list_case_names(connection: DuckDBPyConnection) -> list[str]:
    """Return the names of all cases of the directories."""
    found = connection.execute('SELECT DISTINCT "case" FROM cases SEMI JOIN seen USING (path) ORDER BY ALL').fetchall()
    return [name for (name,) in found]


def list_differences(connection: DuckDBPyConnection, identity: str, other: str) -> list[str]:
    """Return the fields in which two identities differ."""
    found = connection.execute("FROM identities WHERE identity = ANY([?, ?])", [identity, other]).fetchall()
    documents = {name: msgspec.json.decode(document) for name, document in found}
    ours, theirs = documents[identity], documents[other]
    return [field for field in ours if ours[field] != theirs.get(field)]


def recall_changes(connection: DuckDBPyConnection, values: Sequence[float]) -> list[Change] | None:
    """Find the changes in a course as `find_changes`; what was found is kept, since importing the finder is slow."""
    course = hashlib.sha256(msgspec.json.encode(values)).hexdigest()
    kept = connection.execute("SELECT changes FROM searched WHERE course = ?", [course]).fetchall()
    if kept:
        return msgspec.json.decode(kept[0][0], type=list[Change] | None)
    changes = find_changes(values)
    connection.execute("INSERT INTO searched VALUES (?, ?)", [course, msgspec.json.encode(changes).decode()])
    return changes


def _bare(value: object) -> object:
    """Make a time one in UTC that does not say so, as the index holds it."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _in_utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.replace(tzinfo=UTC)
