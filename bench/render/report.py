"""A run as text: its files, and what the terminal shows."""

from __future__ import annotations

from collections.abc import Sequence

from bench.judge.advice import choose_advice
from bench.judge.checks import check_run
from bench.judge.results import CaseResult
from bench.records.run import Run
from bench.render.advice import advice_file, advice_lines
from bench.render.escape import for_markdown, for_terminal
from bench.render.summary import advise, describe_run
from bench.render.table import Table, to_csv, to_markdown, to_terminal, wrap
from bench.render.tables import (
    make_accuracy_table,
    make_failures_table,
    make_phases_table,
    make_throughput_table,
)


def list_files(run: Run, results: Sequence[CaseResult]) -> dict[str, str]:
    """Return the tables of a run as files: name -> contents."""
    files = {}
    lines = "\n".join(f"{for_markdown(line)}  " for line in (*describe_run(run), *_why_invalid(results)))
    for name, table in _make_tables(results).items():
        files[f"{name}.md"] = f"{to_markdown(table)}\n{lines}\n"
        files[f"{name}.csv"] = to_csv(table)
    files["advice.md"] = advice_file(advise(results), choose_advice(run, results), check_run(run, results))
    return files


def report_on_terminal(run: Run, results: Sequence[CaseResult], width: int) -> str:
    """Return the tables, what went wrong, which mode to use, and what the numbers advise."""
    before = (*describe_run(run), *run.warnings, "")
    after = (*_why_invalid(results), advise(results))
    return "\n".join(
        [
            *(wrap(for_terminal(line), width) for line in before),
            *(to_terminal(table, width) for table in _make_tables(results).values()),
            *(wrap(for_terminal(line), width) for line in after),
            *advice_lines(choose_advice(run, results), check_run(run, results), width),
        ]
    )


def _make_tables(results: Sequence[CaseResult]) -> dict[str, Table]:
    tables = {
        "accuracy": make_accuracy_table(results),
        "throughput": make_throughput_table(results),
        "phases": make_phases_table(results),
    }
    if any(result.failures for result in results):
        tables["failures"] = make_failures_table(results)
    return tables


def _why_invalid(results: Sequence[CaseResult]) -> list[str]:
    return [f"{each.case.name} is INVALID: {each.invalid_reason}" for each in results if each.invalid_reason]
