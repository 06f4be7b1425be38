"""Runs of several machines in one table, as they were measured: no ratio, no verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.errors import InvalidFileError
from bench.judge.results import judge_run
from bench.records.run import Run
from bench.render.escape import for_markdown
from bench.render.summary import UNKNOWN
from bench.render.table import Column, Table, Value
from bench.render.tables import BRACKETS, CASE, describe_quality
from bench.render.units import number


def make_side_by_side_table(runs: Mapping[str, Run | InvalidFileError]) -> Table:
    """Put the cases of all runs below each other.

    Args:
        runs: name -> the run, or why it can't be read; that is a row as well, so that no machine drops out unseen.
    """
    columns = (
        Column("run", "run"),
        Column("machine", "machine"),
        CASE,
        Column("time to train (s)", "training_seconds", number, has_spread=True),
        Column("steps/s", "steps_per_second", number, has_spread=True),
        Column("quality", "quality"),
    )
    return Table(
        "Machines side by side",
        columns,
        tuple(row for name, run in runs.items() for row in _list_rows(name, run)),
        (
            "Each machine was measured by itself, so these are figures and not a comparison. Quality is held against "
            f"the same run's reference. {BRACKETS}",
            *(for_markdown(f"{name}: {fault}") for name, run in runs.items() for fault in _list_faults(run)),
        ),
    )


def _list_rows(name: str, run: Run | InvalidFileError) -> Iterator[tuple[Value, ...]]:
    if isinstance(run, InvalidFileError):
        yield (name, None, None, None, None, "can't be read")
        return
    for result in judge_run(run):
        yield (
            name,
            _name_machine(run, result.case.device),
            result.case.name,
            result.training_seconds,
            result.steps_per_second,
            describe_quality(result),
        )


def _name_machine(run: Run, device: str) -> str:
    if run.info.environment is None:
        return UNKNOWN
    identity = run.info.environment.identity
    models = {accelerator.name: accelerator.model_name for accelerator in identity.accelerators or ()}
    return models.get(device, UNKNOWN) if device != "cpu" else identity.cpu_model or UNKNOWN


def _list_faults(run: Run | InvalidFileError) -> list[str]:
    if isinstance(run, InvalidFileError):
        return [str(run)]
    return [*run.warnings, *([] if run.is_complete else ["PARTIAL: the run was stopped before its end"])]
