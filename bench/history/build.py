"""What the index holds, and how it is brought up to date: only runs whose files have changed are read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import productnet.config
from bench import history, judge, records
from bench.errors import InvalidFileError, UsageError
from bench.history.index import Tell
from bench.history.scan import Found, Scan
from bench.judge.course import CaseRow, make_rows
from bench.records.journal import as_text
from bench.records.stored import read_stored_run

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_RUN_BYTES = 64 * 2**20
"""What a run's files may have together; it is some forty times the published run of the suite standard."""
_MANY = 500
"""So many runs to read take seconds, of which somebody may want to know."""
_AT_ONCE = 250

_TYPES = {"str": "VARCHAR", "int": "BIGINT", "bool": "BOOLEAN", "float": "DOUBLE", "datetime": "TIMESTAMP"}
_COLUMNS = {each.name: _TYPES[str(each.type).removesuffix(" | None")] for each in fields(CaseRow)}
_SHAPE = msgspec.json.encode([_COLUMNS]).decode()
"""Of the table of cases, as DuckDB's from_json wants it. Times are in UTC."""


@dataclass(frozen=True, slots=True)
class News:
    """What bringing the index up to date came to."""

    num_runs: int
    """That lie in the directories and can be read; copies count."""
    num_read: int
    """New or changed ones."""
    num_gone: int
    faults: dict[str, str]
    """Directories that are left out, and why."""


def prepare(connection: DuckDBPyConnection, place: Path | None, rebuilds: bool, tell: Tell) -> None:
    """See that the tables are ours and of this version, or make them.

    Raises:
        UsageError: when the database holds something else.
    """
    tables = {name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()}
    if tables and "bench_history" not in tables:
        raise UsageError(f"index {place} is a database of something else: name another with --index")
    version = _digest_sources()
    if tables and not rebuilds:
        if connection.execute("SELECT version FROM bench_history").fetchall() == [(version,)]:
            return
        tell(f"index {place} was made by another version of this project and is made anew")
    connection.begin()
    for table in ("bench_history", "files", "cases", "identities", "searched"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute("CREATE TABLE bench_history AS SELECT ?::VARCHAR AS version", [version])
    connection.execute("CREATE TABLE files (path VARCHAR, signature VARCHAR, fault VARCHAR)")
    connection.execute("CREATE TABLE cases AS SELECT unnest(from_json('[]', ?), recursive := true)", [_SHAPE])
    connection.execute("CREATE TABLE identities (identity VARCHAR PRIMARY KEY, document VARCHAR)")
    connection.execute("CREATE TABLE searched (course VARCHAR PRIMARY KEY, changes VARCHAR)")
    connection.commit()


def refresh(connection: DuckDBPyConnection, found: Scan, tell: Tell) -> News:
    """Read what is new or has changed, forget what is gone, and see that questions are about what was found alone."""
    stored = dict(connection.execute("SELECT path, signature FROM files").fetchall())
    changed = [(key, run) for key, run in found.runs.items() if stored.get(key) != run.signature]
    # What lies in directories that were not named this time stays.
    gone = [key for key in stored if key not in found.runs and not os.path.exists(key)]  # noqa: PTH110 - never raises
    if len(changed) >= _MANY:
        tell(f"reading {len(changed):,} runs; the next time only what has changed by then")
    _forget(connection, gone)
    for start in range(0, len(changed), _AT_ONCE):
        _read(connection, changed[start : start + _AT_ONCE])
    if gone or changed:
        connection.execute("DELETE FROM searched")
        connection.execute(
            "DELETE FROM identities WHERE NOT EXISTS (FROM cases WHERE cases.identity = identities.identity)"
        )
    connection.execute("CREATE OR REPLACE TEMP TABLE seen AS SELECT unnest(?::VARCHAR[]) AS path", [list(found.runs)])
    faults = connection.execute("SELECT path, fault FROM files SEMI JOIN seen USING (path) WHERE fault IS NOT NULL")
    unreadable = dict(faults.fetchall())
    return News(len(found.runs) - len(unreadable), len(changed), len(gone), found.faults | unreadable)


def _read(connection: DuckDBPyConnection, runs: Sequence[tuple[str, Found]]) -> None:
    """Read some runs, and put them in place of what was known of them."""
    rows: list[CaseRow] = []
    identities: dict[str, str] = {}
    faults: list[str | None] = []
    for key, run in runs:
        fault = None
        try:
            if run.num_bytes > MAX_RUN_BYTES:
                raise InvalidFileError(f"{run.num_bytes:,} bytes are more than history reads ({MAX_RUN_BYTES:,})")
            stored = read_stored_run(run.path)
            rows_of_run = make_rows(stored, key)
            rows += rows_of_run
            if stored.result.info.environment is not None:
                document = msgspec.json.encode(stored.result.info.environment.identity).decode()
                identities |= {row.identity: document for row in rows_of_run if row.identity is not None}
        except (InvalidFileError, OSError) as error:
            fault = as_text(str(error))
        faults.append(fault)
    keys = [key for key, _ in runs]
    connection.begin()
    _forget(connection, keys)
    document = msgspec.json.encode(rows).decode()
    connection.execute("INSERT INTO cases SELECT unnest(from_json(?, ?), recursive := true)", [document, _SHAPE])
    connection.execute(
        "INSERT OR IGNORE INTO identities SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])",
        [list(identities), list(identities.values())],
    )
    connection.execute(
        "INSERT INTO files SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[]), unnest(?::VARCHAR[])",
        [keys, [run.signature for _, run in runs], faults],
    )
    connection.commit()


def _forget(connection: DuckDBPyConnection, keys: Sequence[str]) -> None:
    if keys:
        connection.execute("DELETE FROM cases WHERE path IN (SELECT unnest(?::VARCHAR[]))", [keys])
        connection.execute("DELETE FROM files WHERE path IN (SELECT unnest(?::VARCHAR[]))", [keys])


def _digest_sources() -> str:
    """Return what changes with the code that the stored numbers come from."""
    packages = [Path(str(each.__file__)).parent for each in (records, judge, history)]
    sources = [Path(productnet.config.__file__), *(each for path in packages for each in sorted(path.glob("*.py")))]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()
