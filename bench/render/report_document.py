"""A report as one JSON document: everything in its tables, one row a case."""

from __future__ import annotations

import msgspec

from bench.judge.ladder import judge_ladder, list_rates
from bench.judge.race import judge_race
from bench.judge.results import judge_run
from bench.judge.sweep import judge_sweep
from bench.records.collection import Collection
from bench.records.journal import as_text
from bench.records.stored import StoredRace, StoredRun, StoredSweep
from bench.render.document import Document, list_rows, to_json
from bench.render.foreign import make_foreign_table
from bench.render.ladder import make_ladder_table, make_rates_table
from bench.render.own_tables import make_own_accuracy_table
from bench.render.race import describe_race, make_race_table
from bench.render.replicas import make_replicas_table
from bench.render.report import TABLES
from bench.render.sweep import describe_sitting, describe_sweep
from bench.render.sweep_tables import make_tables
from bench.render.tables import make_failures_table

_SCHEMA = 1


def to_json_report(collection: Collection, _width: int) -> str:
    """Write runs, races, sweeps, what other tools measured, and what could not be read."""
    return to_json(
        {
            "schema": _SCHEMA,
            "runs": [_run(each) for each in collection.runs],
            "races": [_race(each) for each in collection.races],
            "sweeps": [_sweep(each) for each in collection.sweeps],
            "measured_by_others": list_rows(make_foreign_table(collection.foreign)),
            "unreadable": {as_text(str(path)): as_text(str(fault)) for path, fault in collection.faults.items()},
        }
    )


def _run(stored: StoredRun) -> Document:
    run, plan = stored.result, stored.result.info.plan
    results = judge_run(run)
    tables = [list_rows(make(results)) for make in (*TABLES.values(), make_own_accuracy_table, make_replicas_table)]
    return {
        **_head(stored),
        "suite": plan.suite,
        "seed": plan.seed,
        "num_replicates": plan.num_replicates,
        "is_complete": run.is_complete,
        "warnings": run.warnings,
        "cases": [
            {**msgspec.structs.asdict(result.case), **{name: value for row in rows for name, value in row.items()}}
            for result, *rows in zip(results, *tables, strict=True)
        ],
        "failures": list_rows(make_failures_table(run, results)),
        "ladder": list_rows(make_ladder_table(judge_ladder(run, results))),
        "rates": list_rows(make_rates_table(list_rates(run))),
    }


def _race(stored: StoredRace) -> Document:
    contrasts = judge_race(stored.result)
    return {
        **_head(stored),
        "plan": stored.result.info.plan,
        "arms": list_rows(make_race_table(stored.result, contrasts)),
        "lines": [line for line in describe_race(stored.result, contrasts) if line],
    }


def _sweep(stored: StoredSweep) -> Document:
    sweep, result = stored.result, judge_sweep(stored.result)
    return {
        **_head(stored),
        "plan": sweep.info.plan,
        **{name: list_rows(table) for name, table in make_tables(sweep, result).items()},
        "lines": [*describe_sitting(sweep), *describe_sweep(sweep, result)],
    }


def _head(stored: StoredRun | StoredRace | StoredSweep) -> Document:
    info = stored.result.info
    return {
        "path": as_text(str(stored.path)),
        "content": stored.content,
        "started_at": info.started_at,
        "label": info.label,
        "command": info.command,
        "environment": info.environment,
    }
