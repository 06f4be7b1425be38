"""A run as text: its files, and what the terminal shows."""

from __future__ import annotations

from collections.abc import Sequence

from bench.judge.advice import choose_advice
from bench.judge.checks import check_run
from bench.judge.ladder import judge_ladder, list_rates
from bench.judge.results import CaseResult
from bench.records.run import Run
from bench.render.advice import advice_file, advice_lines
from bench.render.energy_tables import make_energy_table, make_money_table
from bench.render.escape import for_markdown, for_terminal
from bench.render.ladder import draw_ladder, make_ladder_table, make_rates_table
from bench.render.own_tables import make_own_accuracy_table, make_work_table
from bench.render.phase_tables import make_data_table, make_phases_table, make_queue_table
from bench.render.replicas import draw_replicas, make_replicas_table
from bench.render.summary import advise, describe_run, explain_quality
from bench.render.table import Table, to_csv, to_markdown, to_terminal, wrap
from bench.render.tables import (
    make_accuracy_table,
    make_failures_table,
    make_stages_table,
    make_throughput_table,
)

_LADDER = "ladder"
_REPLICAS = "replicas"
_MARKDOWN_WIDTH = 100


def list_files(run: Run, results: Sequence[CaseResult]) -> dict[str, str]:
    """Return the tables of a run as files: name -> contents."""
    files = {}
    lines = "\n".join(f"{for_markdown(line)}  " for line in (*describe_run(run), *explain_quality(run, results)))
    for name, table in make_tables(run, results).items():
        chart = _draw_in_markdown(name, run, results)
        files[f"{name}.md"] = f"{to_markdown(table)}\n{chart}{lines}\n"
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
            *(
                to_terminal(table, width) + _draw_on_terminal(name, run, results, width)
                for name, table in make_tables(run, results).items()
            ),
            *(wrap(for_terminal(line), width) for line in after),
            *advice_lines(choose_advice(run, results), check_run(run, results), width),
        ]
    )


def _draw_on_terminal(name: str, run: Run, results: Sequence[CaseResult], width: int) -> str:
    lines = _draw(name, run, results, width)
    return "".join(f"\n{wrap(line, width)}" for line in lines) + "\n" if lines else ""


def _draw_in_markdown(name: str, run: Run, results: Sequence[CaseResult]) -> str:
    """Draw it as a block of code: four blanks before a line make one, in which nothing is markup."""
    lines = _draw(name, run, results, _MARKDOWN_WIDTH)
    return "".join(f"    {line}\n" for line in lines) + "\n" if lines else ""


def _draw(name: str, run: Run, results: Sequence[CaseResult], width: int) -> list[str]:
    """Return the lines of the chart that stands with a table, none where there is none."""
    if name == _LADDER:
        return list(draw_ladder(judge_ladder(run, results), width))
    return list(draw_replicas(results, width)) if name == _REPLICAS else []


TABLES = {
    "accuracy": make_accuracy_table,
    "throughput": make_throughput_table,
    "phases": make_phases_table,
    "stages": make_stages_table,
    "data": make_data_table,
    "queue": make_queue_table,
    "work": make_work_table,
    "energy": make_energy_table,
    "money": make_money_table,
}
"""Name of a file -> what makes its table of results, one row a case."""


def make_tables(run: Run, results: Sequence[CaseResult]) -> dict[str, Table]:
    """Make every table in which something was measured."""
    is_own = run.info.plan.baseline.workload is not None
    makers = TABLES | ({"accuracy": make_own_accuracy_table} if is_own else {})
    tables = {name: make(results) for name, make in makers.items()}
    if any(case.num_replicas > 1 for case in run.info.plan.cases):
        tables[_REPLICAS] = make_replicas_table(results)
    if run.info.plan.rungs:
        tables[_LADDER] = make_ladder_table(judge_ladder(run, results))
        tables["rates"] = make_rates_table(list_rates(run))
    tables = {name: table for name, table in tables.items() if table.says_something}
    failures = make_failures_table(run, results)
    return tables | ({"failures": failures} if failures.rows else {})
