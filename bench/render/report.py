"""A run as text: its files, and what the terminal shows."""

from __future__ import annotations

from collections.abc import Sequence

from bench.judge.advice import choose_advice
from bench.judge.checks import check_run
from bench.judge.quality import find_reference_failures
from bench.judge.results import CaseResult
from bench.records.run import Run
from bench.render.advice import advice_file, advice_lines
from bench.render.escape import for_markdown, for_terminal
from bench.render.own_tables import make_own_accuracy_table, make_work_table
from bench.render.phase_tables import make_data_table, make_phases_table, make_queue_table
from bench.render.summary import advise, describe_run, explain_quality
from bench.render.table import Table, to_csv, to_markdown, to_terminal, wrap
from bench.render.tables import (
    make_accuracy_table,
    make_failures_table,
    make_stages_table,
    make_throughput_table,
)


def list_files(run: Run, results: Sequence[CaseResult]) -> dict[str, str]:
    """Return the tables of a run as files: name -> contents."""
    files = {}
    lines = "\n".join(f"{for_markdown(line)}  " for line in (*describe_run(run), *explain_quality(run, results)))
    for name, table in _make_tables(run, results).items():
        files[f"{name}.md"] = f"{to_markdown(table)}\n{lines}\n"
        files[f"{name}.csv"] = to_csv(table)
    files["advice.md"] = advice_file(advise(results), choose_advice(run, results), check_run(run, results))
    return files


def report_on_terminal(run: Run, results: Sequence[CaseResult], width: int) -> str:
    """Return the tables, what went wrong, which mode to use, and what the numbers advise."""
    before = (*describe_run(run), *run.warnings, "")
    after = (*explain_quality(run, results), advise(results))
    return "\n".join(
        [
            *(wrap(for_terminal(line), width) for line in before),
            *(to_terminal(table, width) for table in _make_tables(run, results).values()),
            *(wrap(for_terminal(line), width) for line in after),
            *advice_lines(choose_advice(run, results), check_run(run, results), width),
        ]
    )


def _make_tables(run: Run, results: Sequence[CaseResult]) -> dict[str, Table]:
    is_own = run.info.plan.baseline.workload is not None
    tables = {
        "accuracy": (make_own_accuracy_table if is_own else make_accuracy_table)(results),
        "throughput": make_throughput_table(results),
        "phases": make_phases_table(results),
        "stages": make_stages_table(results),
        "data": make_data_table(results),
        "queue": make_queue_table(results),
        "work": make_work_table(results),
    }
    tables = {name: table for name, table in tables.items() if table.says_something}
    failures = [*find_reference_failures(run), *(failed for result in results for failed in result.failures)]
    if failures:
        tables["failures"] = make_failures_table(failures)
    return tables
